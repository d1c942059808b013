"""Means of money are exact, with halves away from zero, whatever an engine's AVG makes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer360.semantic import SemanticModel, build_query, run_query
from customer360.semantic.compiler import compile_query
from customer360.semantic.means import MONEY
from customer360.semantic.model import METRIC_KINDS
from customer360.warehouse import DuckDBWarehouse

pytestmark = pytest.mark.integration

Mean = Callable[..., Decimal | None]


@pytest.fixture(scope="module")
def mean(model: SemanticModel, tmp_path_factory: pytest.TempPathFactory) -> Mean:
    """Ask the semantic layer for the mean of some amounts."""
    folder = tmp_path_factory.mktemp("means")

    def ask(amounts: list[Decimal | None], metric: str = "avg_lifetime_value") -> Decimal | None:
        file = folder / "build.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as connection:
            connection.execute("create schema gold")
            connection.execute("create table gold.customer_360_profile (lifetime_value decimal(38, 4))")
            connection.execute("insert into gold.customer_360_profile select unnest($1::decimal(38, 4)[])", [amounts])
        with closing(DuckDBWarehouse(file, threads=1, memory="500MB")) as warehouse:
            query = build_query(metrics=[metric])
            found = run_query(warehouse, model, query, build_id="b", as_of_date=date(2024, 1, 1))
        value: Decimal | None = found.table.column(0)[0].as_py()
        return value

    return ask


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (["0.0001", "0.0002"], "0.0002"),
        (["-0.0001", "-0.0002"], "-0.0002"),
        (["33618.5376", "33618.5377"], "33618.5377"),
        (["1.0000", None], "1.0000"),
        ([None], None),
        ([], None),
    ],
)
def test_halves_go_away_from_zero_and_nulls_do_not_count(
    mean: Mean, amounts: list[str | None], expected: str | None
) -> None:
    given_amounts = [None if amount is None else Decimal(amount) for amount in amounts]
    assert mean(given_amounts) == (None if expected is None else Decimal(expected))


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**8), 10**8, places=4), min_size=1, max_size=12))
def test_the_mean_is_the_one_of_exact_numbers(mean: Mean, amounts: list[Decimal]) -> None:
    exact = sum(amounts) / Decimal(len(amounts))
    assert mean(list(amounts)) == exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.decimals(-(10**8), 10**8, places=4), min_size=1, max_size=12))
def test_the_median_is_the_one_of_exact_numbers(mean: Mean, amounts: list[Decimal]) -> None:
    exact = statistics.median(amounts).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert mean(amounts, "median_lifetime_value") == mean(amounts, "percentile(lifetime_value, 50)") == exact


@pytest.mark.parametrize(
    "metric", ["avg_lifetime_value", "avg_spend_per_order", "spend_per_transacting_customer", "spend_per_customer"]
)
def test_every_kind_of_mean_of_money_is_the_exact_one(model: SemanticModel, metric: str) -> None:
    assert model.get_item(metric, METRIC_KINDS, role="metric").data_type == MONEY
    for dialect in ("duckdb", "snowflake"):
        assert "FLOOR(CAST(20000 * ABS(" in compile_query(model, build_query(metrics=[metric]), dialect).sql
