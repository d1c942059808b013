"""A comparison that makes no sense is refused with the field it is about and what to do instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from customer360.errors import InvalidQuery
from customer360.semantic import SemanticModel, SemanticQuery, build_query, compile_query

pytestmark = pytest.mark.unit

EVIL = "'; DROP TABLE gold.fct_transactions; --"
BY_MONTH = {"dimensions": ["transaction_date:month"]}
BY_COUNTRY = {"dimensions": ["country"]}


def leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def metrics(*given: Any, **parts: Any) -> dict[str, Any]:
    return {"metrics": list(given), **parts}


def kept(**condition: Any) -> dict[str, Any]:
    return {"fields": ["customer_id"], "filters": condition}


def deep(levels: int) -> dict[str, Any]:
    tree = leaf("age", "=", 1)
    for _ in range(levels):
        tree = {"not": tree}
    return tree


MALFORMED = [
    (metrics("corr(age)"), "corr, and nothing else, needs an other field", "metrics.0"),
    (metrics("avg(age, country)"), "corr, and nothing else, needs an other field", "metrics.0"),
    (metrics("percentile(age)"), "percentile needs its number", "metrics.0"),
    (metrics("percentile(age, 101)"), "less than or equal to 100", "metrics.0"),
    (metrics("mode(age)"), "agg", "metrics.0"),
    (metrics({"agg": "avg"}), "agg and field go together", "metrics.0"),
    (metrics({"metric": "total_spend", "agg": "avg", "field": "age"}), "either a metric or an agg", "metrics.0"),
    (metrics({"metric": "total_spend", "over": "dim_date"}), "over with them", "metrics.0"),
    (metrics({"metric": "total_spend", "as": "no good"}), "as", "metrics.0"),
    (metrics({"metric": "total_spend", "within": ["country"]}), "within goes with show", "metrics.0"),
    (metrics({"metric": "total_spend", "show": "moving_average", "span": 1}), "span", "metrics.0"),
    (metrics({"op": "plus", "left": "total_spend", "right": "customer_count"}), "op", "metrics.0"),
    (metrics({"metric": "total_spend", "where": deep(30)}), "at most 20 levels", "metrics.0"),
    (
        metrics(*[{"metric": "total_spend", "where": {"or": [leaf("age", "=", 1)] * 150}}] * 2),
        "at most 20 levels and 200 conditions",
        "",
    ),
    (
        kept(measure={"metric": "transaction_count", "where": deep(30)}, op=">", value=1),
        "at most 20 levels",
        "filters",
    ),
    (kept(**{"not": {"measure": {"metric": "n", "where": deep(18)}, "op": ">", "value": 1}}), "20 levels", "filters"),
    (kept(measure="transaction_count", op=">"), "takes one value under 'value'", "filters"),
    (kept(measure="transaction_count", op="between", values=[1]), "between takes two values", "filters"),
    (kept(field="age", op="in", than="credit_limit"), "op", "filters"),
    (kept(field="age", op=">", than={"agg": "max"}), "agg", "filters"),
    (kept(field="age", op=">", than={"agg": "median", "overall": True}), "overall goes with agg: avg", "filters"),
    (kept(field="age", op=">", than="credit_limit", times=float("inf")), "times", "filters"),
    (metrics("customer_count", dimensions=["age:0"]), "greater than or equal", "dimensions.0"),
    (
        metrics("customer_count", dimensions=[{"name": "age", "bin": 10, "grain": "day"}]),
        "only one of them",
        "dimensions.0",
    ),
    (metrics("customer_count", dimensions=["age:30|20"]), "each above the one before", "dimensions.0"),
    (metrics("customer_count", dimensions=[{"name": "age", "bounds": [30]}]), "two numbers or more", "dimensions.0"),
    (metrics("customer_count", dimensions=["age:1|nan"]), "less than or equal", "dimensions.0"),
    (metrics("customer_count", summary="share_of_top", **BY_COUNTRY), "needs a top", ""),
    (metrics("customer_count", summary="count", top={"rows": 3}, **BY_COUNTRY), "a summary of figures", ""),
    (metrics("customer_count", top={"rows": 3}, **BY_COUNTRY), "a summary of figures", ""),
    (
        metrics("customer_count", summary="share_of_top", top={"rows": 3, "percent": 5}, **BY_COUNTRY),
        "only one of them",
        "top",
    ),
    (metrics("customer_count", summary="count"), "name the dimensions", ""),
    (metrics("customer_count", "total_spend", summary="avg", **BY_COUNTRY), "by their only metric", ""),
    (metrics("customer_count", summary="avg", order=["country"], **BY_COUNTRY), "without an order", ""),
    (metrics("customer_count", top_per={"by": []}, **BY_COUNTRY), "at least 1", "top_per.by"),
]


@pytest.mark.parametrize(("parts", "message", "place"), MALFORMED)
def test_a_malformed_part_is_refused_with_its_place(parts: dict[str, Any], message: str, place: str) -> None:
    with pytest.raises(InvalidQuery, match=message) as caught:
        build_query(parts)
    assert caught.value.details[0]["field"].startswith(place)
    assert caught.value.next_action
    json.dumps(caught.value.as_dict())


UNFIT = [
    (metrics("sum(travel_spend_pct)"), "unsafe_aggregation", "customer_360_profile.travel_spend_pct"),
    (metrics("sum(data_quality_score)"), "unsafe_aggregation", "customer_360_profile.data_quality_score"),
    (metrics("sum(age)"), "unsafe_aggregation", "customer_360_profile.age"),
    (metrics("median(country)"), "unsafe_aggregation", "customer_360_profile.country"),
    (metrics("avg(last_transaction_date)"), "unsafe_aggregation", "customer_360_profile.last_transaction_date"),
    (metrics("max(is_simulated)"), "unsafe_aggregation", "customer_360_profile.is_simulated"),
    (metrics("corr(age, country)"), "unsafe_aggregation", "customer_360_profile.country"),
    (metrics("median(nothing)"), "no_such_field", "nothing"),
    (metrics("median(customer_count)"), "wrong_kind_of_field", "customer_count"),
    (metrics({"agg": "avg", "field": "age", "over": "nowhere"}), "unreachable_field", "over"),
    (metrics({"agg": "avg", "field": "age", "over": "dim_date"}), "unreachable_field", "over"),
    (
        metrics({"agg": "sum", "field": "lifetime_value", "over": "fct_transactions"}),
        "unsafe_aggregation",
        "over",
    ),
    (metrics("median(age)", dimensions=["channel"]), "unreachable_field", "fct_transactions.channel"),
    (metrics({"metric": "last_seen_date", "show": "share"}), "unsafe_aggregation", "last_seen_date"),
    (metrics({"metric": "last_seen_date", "show": "change"}, **BY_MONTH), "unsafe_aggregation", "last_seen_date"),
    (metrics({"metric": "decline_rate", "show": "share"}, **BY_COUNTRY), "unsafe_aggregation", "decline_rate"),
    (
        metrics("decline_rate", summary="share_of_top", top={"rows": 3}, **BY_COUNTRY),
        "unsafe_aggregation",
        "decline_rate",
    ),
    (
        metrics({"metric": "decline_rate", "show": "running_total"}, **BY_MONTH),
        "unsafe_aggregation",
        "decline_rate",
    ),
    (
        metrics({"op": "difference", "left": "last_seen_date", "right": "total_spend"}),
        "unsafe_aggregation",
        "last_seen_date",
    ),
    (metrics({"metric": "total_spend", "show": "running_total"}, **BY_COUNTRY), "invalid_query", "dimensions"),
    (
        metrics(
            {"metric": "total_spend", "show": "change"},
            dimensions=["transaction_date:month", "transaction_date:year"],
        ),
        "invalid_query",
        "dimensions",
    ),
    (
        metrics({"metric": "total_spend", "show": "share", "within": ["state"]}, **BY_COUNTRY),
        "invalid_query",
        "state",
    ),
    (
        metrics(
            {"metric": "total_spend", "show": "share", "within": ["transaction_date"]},
            dimensions=["transaction_date:month", "transaction_date:year"],
        ),
        "invalid_query",
        "transaction_date",
    ),
    (metrics({"metric": "total_spend", "as": "a"}, {"metric": "order_count", "as": "A"}), "*", "*"),
    (metrics({"metric": "customer_count", "as": "country"}, **BY_COUNTRY), "*", "customer_360_profile.country"),
    (metrics("customer_count", dimensions=["age:10", "age:20"]), "*", "customer_360_profile.age_from"),
    (metrics("customer_count", dimensions=["country:10"]), "invalid_query", "country:10"),
    (metrics("total_spend", order=["revenue_online"]), "invalid_query", "order"),
    (metrics("total_spend", having=leaf("revenue_online", ">", 1)), "no_such_field", "revenue_online"),
    (
        metrics("total_spend", having={"measure": "transaction_count", "op": ">", "value": 1}),
        "invalid_query",
        "having",
    ),
    (
        metrics("total_spend", having={"field": "country", "among": {"rows": 1}, "by": "total_spend"}),
        "invalid_query",
        "having",
    ),
    (kept(field="channel", among={"rows": 1}, by="customer_count"), "unreachable_field", "*"),
    (
        metrics("total_spend", having={"field": "total_spend", "op": ">", "than": "nothing"}),
        "no_such_field",
        "nothing",
    ),
    (
        metrics("total_spend", having={"field": "total_spend", "op": ">", "than": "last_seen_date"}),
        "invalid_value",
        "total_spend",
    ),
    (
        metrics("last_seen_date", having={"field": "last_seen_date", "op": ">", "than": {"agg": "avg"}}),
        "unsafe_aggregation",
        "last_seen_date",
    ),
    (
        metrics("total_spend", having={"field": "total_spend", "op": ">", "than": {"by": ["country"]}}),
        "invalid_query",
        "country",
    ),
    (
        metrics(
            {"metric": "total_spend", "show": "change", "as": "more"},
            having={"field": "more", "op": ">", "than": {"agg": "avg"}},
            **BY_MONTH,
        ),
        "invalid_query",
        "more",
    ),
    (kept(field="age", op="<", than="transaction_amount"), "unreachable_field", "fct_transactions.transaction_amount"),
    (kept(field="age", op="<", than="country"), "invalid_value", "age"),
    (kept(field="country", op="<", than="state", times=2), "invalid_value", "country"),
    (kept(field="country", op="<", than={"agg": "avg"}), "unsafe_aggregation", "customer_360_profile.country"),
    (kept(field="age", op="<", than={"by": ["channel"]}), "unreachable_field", "fct_transactions.channel"),
    (kept(measure="transaction_count", op=">", value=1, of="dim_product"), "unreachable_field", "of"),
    (kept(measure="transaction_count", op=">", value=1, of="nowhere"), "unreachable_field", "of"),
    (kept(measure="customer_count", op=">", value=1), "unreachable_field", "customer_360_profile.customer_count"),
    (kept(measure="spend_per_customer", op=">", value=1), "unreachable_field", "spend_per_customer"),
    (kept(measure="transaction_count", op=">", value="many"), "invalid_value", "transaction_count"),
    (kept(measure="transaction_count", op="contains", value="1"), "invalid_query", "measure"),
    (
        metrics("total_spend", summary="sum", **BY_COUNTRY) | {"metrics": ["decline_rate"]},
        "unsafe_aggregation",
        "decline_rate",
    ),
    (metrics("last_seen_date", summary="avg", **BY_COUNTRY), "unsafe_aggregation", "last_seen_date"),
    (metrics("total_spend", top_per={"by": ["state"]}, **BY_COUNTRY), "invalid_query", "order"),
]


@pytest.mark.parametrize(("parts", "code", "field"), UNFIT)
def test_what_makes_no_sense_is_refused_with_the_field(
    model: SemanticModel, parts: dict[str, Any], code: str, field: str
) -> None:
    for dialect in ("duckdb", "snowflake"):
        with pytest.raises(InvalidQuery) as caught:
            compile_query(model, build_query(parts), dialect)
        error = caught.value
        assert code in ("*", error.code)
        assert error.next_action
        assert field == "*" or str(error.details[0]["field"]).endswith(field)
        assert field in ("*", "of", "over", "having", "order", "dimensions", "measure") or any(
            part in error.message for part in (field, field.rpartition(".")[2], field.partition(":")[0])
        )


EVERYTHING: dict[str, Any] = {
    "metrics": [
        "median(lifetime_value)",
        {"agg": "percentile", "field": "age", "percentile": 95, "where": leaf("country", "=", EVIL), "as": "p"},
        {"metric": "total_spend", "show": "share", "within": ["country"]},
        {
            "op": "percent",
            "left": {"metric": "customer_count", "where": leaf("state", "!=", EVIL)},
            "right": "count_distinct(email)",
            "show": "running_total",
            "as": "q",
        },
    ],
    "dimensions": ["account_open_date:month", "country", "age:2.5"],
    "filters": {
        "and": [
            {"field": "lifetime_value", "op": ">", "than": {"agg": "avg", "by": ["customer_segment"]}, "times": 2},
            {"not": {"field": "age", "op": "<", "than": "credit_limit"}},
            {
                "measure": {"metric": "transaction_count", "where": leaf("channel", "contains", EVIL)},
                "op": "in",
                "values": [1, 2],
                "of": "customer_360_profile",
            },
        ]
    },
    "having": {"or": [leaf("p", ">", 1), {"field": "total_spend", "op": ">", "than": {"agg": "median"}}]},
    "order": ["-p"],
    "top_per": {"by": ["country"], "rows": 3},
}


def test_every_part_survives_json() -> None:
    for parts in (EVERYTHING, {"metrics": ["total_spend"], "dimensions": ["country"], "summary": "median"}):
        query = build_query(parts)
        assert SemanticQuery.model_validate_json(query.model_dump_json()) == query
        assert SemanticQuery.model_validate(query.model_dump()) == query
    assert [str(one) for one in build_query(EVERYTHING).dimensions] == [
        "account_open_date:month",
        "country",
        "age:2.5",
    ]


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
def test_values_of_every_part_are_bound_in_their_order(model: SemanticModel, dialect: str) -> None:
    everything = EVERYTHING | {"metrics": [one for one in EVERYTHING["metrics"] if "q" not in str(one)[-5:]]}
    found = compile_query(model, build_query(everything), dialect)
    assert found.parameters == (2.0, EVIL, 1, 2, 1.0, EVIL)
    for text in (found.sql, found.plan.fetch_sql, found.plan.count_sql):
        assert "DROP" not in text


def test_the_second_query_with_other_values_uses_the_first_ones_work(model: SemanticModel) -> None:
    def asked(value: str, times: float) -> Any:
        measure = {"metric": "customer_count", "where": leaf("country", "=", value)}
        than = {"field": "lifetime_value", "op": ">", "than": {"agg": "avg"}, "times": times}
        return compile_query(model, build_query(metrics=[measure], filters=than), "duckdb")

    assert asked("France", 2).plan is asked("Spain", 3).plan
