"""What a run over a source found, counted and exported in the shapes of the contract.

Attributes that only behaviour could show are drawn by weight and marked ``is_simulated``; a draw is a function of seed
and customer, so that order and number of records change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from customer360.ingest.api_judge import Outcome, shortened
from customer360.workspace import replace_file

WEIGHTS = {
    "engagement_level": {"high": 30, "medium": 50, "low": 20},
    "activity_status": {"active": 80, "inactive": 20},
    "acquisition_channel": {"website": 50, "mobile": 30, "email": 20},
    "market_segment": {"US-West": 30, "US-East": 30, "EU": 25, "APAC": 15},
    "customer_tier": {"basic": 60, "premium": 30, "enterprise": 10},
}
"""Contract S4.17 to S4.21: values and their percentages."""
SEED = 42

CUSTOMERS = """
select
    case
        when try_cast(customer_id as bigint)::varchar = customer_id then try_cast(customer_id as bigint)::json
        else to_json(customer_id)
    end as customer_id,
    nullif(concat_ws(' ', first_name, last_name), '') as full_name,
    case when len(invalid_fields) = 0 then lower(split_part(email, '@', 2)) end as email_domain,
    {drawn},
    data_quality_score,
    true as is_simulated
from exported
order by try_cast(customer_id as bigint), customer_id
"""
BUCKETS = "select quality_bucket, count(*) from exported group by 1"
MISSING = """
select field, count(*) from (select unnest(missing_fields) as field from exported)
group by 1 order by 1
"""
INVALID_EMAILS = "select 'email', count(*) from exported where len(invalid_fields) > 0"
DOMAINS = """
select lower(split_part(email, '@', 2)), count(*) from exported
where email is not null and len(invalid_fields) = 0
group by 1 order by 2 desc, 1 limit 20
"""


@dataclass(frozen=True)
class Figures:
    """How a run's records were judged, each in one of the three, and what its customers look like.

    A record that feeds two tables counts in both. ``customers`` are those that are exported, of earlier runs too.
    """

    records: int
    landed: int
    duplicates: int
    quarantined: int
    reasons: dict[str, int]
    customers: int
    buckets: dict[str, int]
    missing: dict[str, int]
    invalid_emails: int
    domains: dict[str, int]


def sum_up(connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome]) -> Figures:
    """Return the sums over all endpoints, and counts of the customers in ``exported``."""
    reasons: Counter[str] = sum((Counter(outcome.reasons) for outcome in outcomes), Counter())
    buckets = _counts(connection, BUCKETS)
    return Figures(
        records=sum(outcome.records for outcome in outcomes),
        landed=sum(outcome.landed for outcome in outcomes),
        duplicates=sum(outcome.duplicates for outcome in outcomes),
        quarantined=sum(outcome.quarantined for outcome in outcomes),
        reasons=shortened(reasons),
        customers=sum(buckets.values()),
        buckets={bucket: buckets.get(bucket, 0) for bucket in ("high", "medium", "low")},
        missing=_counts(connection, MISSING),
        invalid_emails=sum(_counts(connection, INVALID_EMAILS).values()),
        domains=_counts(connection, DOMAINS),
    )


def _counts(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    return dict(connection.execute(sql).fetchall())


def export_customers(
    connection: duckdb.DuckDBPyConnection, path: Path, figures: Figures, exported_at: str, *, seed: int = SEED
) -> None:
    """Write ``processed_customers.json``, a batch of customers at a time; what was there stays until it is whole."""
    metadata = {
        "total_customers": figures.customers,
        "export_timestamp": exported_at,
        "data_quality_summary": {f"{bucket}_quality": rows for bucket, rows in figures.buckets.items()},
    }
    rows = connection.execute(CUSTOMERS.format(drawn=", ".join(_drawn(field, seed) for field in WEIGHTS)))

    def write(beside: Path) -> None:
        with beside.open("wb") as file:
            file.write(b'{"metadata": ' + orjson.dumps(metadata) + b',\n"customers": [')
            separator = b"\n"
            for batch in rows.to_arrow_reader(10_000):  # type: ignore[union-attr]
                for row in batch.to_pylist():
                    row["customer_id"] = orjson.loads(row["customer_id"])
                    file.write(separator + orjson.dumps(row))
                    separator = b",\n"
            file.write(b"\n]}\n")

    replace_file(path, write)


def _drawn(field: str, seed: int) -> str:
    """Return the expression that draws a value for a customer, by weight."""
    draw = f"(md5_number_lower('{seed}|{field}|' || customer_id) % 100)"
    cases, below = [], 0
    for value, weight in WEIGHTS[field].items():
        below += weight
        cases.append(f"when {draw} < {below} then '{value}'")
    return f"case {' '.join(cases)} end as {field}"


def counts_of(connection: duckdb.DuckDBPyConnection, *, seed: int = SEED) -> dict[str, dict[str, int]]:
    """Return how many customers have each value of each drawn attribute."""
    return {
        field: _counts(
            connection,
            f"select {field}, count(*) from (select {_drawn(field, seed)} from exported) "  # noqa: S608
            "group by 1 order by 1",
        )
        for field in WEIGHTS
    }


def write_summary(path: Path, statistics: dict[str, Any]) -> None:
    """Write ``summary_report.json``; what was there stays until it is whole."""
    text = orjson.dumps({"statistics": statistics}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def write(beside: Path) -> None:
        beside.write_bytes(text)

    replace_file(path, write)
