"""The answer to a semantic query: rows, what they are, and how complete they are.

JSON has numbers that most clients read as doubles. A DECIMAL or an integer is given as a JSON number when reading that
number back as a double gives exactly the same value (always so up to 15 digits); otherwise as a string of all its
digits. No value is rounded on the way. Dates and moments are ISO 8601 strings, NaN and infinity are null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from customer360.semantic.definition import Unit
from customer360.semantic.values import Bound

JsonValue = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """One column of an answer; ``field`` is its full name in the model."""

    name: str
    field: str
    data_type: str
    unit: Unit | None
    label: str


@dataclass(frozen=True)
class SemanticResult:
    """Rows of one build. ``sql`` with ``parameters`` is the statement that gives exactly these rows."""

    columns: tuple[Column, ...]
    table: pa.Table
    rows_available: int
    build_id: str
    as_of_date: date
    sql: str
    parameters: tuple[Bound, ...]

    @property
    def rows_returned(self) -> int:
        return int(self.table.num_rows)

    @property
    def truncated(self) -> bool:
        """Tell whether the limit left rows out."""
        return self.rows_returned < self.rows_available

    def rows(self) -> list[dict[str, JsonValue]]:
        """Return the rows with values fit for JSON."""
        names = [column.name for column in self.columns]
        lists = [[json_value(value) for value in column.to_pylist()] for column in self.table.columns]
        return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """Return the whole answer with values fit for JSON."""
        return {
            "columns": [vars(column) for column in self.columns],
            "rows": self.rows(),
            "rows_returned": self.rows_returned,
            "rows_available": self.rows_available,
            "truncated": self.truncated,
            "build_id": self.build_id,
            "as_of_date": self.as_of_date.isoformat(),
            "sql": self.sql,
            "parameters": [json_value(value) for value in self.parameters],
        }


def json_value(value: Any) -> JsonValue:
    """Return a value as JSON can carry it without loss."""
    convert = _JSON.get(type(value))
    return convert(value) if convert else value


def _integer(value: int) -> int | str:
    return value if -(2**53) < value < 2**53 else str(value)


def _decimal(value: Decimal) -> float | int | str:
    number = float(value)
    return number if Decimal(repr(number)) == value else format(value, "f")


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


_JSON: dict[type, Callable[[Any], JsonValue]] = {
    int: _integer,
    Decimal: _decimal,
    float: _float,
    date: date.isoformat,
    datetime: datetime.isoformat,
}
