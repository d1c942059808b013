"""Show that the product is one on both engines: the same bank, every table and every question, compared.

python scripts/parity.py [--account] [--write-docs]

A small synthetic bank, with the customers of an API beside it, is built by DuckDB, moved to the database
CUSTOMER360_PARITY, and compared: each table value for value, then every metric, every dimension and the first rows of
every table, type for type. Without --account this runs on the emulator, which it starts; with it, on the account of
SNOWFLAKE_…. Exit code 1 says that something differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import SecretStr

from customer360.build.migrating import migrate, reconcile
from customer360.build.pipeline import run_build, run_ingest, run_load
from customer360.demo_api import DemoSettings
from customer360.ingest import find_dataset
from customer360.ingest.api_sources import find_api_source
from customer360.semantic import Kind, Reader, Reading, SemanticModel, build_query
from customer360.settings import (
    QuerySettings,
    ResourceSettings,
    SnowflakeSettings,
    SnowflakeSetupSettings,
    WorkspaceSettings,
    load,
)
from customer360.synth import BankSpec, generate_bank
from customer360.warehouse.compare import TableDifference
from customer360.warehouse.deployment import Target, deploy, values_of
from customer360.warehouse.snowflake_sessions import open_session
from customer360.workspace import Workspace

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "snowflake-parity.md"
DATABASE = "CUSTOMER360_PARITY"
SPEC = BankSpec(customers=400, transactions=40_000)
GROUPS = frozenset({Kind.DIMENSION, Kind.TIME})
METRICS = frozenset({Kind.METRIC, Kind.DERIVED})
COUNTED = {"customer_360_profile": "customer_count", "fct_transactions": "transaction_count"}
"""The metric that each dimension groups, of the tables that reach it."""


@dataclass(frozen=True)
class Question:
    """One semantic query, and whether both engines answer it with the same types and rows."""

    kind: str
    name: str
    is_same: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; exit code 1 when something differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--account", action="store_true", help="the account of SNOWFLAKE_…, not the emulator")
    parser.add_argument("--write-docs", action="store_true", help=f"write {PAGE.relative_to(ROOT)} too")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    if options.account:
        account = load(SnowflakeSettings).model_copy(update={"database": DATABASE})
        return _run(account, emulator=False, write_docs=options.write_docs)
    from tests.servers.snowflake_emulator import Emulator  # noqa: PLC0415  (only a checkout has it)

    emulator = Emulator()
    emulator.start()
    try:
        place = {"host": "127.0.0.1", "port": emulator.port, "protocol": "http", "database": DATABASE}
        person = {"account": "fakesnow", "user": "fake", "password": SecretStr("snow")}
        return _run(load(SnowflakeSettings, **place, **person), emulator=True, write_docs=options.write_docs)
    finally:
        emulator.kill()


def _run(account: SnowflakeSettings, *, emulator: bool, write_docs: bool) -> int:
    target = Target(values_of(account, load(SnowflakeSetupSettings)), role=account.role, emulator=emulator)
    bare = account.model_copy(update={"database": "", "warehouse": "", "schema_name": ""})
    deploy(lambda: open_session(bare), target)
    with tempfile.TemporaryDirectory(prefix="customer360-parity-") as folder:
        workspace = _build(Path(folder))
        migrate(workspace, account, load(ResourceSettings), load(WorkspaceSettings))
        tables = list(reconcile(Workspace(workspace.home, account)))
        questions = list(_ask(workspace, account))
    where = "the emulator (fakesnow)" if emulator else f"the account {account.account or account.connection_name}"
    text = _page(tables, questions, where)
    print(text)
    if write_docs:
        PAGE.write_text(text, encoding="utf-8")
    if not emulator:
        print(f"The database stays; to be rid of it: drop database {DATABASE};")
    return 0 if all(table.is_same for table in tables) and all(question.is_same for question in questions) else 1


def _build(folder: Path) -> Workspace:
    files = folder / "files"
    generate_bank(SPEC, files)
    workspace = Workspace(folder / "home")
    run_load(workspace, find_dataset("bank"), files)
    from tests.servers.demo_api import QUIET, running  # noqa: PLC0415  (only a checkout has it)

    with running(DemoSettings(users=200, messy=0.3, trouble=QUIET)) as api:
        run_ingest(workspace, find_api_source("reqres"), api.address)
    run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    return workspace


def _ask(workspace: Workspace, account: SnowflakeSettings) -> Iterator[Question]:
    """Put every question to both engines."""
    queries, resources = load(QuerySettings), load(ResourceSettings)
    elsewhere = Workspace(workspace.home, account)
    with (
        closing(Reader.of(workspace, queries, resources)) as files,
        closing(Reader.of(elsewhere, queries, resources)) as schemas,
        files.pin() as here,
        schemas.pin() as there,
    ):
        for kind, name, parts in _questions(here.model):
            yield Question(kind, name, _answer(here, parts) == _answer(there, parts))


def _questions(model: SemanticModel) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for metric in model.list_items(METRICS):
        yield "metric", metric.full_name, {"metrics": [metric.full_name]}
    for dimension in model.list_items(GROUPS):
        for table, metric_name in COUNTED.items():
            if model.relations.reaches(table, dimension.table):
                grouped = {"dimensions": [dimension.full_name], "order": [dimension.full_name], "limit": 1000}
                yield "dimension", f"{metric_name} by {dimension.full_name}", {"metrics": [metric_name], **grouped}
    for name in model.tables:
        fields = [item.full_name for item in model.list_items(GROUPS | {Kind.FACT}, table=name)]
        yield "rows", name, {"fields": fields, "order": fields, "limit": 200}


def _answer(reading: Reading, parts: dict[str, Any]) -> tuple[Any, ...]:
    answer = reading.ask(build_query(parts))
    types = [(field.name, _widened(field.type)) for field in answer.table.schema]
    rows = [[_rounded(value) for value in row.values()] for row in answer.table.to_pylist()]
    return types, rows, answer.rows_available


def _widened(kind: pa.DataType) -> pa.DataType:
    """Return a type as Snowflake has it: whole numbers know no width, and those of 20 digits are decimals."""
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0)
    return pa.int64() if pa.types.is_integer(kind) else kind


def _rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def _page(tables: Sequence[TableDifference], questions: Sequence[Question], where: str) -> str:
    lines = [
        "# Parity of the engines",
        "",
        "Written by `python scripts/parity.py --write-docs`; do not edit. A synthetic bank of "
        f"{SPEC.customers:,} customers, built by DuckDB and moved to {where}, on {datetime.now(UTC):%Y-%m-%d}.",
        "What the engines write differently, and how it is bridged, is in [snowflake.md](snowflake.md).",
        "",
        "## Tables",
        "",
        "Every value: decimals exactly, floats to 1e-9. The payload of `silver.rejects` is JSON, whose text is each "
        "engine's own: it is compared by content in the tests, and left out here.",
        "",
        "| table | rows on DuckDB | rows on Snowflake | values |",
        "| --- | ---: | ---: | --- |",
        *(_table_row(table) for table in tables),
        "",
        "## Questions",
        "",
        "Types, rows and the number of rows available.",
        "",
        "| questions | asked | same |",
        "| --- | ---: | ---: |",
    ]
    for kind in ("metric", "dimension", "rows"):
        asked = [question for question in questions if question.kind == kind]
        lines.append(f"| {KINDS[kind]} | {len(asked)} | {sum(question.is_same for question in asked)} |")
    different = [f"- {question.kind}: {question.name}" for question in questions if not question.is_same]
    return "\n".join([*lines, *(["", "Different:", "", *different] if different else []), ""])


KINDS = {
    "metric": "every metric, over all rows",
    "dimension": "every dimension, grouping customers and transactions",
    "rows": "the first 200 rows of each table, every field",
}


def _table_row(table: TableDifference) -> str:
    counts = ["–" if rows is None else f"{rows:,}" for rows in (table.rows_before, table.rows_after)]
    verdict = "same" if table.is_same else ", ".join(f"{name} differs {n} times" for name, n in table.columns.items())
    return f"| `{table.table}` | {counts[0]} | {counts[1]} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
