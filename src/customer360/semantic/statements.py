"""From the shape of a query to one SELECT, as a tree.

A grouped query aggregates the metrics of each table apart, over that table's own rows, and only then puts the results
together: one UNION ALL of rows padded with nulls, grouped once more by the dimensions. That keeps groups whose
dimension is null, groups that only one table has, and every number as it is without the other tables. Counts that a
group lacks are zero; sums, means and rates that it lacks stay null. Formulas over metrics come last, a zero divisor
giving null.

A list of rows has one row for each row of its finest table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from customer360.errors import InvalidQuery, did_you_mean
from customer360.semantic.conditions import comparison, enclosed, filter_item, logic, where
from customer360.semantic.means import MONEY, money_per
from customer360.semantic.model import GROUP_KINDS, METRIC_KINDS, ROW_KINDS, Item, Kind, SemanticModel, dotted
from customer360.semantic.query import Dimension, Grain, Order
from customer360.semantic.result import Column
from customer360.semantic.shape import Branch, Leaf, Shape, leaves
from customer360.semantic.source import Scope, Source, zero_filled


@dataclass(frozen=True)
class Asked:
    """One column that was asked for: an item, rounded to a grain if it is a date."""

    item: Item
    grain: Grain | None = None

    @property
    def name(self) -> str:
        return f"{self.item.name}_{self.grain}" if self.grain else self.item.name

    @property
    def data_type(self) -> str:
        return "DATE" if self.grain else self.item.data_type

    def called(self) -> set[str]:
        """Return the names under which ``order`` may mean this column."""
        bare = {self.item.name, self.item.full_name}
        return bare | {self.name} | ({f"{name}:{self.grain}" for name in bare} if self.grain else set())


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
    asked = [_ask(scope.model, field, ROW_KINDS, "field of a list of rows") for field in shape.fields]
    source = Source(scope, _finest(scope.model, [one.item.table for one in asked]))
    values = [_value(source, one) for one in asked]
    condition = where(shape.filters, source) if shape.filters else None
    order = _order(shape.order, asked, values)
    keys = [source.column((), name) for name in scope.model.tables[source.base].primary_key]
    sorting = () if _is_look_up(source, shape) else _completed(order, keys)
    columns = _columns(asked)
    select = source.select(*_aliased(values, columns))
    if condition is not None:
        select = select.where(condition, copy=False)
    return Statement(
        select, _count_rows(scope, source.base, shape), sorting, columns, _placeholders(scope.model, shape)
    )


def _count_rows(scope: Scope, base: str, shape: Shape) -> exp.Select:
    """Count the rows of a list with the joins alone that its filters need, because no join changes their number."""
    source = Source(scope, base)
    condition = where(shape.filters, source) if shape.filters else None
    select = source.select(_number())
    return select if condition is None else select.where(condition, copy=False)


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
    model = scope.model
    dimensions = [_ask(model, one, GROUP_KINDS, "dimension") for one in shape.dimensions]
    metrics = [Asked(model.get_item(name, METRIC_KINDS, role="metric")) for name in shape.metrics]
    measured = _measures(model, [one.item for one in metrics], shape)
    groups = [exp.column(f"d{place}", table="g") for place in range(len(dimensions))]
    inner = _combined(scope, shape, dimensions, measured).subquery("g", copy=False)
    values = [*groups, *(_outer_value(model, one.item, measured) for one in metrics)]
    columns = _columns([*dimensions, *metrics])
    select = exp.Select(expressions=_aliased(values, columns)).from_(inner, copy=False)
    if shape.having:
        select = select.where(logic(shape.having, _having_writer(model, measured)), copy=False)
    order = _order(shape.order, [*dimensions, *metrics], values)
    count = exp.select(_number()).from_(select.subquery("r"), copy=False)
    return Statement(select, count, _completed(order, groups), columns, _placeholders(model, shape))


def _number() -> exp.Expr:
    return exp.alias_(exp.Count(this=exp.Star()), "n")


def _measures(model: SemanticModel, metrics: Sequence[Item], shape: Shape) -> dict[Item, str]:
    """Return the metrics of tables that the answer or ``having`` needs, each with its inner name."""
    compared = [_having_item(model, leaf) for leaf in leaves(shape.having)]
    needed = [operand for metric in [*metrics, *compared] for operand in model.operands(metric).values()]
    return {metric: f"m{place}" for place, metric in enumerate(dict.fromkeys(needed))}


def _combined(scope: Scope, shape: Shape, dimensions: Sequence[Asked], measured: Mapping[Item, str]) -> exp.Select:
    """Return one row for each group with all inner metrics, aggregated apart by table."""
    tables = list(dict.fromkeys(metric.table for metric in measured))
    tables = tables or [_finest(scope.model, [one.item.table for one in dimensions])]
    parts = [_aggregated(scope, shape, table, dimensions, measured) for table in tables]
    if len(parts) == 1:
        return parts[0]
    union = exp.union(*parts, distinct=False, copy=False)
    names = [f"d{place}" for place in range(len(dimensions))]
    merged = [_merged(metric, name) for metric, name in measured.items()]
    select = exp.Select(expressions=[*(exp.column(name, table="u") for name in names), *merged])
    return _group(select.from_(union.subquery("u", copy=False), copy=False), len(names))


def _aggregated(
    scope: Scope, shape: Shape, table: str, dimensions: Sequence[Asked], measured: Mapping[Item, str]
) -> exp.Select:
    """Return the metrics of one table by the dimensions, and nulls in the place of all other metrics."""
    source = Source(scope, table)
    for one in dimensions:
        _require_reach(scope.model, table, one.item, measured)
    groups = [exp.alias_(_value(source, one), f"d{place}") for place, one in enumerate(dimensions)]
    metrics = [
        exp.alias_(source.aggregate(metric) if metric.table == table else _missing(metric), name)
        for metric, name in measured.items()
    ]
    condition = where(shape.filters, source) if shape.filters else None
    select = source.select(*groups, *metrics)
    if condition is not None:
        select = select.where(condition, copy=False)
    return _group(select, len(groups))


def _group(select: exp.Select, groups: int) -> exp.Select:
    return select.group_by(*(exp.Literal.number(place + 1) for place in range(groups)), copy=False)


def _missing(metric: Item) -> exp.Expr:
    return exp.cast(exp.Null(), metric.data_type, dialect="duckdb")


def _merged(metric: Item, name: str) -> exp.Expr:
    """Return the one value of a metric among the padding."""
    return exp.alias_(zero_filled(metric, exp.Max(this=exp.column(name, table="u"))), name)


def _outer_value(model: SemanticModel, metric: Item, measured: Mapping[Item, str]) -> exp.Expr:
    """Return a metric as a column of the combined groups, or its formula over such columns."""
    if metric.kind is Kind.METRIC:
        return exp.column(measured[metric], table="g")
    formula, counted = exp.Paren(this=metric.expression.copy()), _is_money_per_count(model, metric)
    for column in list(formula.find_all(exp.Column)):
        operand = model.operands(metric)[dotted(column)]
        column.replace(exp.column(measured[operand], table="g"))
    if counted:
        return money_per(formula.this.this, formula.this.expression)
    for division in list(formula.find_all(exp.Div)):
        _make_safe(division)
    return exp.cast(formula.this, metric.data_type, dialect="duckdb")


def _is_money_per_count(model: SemanticModel, metric: Item) -> bool:
    """Tell whether a derived metric is an amount divided by a number of things."""
    divisor = metric.expression.args.get("expression") if isinstance(metric.expression, exp.Div) else None
    if metric.data_type != MONEY or not isinstance(divisor, exp.Column):
        return False
    return model.operands(metric)[dotted(divisor)].data_type == "BIGINT"


def _make_safe(division: exp.Div) -> None:
    """Make a division the same on every engine: of doubles, and null where the divisor is zero."""
    divisor = exp.Nullif(this=division.expression.copy(), expression=exp.Literal.number(0))
    division.set("this", exp.cast(division.this.copy(), "DOUBLE"))
    division.set("expression", divisor)


def _having_item(model: SemanticModel, leaf: Leaf) -> Item:
    return model.get_item(leaf.field, METRIC_KINDS, role="metric of having")


def _having_writer(model: SemanticModel, measured: Mapping[Item, str]) -> Callable[[Leaf], exp.Expr]:
    def write(leaf: Leaf) -> exp.Expr:
        item = _having_item(model, leaf)
        return comparison(item, enclosed(_outer_value(model, item, measured)), leaf)

    return write


def _ask(model: SemanticModel, field: Dimension, kinds: frozenset[Kind], role: str) -> Asked:
    item = model.get_item(field.name, kinds, role=role)
    if field.grain and item.data_type not in ("DATE", "TIMESTAMP"):
        raise InvalidQuery(
            f"{item.full_name} is {item.data_type} and cannot be rounded to a {field.grain}.",
            next_action="Give a grain to dates only.",
            details=[{"field": str(field), "message": "not a date"}],
        )
    return Asked(item, field.grain)


def _value(source: Source, asked: Asked) -> exp.Expr:
    value = source.value(asked.item)
    if not asked.grain:
        return value
    return exp.cast(exp.TimestampTrunc(this=value, unit=exp.var(asked.grain.upper())), "DATE")


def _finest(model: SemanticModel, tables: Iterable[str]) -> str:
    """Return the one named table whose rows belong to one row of each other."""
    named = list(dict.fromkeys(tables))
    finest = [table for table in named if all(model.relations.reaches(table, other) for other in named)]
    if finest:
        return finest[0]
    carriers = [table for table in model.tables if all(model.relations.reaches(table, other) for other in named)]
    raise InvalidQuery(
        f"No row of {' or '.join(named)} belongs to one row of each of the others.",
        code="unreachable_field",
        next_action=f"Add a field or a metric of {' or '.join(carriers)}, which relates them."
        if carriers
        else "Ask for them one by one.",
    )


def _require_reach(model: SemanticModel, table: str, dimension: Item, measured: Mapping[Item, str]) -> None:
    if model.relations.reaches(table, dimension.table):
        return
    metric = next(metric for metric in measured if metric.table == table)
    raise InvalidQuery(
        f"{metric.name} cannot be split by {dimension.name}: it is worked out over {table} (one row per "
        f"{', '.join(model.tables[table].primary_key)}), and {dimension.table} is not at an equal or coarser grain.",
        code="unreachable_field",
        next_action=_alternatives(model, table, dimension),
        details=[{"field": dimension.full_name, "message": f"finer than or not related to {table}"}],
    )


def _alternatives(model: SemanticModel, table: str, dimension: Item) -> str:
    """Return what could be asked instead: dimensions that fit the metric, metrics that fit the dimension."""
    fitting = [item.name for item in model.list_items(GROUP_KINDS) if model.relations.reaches(table, item.table)]
    metrics = [
        item.name for item in model.list_items({Kind.METRIC}) if model.relations.reaches(item.table, dimension.table)
    ]
    return (
        f"Filter by {dimension.name} instead, or use a metric that fits it: {_some(metrics)}. "
        f"Dimensions that fit: {_some(fitting)}."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")


def _columns(asked: Sequence[Asked]) -> tuple[Column, ...]:
    """Return the columns of the answer; where two would share a name, both carry their table's."""
    _refuse_repeated(asked)
    times = Counter(one.name for one in asked)
    return tuple(_column(one, one.name if times[one.name] == 1 else f"{one.item.table}.{one.name}") for one in asked)


def _column(asked: Asked, name: str) -> Column:
    item = asked.item
    label = f"{item.label} ({asked.grain})" if asked.grain else item.label
    return Column(name, item.full_name, asked.data_type, item.unit, label)


def _refuse_repeated(asked: Sequence[Asked]) -> None:
    repeated = [one for one, times in Counter(asked).items() if times > 1]
    if repeated:
        raise InvalidQuery(f"{repeated[0].name!r} is asked for twice.", next_action="Name every column once.")


def _aliased(values: Sequence[exp.Expr], columns: Sequence[Column]) -> list[exp.Expr]:
    pairs = zip(values, columns, strict=True)
    return [exp.Alias(this=value, alias=exp.to_identifier(column.name, quoted=True)) for value, column in pairs]


def _order(order: Sequence[Order], asked: Sequence[Asked], values: Sequence[exp.Expr]) -> list[exp.Expr]:
    return [_ordered(values[_place(one, asked)].copy(), descending=one.descending) for one in order]


def _ordered(value: exp.Expr, *, descending: bool = False) -> exp.Expr:
    return exp.Ordered(this=value, desc=descending, nulls_first=False)


def _place(order: Order, asked: Sequence[Asked]) -> int:
    places = [place for place, one in enumerate(asked) if order.by in one.called()]
    if len(places) == 1:
        return places[0]
    names = [one.name for one in asked]
    meant = f"can mean several columns of the answer: {_some([names[place] for place in places])}"
    raise InvalidQuery(
        f"The answer has no column {order.by!r} to sort by." if not places else f"{order.by!r} {meant}.",
        next_action=f"Sort by something that is asked for. {did_you_mean(order.by, names)}",
        details=[{"field": "order", "value": order.by, "message": "not one column of the answer"}],
    )


def _completed(order: Sequence[exp.Expr], keys: Sequence[exp.Expr]) -> tuple[exp.Expr, ...]:
    """Return the order with the keys after it that it lacks, so that the same rows always come the same way."""
    given = [one.this for one in order]
    return (*order, *(_ordered(key) for key in keys if key not in given))


def _placeholders(model: SemanticModel, shape: Shape) -> tuple[tuple[str, str], ...]:
    compared = [(leaf, filter_item(model, leaf)) for leaf in leaves(shape.filters)]
    compared += [(leaf, _having_item(model, leaf)) for leaf in leaves(shape.having)]
    return tuple((leaf.field, item.data_type) for leaf, item in compared for _ in leaf.placeholders)
