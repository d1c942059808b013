"""Filters that compare rows with other fields, with means, and by the rows that belong to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from customer360.semantic import parse_condition

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration

CUSTOMERS = "SELECT customer_id FROM gold.customer_360_profile p WHERE {} ORDER BY 1"
TRANSACTIONS = "SELECT transaction_id FROM gold.fct_transactions f WHERE {} ORDER BY transaction_key"
COUNT = "(SELECT count(*) FROM gold.fct_transactions x WHERE x.customer_id = p.customer_id{})"
MANY = {"measure": "transaction_count", "op": ">", "value": 30}


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ({"op": "<", "than": "spend_prior_90_days"}, "spend_last_90_days < spend_prior_90_days"),
        ({"op": ">=", "than": "spend_prior_90_days", "times": 0.5}, "spend_last_90_days >= 0.5 * spend_prior_90_days"),
        ({"op": ">", "than": {"agg": "avg"}}, "spend_last_90_days > (SELECT avg(spend_last_90_days) FROM {p})"),
        (
            {"op": ">", "than": {"agg": "median"}, "times": 2},
            "spend_last_90_days > 2 * (SELECT median(spend_last_90_days::DOUBLE) FROM {p})",
        ),
        (
            {"op": ">=", "than": {"agg": "percentile", "percentile": 92.5}},
            "spend_last_90_days >= (SELECT quantile_cont(spend_last_90_days::DOUBLE, 0.925) FROM {p})",
        ),
        (
            {"op": "<", "than": {"agg": "percentile", "percentile": 10, "by": ["card_type"]}, "times": 2},
            "spend_last_90_days < 2 * (SELECT quantile_cont(q.spend_last_90_days::DOUBLE, 0.1) FROM {p} q"
            " WHERE q.card_type IS NOT DISTINCT FROM p.card_type)",
        ),
        (
            {"op": ">", "than": {"by": ["card_type"]}},
            "spend_last_90_days > (SELECT avg(q.spend_last_90_days) FROM {p} q WHERE q.card_type IS NOT DISTINCT FROM"
            " p.card_type)",
        ),
        (
            {"op": "=", "than": {"by": ["card_type", "age"]}},
            "spend_last_90_days = (SELECT avg(q.spend_last_90_days) FROM {p} q WHERE q.card_type IS NOT DISTINCT FROM"
            " p.card_type AND q.age IS NOT DISTINCT FROM p.age)",
        ),
    ],
)
@pytest.mark.parametrize("negated", [False, True])
def test_a_field_is_compared_with_another_or_with_a_mean(
    check: Check, condition: dict[str, Any], sql: str, negated: bool
) -> None:
    sql = sql.replace("{p}", "gold.customer_360_profile")
    relative = {"field": "spend_last_90_days", **condition}
    check(
        CUSTOMERS.format(f"NOT coalesce({sql}, false)" if negated else sql),
        fields=["customer_id"],
        filters={"not": relative} if negated else relative,
    )


def test_an_empty_field_fits_no_comparison_with_another(check: Check) -> None:
    check(
        CUSTOMERS.format("age < credit_limit"),
        fields=["customer_id"],
        filters={"field": "age", "op": "<", "than": "credit_limit"},
    )
    check(
        CUSTOMERS.format("age < (SELECT avg(age) FROM gold.customer_360_profile)"),
        fields=["customer_id"],
        filters={"field": "age", "op": "<", "than": {"agg": "avg"}},
    )


def test_the_mean_is_that_of_all_rows_whatever_the_other_filters_keep(check: Check) -> None:
    check(
        CUSTOMERS.format(
            "country = 'France' AND lifetime_value < (SELECT avg(lifetime_value) FROM gold.customer_360_profile)"
        ),
        fields=["customer_id"],
        filters={
            "and": [
                {"field": "country", "op": "=", "value": "France"},
                {"field": "lifetime_value", "op": "<", "than": {"agg": "avg"}},
            ]
        },
    )


def test_transactions_are_compared_with_those_of_their_own_channel_guests_and_none_included(check: Check) -> None:
    check(
        TRANSACTIONS.format(
            "transaction_amount > 1.5 * (SELECT avg(transaction_amount) FROM gold.fct_transactions g"
            " WHERE g.channel IS NOT DISTINCT FROM f.channel)"
        ),
        fields=["transaction_id"],
        filters={"field": "transaction_amount", "op": ">", "than": {"by": ["channel"]}, "times": 1.5},
    )


def test_customers_with_a_transaction_above_the_mean_share_one_row_with_what_stands_beside(check: Check) -> None:
    check(
        CUSTOMERS.format(
            """EXISTS (SELECT 1 FROM gold.fct_transactions f WHERE f.customer_id = p.customer_id
            AND channel = 'Mobile' AND transaction_amount > (SELECT avg(transaction_amount) FROM gold.fct_transactions)
            AND attempted_amount > p.age)"""
        ),
        fields=["customer_id"],
        filters={
            "and": [
                {"field": "channel", "op": "=", "value": "Mobile"},
                {"field": "transaction_amount", "op": ">", "than": {"agg": "avg"}},
                {"field": "attempted_amount", "op": ">", "than": "age"},
            ]
        },
    )


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ({"op": "<", "value": 3}, f"{COUNT.format('')} < 3"),
        ({"op": "=", "value": 0}, f"{COUNT.format('')} = 0"),
        ({"op": "between", "values": [2, 28]}, f"{COUNT.format('')} BETWEEN 2 AND 28"),
        ({"op": "not_in", "values": [0, 1, 2]}, f"{COUNT.format('')} NOT IN (0, 1, 2)"),
    ],
)
def test_customers_without_any_rows_have_counted_none(check: Check, condition: dict[str, Any], sql: str) -> None:
    check(CUSTOMERS.format(sql), fields=["customer_id"], filters={"measure": "transaction_count", **condition})


def test_the_sum_of_no_rows_is_unknown_and_fits_no_comparison(check: Check) -> None:
    spend = "(SELECT sum(transaction_amount) FROM gold.fct_transactions x WHERE x.customer_id = p.customer_id)"
    check(
        CUSTOMERS.format(f"{spend} < 1700"),
        fields=["customer_id"],
        filters={"measure": "total_spend", "op": "<", "value": 1700},
    )
    check(
        CUSTOMERS.format(f"{spend} IS NULL"),
        fields=["customer_id"],
        filters={"measure": "total_spend", "op": "is_null"},
    )


@pytest.mark.parametrize(
    ("measure", "value", "sql"),
    [
        (
            {"metric": "transaction_count", "where": parse_condition("channel = 'Online'")},
            5,
            COUNT.format(" AND channel = 'Online'"),
        ),
        ("count_distinct(channel)", 2, COUNT.format("").replace("count(*)", "count(DISTINCT channel)")),
        (
            {"agg": "max", "field": "transaction_amount", "where": parse_condition("is_travel")},
            120,
            "(SELECT max(transaction_amount) FROM gold.fct_transactions x WHERE x.customer_id = p.customer_id"
            " AND merchant_category_key = 2)",
        ),
        ("decline_rate", 10, COUNT.format("").replace("count(*)", "100 * avg((status = 'declined')::INTEGER)")),
        ("guest_transaction_rate", -1, COUNT.format("").replace("count(*)", "0 * nullif(count(*), 0)")),
        ("holding_count", 1, "(SELECT count(*) FROM gold.fct_customer_products h WHERE h.customer_id = p.customer_id)"),
    ],
)
def test_each_kind_of_measure_counts_rows(check: Check, measure: Any, value: float, sql: str) -> None:
    check(
        CUSTOMERS.format(f"{sql} > {value}"),
        fields=["customer_id"],
        filters={"measure": measure, "op": ">", "value": value},
    )


@pytest.mark.parametrize(
    ("filters", "sql"),
    [
        ({"and": [MANY, parse_condition("channel = 'Mobile'"), parse_condition("is_travel")]}, "{n} > 30 AND {mobile}"),
        ({"or": [{"not": MANY}, parse_condition("transaction_type = 'return'")]}, "{n} <= 30 OR {returned}"),
        ({"not": {"and": [MANY, parse_condition("transaction_type = 'return'")]}}, "NOT ({n} > 30 AND {returned})"),
        ({"not": {"or": [MANY, parse_condition("age > 50")]}}, "NOT ({n} > 30 OR coalesce(age > 50, false))"),
    ],
)
def test_rows_conditions_stand_beside_conditions_on_fine_rows(check: Check, filters: Any, sql: str) -> None:
    exists = "EXISTS (SELECT 1 FROM gold.fct_transactions x WHERE x.customer_id = p.customer_id AND {})"
    written = sql.format(
        n=COUNT.format(""),
        mobile=exists.format("channel = 'Mobile' AND merchant_category_key = 2"),
        returned=exists.format("transaction_type = 'return'"),
    )
    check(CUSTOMERS.format(written), fields=["customer_id"], filters=filters)


@pytest.mark.parametrize("negated", [False, True])
def test_rows_of_a_finer_table_are_kept_by_what_belongs_to_their_customer(check: Check, negated: bool) -> None:
    few = {"measure": "transaction_count", "op": "<", "value": 20, "of": "customer_360_profile"}
    kept = """customer_id IN (SELECT customer_id FROM gold.fct_transactions WHERE customer_id IS NOT NULL GROUP BY 1
        HAVING count(*) < 20)"""
    check(
        f"SELECT channel, count(*) FROM gold.fct_transactions WHERE {'NOT coalesce' if negated else ''}({kept}"
        f"{', false' if negated else ''}) GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=["transaction_count"],
        dimensions=["channel"],
        filters={"not": few} if negated else few,
    )


def test_what_belongs_to_no_customer_fits_no_condition_on_a_customers_rows(ask: Ask) -> None:
    for op, value in (("<", 1000), (">=", 0), ("=", 0)):
        condition = {"measure": "transaction_count", "op": op, "value": value, "of": "customer_360_profile"}
        guests = {"field": "is_guest", "op": "=", "value": True}
        assert ask(metrics=["transaction_count"], filters={"and": [guests, condition]}).rows() == [
            {"transaction_count": 0}
        ]


def test_a_condition_on_rows_may_compare_them_with_a_mean(check: Check) -> None:
    check(
        CUSTOMERS.format(
            COUNT.format(" AND transaction_amount > (SELECT avg(transaction_amount) FROM gold.fct_transactions)")
            + " > 15"
        ),
        fields=["customer_id"],
        filters={
            "measure": {
                "metric": "transaction_count",
                "where": {"field": "transaction_amount", "op": ">", "than": {"agg": "avg"}},
            },
            "op": ">",
            "value": 15,
        },
    )


FIRST = """{field} IN (SELECT {field} FROM {table} WHERE {field} IS NOT NULL AND {kept} GROUP BY 1
    HAVING {figure} IS NOT NULL ORDER BY {figure} {order}, 1 LIMIT {rows})"""


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        (
            {"field": "customer_id", "among": {"rows": 3}, "by": {"agg": "max", "field": "lifetime_value"}},
            {"table": "gold.customer_360_profile", "figure": "max(lifetime_value)"},
        ),
        (
            {"field": "customer_id", "among": {"rows": 2}, "by": "total_spend", "lowest": True},
            {"table": "gold.fct_transactions", "figure": "sum(transaction_amount)", "order": "ASC", "rows": 2},
        ),
        (
            {
                "field": "customer_id",
                "among": {"rows": 3},
                "by": {"metric": "transaction_count", "where": parse_condition("channel = 'Online'")},
            },
            {"table": "gold.fct_transactions", "figure": "count(*)", "kept": "channel = 'Online'"},
        ),
        (
            {
                "field": "customer_id",
                "among": {"rows": 3},
                "by": {"metric": "transaction_count", "where": parse_condition("is_travel")},
            },
            {"table": "gold.fct_transactions", "figure": "count(*)", "kept": "merchant_category_key = 2"},
        ),
    ],
)
@pytest.mark.parametrize("negated", [False, True])
def test_rows_are_kept_by_the_values_that_a_measure_puts_first(
    check: Check, condition: Any, parts: dict[str, Any], negated: bool
) -> None:
    first = FIRST.format(**{"field": "customer_id", "kept": "true", "order": "DESC", "rows": 3, **parts})
    check(
        CUSTOMERS.format(f"NOT coalesce({first}, false)" if negated else first),
        fields=["customer_id"],
        filters={"not": condition} if negated else condition,
    )


def test_so_many_percent_of_the_values_are_rounded_up(ask: Ask) -> None:
    known = len(ask(fields=["customer_id"], filters=parse_condition("lifetime_value >= 0")).rows())
    by = {"agg": "max", "field": "lifetime_value"}
    condition = {"field": "customer_id", "among": {"percent": 25}, "by": by}
    assert ask(metrics=["customer_count"], filters=condition).rows() == [{"customer_count": -(-known // 4)}]


def test_which_values_come_first_does_not_depend_on_what_else_is_kept(check: Check) -> None:
    first = FIRST.format(
        field="channel",
        table="gold.fct_transactions",
        kept="true",
        figure="sum(transaction_amount)",
        order="DESC",
        rows=1,
    )
    check(
        f"""SELECT transaction_type, count(*) FROM gold.fct_transactions WHERE {first} AND status = 'declined'
            GROUP BY 1 ORDER BY 1 NULLS LAST""",
        metrics=["transaction_count"],
        dimensions=["transaction_type"],
        filters={
            "and": [
                {"field": "channel", "among": {"rows": 1}, "by": "total_spend"},
                {"field": "status", "op": "=", "value": "declined"},
            ]
        },
    )
