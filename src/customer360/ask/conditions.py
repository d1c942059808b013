"""Conditions said in English: comparisons, lists, ranges, negations, and what the rows of a customer have to be."""

from __future__ import annotations

from typing import Any

from customer360.ask.dates import Window
from customer360.ask.frame import Clause
from customer360.ask.naming import Names, listed, say_ordinal
from customer360.semantic import (
    AllOf,
    Among,
    AnyOf,
    Benchmark,
    Condition,
    Filter,
    Measure,
    Negation,
    Relative,
    RowsCondition,
)

_WORDS = {"=": "is", "!=": "is not", ">": "is above", ">=": "is at least", "<": "is below", "<=": "is at most"}
_DATES = {">": "is after", ">=": "is on or after", "<": "is before", "<=": "is on or before"}
_COUNTS = {
    ">": "more than",
    ">=": "at least",
    "<": "fewer than",
    "<=": "at most",
    "=": "exactly",
    "!=": "any number but",
}
_FLIPPED = {"=": "!=", "!=": "=", "in": "not_in", "not_in": "in", "is_null": "is_not_null", "is_not_null": "is_null"}

_DENIED = ((" is ", " is not "), (" contains ", " does not contain "), (" starts with ", " does not start with "))


def say_filter(names: Names, tree: Filter) -> str:
    """Return a filter as a clause that follows "whose"."""
    if isinstance(tree, Condition):
        return _condition(names, tree)
    if isinstance(tree, Relative):
        return _relative(names, tree)
    if isinstance(tree, RowsCondition):
        return f"{say_measure(names, tree.measure)} {_compared(names, tree, names.unit(tree.measure))}"
    if isinstance(tree, Among):
        return _among(names, tree)
    if isinstance(tree, Negation):
        return _negation(names, tree.part)
    word = " and " if isinstance(tree, AllOf) else " or "
    said = [say_filter(names, part) for part in tree.parts]
    nested = [f"({one})" if _is_mixed(part, tree) else one for one, part in zip(said, tree.parts, strict=True)]
    return word.join(nested)


def say_filters(names: Names, filters: tuple[Filter, ...]) -> str:
    """Return filters that hold together."""
    either = len(filters) > 1
    said = [say_filter(names, one) for one in filters]
    return listed(
        [f"({one})" if either and isinstance(tree, AnyOf) else one for one, tree in zip(said, filters, strict=True)]
    )


def say_measure(names: Names, measure: str | Measure) -> str:
    """Return a measure with the conditions of its own."""
    said = names.measure(measure)
    where = measure.where if isinstance(measure, Measure) else None
    return f"{said} where {say_filter(names, where)}" if where is not None else said


def say_clause(names: Names, clause: Clause, rows: str) -> str:
    """Return what must hold for the rows of a customer, as words that follow the customers."""
    of = _restricted(names, clause, rows)
    if clause.measure is None:
        return f"with no {of}" if clause.negated else f"with {of}"
    measure, unit = clause.measure, names.unit(clause.measure)
    if isinstance(measure, str) and names.field(measure) == f"number of {rows}" and clause.op in _COUNTS:
        many = f"{_COUNTS[clause.op]} {names.number(clause.values[0], unit)} {of}"
        return f"not with {many}" if clause.negated else f"with {many}"
    said = f"{say_measure(names, measure)} {_range(names, clause.op, clause.values, unit)}"
    restricted = f" (of {of})" if clause.filters or clause.window else ""
    return f"{'except those ' if clause.negated else ''}whose {said}{restricted}"


def say_window(window: Window) -> str:
    """Return a window as words that follow what happened in it."""
    return window.label


def name_window(window: Window) -> str:
    """Return a window as the name of a time: October 2025, the time from one day to another."""
    label = window.label.removeprefix("in ").removeprefix("on ")
    return f"the time {label}" if label.startswith(("from ", "since ", "until ", "before ", "after ")) else label


def _restricted(names: Names, clause: Clause, rows: str) -> str:
    where = f" whose {say_filters(names, clause.filters)}" if clause.filters else ""
    return f"{rows}{where}{f' {say_window(clause.window)}' if clause.window else ''}"


def _condition(names: Names, tree: Condition) -> str:
    item = names.items.get(tree.field)
    if item is not None and item.data_type == "BOOLEAN" and tree.op in ("=", "!="):
        held = bool(tree.value) is (tree.op == "=")
        return f"{names.field(tree.field)} is {'yes' if held else 'no'}"
    return f"{names.field(tree.field)} {_comparison(names, tree)}"


def _comparison(names: Names, tree: Condition) -> str:
    given = [names.value(tree.field, value) for value in tree.given()]
    item = names.items.get(tree.field)
    words = _WORDS | _DATES if item is not None and item.data_type in ("DATE", "TIMESTAMP") else _WORDS
    return _said(words, tree.op, given)


def _compared(names: Names, tree: RowsCondition, unit: str | None) -> str:
    given = tree.values if tree.values is not None else () if tree.value is None else (tree.value,)
    return _range(names, tree.op, given, unit)


def _range(names: Names, op: str, given: tuple[Any, ...], unit: str | None) -> str:
    return _said(_WORDS, op, [names.number(value, unit) for value in given])


def _said(words: dict[str, str], op: str, given: list[str]) -> str:
    if op in words:
        return f"{words[op]} {given[0]}"
    said = {
        "in": f"is {listed(given, 'or')}",
        "not_in": f"is neither {listed(given, 'nor')}",
        "between": f"is between {listed(given)}",
        "contains": f"contains “{''.join(given[:1])}”",
        "starts_with": f"starts with “{''.join(given[:1])}”",
        "is_null": "is not known",
        "is_not_null": "is known",
    }
    return said[op]


def _relative(names: Names, tree: Relative) -> str:
    times = "" if tree.times == 1 else f"{tree.times:g} times "
    than = tree.than
    if isinstance(than, Benchmark):
        if than.overall:
            return f"{names.field(tree.field)} {_WORDS[tree.op]} {times}what it is overall"
        mean = f"{say_ordinal(than.percentile)} percentile" if than.percentile is not None else _MEANS[than.agg]
        of = f"of the same {listed([names.field(name) for name in than.by])}" if than.by else "of all"
        return f"{names.field(tree.field)} {_WORDS[tree.op]} {times}the {mean} {of}"
    return f"{names.field(tree.field)} {_WORDS[tree.op]} {times}the {names.field(than)}"


_MEANS = {"avg": "average", "median": "median"}


def _among(names: Names, tree: Among) -> str:
    by = tree.by if isinstance(tree.by, Measure) else Measure(metric=tree.by)
    said = names.field(by.field) if by.field and by.agg in ("max", "min") else names.measure(by)
    where = by.where
    many = f"{tree.among.percent:g}%" if tree.among.percent else f"{tree.among.rows:,}"
    of = f" (of those whose {say_filter(names, where)})" if where is not None else ""
    return f"{names.field(tree.field)} is among the {many} {'lowest' if tree.lowest else 'highest'} by {said}{of}"


def _negation(names: Names, part: Filter) -> str:
    """Say that a filter does not hold: of several parts at least one, or none of them."""
    if isinstance(part, Negation):
        return say_filter(names, part.part)
    if isinstance(part, (AllOf, AnyOf)):
        parts = tuple(Negation.model_validate({"not": one}) for one in part.parts)
        other = AnyOf.model_validate({"or": parts}) if isinstance(part, AllOf) else AllOf.model_validate({"and": parts})
        return say_filter(names, other)
    if isinstance(part, Condition) and part.op in _FLIPPED:
        return say_filter(names, part.model_copy(update={"op": _FLIPPED[part.op]}))
    said = say_filter(names, part)
    for held, denied in _DENIED:
        if held in said:
            return said.replace(held, denied, 1)
    return f"not {said}"


def _is_mixed(part: Filter, tree: AllOf | AnyOf) -> bool:
    return isinstance(part, (AllOf, AnyOf)) and type(part) is not type(tree)
