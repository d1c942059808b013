"""What a run over a source found, counted and exported in the shapes of the contract.

Attributes that only behaviour could show are drawn by weight and marked ``is_simulated``; a draw is a function of seed
and customer, so that order and number of records change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from customer360.ingest.api_judge import Outcome, shortened
from customer360.ingest.api_schemas import ExportMetadata, SummaryReport
from customer360.settings import business_rules, simulated_weights
from customer360.workspace import replace_file

EXPORTED_ROWS = 10_000
"""Customers that are written at a time."""

CUSTOMERS = """
select
    case
        when try_cast(exported.customer_id as bigint)::varchar = exported.customer_id
            then try_cast(exported.customer_id as bigint)::json
        else to_json(exported.customer_id)
    end as customer_id,
    nullif(concat_ws(' ', first_name, last_name), '') as full_name,
    case when len(invalid_fields) = 0 then lower(split_part(email, '@', 2)) end as email_domain,
    {fields},
    data_quality_score,
    coalesce(known.is_simulated, true) as is_simulated
from exported
left join known on exported.customer_id = known.source_customer_id
order by try_cast(exported.customer_id as bigint), exported.customer_id
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


def nothing_known() -> pa.Table:
    """Return the table of what a build knows of customers of a source, without any; a null in it is drawn."""
    attributes = [(name, pa.string()) for name in simulated_weights()]
    return pa.schema([("source_customer_id", pa.string()), *attributes, ("is_simulated", pa.bool_())]).empty_table()


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


def export_customers(connection: duckdb.DuckDBPyConnection, path: Path, figures: Figures, exported_at: str) -> None:
    """Write ``processed_customers.json``, a batch of customers at a time; what was there stays until it is whole."""
    metadata = {
        "total_customers": figures.customers,
        "export_timestamp": exported_at,
        "data_quality_summary": {f"{bucket}_quality": rows for bucket, rows in figures.buckets.items()},
    }
    ExportMetadata.model_validate(metadata)
    customers = CUSTOMERS.format(fields=", ".join(_fields()))
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


def _fields() -> list[str]:
    """Return what is known of each customer, or drawn by weight as the macro ``drawn_value`` of a build draws it."""
    [seed] = [rule.value for rule in business_rules() if rule.name == "simulation_seed"]
    fields = []
    for field, weights in simulated_weights().items():
        draw = f"(md5_number_lower('{seed}|{field}|' || exported.customer_id) % 100)"
        bounds = zip(weights, accumulate(weights.values()), strict=True)
        cases = " ".join(f"when {draw} < {below} then '{value}'" for value, below in bounds)
        fields.append(f"coalesce(known.{field}, case {cases} end) as {field}")
    return fields


def counts_of(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Return how many customers have each value of each attribute that is known or drawn."""
    names = list(simulated_weights())
    together = connection.execute(
        f"select {', '.join(names)}, count(*) from ({CUSTOMERS.format(fields=', '.join(_fields()))}) group by all"  # noqa: S608
    ).fetchall()
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for *values, customers in together:
        for name, value in zip(names, values, strict=True):
            counts[name][value] += customers
    return {field: dict(sorted(values.items())) for field, values in counts.items()}


def write_summary(path: Path, statistics: dict[str, Any]) -> None:
    """Write ``summary_report.json``; what was there stays until it is whole."""
    report = {"statistics": statistics}
    SummaryReport.model_validate(report)
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def write(beside: Path) -> None:
        beside.write_bytes(text)

    replace_file(path, write)
