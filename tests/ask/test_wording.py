"""A frame is said back whole: what is worked out, of what, when, in which order."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from customer360.ask import Frame, Source, restate
from customer360.semantic import Figures

pytestmark = pytest.mark.integration

PROFILE, FACT = "customer_360_profile", "fct_transactions"
CUSTOMERS: dict[str, Any] = {"kind": "figures", "subject": PROFILE, "measures": [f"{PROFILE}.customer_count"]}
SPEND: dict[str, Any] = {"kind": "figures", "subject": FACT, "measures": [f"{FACT}.total_spend"]}
LISTED: dict[str, Any] = {"kind": "rows", "subject": PROFILE, "fields": [f"{PROFILE}.customer_id", f"{PROFILE}.age"]}
CARD = {"field": f"{PROFILE}.card_type", "op": "=", "value": "Premium"}
AGE = {"field": f"{PROFILE}.age", "op": "between", "values": [25, 34]}
ONLINE = {"field": f"{FACT}.channel", "op": "=", "value": "Online"}
FREE = {"field": "dim_merchant_category.is_discretionary", "op": "=", "value": False}
MAY = {"start": date(2025, 5, 1), "end": date(2025, 5, 31), "unit": "month", "label": "in May 2025"}
APRIL = {"start": date(2025, 4, 1), "end": date(2025, 4, 30), "unit": "month", "label": "in April 2025"}
DATED = {"window": MAY, "window_field": f"{FACT}.transaction_date"}
SEGMENT = {"name": f"{PROFILE}.customer_segment"}
MONTH = {"name": f"{FACT}.transaction_date", "grain": "month"}
ALL = {"agg": "avg", "by": []}
AGES: dict[str, Any] = {"kind": "figures", "subject": PROFILE, "measures": [f"{PROFILE}.avg_age"], "groups": [SEGMENT]}

SAID: list[tuple[dict[str, Any], str]] = [
    (CUSTOMERS, "Number of customers."),
    (CUSTOMERS | {"filters": [CARD]}, "Number of customers whose card type is Premium."),
    (
        {**CUSTOMERS, "measures": [f"{PROFILE}.avg_lifetime_value"], "groups": [SEGMENT], "filters": [CARD]},
        "Average lifetime value by customer segment, of customers whose card type is Premium.",
    ),
    (
        CUSTOMERS | {"filters": [CARD | {"op": "!="}, AGE]},
        "Number of customers whose card type is not Premium and age is between 25 and 34.",
    ),
    (
        CUSTOMERS | {"filters": [{"field": f"{PROFILE}.state", "op": "not_in", "values": ["CA", "NY"]}]},
        "Number of customers whose state is neither California nor New York.",
    ),
    (
        CUSTOMERS | {"filters": [{"or": [CARD, {"field": f"{PROFILE}.credit_limit", "op": ">=", "value": 20000}]}]},
        "Number of customers whose card type is Premium or credit limit is at least $20,000.",
    ),
    (
        CUSTOMERS | {"filters": [{"not": {"and": [CARD, AGE]}}]},
        "Number of customers whose card type is not Premium or age is not between 25 and 34.",
    ),
    (
        CUSTOMERS | {"filters": [{"field": f"{PROFILE}.lifetime_value", "op": ">", "than": ALL, "times": 2}]},
        "Number of customers whose lifetime value is above 2 times the average of all.",
    ),
    (
        AGES | {"having": [{"field": f"{PROFILE}.avg_age", "op": ">", "than": ALL | {"overall": True}}]},
        "Average age by customer segment, only where average age is above what it is overall.",
    ),
    (
        CUSTOMERS | {"clauses": [{"filters": [ONLINE], "window": MAY}]},
        "Number of customers with transactions whose channel is Online in May 2025.",
    ),
    (SPEND | {"filters": [FREE]}, "Total spend, of transactions whose discretionary is no."),
    (CUSTOMERS | {"clauses": [{"negated": True}]}, "Number of customers with no transactions."),
    (
        CUSTOMERS
        | {"clauses": [{"measure": f"{FACT}.transaction_count", "op": ">", "values": [5], "filters": [ONLINE]}]},
        "Number of customers with more than 5 transactions whose channel is Online.",
    ),
    (
        CUSTOMERS | {"clauses": [{"measure": f"{FACT}.total_spend", "op": ">", "values": [1000], "window": MAY}]},
        "Number of customers whose total spend is above $1,000 (of transactions in May 2025).",
    ),
    (SPEND | DATED, "Total spend in May 2025."),
    (SPEND | DATED | {"filters": [ONLINE]}, "Total spend, of transactions whose channel is Online, in May 2025."),
    (SPEND | {"groups": [MONTH, SEGMENT]}, "Total spend by month and customer segment."),
    (SPEND | {"groups": [SEGMENT], "show": "share"}, "Share of total spend by customer segment."),
    (SPEND | {"groups": [MONTH], "show": "running_total"}, "Running total of total spend by month."),
    (
        SPEND | {"groups": [SEGMENT], "rank": {"by": "*", "limit": 5}},
        "Total spend by customer segment, the 5 highest by total spend.",
    ),
    (
        SPEND | {"groups": [SEGMENT], "rank": {"by": "*", "limit": 1, "offset": 1, "descending": False}},
        "Total spend by customer segment, number 2 from the lowest by total spend.",
    ),
    (
        SPEND | {"groups": [SEGMENT, MONTH], "rank": {"by": "*", "limit": 1, "per": [MONTH]}},
        "Total spend by customer segment and month, the highest of each month by total spend.",
    ),
    (
        SPEND | {"groups": [SEGMENT], "having": [{"field": "total_spend", "op": ">", "value": 100.5}]},
        "Total spend by customer segment, only where total spend is above $100.50.",
    ),
    (CUSTOMERS | {"part": [CARD]}, "Percentage of customers whose card type is Premium."),
    (
        SPEND | {"part": [ONLINE], "filters": [CARD]},
        "Percentage of total spend from transactions whose channel is Online, among transactions whose card type is "
        "Premium.",
    ),
    (
        SPEND | {"comparison": {"windows": [APRIL, MAY], "show": "change"}},
        "Total spend, May 2025 against April 2025, with the change in percent.",
    ),
    (SPEND | {"groups": [MONTH], "summary": "avg"}, "Average of total spend over each month."),
    (
        LISTED | {"filters": [CARD], "rank": {"by": f"{PROFILE}.age", "limit": 3, "descending": False}},
        "List of customers (customer ID and age) whose card type is Premium, the 3 lowest by age.",
    ),
    ({"kind": "values", "subject": PROFILE, "groups": [SEGMENT]}, "Every customer segment there is."),
    (
        {**CUSTOMERS, "measures": [{"agg": "percentile", "field": f"{PROFILE}.age", "percentile": 90}]},
        "90th percentile of age.",
    ),
    (
        {**CUSTOMERS, "measures": [{"agg": "corr", "field": f"{PROFILE}.age", "other": f"{PROFILE}.credit_limit"}]},
        "Correlation between age and credit limit.",
    ),
]


@pytest.mark.parametrize(("frame", "said"), SAID, ids=[said for _, said in SAID])
def test_a_frame_is_said_back(frame: dict[str, Any], said: str, source: Source) -> None:
    assert restate(Frame.model_validate(frame), source.model) == said


def test_amounts_are_written_as_the_dataset_writes_them(source: Source) -> None:
    limit = {"field": f"{PROFILE}.credit_limit", "op": ">", "value": 2500}
    frame = Frame.model_validate(CUSTOMERS | {"filters": [limit]})
    assert (
        restate(frame, source.model, Figures("GBP", "en_GB"))
        == "Number of customers whose credit limit is above £2,500."
    )
