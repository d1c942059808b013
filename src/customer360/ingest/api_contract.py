"""Holds records against the fields that a source declares, and does with what drifts as the source says.

One pass over the records as they were parsed: what fits is passed on untouched, so that a contract costs next to
nothing where nothing drifts. What is discarded is gone before anything of the record is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from customer360.errors import SourceRefused
from customer360.ingest.api_json import NULL, write_record
from customer360.ingest.api_sources import Endpoint, JsonType, Mode

NOT_AN_OBJECT = "not_an_object"
NESTED_TOO_DEEPLY = "nested_too_deeply"
LONGEST_NAME = 100
MOST_DRIFTS = 200
"""So many different drifts are told apart; whatever else a source invents is counted as ``(others)``."""
OTHERS = "(others)"

Kind = Literal["new_field", "changed_type"]

_TYPES: dict[JsonType, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}


@dataclass
class Drift:
    """One way in which records differ from what is declared; ``found`` is the type of the first such value."""

    field: str
    kind: Kind
    found: str
    mode: Mode
    records: int = 0


@dataclass
class Drifts:
    """What drifted so far, each field once."""

    found: dict[tuple[str, Kind], Drift] = field(default_factory=dict)

    def note(self, path: str, kind: Kind, value: Any, mode: Mode) -> None:
        """Count a record that drifts so."""
        drift = self.found.get((path, kind)) or self._begin(path, kind, _name_of(value), mode)
        drift.records += 1

    def add(self, drift: Drift) -> None:
        """Count records that drifted so elsewhere."""
        self._begin(drift.field, drift.kind, drift.found, drift.mode).records += drift.records

    def _begin(self, path: str, kind: Kind, found: str, mode: Mode) -> Drift:
        if (path, kind) not in self.found and len(self.found) >= MOST_DRIFTS:
            path, found = OTHERS, "various"
        return self.found.setdefault((path, kind), Drift(path[:LONGEST_NAME], kind, found, mode))


@dataclass(frozen=True)
class Checked:
    """Records as they land: each as a line of JSON, and why it is quarantined where it is."""

    lines: list[bytes]
    codes: list[str | None]


@dataclass(frozen=True)
class _Field:
    """A declared field: the types that fit without a second look, and the fields inside where it is told apart."""

    declared: JsonType
    fitting: frozenset[type]
    mode: Mode
    inside: dict[str, _Field] | None = None


class Contract:
    """What one endpoint declares of its records; an endpoint that declares nothing takes every object."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._fields = _as_tree(endpoint)
        self._keeps_undeclared = endpoint.on_new_field != "discard_value"

    def check(self, records: Iterable[Any], drifts: Drifts) -> Checked:
        """Return records as they may land; what drifts is counted in ``drifts``.

        Raises:
            SourceRefused: one drifts in a way that the source freezes.
        """
        checked = Checked([], [])
        for record in records:
            line, code = self._check(record, drifts)
            checked.lines.append(line)
            checked.codes.append(code)
        return checked

    def _check(self, record: Any, drifts: Drifts) -> tuple[bytes, str | None]:
        code = None
        if type(record) is not dict:
            record, code = record if self._keeps_undeclared else None, NOT_AN_OBJECT
        elif self._fields and not _fits(record, self._fields):
            record, code = _Drifting(self._endpoint, drifts).settle(record, self._fields)
        line = write_record(record)
        if line == NULL and record is not None:
            code = NESTED_TOO_DEEPLY
        return line, code


def _as_tree(endpoint: Endpoint) -> dict[str, _Field]:
    tree: dict[str, _Field] = {}
    for path, rule in endpoint.fields.items():
        *outer, name = path.split(".")
        place = tree
        for part in outer:
            found = place.setdefault(part, _Field("object", frozenset({dict}), endpoint.on_changed_type, {}))
            place = found.inside if found.inside is not None else {}
        place[name] = _Field(rule.type, frozenset(_TYPES[rule.type]), rule.on_change or endpoint.on_changed_type)
    return tree


def _fits(record: Mapping[str, Any], fields: dict[str, _Field]) -> bool:
    """Tell whether a record is as declared, which most are; what is in doubt is settled with more care."""
    for name, value in record.items():
        declared = fields.get(name)
        if declared is None:
            return False
        if value is None:
            continue
        if type(value) not in declared.fitting:
            return False
        if declared.inside is not None and not _fits(value, declared.inside):
            return False
    return True


class _Drifting:
    """One record that is not as declared."""

    def __init__(self, endpoint: Endpoint, drifts: Drifts) -> None:
        self._endpoint, self._drifts = endpoint, drifts
        self._code: str | None = None

    def settle(self, record: dict[str, Any], fields: dict[str, _Field]) -> tuple[dict[str, Any], str | None]:
        """Return what is kept of a record, and why it is quarantined where it is."""
        return self._kept(record, fields, ""), self._code

    def _kept(self, record: dict[str, Any], fields: dict[str, _Field], prefix: str) -> dict[str, Any]:
        kept = {}
        for name, value in record.items():
            path, declared = prefix + name, fields.get(name)
            if declared is None:
                if self._note(path, "new_field", value, self._endpoint.on_new_field) != "discard_value":
                    kept[name] = value
            elif value is None:
                kept[name] = value
            elif not _is_of(value, declared):
                mode = self._note(path, "changed_type", value, declared.mode)
                kept[name] = None if mode == "discard_value" else value
            else:
                kept[name] = value if declared.inside is None else self._kept(value, declared.inside, f"{path}.")
        return kept

    def _note(self, path: str, kind: Kind, value: Any, mode: Mode) -> Mode:
        if mode == "freeze":
            raise self._frozen(path[:LONGEST_NAME], kind, value)
        if mode == "discard_row":
            self._code = self._code or f"contract:{path[:LONGEST_NAME]}"
        self._drifts.note(path, kind, value, mode)
        return mode

    def _frozen(self, path: str, kind: Kind, value: Any) -> SourceRefused:
        endpoint = self._endpoint
        shown = repr(value)[:LONGEST_NAME]
        if kind == "new_field":
            told, key = "is a field that source.yml does not declare", "on_new_field"
        else:
            told, key = "has a value of another type than source.yml declares", "on_changed_type"
        return SourceRefused(
            f"{endpoint.name}: {path!r} {told}; the first value is {shown}. Nothing of this chunk has landed.",
            code="schema_drift",
            next_action=f"Declare {path!r} as it is now under fields, or choose another {key} than freeze, and run the "
            "command again: it goes on behind what has landed.",
            details=[{"field": path, "value": shown, "message": kind}],
        )


def _name_of(value: Any) -> str:
    return _NAMES.get(type(value), "null")


def _is_of(value: Any, declared: _Field) -> bool:
    if type(value) in declared.fitting:
        return True
    return declared.declared == "integer" and isinstance(value, float) and value.is_integer()
