"""Reads the rows that a published build could not use: which, why, where they came from, and what became of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from customer360.errors import Conflict, InvalidInput, InvalidQuery, NotFound, did_you_mean
from customer360.lake import count_source_rows, get_contract, live_batches, parquet_path, raw_folder, read_manifests
from customer360.lake.contracts import API_TABLES, CORRECTIONS, SOURCE_TABLES
from customer360.warehouse import OpenBuild
from customer360.workspace import Workspace

QUARANTINED, REPLAYED, ALL = "quarantined", "replayed", "all"
STATES = (QUARANTINED, REPLAYED, ALL)
TYPE, FILE_REPLACED = "type", "file_replaced"
IDS_AT_ONCE = 500

COLUMNS = """
select
    rejects.reject_id, rejects.table_name, rejects.record_key, rejects.reason_code, rejects.reject_reason,
    rejects.state, rejects.replayed_by_batch_id, rejects.source_file, rejects.source_line, rejects.batch_id,
    rejects.payload
from silver{suffix}.rejects as rejects
"""
LIST = (
    COLUMNS
    + """
left join monitoring{suffix}.batches as batches
    on rejects.batch_id = batches.batch_id and rejects.table_name = batches.table_name
where
    ({mark}1 = '' or rejects.table_name = {mark}1)
    and ({mark}2 = '' or position(',' || {mark}2 || ',' in ',' || rejects.reason_code || ',') > 0)
    and ({mark}3 = 'all' or rejects.state = {mark}3)
order by batches.landed_at desc, rejects.table_name, rejects.source_file, rejects.source_line
limit {limit}
"""
)
BY_ID = COLUMNS + "where rejects.reject_id in ({marks})"
COUNT = """
select table_name, reason_code, state, count(*) as row_count
from silver{suffix}.rejects
group by table_name, reason_code, state
"""
IDS = "select reject_id from silver{suffix}.rejects"
RULES = "select distinct rule_name from monitoring{suffix}.data_quality_results where consequence = 'reject'"


@dataclass(frozen=True)
class Reject:
    """One row that cannot be used, as a build found it."""

    reject_id: str
    table_name: str
    record_key: str | None
    reason_code: str
    reject_reason: str
    state: str
    replayed_by_batch_id: str | None
    source_file: str
    source_line: int
    batch_id: str
    payload: str = field(repr=False)

    @property
    def values(self) -> dict[str, Any]:
        """The columns of its table; a value that does not fit its type is as it was received."""
        row = json.loads(self.payload)
        invalid = json.loads(row.get("_invalid") or "{}")
        return {name: invalid.get(name, row.get(name)) for name in get_contract(self.table_name).names}


@dataclass(frozen=True)
class Quarantine:
    """Rejects of a build that somebody asked for, and how many there are."""

    build_id: str
    rejects: list[Reject]
    states: dict[str, int]
    """All of the build, by state."""
    reasons: dict[tuple[str, str], int]
    """Quarantined rows by (table, rule), within the filters; a row that breaks two rules counts for both."""
    matching: int
    """Rejects that the filters let through, shown or not."""


def list_rejects(
    build: OpenBuild, *, table: str = "", reason: str = "", state: str = QUARANTINED, limit: int = 20
) -> Quarantine:
    """Return the rejects of a build, those of the newest batches first.

    Raises:
        InvalidInput: there is no such table, rule or state.
        Conflict: the build was made before rows in quarantine had ids.
    """
    _refuse_outdated(build)
    _check_filters(build, table, reason, state)
    found = _ask(build, LIST, [table, reason, state], limit=limit)
    states: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    matching = 0
    for row in _ask(build, COUNT):
        count, codes = row["row_count"], row["reason_code"].split(",")
        states[row["state"]] += count
        if table in ("", row["table_name"]) and (not reason or reason in codes):
            matching += count if state in (ALL, row["state"]) else 0
            if row["state"] == QUARANTINED:
                reasons.update({(row["table_name"], code): count for code in codes})
    return Quarantine(build.build_id, [Reject(**row) for row in found], dict(states), dict(reasons), matching)


def get_rejects(build: OpenBuild, reject_ids: Collection[str]) -> dict[str, Reject]:
    """Return rejects of a build by their ids.

    Raises:
        NotFound: the build has no reject of one of the ids.
        Conflict: the build was made before rows in quarantine had ids.
    """
    _refuse_outdated(build)
    wanted = list(reject_ids)
    chunks = (wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE))
    found = {reject.reject_id: reject for chunk in chunks for reject in _by_id(build, chunk)}
    if missing := [reject_id for reject_id in reject_ids if reject_id not in found]:
        raise NotFound(
            f"Build {build.build_id} has no row {missing[0]!r} in quarantine"
            + (f", nor {len(missing) - 1} others that were given." if missing[1:] else "."),
            code="reject_not_found",
            next_action="customer360 quarantine list shows the ids; a row that a build can use is no longer there.",
            details=[{"field": "reject_id", "value": name, "message": f"{name} is not there"} for name in missing],
        )
    return found


def _by_id(build: OpenBuild, reject_ids: Sequence[str]) -> Iterator[Reject]:
    marks = ", ".join(f"{build.mark}{number}" for number in range(1, len(reject_ids) + 1))
    return (Reject(**row) for row in _ask(build, BY_ID, reject_ids, marks=marks))


def read_corrected(workspace: Workspace) -> dict[str, str]:
    """Return which rejects were corrected, in whatever batch of the lake, built or not: batch by reject id."""
    batches = [batch.batch_id for batch in live_batches(workspace) if batch.is_correction]
    return {record["reject_id"]: batch_id for batch_id in batches for record in read_corrections(workspace, batch_id)}


def read_corrections(workspace: Workspace, batch_id: str) -> list[dict[str, Any]]:
    """Return what a batch corrects."""
    rows: list[dict[str, Any]] = pq.read_table(parquet_path(workspace, CORRECTIONS.name, batch_id)).to_pylist()
    return rows


def list_unread_batches(workspace: Workspace, build: OpenBuild) -> list[str]:
    """Return the live batches of sources that landed after the build began."""
    return sorted(count_source_rows(read_manifests(workspace)).keys() - build.record.source_rows.keys())


def find_kept_file(workspace: Workspace, reject: Reject) -> Path | None:
    """Return the file that a reject came in, as it was received; ``None`` where retention dropped it."""
    path = raw_folder(workspace, reject.batch_id) / Path(reject.source_file).name
    return path if path.is_file() else None


def _check_filters(build: OpenBuild, table: str, reason: str, state: str) -> None:
    _refuse_unknown("table", table, [contract.name for contract in (*SOURCE_TABLES, *API_TABLES)])
    _refuse_unknown("state", state, STATES)
    if reason:
        rules = [row["rule_name"] for row in _ask(build, RULES)]
        _refuse_unknown("reason", reason, [*rules, TYPE, FILE_REPLACED])


def _refuse_unknown(option: str, given: str, known: Iterable[str]) -> None:
    if given and given not in known:
        raise InvalidInput(f"There is no {option} {given!r} to filter by.", next_action=did_you_mean(given, known))


def _ask(build: OpenBuild, statement: str, values: Sequence[Any] = (), **parts: Any) -> list[dict[str, Any]]:
    text = statement.format(suffix=build.schema_suffix, mark=build.mark, **parts)
    rows: list[dict[str, Any]] = build.warehouse.query(text, values).to_pylist()
    return rows


def _refuse_outdated(build: OpenBuild) -> None:
    try:
        build.warehouse.explain(IDS.format(suffix=build.schema_suffix))
    except InvalidQuery as error:
        raise Conflict(
            f"Build {build.build_id} was made by an older version, in which rejected rows have no ids.",
            code="build_outdated",
            next_action="Build again: customer360 build.",
        ) from error
