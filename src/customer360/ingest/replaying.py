"""Corrects rejected rows and lands them anew: one batch that says what was set, whole or not at all.

The rejected row stays where it is; the ``corrections`` that land beside the corrected one tell builds to set it aside.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, ErrorDetail, InvalidInput, did_you_mean
from customer360.ingest.corrections import FORM, Correction
from customer360.ingest.mapping import Mapping as TableMapping
from customer360.ingest.mapping import Origin, Part, fit
from customer360.ingest.quarantine import FILE_REPLACED, Reject, get_rejects, read_corrected, read_corrections
from customer360.lake import (
    REJECT_CODE,
    Manifest,
    TableContract,
    TableRows,
    commit_batches,
    discard_batch,
    get_contract,
    incoming_folder,
    live_batches,
    new_batch_id,
    parquet_path,
    sweep,
)
from customer360.lake.contracts import CORRECTIONS, PROVENANCE
from customer360.warehouse import open_builds
from customer360.workspace import Workspace, explain_disk, hash_file

LINES = "select columns(*)::varchar from read_parquet($1) where _line in (select unnest($2)) order by _line"

Values = dict[str, str | None]


@dataclass(frozen=True)
class Replay:
    """The batch that brought corrected rows anew: how many in each table, and which rejects they correct."""

    batch_id: str
    source: str
    rows: dict[str, int]
    reject_ids: list[str]


@dataclass(frozen=True)
class _Corrected:
    """A rejected row before and after: text by column."""

    line: int
    reject: Reject
    correction: Correction
    file: Manifest
    before: Values
    after: Values


def replay(workspace: Workspace, corrections: Sequence[Correction], *, clock: Clock = utc_now) -> Replay:
    """Land rejected rows of the published build anew, as corrected, in one batch.

    Raises:
        NotFound: a row is not in quarantine.
        Conflict: a row was corrected already, or its file landed anew since the build.
        InvalidInput: there is no such column, a value does not fit it, or nothing changes.
        WorkspaceBusy: another process writes.
    """
    dataset = str(workspace.describe()["dataset"])
    if not corrections:
        raise InvalidInput("No row is to be corrected.", next_action=FORM)
    _refuse_twice(corrections)
    with workspace.writing():
        sweep(workspace)
        rows = _correct(workspace, corrections)
        try:
            return _land(workspace, dataset, rows, clock)
        except OSError as error:
            raise explain_disk(error, workspace.lake) from error


def _correct(workspace: Workspace, corrections: Sequence[Correction]) -> list[_Corrected]:
    """Return the rows before and after, all checked."""
    with closing(open_builds(workspace)) as builds, builds.pin() as build:
        rejects = get_rejects(build, [correction.reject_id for correction in corrections])
    _refuse_replayed(workspace, rejects.values())
    live = {batch.batch_id: batch for batch in live_batches(workspace)}
    _refuse_moved(live, rejects.values())
    _refuse_columns(corrections, rejects)
    before = _read_rows(workspace, rejects.values())
    rows = [
        _Corrected(
            line,
            reject := rejects[correction.reject_id],
            correction,
            live[reject.batch_id],
            before[reject.reject_id],
            _corrected(before[reject.reject_id], correction),
        )
        for line, correction in enumerate(corrections, start=1)
    ]
    for table, of_table in _by_table(rows).items():
        _refuse_values(get_contract(table), of_table)
    return rows


def _corrected(before: Values, correction: Correction) -> Values:
    """Return a row as it lands: the contract of a source judges what the source sent, not what people set."""
    judged_anew = {REJECT_CODE: None} if REJECT_CODE in before else {}
    return before | judged_anew | dict(correction.changes)


def _refuse_twice(corrections: Sequence[Correction]) -> None:
    for reject_id, times in Counter(correction.reject_id for correction in corrections).items():
        if times > 1:
            raise InvalidInput(f"The row {reject_id} is to be corrected twice.", next_action="Keep one of the two.")


def _refuse_replayed(workspace: Workspace, rejects: Iterable[Reject]) -> None:
    known = read_corrected(workspace)
    faults: list[ErrorDetail] = [
        {"field": reject.reject_id, "value": batch, "message": f"landed anew in {batch}"}
        for reject in rejects
        if (batch := reject.replayed_by_batch_id or known.get(reject.reject_id))
    ]
    if faults:
        raise Conflict(
            f"The row {faults[0]['field']} was corrected already: it {faults[0]['message']}{_and_others(faults)}.",
            code="reject_replayed",
            next_action="Leave it out. Where that was wrong too, the next build gives the new row an id of its own.",
            details=faults,
        )


def _refuse_moved(live: Mapping[str, Manifest], rejects: Iterable[Reject]) -> None:
    """Refuse rows of batches that are no longer live, and corrections of a file that was replaced."""
    faults: list[ErrorDetail] = [
        {
            "field": reject.reject_id,
            "value": reject.batch_id,
            "message": f"{reject.source_file} landed anew, or was dropped",
        }
        for reject in rejects
        if reject.batch_id not in live
        or reject.table_name not in live[reject.batch_id].tables
        or reject.reason_code == FILE_REPLACED
    ]
    if faults:
        raise Conflict(
            f"The row {faults[0]['field']} is not in bronze as the build read it: {faults[0]['message']}"
            f"{_and_others(faults)}.",
            code="reject_moved",
            next_action="customer360 build, then customer360 quarantine list: the row is well now, or has another id.",
            details=faults,
        )


def _refuse_columns(corrections: Sequence[Correction], rejects: Mapping[str, Reject]) -> None:
    faults: list[ErrorDetail] = []
    for correction in corrections:
        contract = get_contract(rejects[correction.reject_id].table_name)
        required = {column.name for column in contract.columns if column.required}
        for column, value in correction.changes.items():
            if column not in contract.names:
                hint = did_you_mean(column, contract.names)
                faults.append({"field": column, "message": f"{contract.name} has no such column. {hint}"})
            elif value is None and column in required:
                faults.append({"field": column, "value": value, "message": "a row cannot do without it"})
    _refuse("columns cannot be set so", faults, "Name columns of the table; customer360 quarantine show lists them.")


def _read_rows(workspace: Workspace, rejects: Iterable[Reject]) -> dict[str, Values]:
    """Return each rejected row as it landed, as text: a value that did not fit its type is as it was received."""
    by_file: dict[tuple[str, str], dict[str, Reject]] = defaultdict(dict)
    for reject in rejects:
        by_file[reject.table_name, reject.batch_id][str(reject.source_line)] = reject
    rows: dict[str, Values] = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for (table, batch_id), lines in by_file.items():
            path = parquet_path(workspace, table, batch_id)
            values = [str(path), [int(line) for line in lines]]
            found: list[dict[str, str]] = connection.sql(LINES, params=values).to_arrow_table().to_pylist()
            _refuse_shared_lines(lines, found)
            for row in found:
                invalid = json.loads(row["_invalid"] or "{}")
                rows[lines[row["_line"]].reject_id] = {
                    name: invalid.get(name, row[name]) for name in get_contract(table).names
                }
    return rows


def _refuse_shared_lines(lines: Mapping[str, Reject], rows: list[dict[str, str]]) -> None:
    """Refuse a line of which the mapping makes several rows: which of them is meant cannot be told."""
    for line, count in Counter(row["_line"] for row in rows).items():
        if count > 1:
            reject = lines[line]
            raise Conflict(
                f"Line {line} of {reject.source_file} gives {count} rows of {reject.table_name}, "
                f"so that {reject.reject_id} cannot be told from the others.",
                code="reject_ambiguous",
                next_action="Correct the file and load it with --replace.",
            )


def _refuse_values(contract: TableContract, rows: Sequence[_Corrected]) -> None:
    """Refuse rows in which a value does not fit its column, and corrections that change nothing."""
    types = {column.name: column.type for column in contract.columns}
    before, after = _fit(contract, [row.before for row in rows]), _fit(contract, [row.after for row in rows])
    unfit: list[ErrorDetail] = []
    unchanged: list[ErrorDetail] = []
    for row, old, new in zip(rows, before, after, strict=True):
        for column, value in json.loads(new["_invalid"] or "{}").items():
            given = "" if column in row.correction.changes else "; it came so, set it too"
            unfit.append({"field": column, "value": value, "message": f"{value!r} is no {types[column]}{given}"})
        if old == new:
            unchanged.append({"field": row.reject.reject_id, "message": "the row holds these values already"})
    _refuse(
        "values do not fit their columns",
        unfit,
        "Set a value of that type, such as 2024-06-30, 12.50 or true; an empty one makes it null.",
    )
    _refuse(
        "nothing would change",
        unchanged,
        "Set another value. What a row lacks may land as well: every build judges it anew.",
    )


def _fit(contract: TableContract, rows: Sequence[Values]) -> list[dict[str, str | None]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("source", _as_table(contract, enumerate(rows, start=1)))
        return fit(connection, contract)


def _refuse(what: str, faults: Sequence[ErrorDetail], next_action: str) -> None:
    """Refuse for these faults; values are only in the details, because the sentence is recorded with the run."""
    if faults:
        fields = ", ".join(sorted({fault["field"] for fault in faults}))
        raise InvalidInput(f"Nothing was landed: {what} ({fields}).", next_action=next_action, details=faults)


def _and_others(faults: Sequence[ErrorDetail]) -> str:
    return f" (so did {len(faults) - 1} others)" if faults[1:] else ""


def _land(workspace: Workspace, dataset: str, rows: Sequence[_Corrected], clock: Clock) -> Replay:
    """Write the rows, what was corrected and what somebody asked for, and make the batch exist."""
    received = _write_request(workspace, rows)
    sha256 = hash_file(received)
    batch_id, source = new_batch_id(CORRECTIONS.name, sha256, 1), f"{CORRECTIONS.name}/{sha256[:12]}.jsonl"
    landed_at = clock().replace(tzinfo=None, microsecond=0)
    origin = Origin(source, batch_id, landed_at.isoformat())
    by_table = _by_table(rows)
    try:
        tables = {
            table: _write_rows(of_table, origin, parquet_path(workspace, table, batch_id))
            for table, of_table in by_table.items()
        }
        path = parquet_path(workspace, CORRECTIONS.name, batch_id)
        tables[CORRECTIONS.name] = _write_corrections(workspace, rows, origin, landed_at, path)
        manifest = Manifest(
            batch_id=batch_id,
            dataset=dataset,
            source=source,
            sha256=sha256,
            bytes=received.stat().st_size,
            mapping_sha256="",
            rows=len(rows),
            duplicate_rows=None,
            tables=tables,
            landed_at=origin.loaded_at,
        )
        commit_batches(workspace, [(manifest, received)])
    except BaseException:
        discard_batch(workspace, batch_id)
        raise
    counts = {table: len(of_table) for table, of_table in by_table.items()}
    return Replay(batch_id, source, counts, [row.reject.reject_id for row in rows])


def _write_request(workspace: Workspace, rows: Sequence[_Corrected]) -> Path:
    """Write what was asked for as the file that is kept beside the batch; a row's line of it is its ``_line``."""
    path = incoming_folder(workspace) / "corrections.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    asked = ({"reject_id": row.reject.reject_id, "set": dict(row.correction.changes)} for row in rows)
    lines = [json.dumps(request, ensure_ascii=False) + "\n" for request in asked]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _write_rows(rows: Sequence[_Corrected], origin: Origin, path: Path) -> TableRows:
    contract = get_contract(rows[0].reject.table_name)
    source = _as_table(contract, ((row.line, row.after) for row in rows))
    columns = [exp.column(name) for name in source.column_names]
    mapping = TableMapping(contract.name, exp.select(*columns).from_("source").sql(dialect="duckdb"))
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("source", source)
        return mapping.write(connection, source.schema, [Part(origin, len(rows), path)])[0]


def _as_table(contract: TableContract, rows: Iterable[tuple[int, Values]]) -> pa.Table:
    """Return rows as text, each with its line."""
    numbered = list(rows)
    columns = {name: pa.array([values[name] for _, values in numbered], pa.string()) for name in contract.names}
    return pa.table(columns | {"_line": pa.array([line for line, _ in numbered], pa.int64())})


def _write_corrections(
    workspace: Workspace, rows: Sequence[_Corrected], origin: Origin, landed_at: datetime, path: Path
) -> TableRows:
    first_files = _read_first_files(workspace, rows)
    records = []
    for row in rows:
        reject = row.reject
        first_source_file, first_sha256 = first_files.get(reject.reject_id, (row.file.source, row.file.sha256))
        records.append(
            {
                "reject_id": reject.reject_id,
                "table_name": reject.table_name,
                "batch_id": reject.batch_id,
                "source_line": reject.source_line,
                "source_file": row.file.source,
                "sha256": row.file.sha256,
                "first_source_file": first_source_file,
                "first_sha256": first_sha256,
                "reason_code": reject.reason_code,
                "reject_reason": reject.reject_reason,
                "changes": json.dumps(dict(row.correction.changes), ensure_ascii=False),
                "corrected_at": landed_at,
                "_line": row.line,
                "_invalid": None,
                "_source_file": origin.source_file,
                "_batch_id": origin.batch_id,
                "_loaded_at": landed_at,
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records, schema=_SCHEMA), path, compression="lz4")
    return TableRows(len(rows), 0, hash_file(path))


_TYPES = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "TIMESTAMP": pa.timestamp("us")}
_SCHEMA = pa.schema([(column.name, _TYPES[column.type]) for column in (*CORRECTIONS.columns, *PROVENANCE)])


def _read_first_files(workspace: Workspace, rows: Sequence[_Corrected]) -> dict[str, tuple[str, str]]:
    """Return the file (name and hash) that a row came from first, for each that is a correction itself."""
    earlier = {row.file.batch_id for row in rows if row.file.is_correction}
    known = {
        (batch_id, record["table_name"], record["_line"]): (record["first_source_file"], record["first_sha256"])
        for batch_id in earlier
        for record in read_corrections(workspace, batch_id)
    }
    places = {
        (reject.batch_id, reject.table_name, reject.source_line): reject for reject in (row.reject for row in rows)
    }
    return {places[place].reject_id: first for place, first in known.items() if place in places}


def _by_table(rows: Iterable[_Corrected]) -> dict[str, list[_Corrected]]:
    by_table: dict[str, list[_Corrected]] = defaultdict(list)
    for row in rows:
        by_table[row.reject.table_name].append(row)
    return dict(by_table)
