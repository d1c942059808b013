"""Each generic data test of the dbt project, held against data that breaks it: dbt's own compiled SQL must give rows.

Every relation that has such a test is a table of the published build, or a view over bronze, which a build drops before
it is published and which is a table without rows here; none goes without its mutation. The singular tests have theirs
in test_invariants.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.lake import create_bronze_views
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

MUTATIONS = {
    "not_null": "update {table} set {column} = null where rowid = (select min(rowid) from {table})",
    "unique": "insert into {table} from {table} where {column} is not null limit 1",
    "accepted_values": "update {table} set {column} = 'of no kind' where rowid = (select min(rowid) from {table})",
    "relationships": (
        "delete from {parent} where {field} = (select min({column}) from {table} where {column} is not null)"
    ),
}


@dataclass(frozen=True)
class DataTest:
    """A generic test: what kind it is, what it is held against, and its SQL as dbt compiled it."""

    name: str
    kind: str
    table: str
    column: str
    parent: str
    field: str
    sql: str

    def mutation(self) -> str:
        """Return the statement that breaks the promise in one row."""
        return MUTATIONS[self.kind].format(table=self.table, column=self.column, parent=self.parent, field=self.field)


@pytest.fixture(scope="module")
def nodes(messy: Workspace) -> dict[str, dict[str, Any]]:
    """What the published build's manifest says of each node, by id."""
    builds = open_builds(messy)
    path = builds.folder(builds.current_id()) / "dbt" / "manifest.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    return found


@pytest.fixture(scope="module")
def data_tests(nodes: dict[str, dict[str, Any]]) -> list[DataTest]:
    """Every generic test."""
    return [_data_test(nodes, node) for node in nodes.values() if node.get("test_metadata")]


def _data_test(nodes: dict[str, Any], node: dict[str, Any]) -> DataTest:
    [*parents] = [name for name in node["depends_on"]["nodes"] if name != node["attached_node"]]
    return DataTest(
        name=node["name"],
        kind=node["test_metadata"]["name"],
        table=_relation(nodes[node["attached_node"]]),
        column=node["column_name"],
        parent=_relation(nodes[parents[0]]) if parents else "",
        field=node["test_metadata"]["kwargs"].get("field", ""),
        sql=node["compiled_code"],
    )


def _relation(node: dict[str, Any]) -> str:
    return f"{node['schema']}.{node['alias']}"


@pytest.fixture(scope="module")
def passing_views(nodes: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What dbt compiled for each view over bronze that has a generic test, by name."""
    tested = {node["attached_node"] for node in nodes.values() if node.get("test_metadata")}
    found = [nodes[key] for key in tested if nodes[key]["config"]["materialized"] == "view"]
    return {_relation(node): node["compiled_code"] for node in found if node["schema"] == "silver"}


@pytest.fixture(scope="module")
def copy(
    messy: Workspace, passing_views: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the published file without its indexes, which would refuse some of what the tests must find."""
    builds = open_builds(messy)
    file = builds.folder(builds.current_id()) / "warehouse.duckdb"
    copied = Path(shutil.copy(file, tmp_path_factory.mktemp("data_tests")))
    with duckdb.connect(str(copied)) as connection:
        for schema, index in connection.execute("select schema_name, index_name from duckdb_indexes()").fetchall():
            connection.execute(f'drop index {schema}."{index}"')
        create_bronze_views(connection, messy, [])
        for name, compiled in passing_views.items():
            connection.execute(f"create table {name} as {compiled}")
        connection.execute("drop schema bronze cascade")
        yield connection


def test_every_relation_with_a_data_test_is_there_to_be_broken(
    copy: duckdb.DuckDBPyConnection, data_tests: list[DataTest]
) -> None:
    published = copy.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    assert {test.table for test in data_tests} <= {name for (name,) in published}


def test_every_kind_of_data_test_has_its_mutation(data_tests: list[DataTest]) -> None:
    assert {test.kind for test in data_tests} == set(MUTATIONS)


def test_broken_data_fails_each_data_test_and_good_data_does_not(
    copy: duckdb.DuckDBPyConnection, data_tests: list[DataTest], subtests: pytest.Subtests
) -> None:
    for test in data_tests:
        with subtests.test(test.name):
            assert copy.sql(test.sql).fetchall() == [], f"{test.name} fails on good data"
            copy.begin()
            try:
                _fill(copy, test)
                copy.execute(test.mutation())
                assert copy.sql(test.sql).fetchall() != [], f"{test.name} does not see: {test.mutation()}"
            finally:
                copy.rollback()


def _fill(connection: duckdb.DuckDBPyConnection, test: DataTest) -> None:
    """Give a table that nothing writes yet a row, so that there is one to break."""
    if connection.table(test.table).count("*").fetchall() != [(0,)]:
        return
    [(kind,)] = connection.execute(f"select typeof(any_value({test.column})) from {test.table}").fetchall()
    value = f"coalesce(try_cast('1' as {kind}), try_cast('2024-01-01' as {kind}))"
    connection.execute(f"insert into {test.table} ({test.column}) values ({value})")
