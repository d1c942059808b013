"""What a run over a source found: its records judged, counted and exported in the shapes of the contract.

A record is one of three: the customer's best record, a duplicate of it, or of no use because it does not say whose it
is. Attributes that only behaviour could show are drawn by weight and marked ``is_simulated``; a draw is a function of
seed and customer, so that order and number of records change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from customer360.errors import Conflict
from customer360.lake import parquet_path
from customer360.settings import business_rules
from customer360.workspace import Workspace, replace_file

EXPECTED = ("first_name", "last_name", "email", "avatar")
EMAIL = r"[^@\s]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
WEIGHTS = {
    "engagement_level": {"high": 30, "medium": 50, "low": 20},
    "activity_status": {"active": 80, "inactive": 20},
    "acquisition_channel": {"website": 50, "mobile": 30, "email": 20},
    "market_segment": {"US-West": 30, "US-East": 30, "EU": 25, "APAC": 15},
    "customer_tier": {"basic": 60, "premium": 30, "enterprise": 10},
}
"""Contract S4.17 to S4.21: values and their percentages."""
SEED = 42
MEMORY = "100MB"
EXPORTED_ROWS = 10_000
"""Customers that are written at a time."""

JUDGED = """
create table judged as
with read as (
    select
        nullif(trim(source_customer_id), '') as customer_id,
        nullif(trim(first_name), '') as first_name, nullif(trim(last_name), '') as last_name,
        nullif(trim(email), '') as email, nullif(trim(avatar), '') as avatar, fetched_at, page, _batch_id, _line
    from read_parquet($files)
),
found as (
    select
        *,
        list_filter([{missing}], lambda field: field is not null) as missing_fields,
        case when not regexp_full_match(email, '{email}') then ['email'] else [] end as invalid_fields
    from read
),
scored as (
    select *, greatest(0, 100 - {points} * (len(missing_fields) + len(invalid_fields))) as data_quality_score from found
)
select
    * exclude (fetched_at, _batch_id, _line),
    case
        when customer_id is null then 'quarantined'
        when row_number() over (
            partition by customer_id order by data_quality_score desc, fetched_at desc, _batch_id, _line desc
        ) = 1 then 'landed'
        else 'duplicate'
    end as outcome,
    case when data_quality_score >= {high} then 'high' when data_quality_score >= {medium} then 'medium' else 'low' end
        as quality_bucket
from scored
"""
CUSTOMERS = """
select
    coalesce(try_cast(customer_id as bigint)::json, to_json(customer_id)) as customer_id,
    nullif(concat_ws(' ', first_name, last_name), '') as full_name,
    case when len(invalid_fields) = 0 then lower(split_part(email, '@', 2)) end as email_domain,
    {drawn},
    data_quality_score,
    true as is_simulated
from judged
where outcome = 'landed'
order by try_cast(customer_id as bigint), customer_id
"""


BUCKETS = "select quality_bucket, count(*) from judged where outcome = 'landed' group by 1"
MISSING = """
select field, count(*) from (select unnest(missing_fields) as field from judged where outcome = 'landed')
group by 1 order by 1
"""
INVALID_EMAILS = "select 'email', count(*) from judged where outcome = 'landed' and len(invalid_fields) > 0"
DOMAINS = """
select lower(split_part(email, '@', 2)), count(*) from judged
where outcome = 'landed' and email is not null and len(invalid_fields) = 0
group by 1 order by 2 desc, 1 limit 20
"""


@dataclass(frozen=True)
class Figures:
    """How a run's records were judged: every record is in exactly one of the three."""

    records: int
    landed: int
    duplicates: int
    quarantined: int
    buckets: dict[str, int]
    missing: dict[str, int]
    invalid_emails: int
    domains: dict[str, int]


@contextmanager
def judged(workspace: Workspace, batches: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the records of some batches judged; it spills to the workspace where memory is short."""
    files = [str(parquet_path(workspace, "api_customers", batch)) for batch in batches]
    rules = {rule.name: rule.value for rule in business_rules()}
    statement = JUDGED.format(
        missing=", ".join(f"case when {field} is null then '{field}' end" for field in EXPECTED),
        email=EMAIL,
        points=rules["quality_points_per_field"],
        high=rules["quality_high_score"],
        medium=rules["quality_medium_score"],
    )
    limits: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(workspace.home / "ingest"),
        "memory_limit": MEMORY,
    }
    with duckdb.connect(config=limits) as connection:
        connection.execute(statement, {"files": files})
        yield connection


def count(connection: duckdb.DuckDBPyConnection, fetched: int) -> Figures:
    """Count what became of the records, and hold the sum against the number that was fetched.

    Raises:
        Conflict: a record is missing, or there twice.
    """
    outcomes = _counts(connection, "select outcome, count(*) from judged group by 1")
    total = sum(outcomes.values())
    if total != fetched:
        raise Conflict(
            f"{fetched:,} records were fetched and {total:,} are in bronze.",
            code="records_lost",
            next_action="Run the command with --full, and report this: it must not happen.",
        )
    buckets = _counts(connection, BUCKETS)
    return Figures(
        records=total,
        landed=outcomes.get("landed", 0),
        duplicates=outcomes.get("duplicate", 0),
        quarantined=outcomes.get("quarantined", 0),
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
        "total_customers": figures.landed,
        "export_timestamp": exported_at,
        "data_quality_summary": {f"{bucket}_quality": rows for bucket, rows in figures.buckets.items()},
    }
    customers = CUSTOMERS.format(drawn=", ".join(_drawn(field, seed) for field in WEIGHTS))
    rows = connection.sql(f"select to_json(customer)::varchar from ({customers}) customer")  # noqa: S608

    def write(beside: Path) -> None:
        with beside.open("w", encoding="utf-8") as file:
            file.write(f'{{"metadata": {orjson.dumps(metadata).decode()},\n"customers": [')
            separator = "\n"
            for batch in rows.to_arrow_reader(EXPORTED_ROWS):
                if batch.num_rows:
                    file.write(separator + ",\n".join(batch.column(0).to_pylist()))
                    separator = ",\n"
            file.write("\n]}\n")

    replace_file(path, write)


def _drawn(field: str, seed: int) -> str:
    """Return the expression that draws a value for a customer, by weight, as the macro ``drawn_value`` of a build does."""
    draw = f"(md5_number_lower('{seed}|{field}|' || customer_id) % 100)"
    cases, below = [], 0
    for value, weight in WEIGHTS[field].items():
        below += weight
        cases.append(f"when {draw} < {below} then '{value}'")
    return f"case {' '.join(cases)} end as {field}"


def counts_of(connection: duckdb.DuckDBPyConnection, *, seed: int = SEED) -> dict[str, dict[str, int]]:
    """Return how many customers have each value of each drawn attribute."""
    drawn = ", ".join(_drawn(field, seed) for field in WEIGHTS)
    together = connection.execute(
        f"select {', '.join(WEIGHTS)}, count(*) from (select {drawn} from judged where outcome = 'landed') group by all"  # noqa: S608
    ).fetchall()
    counts: dict[str, Counter[str]] = {field: Counter() for field in WEIGHTS}
    for *values, customers in together:
        for field, value in zip(WEIGHTS, values, strict=True):
            counts[field][value] += customers
    return {field: dict(sorted(values.items())) for field, values in counts.items()}


def write_summary(path: Path, statistics: dict[str, Any]) -> None:
    """Write ``summary_report.json``; what was there stays until it is whole."""
    text = orjson.dumps({"statistics": statistics}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def write(beside: Path) -> None:
        beside.write_bytes(text)

    replace_file(path, write)
