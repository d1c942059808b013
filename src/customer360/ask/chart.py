"""Which chart shows a result: a declaration for whoever draws, decided by the result's shape and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from customer360.ask.frame import Frame
from customer360.semantic import Column, SemanticModel, SemanticResult

ChartKind = Literal["figure", "line", "bar", "pie", "scatter", "histogram", "map", "table"]
MOST_SLICES = 8
MOST_BARS = 60
_NUMERIC = ("INTEGER", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER")
PLACES = frozenset({"state"})
"""Dimensions of which a map can be drawn."""


@dataclass(frozen=True)
class Chart:
    """A kind of chart and the names of the columns it shows."""

    kind: ChartKind
    x: str = ""
    y: tuple[str, ...] = ()
    series: str = ""


def propose_chart(frame: Frame, model: SemanticModel, result: SemanticResult) -> Chart:
    """Return the chart that suits a result; what no chart shows well is a table."""
    names = {item.full_name for item in model.items if item.kind in ("dimension", "time_dimension", "fact")}
    keys = [one for one in result.columns if one.field in names and not _is_counted(one, frame)]
    numbers = [one for one in result.columns if one not in keys and one.data_type.startswith(_NUMERIC)]
    if frame.kind == "rows":
        return _rows_chart(result)
    if not result.rows_returned:
        return Chart("table")
    if not keys:
        return Chart("figure", y=tuple(one.name for one in numbers)) if result.rows_returned == 1 else Chart("table")
    return _groups_chart(frame, result, keys, numbers)


def _groups_chart(frame: Frame, result: SemanticResult, keys: list[Column], numbers: list[Column]) -> Chart:
    y = tuple(one.name for one in numbers)
    if not y or len(keys) > 2:
        return Chart("table")
    dates = [one for one in keys if one.data_type in ("DATE", "TIMESTAMP")]
    if dates:
        others = [one.name for one in keys if one is not dates[0]]
        return Chart("line", dates[0].name, y[:1] if others else _of_one_unit(numbers), others[0] if others else "")
    if any(group.bin or group.bounds for group in frame.groups):
        return Chart("histogram", keys[0].name, y[:1])
    if len(keys) == 2:
        return Chart("bar", keys[0].name, y[:1], keys[1].name)
    return _categories_chart(frame, result, keys[0], numbers)


def _categories_chart(frame: Frame, result: SemanticResult, key: Column, numbers: list[Column]) -> Chart:
    y = tuple(one.name for one in numbers)
    if frame.show == "share" and result.rows_returned <= MOST_SLICES:
        return Chart("pie", key.name, y[-1:])
    if key.name in PLACES and len(y) == 1 and (frame.rank is None or not frame.rank.limit):
        return Chart("map", key.name, y)
    if frame.comparison is None and frame.show == "value" and len(y) == 2 and result.rows_returned > 2:
        return Chart("scatter", y[0], y[1:], key.name)
    return Chart("bar", key.name, _of_one_unit(numbers)) if result.rows_returned <= MOST_BARS else Chart("table")


def _of_one_unit(numbers: list[Column]) -> tuple[str, ...]:
    """Return the figures that share an axis with the first."""
    return tuple(one.name for one in numbers if one.unit == numbers[0].unit)


def _rows_chart(result: SemanticResult) -> Chart:
    numbers = [one for one in result.columns if one.data_type.startswith(_NUMERIC)]
    is_list = len(numbers) == 1 and len(result.columns) == 1 and result.rows_returned > 1
    return Chart("histogram", numbers[0].name) if is_list else Chart("table")


def _is_counted(column: Column, frame: Frame) -> bool:
    """Tell whether a column is an aggregate that carries the name of its field."""
    return not any(group.name == column.field or group.name.endswith(f".{column.field}") for group in frame.groups)
