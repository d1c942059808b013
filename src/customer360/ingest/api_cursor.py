"""Remembers how far a source was read, so that the next run asks only for what changed since then.

The cursor is the newest value of a field among records that landed. It never goes back, and where values are moments
never beyond the start of the run: what changes while pages are read is asked for again. Written when all of a run has
landed, together with the batches that make up the source since it was last read whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from customer360.ingest.api_sources import ApiSource, Incremental
from customer360.lake import read_manifests
from customer360.workspace import Workspace, write_json

FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
MOST = 2**63
"""Numbers beyond it, which no counter reaches, say nothing."""
Value = str | int | float
"""A moment in ISO 8601 with its offset, or a number."""


@dataclass
class Seen:
    """The newest moment and number of a field so far, and how many records had one.

    A source may mix them up; what most of its records have counts.
    """

    moments: int = 0
    moment: str = ""
    numbers: int = 0
    number: float = 0

    def note(self, values: Iterable[object]) -> None:
        """Look at the values of records that have landed; what is neither moment nor number says nothing."""
        newest = _moment(self.moment) or FIRST_MOMENT
        for value in values:
            if isinstance(value, str):
                if moment := _moment(value):
                    self.moments += 1
                    newest = max(newest, moment)
            elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST:
                self.number = max(self.number, value) if self.numbers else value
                self.numbers += 1
        self.moment = newest.isoformat() if self.moments else ""

    def newest(self, before: Value | None, started_at: datetime) -> Value | None:
        """Return the value that a cursor moves on to; it stays of the kind that it is."""
        is_moment = isinstance(before, str) if before is not None else self.moments >= self.numbers
        if is_moment:
            return self._newest_moment(_moment(before), started_at)
        numbers = [before, self.number if self.numbers else None]
        return max((number for number in numbers if isinstance(number, int | float)), default=None)

    def _newest_moment(self, before: datetime | None, started_at: datetime) -> str | None:
        found = _moment(self.moment)
        known = [moment for moment in (before, found and min(found, started_at)) if moment]
        return max(known).isoformat() if known else None


@dataclass
class Cursor:
    """How far one endpoint was read, by which field and for which parameter."""

    field: str
    param: str
    value: Value


@dataclass
class Landed:
    """The batches of one run, by endpoint."""

    run_id: str
    batches: dict[str, list[str]]


@dataclass
class Cursors:
    """What is remembered of a source at one address; ``runs`` are those since it was read whole, oldest first."""

    address: str
    endpoints: dict[str, Cursor] = field(default_factory=dict)
    runs: list[Landed] = field(default_factory=list)

    @classmethod
    def read(cls, workspace: Workspace, source: ApiSource, address: str) -> Cursors:
        """Return what is remembered; nothing of another address, or where a batch has gone from the lake."""
        path = cursor_path(workspace, source.name)
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if content.get("address") != address:
            return cls(address)
        runs = [Landed(**run) for run in content["runs"]]
        known = {manifest.batch_id for manifest in read_manifests(workspace)}
        if any(batch not in known for run in runs for batches in run.batches.values() for batch in batches):
            return cls(address)
        return cls(address, {name: Cursor(**cursor) for name, cursor in content["endpoints"].items()}, runs)

    def since(self, endpoint: str, incremental: Incremental | None) -> Value | None:
        """Return what to ask an endpoint with: its cursor less the lag; nothing where all of it is to be read."""
        cursor = self._cursor(endpoint, incremental) if incremental else None
        if not incremental or not cursor:
            return None
        if moment := _moment(cursor.value):
            lag = min(timedelta(seconds=incremental.lag_seconds), moment - FIRST_MOMENT)
            return (moment - lag).replace(microsecond=0).isoformat().replace("+00:00", "Z")
        lagging = float(cursor.value) - incremental.lag_seconds
        return int(lagging) if lagging.is_integer() else lagging

    def _cursor(self, endpoint: str, incremental: Incremental) -> Cursor | None:
        """Return an endpoint's cursor, if it is of the field and the parameter that it has now."""
        cursor = self.endpoints.get(endpoint)
        return cursor if cursor and (cursor.field, cursor.param) == (incremental.field, incremental.param) else None

    def move_on(self, endpoint: str, incremental: Incremental, seen: Seen, started_at: datetime) -> None:
        """Move an endpoint's cursor on to what a run has landed."""
        before = self._cursor(endpoint, incremental)
        value = seen.newest(before.value if before else None, started_at)
        if value is not None:
            self.endpoints[endpoint] = Cursor(incremental.field, incremental.param, value)

    def add(self, run_id: str, batches: dict[str, list[str]], *, whole: set[str]) -> None:
        """Add the batches of a run; of endpoints that it read whole, what earlier runs landed is over."""
        for run in self.runs:
            run.batches = {name: kept for name, kept in run.batches.items() if name not in whole}
        self.runs = [run for run in self.runs if run.run_id != run_id and any(run.batches.values())]
        self.runs.append(Landed(run_id, batches))

    def earlier(self, run_id: str) -> list[list[str]]:
        """Return the batches of each run before this one."""
        return [
            [batch for batches in run.batches.values() for batch in batches]
            for run in self.runs
            if run.run_id != run_id
        ]

    def write(self, workspace: Workspace, source: ApiSource) -> None:
        """Remember it, whole or not at all."""
        write_json(cursor_path(workspace, source.name), asdict(self))


def cursor_path(workspace: Workspace, source: str) -> Path:
    """Return where it is remembered how far a source was read."""
    return workspace.home / "ingest" / f"{source}.cursor.json"


def find_value(record: Any, path: str) -> object:
    """Return the value of a record at a dotted path; nothing where there is none."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _moment(value: object) -> datetime | None:
    """Return a moment in UTC, as which one without an offset is read."""
    if not isinstance(value, str) or "-" not in value:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
