"""Drops transactions that are older than what is kept: the only way by which something leaves bronze.

A batch leaves whole. Its manifest stays and says when its transactions were dropped, so that the same file does not
land again; what the batch says of customers and products stays. The manifest is written first: a process killed behind
it leaves files that no manifest names, which the next writer sweeps.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from customer360.clock import Clock, utc_now
from customer360.errors import NotFound
from customer360.lake.bronze import live_batches, parquet_path, raw_folder
from customer360.lake.manifests import Manifest, write_manifest
from customer360.workspace import Workspace

TRANSACTIONS = "transactions"
NEWEST = """
select _batch_id, max(transaction_date), count(*)
from read_parquet($1)
where transaction_date <= cast(_loaded_at as date) + 1
group by _batch_id
"""


@dataclass(frozen=True)
class ExpiredBatch:
    """A batch whose transactions are all older than what is kept; ``bytes`` on disk, the received file included."""

    batch_id: str
    source: str
    rows: int
    newest: date
    bytes: int


@dataclass(frozen=True)
class Expired:
    """What is older than the cutoff, the first day that is kept."""

    cutoff: date
    batches: list[ExpiredBatch]


def find_expired(workspace: Workspace, months: int) -> Expired:
    """Return the batches whose transactions are all older than so many months before the newest one.

    Raises:
        NotFound: no transaction has landed yet.
    """
    batches = {batch.batch_id: batch for batch in live_batches(workspace) if TRANSACTIONS in batch.tables}
    files = [str(parquet_path(workspace, TRANSACTIONS, batch_id)) for batch_id in batches]
    if not files:
        raise NotFound("No transaction has landed yet.", next_action="customer360 load … lands some.")
    with duckdb.connect() as connection:
        found = connection.execute(NEWEST, [files]).fetchall()
        newest = max(day for _, day, _ in found)
        [(cutoff,)] = connection.execute(
            "select cast($1::date - to_months($2) as date) + 1", [newest, months]
        ).fetchall()
    expired = [
        ExpiredBatch(batch_id, batches[batch_id].source, rows, day, _bytes(workspace, batches[batch_id]))
        for batch_id, day, rows in found
        if day < cutoff
    ]
    return Expired(cutoff, sorted(expired, key=lambda batch: (batch.newest, batch.source)))


def drop_expired(workspace: Workspace, months: int, clock: Clock = utc_now) -> Expired:
    """Drop what :func:`find_expired` finds.

    Raises:
        NotFound: no transaction has landed yet.
        WorkspaceBusy: another process writes.
    """
    with workspace.writing():
        found = find_expired(workspace, months)
        manifests = {batch.batch_id: batch for batch in live_batches(workspace)}
        today = clock().date().isoformat()
        for batch in found.batches:
            _drop(workspace, manifests[batch.batch_id], today)
        return found


def _drop(workspace: Workspace, manifest: Manifest, today: str) -> None:
    tables = {name: counts for name, counts in manifest.tables.items() if name != TRANSACTIONS}
    write_manifest(workspace, replace(manifest, tables=tables, transactions_dropped_on=today))
    parquet_path(workspace, TRANSACTIONS, manifest.batch_id).unlink(missing_ok=True)
    shutil.rmtree(raw_folder(workspace, manifest.batch_id), ignore_errors=True)


def _bytes(workspace: Workspace, manifest: Manifest) -> int:
    return parquet_path(workspace, TRANSACTIONS, manifest.batch_id).stat().st_size + manifest.bytes
