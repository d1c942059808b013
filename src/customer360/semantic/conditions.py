"""Filters as SQL conditions on the rows of one base table.

Seen from the table whose rows are kept, each comparison is one of three things:

* near: on the table itself or on a coarser one that its rows belong to; an ordinary condition.
* finer: on a table with many rows for each row of the base (customers by channel of their transactions), or on a
  coarser table behind such a one (customers by merchant category); the row is kept when at least one finer row fits.
* sibling: on another fine table that shares a coarser one with the base (transactions by monthly spend of their
  customer); the row is kept when at least one row with the same shared key fits.

Finer and sibling comparisons become EXISTS, so they never multiply rows. Those that stand together under one ``and``,
and any ``or`` made of them alone, are about the same fine row and go into one EXISTS. A ``not`` always applies to the
kept row: "not (channel = 'Online')" on customers keeps those with no such transaction, and it never shares an EXISTS
with its neighbours, whereas "channel != 'Online'" keeps those with at least one transaction of another channel.

A comparison with a benchmark holds the row against the mean of all rows, whatever the other filters keep. One of what a
measure makes of rows aggregates those that share the outer row's key of ``of``. The values that a measure puts first
are worked out apart, over all rows that the measure is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.comparisons import compared, comparison, enclosed, than_value
from customer360.semantic.measures import aggregated, get_operand, operand_value
from customer360.semantic.model import ROW_KINDS, Item, SemanticModel
from customer360.semantic.places import is_first, placed
from customer360.semantic.rollups import rolled_up
from customer360.semantic.shape import AmongLeaf, AnyLeaf, Branch, Leaf, Node, RelativeLeaf, RowsLeaf, leaves
from customer360.semantic.source import Source


def filter_item(model: SemanticModel, leaf: Leaf | RelativeLeaf | AmongLeaf) -> Item:
    """Return the dimension or fact that a filter's leaf compares."""
    return model.get_item(leaf.field, ROW_KINDS, role="field of a filter")


def logic(node: Node, render: Callable[[AnyLeaf], exp.Expr]) -> exp.Expr:
    """Return a tree as a condition whose leaves ``render`` writes."""
    if not isinstance(node, Branch):
        return render(node)
    return join_parts(node.kind, [logic(part, render) for part in node.parts])


def join_parts(kind: str, parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return conditions joined by ``and`` or ``or``, or the complement of the only one."""
    if kind == "not":
        return _complement(parts[0])
    return exp.and_(*parts, copy=False) if kind == "and" else exp.or_(*parts, copy=False)


def where(node: Node, source: Source) -> exp.Expr:
    """Return a filter as a condition on the rows of ``source``."""
    if isinstance(node, Branch) and node.kind == "not":
        return _complement(where(node.parts[0], source))
    if isinstance(node, Branch) and node.kind == "or" and _home(node, source) is None:
        return join_parts("or", [where(part, source) for part in node.parts])
    return join_parts("and", list(_conjunction(list(_flat(node)), source)))


def _conjunction(parts: list[Node], source: Source) -> Iterator[exp.Expr]:
    """Yield the conditions of an ``and``: comparisons on one fine table together, all others one by one."""
    homes = [_home(part, source) for part in parts]
    for place, (part, home) in enumerate(zip(parts, homes, strict=True)):
        if home is None:
            yield where(part, source)
        elif home == source.base:
            yield logic(part, _writer(source))
        elif home not in homes[:place]:
            together = [part for part, other in zip(parts, homes, strict=True) if other == home]
            yield _exists(source, home, together)


def _exists(source: Source, table: str, parts: Sequence[Node]) -> exp.Expr:
    """Return the condition that at least one row of a fine table belongs to the outer row and fits all parts."""
    inner = Source(source.scope, table)
    conditions = [
        *_correlation(source, inner, _shared_table(source, inner)),
        *(logic(part, _writer(inner)) for part in parts),
    ]
    select = inner.select(exp.Literal.number(1)).where(exp.and_(*conditions, copy=False), copy=False)
    return exp.Exists(this=rolled_up(inner, select))


def _correlation(outer: Source, inner: Source, shared: str) -> list[exp.Expr]:
    """Return the equalities that tie a fine row to the outer row: the key of the table that both belong to."""
    relations = outer.scope.model.relations
    up = relations.path(inner.base, shared)
    across = relations.path(outer.base, shared)
    outer_names = {right: left for left, right in across[-1].columns} if across else {}
    same_key = all(right in outer_names for _, right in up[-1].columns)
    near = across[:-1] if same_key else across
    names = outer_names if same_key else {}
    return [
        exp.EQ(this=inner.column(up[:-1], left), expression=outer.column(near, names.get(right, right)))
        for left, right in up[-1].columns
    ]


def _shared_table(outer: Source, inner: Source) -> str:
    relations = outer.scope.model.relations
    shared = relations.nearest_shared(inner.base, outer.base)
    if len(shared) == 1:
        return shared[0]
    raise InvalidQuery(
        f"{outer.base} and {inner.base} share several tables: {', '.join(shared)}.",
        code="ambiguous_join",
        next_action="Filter by a field of one of the shared tables instead.",
    )


def _writer(source: Source) -> Callable[[AnyLeaf], exp.Expr]:
    def write(leaf: AnyLeaf) -> exp.Expr:
        if isinstance(leaf, RowsLeaf):
            return _compared_rows(source, leaf)
        item = filter_item(source.scope.model, leaf)
        if isinstance(leaf, Leaf):
            return comparison(item, enclosed(source.value(item)), leaf)
        if isinstance(leaf, AmongLeaf):
            first = _first_values(source, item, leaf)
            return exp.In(this=enclosed(source.value(item)), query=first.subquery(copy=False))
        than = than_value(source, item, leaf)
        return compared(leaf.op, source.value(item), than, leaf.placeholder)

    return write


def _compared_rows(outer: Source, leaf: RowsLeaf) -> exp.Expr:
    """Return the comparison of an aggregate of the rows that share the outer row's key of a table."""
    model = outer.scope.model
    operand = get_operand(model, leaf.measure)
    shared, item = _rows_of(outer, leaf), operand.item
    table, *others = {inner.item.table for inner in operand.inners.values()}
    if others or table == shared or not model.relations.reaches(table, shared):
        raise InvalidQuery(
            f"{item.full_name} cannot be worked out for each row of {shared}.",
            code="unreachable_field",
            next_action=f"Use a metric of one table whose rows belong to one row of {shared}.",
            details=[{"field": item.full_name, "message": f"not of a table finer than {shared}"}],
        )
    inner = Source(outer.scope, table)
    value = operand_value(operand, lambda one: aggregated(inner, one))
    conditions = _correlation(outer, inner, shared)
    belongs = [exp.Not(this=exp.Is(this=one.expression.copy(), expression=exp.Null())) for one in conditions]
    if leaf.measure.where is not None:
        conditions.append(where(leaf.measure.where, inner))
    select = rolled_up(inner, inner.select(value).where(*conditions, copy=False))
    fits = comparison(item, select.subquery(copy=False), leaf.compared)
    return fits if outer.base == shared else exp.and_(*belongs, fits, copy=False)


def _first_values(outer: Source, item: Item, leaf: AmongLeaf) -> exp.Select:
    """Return the values of a field that a measure puts first, as a subquery that nothing ties to the outer row."""
    model, operand = outer.scope.model, get_operand(outer.scope.model, leaf.by)
    table, *others = {inner.item.table for inner in operand.inners.values()}
    if others or not model.relations.reaches(table, item.table):
        raise InvalidQuery(
            f"{operand.item.full_name} cannot be worked out for each {item.full_name}.",
            code="unreachable_field",
            next_action=f"Use a metric of one table whose rows belong to one row of {item.table}.",
            details=[{"field": operand.item.full_name, "message": f"not of a table that belongs to {item.table}"}],
        )
    inner = Source(outer.scope, table)
    values = (inner.value(item), operand_value(operand, lambda one: aggregated(inner, one)))
    condition = where(leaf.by.where, inner) if leaf.by.where is not None else None
    select = inner.select(*(exp.alias_(one, name, quoted=True) for one, name in zip(values, _RANKED, strict=True)))
    if condition is not None:
        select = select.where(condition, copy=False)
    grouped = rolled_up(inner, select.group_by(exp.Literal.number(1), copy=False))
    columns = [exp.column(name, table="f", quoted=True) for name in _RANKED]
    known = [exp.Not(this=exp.Is(this=one.copy(), expression=exp.Null())) for one in columns]
    figures = exp.Select(expressions=columns).from_(grouped.subquery("f"), copy=False).where(*known, copy=False)
    places = placed(figures, _RANKED, lowest=leaf.lowest)
    first = exp.select(exp.column(_RANKED[0], table="p", quoted=True)).from_(places.subquery("p"), copy=False)
    return first.where(is_first(leaf.among, "p"), copy=False)


_RANKED = ("value", "figure")


def _rows_of(source: Source, leaf: RowsLeaf) -> str:
    """Return the table for each row of which a measure is compared."""
    shared = leaf.of or source.base
    model = source.scope.model
    if shared not in model.tables or not model.relations.reaches(source.base, shared):
        raise InvalidQuery(
            f"A row of {source.base} does not belong to one row of {shared!r}.",
            code="unreachable_field",
            next_action="Name a table under 'of' that the rows which are kept belong to.",
            details=[{"field": "of", "value": shared, "message": f"not related to {source.base}"}],
        )
    return shared


def _home(node: Node, source: Source) -> str | None:
    """Return the table whose rows a part is about; nothing when it is about several or holds a ``not``."""
    if _negates(node):
        return None
    homes = {_home_of(leaf, source) for leaf in leaves(node)}
    return homes.pop() if len(homes) == 1 else None


def _home_of(leaf: AnyLeaf, source: Source) -> str:
    if isinstance(leaf, RowsLeaf):
        return source.base
    model = source.scope.model
    item = filter_item(model, leaf)
    if model.relations.reaches(source.base, item.table):
        return source.base
    carriers = model.relations.carriers(source.base, item.table)
    if len(carriers) == 1:
        return carriers[0]
    ways = f"in several ways: {', '.join(carriers)}" if carriers else "in no way"
    raise InvalidQuery(
        f"The rows of {source.base} can be filtered by {item.full_name} {ways}.",
        code="ambiguous_join" if carriers else "unreachable_field",
        next_action="Filter by a field of a table that is related to it, or take out the metric or fields of "
        f"{source.base}.",
        details=[{"field": leaf.field, "message": f"not related to {source.base}"}],
    )


def _negates(node: Node) -> bool:
    return isinstance(node, Branch) and (node.kind == "not" or any(_negates(part) for part in node.parts))


def _flat(node: Node) -> Iterator[Node]:
    """Yield the parts of nested ``and``s as if they stood under one."""
    if isinstance(node, Branch) and node.kind == "and":
        for part in node.parts:
            yield from _flat(part)
    else:
        yield node


def _complement(condition: exp.Expr) -> exp.Expr:
    """Return the condition that holds exactly where another does not, be it false or unknown."""
    if isinstance(condition, (exp.Exists, exp.Is)):
        return exp.Not(this=condition)
    return exp.Not(this=exp.Coalesce(this=condition, expressions=[exp.false()]))
