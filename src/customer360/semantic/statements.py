"""From the shape of a query to one SELECT, as a tree.

A grouped query aggregates the metrics of each table apart, over that table's own rows, and only then puts the results
together: one UNION ALL of rows padded with nulls, grouped once more by the dimensions. That keeps groups whose
dimension is null, groups that only one table has, and every number as it is without the other tables. Counts that a
group lacks are zero; sums, means and rates that it lacks stay null. Formulas over metrics come last, a zero divisor
giving null. What looks at other groups (shares, running totals, changes, means of the groups) is worked out over all
of them, before ``having`` takes any away.

A list of rows has one row for each row of its finest table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from customer360.semantic.aggregates import require_addable, require_number
from customer360.semantic.asked import aliased, ask, columns_of, completed, order_of, value_of
from customer360.semantic.conditions import filter_item, where
from customer360.semantic.definition import Unit
from customer360.semantic.filters import Top
from customer360.semantic.firsts import first_of_each, near_first
from customer360.semantic.grouped import Groups, build_groups, having_figure
from customer360.semantic.means import MONEY, exact_means
from customer360.semantic.measures import get_figure, get_operand
from customer360.semantic.model import ROW_KINDS, Item, SemanticModel
from customer360.semantic.places import is_first, placed
from customer360.semantic.query import Summary, digits
from customer360.semantic.relations import finest
from customer360.semantic.result import Column
from customer360.semantic.rollups import rolled_up
from customer360.semantic.shape import (
    AmongLeaf,
    Branch,
    FormulaShape,
    Leaf,
    Node,
    RelativeLeaf,
    RowsLeaf,
    Shape,
    leaves,
)
from customer360.semantic.source import Scope, Source


@dataclass(frozen=True)
class Statement:
    """One SELECT without its limit, its columns, and the field and type that each placeholder is compared with."""

    select: exp.Select
    count: exp.Select
    """The number of rows of ``select``."""
    order: tuple[exp.Expr, ...]
    columns: tuple[Column, ...]
    placeholders: tuple[tuple[str, str], ...]


def build_statement(model: SemanticModel, shape: Shape, schema_suffix: str) -> Statement:
    """Return the statement of a query's shape.

    Raises:
        InvalidQuery: a name is unknown or out of place, or tables are not related as the query needs it.
    """
    scope = Scope(model, schema_suffix)
    return _rows(scope, shape) if shape.fields else _grouped(scope, shape)


def _rows(scope: Scope, shape: Shape) -> Statement:
    asked = [ask(scope.model, field, ROW_KINDS, "field of a list of rows") for field in shape.fields]
    source = Source(scope, finest(scope.model.relations, [one.item.table for one in asked]))
    values = [value_of(source, one) for one in asked]
    condition = where(shape.filters, source) if shape.filters else None
    order = order_of(shape.order, asked, values)
    keys = [source.column((), name) for name in scope.model.tables[source.base].primary_key]
    sorting = () if _is_look_up(source, shape) else completed(order, keys)
    columns = columns_of(asked)
    select = source.select(*aliased(values, columns))
    if condition is not None:
        select = select.where(condition, copy=False)
    if shape.top_per:
        if order:
            select = near_first(shape.top_per, select, asked, values, order[0])
        select, sorting = first_of_each(shape.top_per, select, asked, values, sorting or completed(order, keys))
        return Statement(select, _count(select), sorting, columns, _placeholders(scope.model, shape))
    return Statement(
        select, _count_rows(scope, source.base, shape), sorting, columns, _placeholders(scope.model, shape)
    )


def _count_rows(scope: Scope, base: str, shape: Shape) -> exp.Select:
    """Count the rows of a list with the joins alone that its filters need, because no join changes their number."""
    source = Source(scope, base)
    condition = where(shape.filters, source) if shape.filters else None
    select = source.select(_number())
    return rolled_up(source, select if condition is None else select.where(condition, copy=False))


def _is_look_up(source: Source, shape: Shape) -> bool:
    """Tell whether the filters fix the whole primary key: one row at most, and nothing to sort."""
    model, node = source.scope.model, shape.filters
    together = node.parts if isinstance(node, Branch) and node.kind == "and" else (node,)
    fixed = [filter_item(model, leaf) for leaf in together if isinstance(leaf, Leaf) and leaf.op == "="]
    columns = {item.expression.name for item in fixed if item.table == source.base and _is_column(item)}
    return columns.issuperset(model.tables[source.base].primary_key)


def _is_column(item: Item) -> bool:
    return isinstance(item.expression, exp.Column)


def _grouped(scope: Scope, shape: Shape) -> Statement:
    groups = build_groups(scope, shape)
    columns, placeholders = columns_of(groups.asked), _placeholders(scope.model, shape)
    if shape.summary:
        return _summed_up(shape, groups, placeholders)
    select = groups.select
    sorting = completed(order_of(shape.order, groups.asked, groups.values), groups.values[: groups.keys])
    if shape.top_per:
        select, sorting = first_of_each(shape.top_per, select, groups.asked, groups.values, sorting)
    return Statement(select, _count(select), sorting, columns, placeholders)


def _summed_up(shape: Shape, groups: Groups, placeholders: tuple[tuple[str, str], ...]) -> Statement:
    """Return one figure of all groups or of the highest: how many there are, or what becomes of their only metric."""
    names = [one.name for one in columns_of(groups.asked)]
    relation = (placed(groups.select, names) if shape.top else groups.select).subquery("r")
    if shape.top and shape.summary == "share_of_top":
        made, column = _share(shape.top, groups)
    elif shape.summary == "count":
        made, column = _count_of_groups(groups)
    else:
        made, column = _summary(shape.summary or "avg", groups)
    select = exp.Select(expressions=aliased([made], [column])).from_(relation, copy=False)
    if shape.top and shape.summary != "share_of_top":
        select = select.where(is_first(shape.top, "r"), copy=False)
    return Statement(select, _count(select), (), (column,), placeholders)


def _share(top: Top, groups: Groups) -> tuple[exp.Expr, Column]:
    """Return what the highest groups have of the sum of all, in percent."""
    metric, item = columns_of(groups.asked)[-1], groups.asked[-1].item
    require_number(item, "share_of_top")
    require_addable(item)
    value = exp.cast(exp.column(metric.name, table="r", quoted=True), "DOUBLE")
    part = exp.Sum(this=exp.Case().when(is_first(top, "r"), value.copy(), copy=False))
    whole = exp.Nullif(this=exp.Sum(this=value), expression=exp.Literal.number(0))
    made = exp.Div(this=exp.Mul(this=exp.Literal.number("100.0"), expression=part), expression=whole)
    of = f"{digits(top.percent)} percent" if top.percent else str(top.rows)
    name, label = f"{metric.name}_share_of_top", f"Share of the top {of} in {metric.label.lower()}"
    return made, replace(metric, name=name, data_type="DOUBLE", unit="percent", label=label)


def _count_of_groups(groups: Groups) -> tuple[exp.Expr, Column]:
    of = " and ".join(one.label.lower() for one in groups.asked[: groups.keys])
    return exp.cast(exp.Count(this=exp.Star()), "BIGINT"), Column(
        "group_count", "", "BIGINT", "count", f"Number of {of}"
    )


def _summary(summary: Summary, groups: Groups) -> tuple[exp.Expr, Column]:
    metric, item = columns_of(groups.asked)[-1], groups.asked[-1].item
    if summary not in ("min", "max"):
        require_number(item, summary)
    if summary == "sum":
        require_addable(item)
    kept = summary in ("min", "max", "sum") or metric.data_type == MONEY
    data_type = metric.data_type if kept else "DOUBLE"
    value: exp.Expr = exp.column(metric.name, table="r", quoted=True)
    if summary == "avg" and not kept:
        value = exp.cast(value, "DOUBLE")
    made: exp.Expr = _SUMMARIES[summary](this=value)
    if data_type == MONEY:
        made = exact_means(made)
    unit: Unit | None = "number" if metric.unit == "count" and not kept else metric.unit
    name, label = f"{summary}_{metric.name}", f"{_SUMMARY_LABELS[summary]} {metric.label.lower()}"
    column = replace(metric, name=name, data_type=data_type, unit=unit, label=label)
    return exp.cast(made, data_type, dialect="duckdb"), column


_SUMMARIES: dict[Summary, type[exp.AggFunc]] = {
    "avg": exp.Avg,
    "median": exp.Median,
    "min": exp.Min,
    "max": exp.Max,
    "sum": exp.Sum,
}
_SUMMARY_LABELS: dict[Summary, str] = {
    "avg": "Average",
    "median": "Median",
    "min": "Lowest",
    "max": "Highest",
    "sum": "Sum of",
}


def _number() -> exp.Expr:
    return exp.alias_(exp.Count(this=exp.Star()), "n")


def _count(select: exp.Select) -> exp.Select:
    return exp.select(_number()).from_(select.subquery("r"), copy=False)


def _placeholders(model: SemanticModel, shape: Shape) -> tuple[tuple[str, str], ...]:
    """Return what each placeholder is compared with: a field's name and its type."""
    figures = [get_figure(model, one) for one in shape.metrics]
    found = dict(_of_rows(model, shape.filters))
    for leaf in leaves(shape.having):
        if isinstance(leaf, Leaf):
            found |= _bound(leaf, having_figure(model, figures, leaf.field).item)
        elif isinstance(leaf, RelativeLeaf) and leaf.placeholder:
            found[leaf.placeholder] = (leaf.field, "DOUBLE")
    for metric in shape.metrics:
        sides = (metric.left, metric.right) if isinstance(metric, FormulaShape) else (metric,)
        for side in sides:
            found |= dict(_of_rows(model, side.where))
    return tuple(found[number] for number in sorted(found))


def _of_rows(model: SemanticModel, node: Node | None) -> Iterator[tuple[int, tuple[str, str]]]:
    for leaf in leaves(node):
        if isinstance(leaf, RowsLeaf):
            yield from _of_rows(model, leaf.measure.where)
            yield from _bound(leaf.compared, get_operand(model, leaf.measure).item).items()
        elif isinstance(leaf, AmongLeaf):
            yield from _of_rows(model, leaf.by.where)
        elif isinstance(leaf, Leaf):
            yield from _bound(leaf, filter_item(model, leaf)).items()
        elif leaf.placeholder:
            yield leaf.placeholder, (leaf.field, "DOUBLE")


def _bound(leaf: Leaf, item: Item) -> dict[int, tuple[str, str]]:
    name = item.name if leaf.field == "measure" else leaf.field
    return dict.fromkeys(leaf.placeholders, (name, item.data_type))
