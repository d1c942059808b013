"""Every column of every relation of a build has a description in the dbt project, and no description lacks its column.

A published build has lost the views of silver, because they read bronze, and what models said while it was made. Here
they are made again, in a copy of the file: the views from what dbt compiled for them and views of bronze that have no
rows. Bronze itself is described by its contract (lake/contracts.py), which the views over it repeat.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.build.making import SCORING
from customer360.lake import PROVENANCE, TABLES, create_bronze_views
from customer360.lake.contracts import SOURCE_TABLES
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

Nodes = dict[str, dict[str, Any]]
EVERY_COLUMN = """
select schema_name || '.' || table_name, column_name
from duckdb_columns()
where not internal and schema_name <> 'bronze'
"""
BASE_VIEWS = [f"base_{table.name}" for table in SOURCE_TABLES]


@pytest.fixture(scope="module")
def nodes(messy: Workspace) -> Nodes:
    """Models, seeds and sources of the published build's manifest by id, each after what it reads."""
    builds = open_builds(messy)
    path = builds.folder(builds.current_id()) / "dbt" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    known = manifest["sources"] | manifest["nodes"]
    order = TopologicalSorter({key: manifest["parent_map"][key] for key in known}).static_order()
    return {key: known[key] for key in order if known[key]["resource_type"] in ("model", "seed", "source")}


@pytest.fixture(scope="module")
def copy(
    messy: Workspace, nodes: Nodes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the published file with the views of silver in it again."""
    builds = open_builds(messy)
    file = builds.folder(builds.current_id()) / "warehouse.duckdb"
    copied = Path(shutil.copy(file, tmp_path_factory.mktemp("described_columns")))
    with duckdb.connect(str(copied)) as connection:
        create_bronze_views(connection, messy, [])
        connection.execute("create schema scoring")
        for table, columns in SCORING.items():
            connection.execute(f"create table scoring.{table} ({columns})")
        connection.execute("create view if not exists bronze.transactions_to_build as from bronze.transactions")
        for node in nodes.values():
            if node["schema"] == "silver" and node["config"].get("materialized") == "view":
                connection.execute(f"create view {relation(node)} as {node['compiled_code']}")
        yield connection


@pytest.fixture(scope="module")
def built(copy: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Relation and column of all that a build has."""
    return set(copy.execute(EVERY_COLUMN).fetchall())


@pytest.fixture(scope="module")
def described(nodes: Nodes) -> dict[tuple[str, str], str]:
    """What the project says of each relation and column."""
    return {
        (relation(node), name): column["description"].strip()
        for node in nodes.values()
        for name, column in node["columns"].items()
    }


def relation(node: dict[str, Any]) -> str:
    return f"{node['schema']}.{node.get('alias') or node['identifier']}"


@pytest.mark.contract("S3.51")
def test_every_column_of_a_build_is_described(
    built: set[tuple[str, str]], described: dict[tuple[str, str], str]
) -> None:
    assert sorted(built - {column for column, text in described.items() if text}) == []


def test_every_description_is_of_a_column_that_a_build_has(
    built: set[tuple[str, str]], described: dict[tuple[str, str], str]
) -> None:
    assert sorted(described.keys() - built) == []


def test_every_relation_of_the_project_is_among_those_that_are_held_against_it(
    built: set[tuple[str, str]], nodes: Nodes
) -> None:
    made = {relation(node) for node in nodes.values()}
    assert {name for name in made if not name.startswith("bronze.")} == {name for name, _ in built}


@pytest.mark.parametrize("view", BASE_VIEWS)
def test_a_column_of_bronze_means_in_its_view_what_its_contract_says(
    described: dict[tuple[str, str], str], view: str
) -> None:
    contract = (*TABLES[view.removeprefix("base_")].columns, *PROVENANCE)
    assert {c.name: described[f"silver.{view}", c.name] for c in contract} == {
        c.name: f"{c.description}." for c in contract
    }
