"""What came out of a question, in a sentence: the figure, the number of rows, or why there is nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from customer360.ask.conditions import name_window
from customer360.ask.dates import Window, describe
from customer360.ask.frame import Frame
from customer360.ask.lexicon import table_extension
from customer360.ask.naming import Names
from customer360.ask.sources import Source
from customer360.semantic import Column, SemanticModel, SemanticResult


@dataclass(frozen=True)
class Outcome:
    """A sentence (one that begins with a colon continues the restatement) and a code where nothing came out."""

    text: str
    reason: str = ""


def describe_outcome(frame: Frame, source: Source, result: SemanticResult) -> Outcome:
    """Return what the rows say; where nothing fits, that and why."""
    if outside := _outside(frame, source):
        return Outcome(f"{_said(frame, source, result)} {outside}".strip(), "outside_data_range")
    if _is_empty(result):
        return Outcome(_nothing(frame, source, result), "nothing_fits")
    return Outcome(f"{_said(frame, source, result)} {_day(frame, source)}".strip())


def _said(frame: Frame, source: Source, result: SemanticResult) -> str:
    if result.rows_returned == 1 and not result.truncated and frame.kind == "figures":
        return f": {_figures(source, result)}."
    many, all_of_them = result.rows_returned, result.rows_available
    if result.truncated and not (frame.rank and frame.rank.limit):
        return f"The first {many:,} of {all_of_them:,} rows."
    return f"{many:,} row{'' if many == 1 else 's'}."


def _figures(source: Source, result: SemanticResult) -> str:
    """Return one row: a bare figure, or each value with its name."""
    row = result.table.slice(0, 1).to_pylist()[0]
    written = [(column, _write(source, column, row[column.name])) for column in result.columns]
    if len(written) == 1:
        return written[0][1]
    texts = [text for column, text in written if not column.unit]
    numbers = [(column.label, text) for column, text in written if column.unit]
    head = ", ".join(texts)
    tail = numbers[0][1] if len(numbers) == 1 else ", ".join(f"{label} {text}" for label, text in numbers)
    return f"{head}: {tail}" if head and tail else head or tail


def _write(source: Source, column: Column, value: Any) -> str:
    if isinstance(value, str):
        return Names(source.model).value(column.field, value)
    return source.figures.write(value, column.unit)


def _is_empty(result: SemanticResult) -> bool:
    """Tell whether there is no row, or one of nothing but empty values and zero counts."""
    if result.rows_returned == 0:
        return True
    if result.rows_returned > 1:
        return False
    row = result.table.slice(0, 1).to_pylist()[0]
    return all(row[one.name] is None or (one.unit == "count" and row[one.name] == 0) for one in result.columns)


def _nothing(frame: Frame, source: Source, result: SemanticResult) -> str:
    rows = Names(source.model).rows(frame.subject)
    said = f": {_figures(source, result)}." if result.rows_returned and frame.kind == "figures" else ""
    why = f"No {rows} fit these conditions."
    if frame.having:
        why = "No group fits these conditions."
    return f"{said} {why} {_day(frame, source)}".strip()


def _outside(frame: Frame, source: Source) -> str:
    """Say that a window lies before or after the data, or sticks out of it."""
    oldest, newest = source.engine.oldest, source.engine.newest
    windows = [one for one in _windows(frame, source.model) if _is_outside(one, source)]
    if not windows or oldest is None:
        return ""
    data = f"The data runs {describe(oldest, newest)}"
    return f"{data}; {name_window(windows[0])} lies outside of it, so there is no data for that."


def _is_outside(window: Window, source: Source) -> bool:
    oldest, newest = source.engine.oldest, source.engine.newest
    starts_after = window.start is not None and window.start > newest
    ends_before = window.end is not None and oldest is not None and window.end < oldest
    return starts_after or ends_before


def _windows(frame: Frame, model: SemanticModel) -> list[Window]:
    """Return the windows on what was done; when accounts were opened is not bounded by it."""
    found = [clause.window for clause in (*frame.clauses, *frame.of_whom, *frame.part_clauses)]
    if frame.comparison:
        found += frame.comparison.windows
    table = frame.window_field.partition(".")[0]
    if table and not table_extension(model, table).activity:
        found.append(frame.window)
    return [one for one in found if one is not None]


def _day(frame: Frame, source: Source) -> str:
    """Say which day counts as the newest, where the question is about time."""
    relative = any(one.rolling for one in _windows(frame, source.model)) or any(one.grain for one in frame.groups)
    return f"The newest day is {source.engine.newest:%-d %B %Y}." if relative else ""
