"""A build on Snowflake's emulator is the build on DuckDB: every table, its columns, their types, and every row."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.build.migrating import migrate, reconcile
from customer360.errors import Conflict
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.transform_snowflake.conftest import TwoBuilds, tables_of

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT")
KINDS = {
    "VARCHAR": "TEXT",
    "DOUBLE": "FLOAT",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    **dict.fromkeys(INTEGERS, "NUMBER(0)"),
}
"""What a type of DuckDB is on Snowflake; a decimal is a number of the same scale, all others have the same name."""


def test_dbt_builds_and_tests_every_node(messy_builds: TwoBuilds) -> None:
    steps = f"from MONITORING{messy_builds.suffix}.pipeline_steps"
    every = messy_builds.snowflake.execute(f"select kind, count(*) {steps} group by kind order by kind")
    well = f"select kind, count(*) {steps} where status in ('success', 'pass') group by kind order by kind"
    assert messy_builds.snowflake.execute(well) == every
    assert dict(every)["model"] > 40
    assert dict(every)["test"] > 90


def test_a_build_keeps_to_schemas_of_its_own(messy_builds: TwoBuilds) -> None:
    rows = messy_builds.snowflake.execute("select schema_name from information_schema.schemata")
    schemas = {schema.lower() for (schema,) in rows}
    names = ("api", "gold", "monitoring", "processed_data", "reporting", "silver")
    assert {f"{name}{messy_builds.suffix}" for name in names} <= schemas
    assert f"bronze{messy_builds.suffix}" not in schemas


def test_a_moved_workspace_is_compared_value_for_value(messy_builds: TwoBuilds, bank_builds: TwoBuilds) -> None:
    for builds in (messy_builds, bank_builds):
        compared = list(reconcile(builds.workspace))
        assert len(compared) > 15
        assert [table for table in compared if not table.is_same] == []


def test_a_value_that_differs_is_found_by_the_comparison(bank_builds: TwoBuilds) -> None:
    table = f"GOLD{bank_builds.suffix}.customer_segments"
    [(customer, segment)] = bank_builds.snowflake.execute(f"select customer_id, customer_segment from {table} limit 1")
    change = f"update {table} set customer_segment = :1 where customer_id = :2"
    bank_builds.snowflake.change(change, ["Nobody", customer])
    try:
        different = [table for table in reconcile(bank_builds.workspace) if not table.is_same]
    finally:
        bank_builds.snowflake.change(change, [segment, customer])
    assert [(found.table, found.changed, found.columns) for found in different] == [
        ("gold.customer_segments", 1, {"customer_segment": 1})
    ]


def test_only_what_is_built_of_all_that_landed_can_be_moved(bank_builds: TwoBuilds, tmp_path: Path) -> None:
    account = bank_builds.workspace.account
    assert account
    workspace = Workspace(Path(shutil.copytree(bank_builds.workspace.home, tmp_path / "home")))
    with closing(open_builds(workspace)) as files:
        record = files.get(files.current_id())
        files.write(replace(record, source_rows={}))
    with pytest.raises(Conflict, match="could not be compared") as raised:
        migrate(workspace, account, load(ResourceSettings), load(WorkspaceSettings))
    assert "customer360 build" in raised.value.next_action


@pytest.mark.parametrize(
    ("table", "column"), [("dim_customer", "customer_id"), ("fct_transactions", "transaction_date")]
)
def test_the_large_tables_are_clustered(messy_builds: TwoBuilds, table: str, column: str) -> None:
    [path] = (messy_builds.dbt_folder / "run").rglob(f"marts/core/{table}.sql")
    assert f"cluster by ({column})" in path.read_text(encoding="utf-8")


def test_the_messy_company_is_the_same_on_both(messy_builds: TwoBuilds, subtests: pytest.Subtests) -> None:
    _compare(messy_builds, subtests)


def test_the_small_bank_is_the_same_on_both(bank_builds: TwoBuilds, subtests: pytest.Subtests) -> None:
    _compare(bank_builds, subtests)


def test_views_answer(messy_builds: TwoBuilds) -> None:
    suffix = messy_builds.suffix
    [(customers,)] = messy_builds.snowflake.execute(f"select count(*) from api{suffix}.customers")
    [(profiles,)] = messy_builds.snowflake.execute(f"select count(*) from gold{suffix}.customer_360_profile")
    assert customers == profiles == 3
    assert messy_builds.snowflake.execute(f"select * from reporting{suffix}.executive_dashboard")


def test_a_difference_is_found() -> None:
    rows = [("C1", Decimal("1.5000"), 0.5, None), ("C2", 2, 0.25, "2024-01-01 00:00:00")]
    columns = ["customer_id", "amount", "share", "seen_at"]
    _assert_same(columns, _in_order(rows), _in_order(rows[::-1]))
    for other in (rows[:1], [rows[0], ("C2", Decimal("2.0001"), 0.25, rows[1][3])], [rows[0], ("C2", 2, 0.25, None)]):
        with pytest.raises(AssertionError):
            _assert_same(columns, _in_order(rows), _in_order(other))


def _compare(builds: TwoBuilds, subtests: pytest.Subtests) -> None:
    with duckdb.connect() as connection:  # a service of this process may have the file open, with limits of its own
        connection.execute(f"attach '{builds.duckdb_file}' as build (read_only)")
        connection.execute("use build")
        names = tables_of(connection)
        assert len(names) > 15
        for name in names:
            with subtests.test(name):
                described = connection.execute(f"select column_name, column_type from (describe {name})").fetchall()
                kinds = {column: _kind(type_) for column, type_ in described}
                assert _columns(builds, name) == list(kinds.items())
                schema, table = name.split(".")
                statement = f"select {_select_list(kinds)} from "
                found = builds.snowflake.execute(f"{statement}{schema}{builds.suffix}.{table}")
                rows = connection.execute(f"{statement}{name}").fetchall()
                _assert_same(list(kinds), _in_order(found), _in_order(rows))


def _select_list(kinds: dict[str, str]) -> str:
    """Return the columns; a timestamp as text, because the emulator's null timestamps arrive as 1970."""
    return ", ".join(
        f"cast({column} as varchar)" if kind == "TIMESTAMP_NTZ" else column for column, kind in kinds.items()
    )


def _kind(type_: str) -> str:
    if type_.startswith("DECIMAL"):
        return f"NUMBER({type_.rstrip(')').split(',')[1].strip()})"
    return KINDS.get(type_, type_)


def _columns(builds: TwoBuilds, name: str) -> list[tuple[str, str]]:
    schema, table = name.split(".")
    rows = builds.snowflake.execute(
        "select column_name, data_type, numeric_scale from information_schema.columns "
        f"where table_schema = upper('{schema}{builds.suffix}') and table_name = upper('{table}') "
        "order by ordinal_position"
    )
    return [(column.lower(), f"NUMBER({scale})" if kind == "NUMBER" else kind) for column, kind, scale in rows]


def _in_order(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return rows in an order of their values, floats last, because they may differ."""
    values = [[_value(value) for value in row] for row in rows]
    return sorted(values, key=lambda row: [repr(value) for value in row if not isinstance(value, float)])


def _value(value: Any) -> Any:
    """Return a value that compares: a row kept as JSON by its contents, a decimal without its form."""
    if isinstance(value, str) and value.startswith("{"):
        return sorted(json.loads(value, parse_float=float).items())
    return Decimal(value).normalize() if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _assert_same(columns: list[str], found: list[list[Any]], expected: list[list[Any]]) -> None:
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        for column, value, other in zip(columns, row, wanted, strict=True):
            if isinstance(value, float) and isinstance(other, float):
                assert math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9), (column, row, wanted)
            else:
                assert value == other, (column, row, wanted)
