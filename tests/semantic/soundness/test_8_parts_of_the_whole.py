"""Invariant: parts make up the whole: filters and their complements, shares, totals so far, in any combination."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask

pytestmark = pytest.mark.integration

ADDED_UP = ["customer_count", "total_spend", "transaction_count", "holding_count", "total_month_spend"]
DIMENSIONS = ["country", "card_type", "state", "age:15"]
DATES = ["transaction_date:day", "transaction_date:month", "transaction_at:week", "transaction_at:year"]
CONDITIONS: list[dict[str, Any]] = [
    {"field": "country", "op": "=", "value": "France"},
    {"field": "age", "op": ">", "value": 34},
    {"field": "channel", "op": "=", "value": "Mobile"},
    {"field": "transaction_amount", "op": ">", "than": {"agg": "avg", "by": ["channel"]}},
    {"field": "lifetime_value", "op": ">=", "than": {"agg": "median", "by": ["card_type"]}},
    {"field": "spend_last_90_days", "op": "<", "than": "spend_prior_90_days"},
    {"measure": "transaction_count", "op": "<", "value": 25, "of": "customer_360_profile"},
    {"field": "country", "among": {"rows": 2}, "by": "total_spend"},
]
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def trees() -> st.SearchStrategy[dict[str, Any]]:
    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        several = st.lists(inner, min_size=1, max_size=3)
        return st.one_of(
            several.map(lambda parts: {"and": parts}),
            several.map(lambda parts: {"or": parts}),
            inner.map(lambda part: {"not": part}),
        )

    return st.recursive(st.sampled_from(CONDITIONS), grow, max_leaves=4)


@MANY
@given(
    metric=st.sampled_from(ADDED_UP),
    dimensions=st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True),
    part=trees(),
    filters=st.none() | trees(),
)
def test_a_measure_and_its_complement_add_up(
    ask: Ask, *, metric: str, dimensions: list[str], part: dict[str, Any], filters: dict[str, Any] | None
) -> None:
    kept = {"metric": metric, "where": part, "as": "kept"}
    left_out = {"metric": metric, "where": {"not": part}, "as": "left_out"}
    found = ask(metrics=[kept, left_out, metric], dimensions=dimensions, filters=filters).table.to_pylist()
    for row in found:
        values = [row["kept"], row["left_out"]]
        assert sum(value for value in values if value is not None) == (row[metric] or 0)
        assert (values == [None, None]) == (row[metric] is None)


@MANY
@given(
    metric=st.sampled_from(ADDED_UP),
    dimensions=st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=3, unique=True),
    inside=st.integers(0, 2),
    filters=st.none() | trees(),
)
def test_shares_make_up_a_hundred(
    ask: Ask, *, metric: str, dimensions: list[str], inside: int, filters: dict[str, Any] | None
) -> None:
    within = [name.split(":")[0] for name in dimensions[:inside]]
    share = {"metric": metric, "show": "share", "within": within, "as": "share"}
    found = ask(metrics=[metric, share], dimensions=dimensions, filters=filters).table.to_pylist()
    keys = list(found[0])[: len(within)] if found else []
    for group in {tuple(row[key] for key in keys) for row in found}:
        rows = [row for row in found if tuple(row[key] for key in keys) == group]
        if sum(row[metric] or 0 for row in rows):
            assert sum(row["share"] or 0 for row in rows) == pytest.approx(100)
        else:
            assert {row["share"] for row in rows} == {None}


@MANY
@given(
    metric=st.sampled_from(["total_spend", "transaction_count"]),
    date=st.sampled_from(DATES),
    other=st.lists(st.sampled_from(["channel", "country"]), max_size=1),
    filters=st.none() | trees(),
)
def test_the_last_total_so_far_is_the_total(
    ask: Ask, *, metric: str, date: str, other: list[str], filters: dict[str, Any] | None
) -> None:
    so_far = {"metric": metric, "show": "running_total", "as": "so_far"}
    more = {"metric": metric, "show": "change", "as": "more"}
    found = ask(metrics=[metric, so_far, more], dimensions=[*other, date], filters=filters).table.to_pylist()
    totals = ask(metrics=[metric], dimensions=other, filters=filters).table.to_pylist()
    for total in totals:
        rows = [row for row in found if all(row[name] == total[name] for name in other)]
        assert (rows[-1]["so_far"] if rows else None) == (total[metric] if rows else None)
        for before, row in pairwise(rows):
            known = None not in (before[metric], row[metric], row[date.replace(":", "_")])
            assert row["more"] == (row[metric] - before[metric] if known else None)
