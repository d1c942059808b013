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
measure makes of rows aggregates those that share the outer row's key of ``of``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.filters import Benchmark
from customer360.semantic.means import exact_means
from customer360.semantic.measures import Inner, aggregated, get_operand
from customer360.semantic.model import ROW_KINDS, Item, SemanticModel
from customer360.semantic.shape import AnyLeaf, Branch, Leaf, Node, RelativeLeaf, RowsLeaf, leaves
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


def filter_item(model: SemanticModel, leaf: Leaf | RelativeLeaf) -> Item:
    """Return the dimension or fact that a filter's leaf compares."""
    return model.get_item(leaf.field, ROW_KINDS, role="field of a filter")


def comparison(item: Item, operand: exp.Expr, leaf: Leaf) -> exp.Expr:
    """Return one comparison of an expression with bound values."""
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
    return exp.Exists(this=select)


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
        than = _benchmark(source, item, leaf.than) if isinstance(leaf.than, Benchmark) else _other(source, leaf.than)
        return compared(leaf.op, source.value(item), than, leaf.placeholder)

    return write


def _other(source: Source, name: str) -> exp.Expr:
    """Return the field that another is compared with."""
    item = source.scope.model.get_item(name, ROW_KINDS, role="field of a filter")
    _require_near(source, item)
    return source.value(item)


def _require_near(source: Source, item: Item) -> None:
    if not source.scope.model.relations.reaches(source.base, item.table):
        raise InvalidQuery(
            f"{item.full_name} is not known for a row of {source.base}.",
            code="unreachable_field",
            next_action="Compare fields of the same table, or of one that its rows belong to.",
            details=[{"field": item.full_name, "message": f"not related to {source.base}"}],
        )


def _benchmark(outer: Source, item: Item, benchmark: Benchmark) -> exp.Expr:
    """Return the mean of a field over all rows, or over those like the outer one, as a subquery."""
    model = outer.scope.model
    inner = Source(outer.scope, model.relations.home(item.table))
    if family_of(item.data_type) not in ("integer", "decimal", "float"):
        raise InvalidQuery(
            f"{item.full_name} is {item.data_type} and has no {benchmark.agg}.",
            code="unsafe_aggregation",
            next_action="Compare a number with its average.",
            details=[{"field": item.full_name, "message": f"is {item.data_type}"}],
        )
    groups = [model.get_item(name, ROW_KINDS, role="field of a benchmark") for name in benchmark.by]
    for one in groups:
        _require_near(outer, one)
        _require_near(inner, one)
    value = inner.value(item)
    mean = exact_means(exp.Avg(this=value)) if family_of(item.data_type) == "decimal" else exp.Avg(this=value)
    made = exp.Median(this=value) if benchmark.agg == "median" else mean
    likeness = [exp.EQ(this=inner.value(one), expression=outer.value(one)) for one in groups]
    select = inner.select(made)
    return (select.where(*likeness, copy=False) if likeness else select).subquery(copy=False)


def _compared_rows(outer: Source, leaf: RowsLeaf) -> exp.Expr:
    """Return the comparison of an aggregate of the rows that share the outer row's key of a table."""
    model = outer.scope.model
    operand = get_operand(model, leaf.measure)
    inners: list[Inner] = list(operand.inners.values())
    shared, item = _rows_of(outer, leaf), operand.item
    table = inners[0].item.table
    if len(inners) > 1 or table == shared or not model.relations.reaches(table, shared):
        raise InvalidQuery(
            f"{item.full_name} cannot be worked out for each row of {shared}.",
            code="unreachable_field",
            next_action=f"Use a metric of one table whose rows belong to one row of {shared}.",
            details=[{"field": item.full_name, "message": f"not of a table finer than {shared}"}],
        )
    inner = Source(outer.scope, table)
    value = aggregated(inner, inners[0])
    conditions = _correlation(outer, inner, shared)
    if leaf.measure.where is not None:
        conditions.append(where(leaf.measure.where, inner))
    select = inner.select(value).where(*conditions, copy=False)
    return comparison(item, select.subquery(copy=False), leaf.compared)


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


def _require_text(item: Item, leaf: Leaf) -> None:
    if family_of(item.data_type) != "text":
        raise InvalidQuery(
            f"{leaf.op} needs a text, and {item.full_name} is {item.data_type}.",
            next_action="Compare it with =, <, > or between.",
            details=[{"field": leaf.field, "message": f"is {item.data_type}"}],
        )
