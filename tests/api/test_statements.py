"""How many statements an answer costs on Snowflake, where each is a round trip and wakes a warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from customer360 import ui
from customer360.settings import SnowflakeSettings, environment_of, load
from customer360.warehouse import snowflake_builds
from customer360.workspace import Workspace
from tests.api.conftest import serve
from tests.servers.snowflake_wire import QUERY, Wire, listening

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("snowflake")]

BY_COUNTRY = {"metrics": ["customer_count"], "dimensions": ["state"]}


@pytest.fixture
def wire(messy_on_snowflake: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A wire to the account that the environment names, beside a home of the test's own."""
    account = messy_on_snowflake.account
    assert account
    monkeypatch.setattr(snowflake_builds, "POINTER_SECONDS", 1e9)
    with listening(Wire(upstream=account.port)) as found:
        shutil.copytree(messy_on_snowflake.home, tmp_path / "served")
        told = environment_of(account.model_copy(update={"port": found.port}))
        told |= {"CUSTOMER360_ENGINE": "snowflake", "CUSTOMER360_HOME": str(tmp_path / "served")}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def client(wire: Wire, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the service, which has its model and the pointer already."""
    for found in serve(tmp_path / "served", load(SnowflakeSettings)):
        assert found.get("/api/customers/C2").status_code == 200
        wire.requests.clear()
        yield found


def statements(wire: Wire) -> int:
    """Return how many statements were sent since they were counted last."""
    count = len(wire.asked(QUERY))
    wire.requests.clear()
    return count


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 0),
        ("/health", 0),
        ("/openapi.json", 0),
        ("/api/customers/C1", 1),
        ("/api/customers/C1/transactions", 2),
        ("/api/customers/C1/monthly", 2),
        ("/api/customers/C1/versions", 2),
        ("/api/customers/C1/products", 2),
        ("/api/customers/C1/identities", 2),
        ("/api/customers/C1/churn", 1),
        ("/api/customers/", 1),
        ("/api/customers/?search=ana", 1),
        ("/api/customers/?limit=1", 2),
        ("/api/products/", 1),
        ("/api/products/P1", 1),
    ],
)
def test_an_answer_costs_few_statements(client: httpx.Client, wire: Wire, path: str, most: int) -> None:
    assert client.get(path).status_code == 200
    assert statements(wire) <= most


def test_a_semantic_query_costs_one_statement_and_none_the_second_time(client: httpx.Client, wire: Wire) -> None:
    answers = []
    for most in (1, 0):
        answers.append(client.post("/api/semantic/query", json=BY_COUNTRY).json())
        assert statements(wire) == most
    assert answers[0] == answers[1]
    assert answers[0]["rows_returned"] == 4


def test_a_service_that_just_started_is_healthy_without_another_statement(wire: Wire, tmp_path: Path) -> None:
    for client in serve(tmp_path / "served", load(SnowflakeSettings)):
        assert statements(wire) <= 2, "the pointer and the record of the build"
        for _ in range(3):
            assert client.get("/health").json()["status"] == "healthy"
        assert statements(wire) == 0


def test_a_missing_customer_is_looked_for_among_the_ids_of_other_systems_once(client: httpx.Client, wire: Wire) -> None:
    assert client.get("/api/customers/nobody/transactions").status_code == 404
    assert statements(wire) == 2


HEADINGS = ["Net spend by month", "What to expect", "About this customer", "Latest transactions"]


def show(**address: Any) -> AppTest:
    """Run the script of the pages once."""
    app = AppTest.from_file(str(ui.SCRIPT), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert not app.warning
    return app


@pytest.mark.parametrize(("customer", "most", "headings"), [("C2", 3, HEADINGS), ("C1", 4, [*HEADINGS, "Known as"])])
def test_a_customers_page_costs_three_statements_and_one_for_other_ids(
    wire: Wire, customer: str, most: int, headings: list[str]
) -> None:
    show(customer="C3")
    wire.requests.clear()
    shown = show(customer=customer)
    st.cache_resource.clear()
    assert statements(wire) == most
    found = {heading.value for heading in shown.subheader} - {"What changed over time"}
    assert found == set(headings)
