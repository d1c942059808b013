"""What somebody wants set in rejected rows, as the command line or a file of JSON lines says it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customer360.errors import InvalidInput

FORM = 'Write one JSON object a line: {"reject_id": "…", "set": {"customer_id": "C1"}}.'


@dataclass(frozen=True)
class Correction:
    """What to set in a rejected row; ``None`` makes a value null."""

    reject_id: str
    changes: Mapping[str, str | None]


def parse_changes(settings: Sequence[str]) -> dict[str, str | None]:
    """Return what ``column=value`` says for each column; an empty value means null.

    Raises:
        InvalidInput: one has no ``=``, or a column is named twice.
    """
    changes: dict[str, str | None] = {}
    for setting in settings:
        column, sign, value = setting.partition("=")
        if not sign or not column.strip() or column.strip() in changes:
            fault = "sets a column that is set already" if sign and column.strip() else "sets nothing"
            raise InvalidInput(f"--set {column.strip()} {fault}.", next_action="Write --set column=value for each.")
        changes[column.strip()] = _text(value, column.strip())
    return changes


def parse_corrections(lines: Iterable[str]) -> list[Correction]:
    """Return what JSON lines say, one correction each; empty lines are passed over.

    Raises:
        InvalidInput: a line is none.
    """
    return [_parse_line(line, number) for number, line in enumerate(lines, start=1) if line.strip()]


def _parse_line(line: str, number: int) -> Correction:
    try:
        given = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
        reject_id, settings = given.pop("reject_id"), given.pop("set")
        if given or not isinstance(reject_id, str) or not isinstance(settings, dict):
            raise ValueError(line)
        return Correction(reject_id, {column: _text(value, column) for column, value in settings.items()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"Line {number} is no correction.", next_action=FORM) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(pairs)
    return dict(pairs)


def _text(value: Any, column: str) -> str | None:
    """Return a value as a file would hold it; what is empty is null."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or not _is_text(value):
        raise InvalidInput(f"{column}: what is to be set is no text, number or truth value.", next_action=FORM)
    return value


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False
