"""Carries the facts of the published build into the next one, so that a new day does not make all of them again.

What a build would make of the batches it shares with the published one is already made, sorted and checked: the child
copies the published file, keeps the facts, and lets dbt make everything else and append what is new. It does so only
where no carried fact could come out otherwise; the record of the build says why not. Values are those of a build that
reads everything, only the order of rows on disk differs.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from customer360 import __version__
from customer360.lake import Manifest, create_bronze_view
from customer360.settings import project_files
from customer360.warehouse import BuildRecord
from customer360.workspace import Workspace

MOST_IN_A_ROW = 30
"""Builds in a row that may append: each adds rows that are sorted only among themselves."""

CARRIED = ("gold.fct_transactions", "silver.repeated_transactions")
"""What stays of the copied file."""

EVERYTHING = "create view bronze.transactions_to_build as select * from bronze.transactions"
NEW_OR_REJECTED = """
create view bronze.transactions_to_build as
select * from bronze.new_transactions
union all
select source.*
from bronze.once_rejected_transactions as source
semi join carried.rejects on source._batch_id = batch_id and source._line = source_line
"""


REMEMBERED = """
create schema carried;
create table carried.customer_versions as
select customer_id, customer_key, valid_from, valid_to from silver.int_customer_versions;
create table carried.rejects as
select batch_id, source_line from silver.rejects where table_name = 'transactions';
"""

RELATIONS = """
select 'view', format('{}.{}', schema_name, view_name) from duckdb_views() where not internal
union all
select 'table', format('{}.{}', schema_name, table_name) from duckdb_tables()
order by 1 desc
"""

DIFFERENT = {
    "a new batch repeats a transaction that is built already": """
        select 1 from bronze.transactions as new
        where
            new._batch_id in (select unnest($new))
            and new.transaction_id in (
                select transaction_id from base.gold.fct_transactions
                union all
                select rejected.record_key from base.silver.rejects as rejected
                anti join bronze.corrections as corrected
                on
                    rejected.table_name = corrected.table_name
                    and rejected.batch_id = corrected.batch_id
                    and rejected.source_line = corrected.source_line
                where rejected.table_name = 'transactions'
            )
    """,
    "a correction takes the place of a repeated transaction": """
        select 1 from bronze.corrections as corrected
        inner join base.silver.rejects as rejected using (table_name, batch_id, source_line)
        inner join base.silver.repeated_transactions as repeated on rejected.record_key = repeated.transaction_id
        where corrected.table_name = 'transactions' and corrected._batch_id in (select unnest($new))
    """,
    "a correction takes the place of a merchant category or of a row that was used": """
        select 1 from bronze.corrections as corrected
        left join base.silver.rejects as rejected using (table_name, batch_id, source_line)
        where
            corrected._batch_id in (select unnest($new))
            and (rejected.reject_reason is null or corrected.table_name = 'merchant_categories')
    """,
    "a new batch brings other merchant categories": """
        select columns(lambda name: not starts_with(name, '_')) from bronze.merchant_categories
        where _batch_id in (select unnest($new))
        except
        select columns(lambda name: not starts_with(name, '_')) from bronze.merchant_categories
        where _batch_id not in (select unnest($new))
    """,
    "a new batch gives a known customer another account_open_date": """
        select 1 from bronze.customers as new
        inner join base.silver.int_customer_versions as known on trim(new.customer_id) = known.customer_id
        where
            new._batch_id in (select unnest($new))
            and new.account_open_date is not null
            and new.account_open_date is distinct from known.account_open_date
        union all
        select 1 from bronze.customer_changes
        where _batch_id in (select unnest($new)) and attribute = 'account_open_date'
    """,
}
"""What would make carried facts come out otherwise: each statement finds rows where it is so."""


def hash_models() -> str:
    """Return the hash of everything that decides what dbt makes of bronze: SQL, seeds and business rules."""
    root = project_files("transform")
    digest = hashlib.sha256(__version__.encode())
    folders = [root / name for name in ("macros", "models", "seeds")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".sql", ".csv")]
    for path in [root / "dbt_project.yml", *sorted(paths)]:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def why_anew(
    connection: duckdb.DuckDBPyConnection, base_file: Path, base: BuildRecord, record: BuildRecord, as_of: str
) -> str | None:
    """Return why a build cannot carry another's facts; ``None`` where it can.

    ``connection`` has the bronze views of the new build.
    """
    known = {
        "the models changed": base.models_sha256 != record.models_sha256,
        "the dataset's definition changed": base.dataset != record.dataset,
        "a batch was replaced or dropped": not base.source_rows.items() <= record.source_rows.items(),
        f"the as-of date lies before {base.as_of_date}": as_of < (base.as_of_date or ""),
        f"{MOST_IN_A_ROW} builds in a row have appended": base.appended_builds >= MOST_IN_A_ROW,
    }
    for reason, holds in known.items():
        if holds:
            return reason
    connection.execute("attach '{}' as base (read_only)".format(str(base_file).replace("'", "''")))
    parameters = {"new": sorted(record.source_rows.keys() - base.source_rows.keys())}
    for reason, statement in DIFFERENT.items():
        if connection.execute(f"select exists({statement})", parameters).fetchall() == [(True,)]:
            return reason
    return None


def copy_facts(base_file: Path, file: Path) -> None:
    """Copy a build's file and take everything out of the copy but the facts and what they are held against."""
    shutil.copyfile(base_file, file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(REMEMBERED)
        for kind, name in connection.execute(RELATIONS).fetchall():
            if name not in CARRIED and not name.startswith("carried."):
                connection.execute(f"drop {kind} {name}")


def create_view_to_build(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    batches: Sequence[Manifest],
    base: BuildRecord | None,
) -> None:
    """Create the view over the transactions that facts are made of: all, or where facts are carried what is new.

    Transactions of carried batches that were rejected are judged anew, because what they lacked may have landed.
    """
    if base is None:
        connection.execute(EVERYTHING)
        return
    rejected = {
        batch_id for (batch_id,) in connection.execute("select distinct batch_id from carried.rejects").fetchall()
    }
    for view, chosen in {
        "new_transactions": [batch for batch in batches if batch.batch_id not in base.source_rows],
        "once_rejected_transactions": [batch for batch in batches if batch.batch_id in rejected],
    }.items():
        create_bronze_view(connection, workspace, view, "transactions", chosen)
    connection.execute(NEW_OR_REJECTED)
