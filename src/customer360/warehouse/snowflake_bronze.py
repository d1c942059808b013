"""Bronze on Snowflake: what landed in the lake, copied batch by batch, each there whole or not at all.

What is new goes up as a few Parquet files per table. Their COPY and the rows of OPS.BATCHES that make the batches exist
are one transaction, so a copy that is cut off anywhere leaves nothing, and the next one starts over.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from customer360.errors import Conflict
from customer360.warehouse.builds import Batch, Progress
from customer360.warehouse.snowflake_account import Account
from customer360.workspace import hash_file

PART_BYTES = "200MB"
"""Size of a staged file; Snowflake loads files of 100 to 250 MB best."""

BATCHES = {
    "batch_id": "varchar",
    "dataset": "varchar",
    "source": "varchar",
    "sha256": "varchar",
    "bytes": "bigint",
    "mapping_sha256": "varchar",
    "row_count": "bigint",
    "duplicate_rows": "bigint",
    "tables": "variant",
    "landed_at": "timestamp_ntz",
    "supersedes": "varchar",
    "superseded_by": "varchar",
    "transactions_dropped_on": "date",
}
"""The columns of OPS.BATCHES, each with its type."""

KNOWN = "select batch_id, superseded_by, transactions_dropped_on from OPS.BATCHES"
COPY = """
copy into BRONZE.{table} from @BRONZE.LANDING/{folder}/{file}
file_format = (format_name = 'BRONZE.PARQUET_FILES') match_by_column_name = case_insensitive force = true purge = true
"""
DROP_TRANSACTIONS = "delete from BRONZE.TRANSACTIONS where _batch_id = :1"
UPDATE_BATCH = (
    "update OPS.BATCHES set tables = parse_json(:1), superseded_by = :2, transactions_dropped_on = :3"
    " where batch_id = :4"
)


@dataclass(frozen=True)
class Copied:
    """What one copy did: batches that came, and batches of which only the state changed."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def copy_batches(account: Account, batches: Sequence[Batch], progress: Progress = lambda _: None) -> Copied:
    """Bring bronze to what the lake holds: new batches with their rows, and what became of those it has.

    The caller holds the lease of the writer.

    Raises:
        Conflict: a file of the lake is not what landed.
        InvalidQuery: the account lacks a table; deploying makes it.
        Unavailable: no answer came, or a file did not arrive.
    """
    known = {
        batch_id: (superseded_by, str(dropped) if dropped else None)
        for batch_id, superseded_by, dropped in account.execute(KNOWN)
    }
    new = [batch for batch in batches if batch.batch_id not in known]
    _refuse_damage(new)
    changed = [batch for batch in batches if batch not in new and known[batch.batch_id] != _state(batch)]
    with tempfile.TemporaryDirectory(prefix="customer360-stage-") as folder:
        staged = list(_stage(account, new, Path(folder), progress))
    if new or changed:
        with account.transaction():
            for statement in staged:
                account.execute(statement)
            account.insert("OPS.BATCHES", BATCHES, [_row(batch) for batch in new])
            for batch in changed:
                _update(account, batch, was_dropped=known[batch.batch_id][1] is not None)
    return Copied([batch.batch_id for batch in new], [batch.batch_id for batch in changed])


def _refuse_damage(batches: Sequence[Batch]) -> None:
    faults = [
        {"field": str(path), "value": path.stem, "message": "its content is not what landed"}
        for batch in batches
        for table, path in batch.files.items()
        if (expected := batch.manifest["tables"][table]["sha256"]) and hash_file(path) != expected
    ]
    if faults:
        raise Conflict(
            f"{len(faults)} files of the lake are not what their manifests say; nothing was copied.",
            code="workspace_damaged",
            next_action="Restore lake/ from a backup, or load the data into a new workspace.",
            details=faults,  # type: ignore[arg-type]
        )


def _row(batch: Batch) -> dict[str, Any]:
    return {"row_count" if name == "rows" else name: value for name, value in batch.manifest.items()}


def _state(batch: Batch) -> tuple[str | None, str | None]:
    return batch.manifest["superseded_by"], batch.manifest["transactions_dropped_on"]


def _stage(account: Account, batches: Sequence[Batch], folder: Path, progress: Progress) -> Iterable[str]:
    """Upload the rows of all batches, table by table; returns the statements that will land them."""
    upload = f"copy_{secrets.token_hex(4)}"
    for table in sorted({table for batch in batches for table in batch.files}):
        files = [batch.files[table] for batch in batches if table in batch.files]
        for part in _write_parts(files, folder / table):
            progress(f"{table}/{part.name}")
            target = f"{table}/{upload}"
            account.put(part, f"BRONZE.LANDING/{target}")
            yield COPY.format(table=table.upper(), folder=target, file=part.name)


def _write_parts(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write the rows of several files into few large ones."""
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        rows = connection.read_parquet([str(file) for file in files], union_by_name=True)  # older ones have less
        rows.create_view("rows")
        connection.execute(
            f"copy rows to '{folder}' (format parquet, file_size_bytes '{PART_BYTES}', "
            "filename_pattern 'part_{i}', overwrite_or_ignore)"
        )
    return sorted(folder.glob("*.parquet"))


def _update(account: Account, batch: Batch, *, was_dropped: bool) -> None:
    superseded_by, dropped = _state(batch)
    if dropped and not was_dropped:
        account.change(DROP_TRANSACTIONS, [batch.batch_id])
    account.change(UPDATE_BATCH, [json.dumps(batch.manifest["tables"]), superseded_by, dropped, batch.batch_id])
