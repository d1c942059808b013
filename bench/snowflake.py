"""What load, build, publishing and each answer cost on Snowflake in statements and requests, counted on the emulator.

Counts are what carries over to an account; times are the emulator's own and say nothing of Snowflake.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from tests.api.conftest import serve
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import QUERY, Wire, listening

from bench.measure import MeasurementFailed, Target, measure
from bench.online_retail import CLI
from customer360.customers import get_history, latest_transactions, monthly_spending
from customer360.semantic import Reader
from customer360.settings import (
    QuerySettings,
    ResourceSettings,
    SnowflakeSettings,
    SnowflakeSetupSettings,
    environment_of,
    load,
)
from customer360.synth import BankSpec, generate_bank
from customer360.warehouse.deployment import Target as Place
from customer360.warehouse.deployment import deploy, values_of
from customer360.warehouse.snowflake_sessions import open_session
from customer360.workspace import Workspace

CUSTOMERS, TRANSACTIONS = 400, 40_000
ASKED = "CUST00000001"
WARM = "/api/customers/CUST00000002"
BY_CATEGORY = {"metrics": ["total_spend"], "dimensions": ["category_name"]}
MOST = {
    "load": 30,
    "load again, nothing new": 3,
    "build and publish": 400,
    "publish again": 60,
    "GET /health": 0,
    "GET /api/customers/{id}": 1,
    "GET /api/customers/{id}/transactions": 2,
    "GET /api/customers/{id}/monthly": 2,
    "GET /api/customers/{id}/versions": 2,
    "GET /api/customers/{id}/products": 2,
    "GET /api/customers/": 2,
    "GET /api/products/": 1,
    "POST /api/semantic/query": 1,
    "POST /api/semantic/query, again": 0,
    "a customer's page": 3,
}
"""Statements that each may send; a load and a build have fixed numbers, whatever the rows."""


def run(folder: Path) -> dict[str, Any]:
    """Count what a small bank takes from its files to each answer.

    Raises:
        MeasurementFailed: a command or an answer failed.
    """
    files, home = folder / "snowflake-files", folder / "snowflake-home"
    generate_bank(BankSpec(customers=CUSTOMERS, transactions=TRANSACTIONS), files)
    emulator = Emulator()
    emulator.start()
    try:
        with listening(Wire(upstream=emulator.port)) as wire:
            account = _deployed(wire)
            told = environment_of(account) | {"CUSTOMER360_ENGINE": "snowflake", "CUSTOMER360_HOME": str(home)}
            steps = _commands(_Counter(wire), files, told)
            with _environment(told):
                steps |= _answers(_Counter(wire), home, account) | _page(_Counter(wire), Workspace(home, account))
    finally:
        emulator.kill()
    targets = [
        Target(f"Snowflake, statements: {name}", steps[name]["statements"], most, "") for name, most in MOST.items()
    ]
    return {
        "customers": CUSTOMERS,
        "transactions": TRANSACTIONS,
        "steps": steps,
        "targets": [target.as_dict() for target in targets],
    }


class _Counter:
    """Counts what a wire sees while something is done."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def of(self, work: Callable[[], object]) -> dict[str, float]:
        self._wire.requests.clear()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        sent = list(self._wire.requests)
        statements = sum(request.path == QUERY for request in sent)
        return {"statements": statements, "requests": len(sent), "seconds": seconds}


def _deployed(wire: Wire) -> SnowflakeSettings:
    place = {"host": "127.0.0.1", "port": wire.port, "protocol": "http", "network_timeout": 5}
    person = {"account": "fakesnow", "user": "fake", "password": SecretStr("snow"), "database": "CUSTOMER360"}
    account = load(SnowflakeSettings, **place, **person)
    values = values_of(account, SnowflakeSetupSettings.model_construct())
    deploy(lambda: open_session(account), Place(values, emulator=True))
    return account


def _commands(counter: _Counter, files: Path, told: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Run the commands, each in a process of its own."""

    def command(*arguments: str) -> Callable[[], str]:
        return lambda: measure([*CLI, *arguments, "--json"], told).output

    def publish_again() -> None:
        [build] = json.loads(command("builds")())
        command("rollback", build["build_id"])()

    landing = command("load", "bank", "--from", str(files))
    steps = {
        "load": counter.of(landing),
        "load again, nothing new": counter.of(landing),
        "build and publish": counter.of(command("build")),
    }
    listing = counter.of(command("builds"))
    again = counter.of(publish_again)
    return steps | {"publish again": {name: again[name] - listing[name] for name in again}}


def _answers(counter: _Counter, home: Path, account: SnowflakeSettings) -> dict[str, dict[str, float]]:
    """Ask each endpoint once, right after the service looked which build is published."""
    one = f"/api/customers/{ASKED}"
    paths = {
        "GET /health": "/health",
        "GET /api/customers/{id}": one,
        **{f"GET /api/customers/{{id}}/{noun}": f"{one}/{noun}" for noun in _NOUNS},
        "GET /api/customers/": "/api/customers/",
        "GET /api/products/": "/api/products/",
    }
    with contextmanager(serve)(home, account) as client:

        def ask(method: str, path: str, body: object = None) -> dict[str, float]:
            client.get(WARM)
            return counter.of(lambda: _answered(client.request(method, path, json=body)))

        counted = {name: ask("GET", path) for name, path in paths.items()}
        for name in ("POST /api/semantic/query", "POST /api/semantic/query, again"):
            counted[name] = ask("POST", "/api/semantic/query", BY_CATEGORY)
    return counted


_NOUNS = ("transactions", "monthly", "versions", "products")


def _answered(answer: Any) -> None:
    if answer.status_code != 200:
        raise MeasurementFailed(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")


def _page(counter: _Counter, workspace: Workspace) -> dict[str, dict[str, float]]:
    """Read what the page of a customer shows."""
    reader = Reader.of(workspace, load(QuerySettings), load(ResourceSettings))
    with closing(reader), reader.pin() as reading:

        def read() -> None:
            profile = get_history(reading, ASKED).profile
            monthly_spending(reading, ASKED)
            latest_transactions(reading, profile)

        read()
        return {"a customer's page": counter.of(read)}


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
