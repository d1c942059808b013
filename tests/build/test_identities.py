"""Customers of an API in a build: who they are, what is known of them and what is drawn, the same on every engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from customer360.build.pipeline import known_customers, run_build, run_ingest
from customer360.customers import get_customer, list_identities
from customer360.demo_api import DemoSettings
from customer360.errors import NotFound
from customer360.ingest.api import ingest
from customer360.ingest.api_judge import EMAIL
from customer360.ingest.api_sources import find_api_source
from customer360.semantic import Reader, build_query
from customer360.settings import (
    QuerySettings,
    ResourceSettings,
    WorkspaceSettings,
    load,
    project_files,
    simulated_weights,
)
from customer360.workspace import Workspace
from tests.build.neighbours import ingest_neighbours
from tests.servers.demo_api import QUIET, running

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("identities")]


IN_EUROPE = "engagement_level, activity_status, acquisition_channel, customer_tier"


def open_reader(workspace: Workspace) -> Reader:
    return Reader.of(workspace, load(QuerySettings), load(ResourceSettings))


@pytest.fixture(scope="module")
def workspace(engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The messy company with the shop next door, published on the engine under test."""
    if engine == "snowflake":
        shared: Workspace = request.getfixturevalue("messy_on_snowflake")
        return shared
    folder = tmp_path_factory.mktemp("town")
    own = Workspace(Path(shutil.copytree(request.getfixturevalue("messy").home, folder / "home")))
    ingest_neighbours(own, folder)
    run_build(own, load(ResourceSettings), load(WorkspaceSettings))
    return own


@pytest.fixture
def town(workspace: Workspace) -> Iterator[Reader]:
    reader = open_reader(workspace)
    yield reader
    reader.close()


def ask(reader: Reader, fields: list[str], **parts: Any) -> list[tuple[Any, ...]]:
    with reader.pin() as reading:
        answer = reading.ask(build_query(fields=fields, order=fields[:2], **parts))
        return [tuple(row.values()) for row in answer.table.to_pylist()]


@pytest.mark.contract("X.8")
@pytest.mark.contract("E.10")
@pytest.mark.contract("S4.43")
def test_an_address_joins_a_customer_of_an_api_to_the_one_of_the_files(town: Reader) -> None:
    fields = ["customer_360_profile.customer_id", "identity_source", "source_customer_id", "match_rule"]
    assert ask(town, [*fields, "match_confidence"]) == [
        ("C1", "messy", "C1", "own_id", 1.0),
        ("C1", "next_door", "1", "email", 0.9),
        ("C2", "messy", "C2", "own_id", 1.0),
        ("C3", "messy", "C3", "own_id", 1.0),
        ("C3", "next_door", "2", "email", 0.9),
        ("next_door:3", "next_door", "3", "own_id", 1.0),
    ]


@pytest.mark.contract("E.12")
@pytest.mark.contract("X.38")
def test_what_is_known_of_a_customer_is_not_drawn(town: Reader) -> None:
    known = [
        "customer_360_profile.customer_id",
        "engagement_level",
        "activity_status",
        "customer_tier",
        "market_segment",
    ]
    assert ask(town, [*known, "acquisition_channel", "simulated_fields"]) == [
        ("C1", "low", "active", "enterprise", "US-East", "website", "acquisition_channel, market_segment"),
        ("C2", "high", "active", "basic", None, None, None),
        ("C3", "high", "active", "basic", "EU", "email", ", ".join(simulated_weights())),
        ("next_door:3", "medium", "inactive", "premium", "EU", "website", IN_EUROPE),
    ]


def test_an_export_has_what_the_published_build_knows(workspace: Workspace) -> None:
    """Of customers with nothing but draws the build need not be asked."""
    known = known_customers(workspace, "next_door")
    assert known is not None
    told = {row["source_customer_id"]: row for row in known.to_pylist()}
    assert told.keys() == {"1", "3"}
    assert (told["1"]["engagement_level"], told["1"]["customer_tier"]) == ("low", "enterprise")
    assert (told["3"]["market_segment"], told["3"]["is_simulated"]) == ("EU", True)


@pytest.mark.contract("X.38")
def test_what_is_known_wins_over_what_would_be_drawn(tmp_path: Path) -> None:
    known = pa.table(
        {
            "source_customer_id": ["1"],
            **{name: ["known"] for name in simulated_weights()},
            "is_simulated": [False],
        }
    )
    with running(DemoSettings(trouble=QUIET)) as api:
        report = ingest(Workspace(tmp_path / "home"), find_api_source("reqres"), api.address, known=known)
    first, second, *_ = json.loads(report.files[0].read_text())["customers"]
    assert {first[name] for name in simulated_weights()} == {"known"}
    assert (first["is_simulated"], second["is_simulated"]) == (False, True)


def test_a_customer_of_an_api_alone_is_a_customer_with_the_score_of_its_best_record(town: Reader) -> None:
    with town.pin() as reading:
        values = get_customer(reading, "next_door:3").values
    assert (values["full_name"], values["country"], values["total_transactions"]) == ("Eve Moe", "Germany", 0)
    assert values["data_quality_score"] == 90
    assert (values["open_cart_count"], str(values["open_cart_value"])) == (1, "99.9500")


def test_the_files_say_what_is_so_of_whom_they_know(town: Reader) -> None:
    with town.pin() as reading:
        values = get_customer(reading, "C1").values
    assert (values["full_name"], values["country"], values["open_cart_count"]) == ("Ana Élan", None, 1)


def test_a_customer_is_found_by_the_id_of_its_source(town: Reader) -> None:
    with town.pin() as reading:
        assert get_customer(reading, "3").customer_id == "next_door:3"
        assert get_customer(reading, "1").customer_id == "C1"
        assert list_identities(reading, "C1").rows_returned == 2
        with pytest.raises(NotFound, match="There is no customer '4'"):
            get_customer(reading, "4")


@pytest.mark.unit
def test_an_export_and_a_build_know_an_address_by_the_same_form() -> None:
    macros = (project_files("transform") / "macros" / "quality_rules.sql").read_text(encoding="utf-8")
    assert EMAIL in macros.replace("\\\\", "\\")


@pytest.mark.contract("S4.22")
def test_an_empty_workspace_takes_customers_of_two_apis_and_draws_as_the_export_does(tmp_path: Path) -> None:
    """The same id in two sources is two customers; asked for by it alone, both are named."""
    workspace = Workspace(tmp_path / "home")
    with running(DemoSettings(trouble=QUIET)) as api:
        exported = run_ingest(workspace, find_api_source("reqres"), api.address).files[0]
    ingest_neighbours(workspace, tmp_path)
    run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    reader = open_reader(workspace)
    customers = json.loads(exported.read_text())["customers"]
    compared = [name for name in customers[0] if name != "customer_id"]
    with reader.pin() as reading:
        for customer in customers:
            profile = get_customer(reading, f"reqres:{customer['customer_id']}").values
            assert {name: profile[name] for name in compared} == {name: customer[name] for name in compared}
        with pytest.raises(NotFound) as refusal:
            get_customer(reading, "1")
    assert "next_door:1, reqres:1" in str(refusal.value.next_action)
    assert workspace.describe()["dataset"] == "apis"
    reader.close()
