"""Judges what a run over a source landed: every record of every endpoint is in exactly one of three.

It is the best of its kind (a customer's highest score, the newest of anything else), a duplicate of that, or
quarantined: the source's contract does not take it, or it does not say whose it is. Customers are judged over all runs
since the last whole one, because a run that asks only for what changed does not see the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from customer360.errors import Conflict
from customer360.lake import REJECT_CODE, TABLES, create_bronze_view, read_manifests
from customer360.settings import business_rules
from customer360.workspace import Workspace

EXPECTED = ("first_name", "last_name", "email", "avatar")
EMAIL = r"[^@\s]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
MEMORY, THREADS = "120MB", 2
"""Enough for any number of records, the rest spills; each thread more would take its own share of it."""
MOST_REASONS = 50
CUSTOMERS = "api_customers"
KEYS = {
    "customers": ("customer_id", "observed_at"),
    "customer_changes": ("change_id",),
    "transactions": ("transaction_id",),
    "merchant_categories": ("category_id",),
    "products": ("product_id",),
    "customer_products": ("customer_id", "product_id", "start_date"),
    CUSTOMERS: ("source_customer_id",),
    "api_carts": ("source_cart_id",),
}
"""What tells the rows of each table apart within a source; newer rows with the same are the same thing again."""

BATCHES = """
create table batches as
select unnest($batches) as _batch_id, unnest($runs) as run, unnest($runs) = $newest as is_of_run
"""
JUDGED = """
create table judged as
with read as (
    select
        nullif(trim(source_customer_id), '') as customer_id,
        nullif(trim(first_name), '') as first_name, nullif(trim(last_name), '') as last_name,
        nullif(trim(email), '') as email, nullif(trim(avatar), '') as avatar, fetched_at, _batch_id, _line,
        split_part(_source_file, '/', 3) as endpoint,
        case when reject_code is not null then reject_code when customer_id is null then 'no_id' end as reason,
        run, is_of_run
    from bronze.api_customers
    inner join batches using (_batch_id)
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
        when reason is not null then 'quarantined'
        when row_number() over (
            partition by run, customer_id, reason is null
            order by data_quality_score desc, fetched_at desc, _batch_id desc, _line desc
        ) = 1 then 'landed'
        else 'duplicate'
    end as outcome,
    case when data_quality_score >= {high} then 'high' when data_quality_score >= {medium} then 'medium' else 'low' end
        as quality_bucket
from scored
"""
EXPORTED = """
create view exported as
select * from judged where outcome = 'landed'
"""
NEWEST = "qualify row_number() over (partition by customer_id order by run desc) = 1"
CUSTOMERS_OF_RUN = "select endpoint, outcome, reason, count(*) from judged where is_of_run group by all"
OTHERS_OF_RUN = """
with read as (
    select
        *, split_part(_source_file, '/', 3) as endpoint,
        case when {rejected} is not null then {rejected} when {without_key} then 'no_id' end as reason
    from bronze.{table}
    inner join batches using (_batch_id)
    where is_of_run
),
placed as (
    select
        endpoint, reason,
        row_number() over (
            partition by {key}, reason is null order by _loaded_at desc, _batch_id desc, _line desc
        ) as place
    from read
)
select
    endpoint,
    case when reason is not null then 'quarantined' when place = 1 then 'landed' else 'duplicate' end as outcome,
    reason,
    count(*)
from placed group by all
"""


@dataclass
class Outcome:
    """What became of the records of one endpoint in one table; ``reasons`` says why records are quarantined."""

    endpoint: str
    table: str
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        return self.landed + self.duplicates + self.quarantined

    def add(self, outcome: str, reason: str | None, rows: int) -> None:
        """Count rows that were judged alike."""
        if outcome == "landed":
            self.landed += rows
        elif outcome == "duplicate":
            self.duplicates += rows
        else:
            self.quarantined += rows
            self.reasons[str(reason)] = self.reasons.get(str(reason), 0) + rows


@dataclass(frozen=True)
class Batches:
    """The batches to judge: of the run, and those of each earlier run that it only adds to."""

    of_run: Sequence[str]
    earlier: Sequence[Sequence[str]] = ()

    @property
    def runs(self) -> list[tuple[str, int]]:
        """All batches in order, each with the number of its run."""
        runs = [*self.earlier, self.of_run]
        return [(batch, number) for number, batches in enumerate(runs) for batch in batches]


class Judgement:
    """A database in which the records of some batches are judged: ``judged``, and ``exported``, one per customer."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, workspace: Workspace, batches: Batches) -> None:
        self.connection = connection
        runs = dict(batches.runs)
        manifests = [manifest for manifest in read_manifests(workspace) if manifest.batch_id in runs]
        numbers = {"batches": list(runs), "runs": list(runs.values()), "newest": len(batches.earlier)}
        connection.execute(BATCHES, numbers)
        connection.execute("create schema bronze")
        for table in KEYS:
            create_bronze_view(connection, workspace, table, table, manifests)
        rules = {rule.name: rule.value for rule in business_rules()}
        statement = JUDGED.format(
            missing=", ".join(f"case when {field} is null then '{field}' end" for field in EXPECTED),
            email=EMAIL,
            points=rules["quality_points_per_field"],
            high=rules["quality_high_score"],
            medium=rules["quality_medium_score"],
        )
        connection.execute(statement)
        connection.execute(EXPORTED + (NEWEST if batches.earlier else ""))

    def count(self, fetched: Mapping[str, int], tables: Mapping[str, Sequence[str]]) -> list[Outcome]:
        """Return what became of every record, and hold each sum against the number that was fetched.

        Raises:
            Conflict: a record is missing, or there twice.
        """
        outcomes = {(name, table): Outcome(name, table) for name in tables for table in tables[name]}
        for table in sorted({table for _, table in outcomes}):
            for endpoint, outcome, reason, rows in self._rows_of_run(table):
                outcomes.setdefault((endpoint, table), Outcome(endpoint, table)).add(outcome, reason, rows)
        for found in outcomes.values():
            _hold(found, fetched.get(found.endpoint, 0))
            found.reasons = shortened(found.reasons)
        return list(outcomes.values())

    def _rows_of_run(self, table: str) -> list[tuple[str, str, str | None, int]]:
        if table == CUSTOMERS:
            return self.connection.execute(CUSTOMERS_OF_RUN).fetchall()
        statement = OTHERS_OF_RUN.format(
            table=table,
            rejected=REJECT_CODE if REJECT_CODE in TABLES[table].names else "null",
            without_key=" or ".join(f"coalesce(trim({column}::varchar), '') = ''" for column in KEYS[table]),
            key=", ".join(KEYS[table]),
        )
        return self.connection.execute(statement).fetchall()


@contextmanager
def judged(workspace: Workspace, batches: Batches) -> Iterator[Judgement]:
    """Open a database with the records of some batches judged; it spills to the workspace where memory is short."""
    limits: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(workspace.home / "ingest"),
        "memory_limit": MEMORY,
        "threads": THREADS,
    }
    with duckdb.connect(config=limits) as connection:
        yield Judgement(connection, workspace, batches)


def shortened(reasons: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent reasons, and the others as one."""
    most = Counter(reasons).most_common()
    others = sum(rows for _, rows in most[MOST_REASONS:])
    return dict(most[:MOST_REASONS]) | ({"(others)": others} if others else {})


def _hold(found: Outcome, fetched: int) -> None:
    if found.records != fetched:
        raise Conflict(
            f"{fetched:,} records of {found.endpoint} were fetched and {found.records:,} are in {found.table}.",
            code="records_lost",
            next_action=f"{found.table}.sql must give one row for each row of source: no where, no unnest. Correct it "
            "and run the command with --afresh.",
        )
