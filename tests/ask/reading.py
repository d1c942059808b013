"""Readings that can be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from customer360.ask import Engine
from customer360.semantic import SemanticQuery


def same_as(query: SemanticQuery) -> str:
    """Return a text that is the same for queries that mean the same, whatever the order of conditions and columns."""
    return json.dumps(_settled(query.model_dump(exclude_defaults=True)), sort_keys=True, default=str)


def _settled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        is_list = value.get("op") in ("in", "not_in")
        return {name: _settled(one, name if name != "values" or is_list else "") for name, one in value.items()}
    if isinstance(value, list | tuple):
        settled = [_settled(one) for one in value]
        return sorted(settled, key=lambda one: json.dumps(one, default=str)) if key in _UNORDERED else settled
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return float(value)
    return value


_UNORDERED = ("and", "or", "values", "fields")


def none_of(faults: Sequence[str]) -> None:
    """Fail with all of the faults, however many."""
    if faults:
        pytest.fail(f"{len(faults)}:\n" + "\n".join(faults), pytrace=False)


def reading_of(reader: Engine, question: str) -> str:
    """Return how a question is read, for comparisons; nothing where it is not answered."""
    read = reader.read(question)
    return same_as(read.query) if read.query else ""
