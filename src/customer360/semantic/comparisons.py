"""One comparison: with bound values, with another field of the row, or with a benchmark."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.aggregates import aggregate_value, get_aggregate
from customer360.semantic.filters import Benchmark, Measure
from customer360.semantic.model import ROW_KINDS, Item
from customer360.semantic.percentiles import with_percentiles_rolled_up
from customer360.semantic.rollups import BY_WHOLE_MONTHS, rolled_up
from customer360.semantic.shape import Leaf, RelativeLeaf
from customer360.semantic.source import Source
from customer360.semantic.values import family_of

_BINARY: dict[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}
_TEXT: dict[str, type[exp.Func]] = {"contains": exp.Contains, "starts_with": exp.StartsWith}


def comparison(item: Item, operand: exp.Expr, leaf: Leaf) -> exp.Expr:
    """Return one comparison of an expression with bound values; a date of which only the month matters is marked."""
    if leaf.by_whole_months and item.data_type == "DATE":
        operand.meta[BY_WHOLE_MONTHS] = True
    marks: list[exp.Expr] = [exp.Placeholder(this=str(number)) for number in leaf.placeholders]
    if leaf.op in _BINARY:
        return _BINARY[leaf.op](this=operand, expression=marks[0])
    if leaf.op in _TEXT:
        _require_text(item, leaf)
        return _TEXT[leaf.op](this=exp.Lower(this=operand), expression=exp.Lower(this=marks[0]))
    if leaf.op == "between":
        return exp.Between(this=operand, low=marks[0], high=marks[1])
    positive = exp.In(this=operand, expressions=marks) if marks else exp.Is(this=operand, expression=exp.Null())
    return exp.Not(this=positive) if leaf.op in ("not_in", "is_not_null") else positive


def compared(op: str, left: exp.Expr, right: exp.Expr, factor: int | None) -> exp.Expr:
    """Return one comparison of two expressions, the right one multiplied by a bound factor."""
    if factor is not None:
        right = exp.Mul(this=exp.Placeholder(this=str(factor)), expression=enclosed(right))
    return _BINARY[op](this=enclosed(left), expression=right if factor is not None else enclosed(right))


def enclosed(expression: exp.Expr) -> exp.Expr:
    """Return an expression in parentheses when an operator beside it could tear it apart."""
    return exp.Paren(this=expression) if isinstance(expression, (exp.Binary, exp.Unary, exp.Case)) else expression


def than_value(source: Source, item: Item, leaf: RelativeLeaf) -> exp.Expr:
    """Return what a field is compared with: another field of the row, or a benchmark."""
    return _benchmark(source, item, leaf.than) if isinstance(leaf.than, Benchmark) else _other(source, item, leaf)


def _other(source: Source, item: Item, leaf: RelativeLeaf) -> exp.Expr:
    """Return the field that another is compared with."""
    other = source.scope.model.get_item(str(leaf.than), ROW_KINDS, role="field of a filter")
    require_comparable(item, other, leaf)
    _require_near(source, other)
    return source.value(other)


def require_comparable(item: Item, other: Item, leaf: RelativeLeaf) -> None:
    """Refuse to compare what is not alike, and to multiply what is no number."""
    families = {_ALIKE.get(family, family) for family in (family_of(item.data_type), family_of(other.data_type))}
    if len(families) == 1 and (leaf.placeholder is None or families == {"number"}):
        return
    times = " times a number" if leaf.placeholder is not None else ""
    raise InvalidQuery(
        f"{item.full_name} is {item.data_type} and cannot be compared with {other.full_name}{times}, "
        f"which is {other.data_type}.",
        code="invalid_value",
        next_action="Compare numbers with numbers, texts with texts and dates with dates.",
        details=[{"field": leaf.field, "message": f"is {item.data_type}, not {other.data_type}"}],
    )


_ALIKE = {"integer": "number", "decimal": "number", "float": "number", "timestamp": "date"}


def _require_near(source: Source, item: Item) -> None:
    if not source.scope.model.relations.reaches(source.base, item.table):
        raise InvalidQuery(
            f"{item.full_name} is not known for a row of {source.base}.",
            code="unreachable_field",
            next_action="Compare fields of the same table, or of one that its rows belong to.",
            details=[{"field": item.full_name, "message": f"not related to {source.base}"}],
        )


def _benchmark(outer: Source, item: Item, benchmark: Benchmark) -> exp.Expr:
    """Return an aggregate of a field over all rows, or over those like the outer one, as a subquery."""
    model = outer.scope.model
    inner = Source(outer.scope, model.relations.home(item.table))
    measure = Measure(agg=benchmark.agg, field=item.full_name, percentile=benchmark.percentile)
    made = aggregate_value(inner, *get_aggregate(model, measure))
    groups = [model.get_item(name, ROW_KINDS, role="field of a benchmark") for name in benchmark.by]
    for one in groups:
        _require_near(outer, one)
        _require_near(inner, one)
    likeness = [same for one in groups for same in _likeness(inner.value(one), outer.value(one))]
    select = inner.select(made)
    if likeness:
        return rolled_up(inner, select.where(*likeness, copy=False)).subquery(copy=False)
    return with_percentiles_rolled_up(inner, select).subquery(copy=False)


def _likeness(one: exp.Expr, other: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the equalities that hold where two values are the same or both empty.

    Snowflake ties a subquery to the outer row by equalities alone, and IS NOT DISTINCT FROM is none.
    """
    texts = [exp.Coalesce(this=exp.cast(side, "VARCHAR"), expressions=[_EMPTY.copy()]) for side in (one, other)]
    yield exp.EQ(this=texts[0], expression=texts[1])
    missing = [exp.Paren(this=exp.Is(this=side.copy(), expression=exp.Null())) for side in (one, other)]
    yield exp.EQ(this=missing[0], expression=missing[1])


_EMPTY = exp.Literal.string("")


def _require_text(item: Item, leaf: Leaf) -> None:
    if family_of(item.data_type) != "text":
        raise InvalidQuery(
            f"{leaf.op} needs a text, and {item.full_name} is {item.data_type}.",
            next_action="Compare it with =, <, > or between.",
            details=[{"field": leaf.field, "message": f"is {item.data_type}"}],
        )
