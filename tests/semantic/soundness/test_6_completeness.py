"""Invariant: an answer says how complete it is, which build it is of, and comes the same way every time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import pytest

from customer360.errors import InvalidQuery, QueryTimeout
from customer360.semantic import SemanticModel, build_query, run_query
from customer360.warehouse import Warehouse

if TYPE_CHECKING:
    from tests.conftest import Gap
    from tests.semantic.conftest import Ask

pytestmark = pytest.mark.integration

ENDLESS = {
    "duckdb": "SELECT count(*) FROM range(1000000) a, range(1000000) b",
    "snowflake": "SELECT system$wait(3600)",
}


@pytest.mark.parametrize(("limit", "returned", "truncated"), [(1, 1, True), (188, 188, True), (189, 189, False)])
def test_rows_beyond_the_limit_are_counted(ask: Ask, limit: int, returned: int, truncated: bool) -> None:
    found = ask(fields=["transaction_id"], limit=limit)
    assert (found.rows_returned, found.rows_available, found.truncated) == (returned, 189, truncated)


@pytest.mark.parametrize(("offset", "returned"), [(0, 100), (100, 89), (189, 0), (500, 0)])
def test_pages_make_up_the_whole(ask: Ask, offset: int, returned: int) -> None:
    whole = ask(fields=["transaction_id"]).rows()
    page = ask(fields=["transaction_id"], limit=100, offset=offset)
    assert (page.rows_returned, page.rows_available) == (returned, 189)
    assert page.rows() == whole[offset : offset + 100]


def test_groups_beyond_the_limit_are_counted_after_having(ask: Ask) -> None:
    having = {"field": "transaction_count", "op": ">", "value": 2}
    found = ask(metrics=["transaction_count"], dimensions=["customer_id"], having=having, limit=3)
    assert (found.rows_returned, found.rows_available) == (3, 6)


def test_the_statement_of_an_answer_gives_its_rows(ask: Ask, asked: Warehouse) -> None:
    found = ask(
        metrics=["total_spend"], dimensions=["country"], limit=2, filters={"field": "age", "op": ">", "value": 1}
    )
    assert asked.query(found.sql, found.parameters).equals(found.table)


def test_an_answer_names_its_build_and_date(ask: Ask) -> None:
    answer = ask(metrics=["customer_count"]).as_dict()
    assert (answer["build_id"], answer["as_of_date"]) == ("b_test", "2024-06-30")
    assert answer["columns"][0]["unit"] == "count"
    assert answer["rows"] == [{"customer_count": 8}]


def test_ties_come_in_the_order_of_the_key(ask: Ask) -> None:
    found = ask(fields=["merchant_name", "transaction_key"], order=["-merchant_name"])
    rows = [(row["merchant_name"], row["transaction_key"]) for row in found.rows()]
    assert rows == sorted(sorted(rows, key=lambda row: str(row[1])), key=lambda row: str(row[0]), reverse=True)


def test_large_keys_keep_every_digit(ask: Ask) -> None:
    found = ask(fields=["product_key"], filters={"field": "product_id", "op": "=", "value": "P1"})
    assert found.rows() == [{"product_key": "18446744073709551615"}]
    by_key = ask(fields=["product_id"], filters={"field": "product_key", "op": "=", "value": 18446744073709551615})
    assert by_key.rows() == [{"product_id": "P1"}]


def test_metrics_have_their_declared_type(ask: Ask) -> None:
    table = ask(metrics=["total_spend", "units_sold", "decline_rate", "avg_transaction_amount", "last_seen_date"]).table
    types = [str(one) for one in table.schema.types]
    assert types == ["decimal128(38, 4)", "int64", "double", "decimal128(38, 4)", "date32[day]"]


def test_a_mean_of_money_that_ends_in_a_half_is_rounded_away_from_zero(ask: Ask) -> None:
    mobile = {"field": "channel", "op": "=", "value": "Mobile"}
    (row,) = ask(metrics=["total_spend", "approved_transaction_count", "avg_transaction_amount"], filters=mobile).rows()
    assert list(row.values()) == [12.3457, 2, 6.1729]


def test_a_deadline_reaches_the_engine(asked: Warehouse, model: SemanticModel, gap: Gap) -> None:
    gap("snowflake", InvalidQuery, "the emulator cannot stop a statement; test_snowflake_answers.py replays it")
    query = build_query(metrics=["customer_count"])
    with pytest.raises(QueryTimeout):
        run_query(endless(asked), model, query, build_id="b", as_of_date=date(2024, 1, 1), timeout=0.05)


def endless(warehouse: Warehouse) -> Warehouse:
    """Return the warehouse with a statement in the place of every other that does not end by itself."""

    class Endless:
        dialect = warehouse.dialect

        def __getattr__(self, name: str) -> Any:
            return getattr(warehouse, name)

        def query(self, _sql: str, _parameters: Sequence[Any] = (), *, timeout: float | None = None) -> Any:
            return warehouse.query(ENDLESS[self.dialect], timeout=timeout)

    return cast("Warehouse", Endless())
