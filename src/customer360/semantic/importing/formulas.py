"""Metrics of the whole model: formulas over metrics, or aggregates of several tables that become such metrics.

Invariant: a formula names metrics of tables and nothing else, as our compiler wants them; what it aggregates itself
is a metric of the one table that it reads, made where there is none yet.
"""

from __future__ import annotations

from sqlglot import exp

from customer360.semantic.importing.draft import Draft, DraftItem, DraftTable, Origin
from customer360.semantic.importing.inlining import CIRCLE, DERIVED_FROM
from customer360.semantic.importing.items import aggregates
from customer360.semantic.importing.sql import NotImported, replaced, wrapped, write_sql
from customer360.semantic.model import Kind

SEVERAL_TABLES = "It aggregates rows of {tables} together; an aggregate here reads one table."
NO_TABLE = "It counts rows of no table."
NO_SUCH_METRIC = "It is made of {name}, which is no metric here."
SEVERAL_METRICS = "It is made of {name}, which several tables have; write it as table.name."
NO_METRIC = "It is made of no metric."
OF_ROWS = "It reads {name}, a field of single rows, outside an aggregate."
PART_OF = "A part of {name}."


def settle_formulas(draft: Draft) -> None:
    """Write the formulas of the model over metrics of tables; one that is over a single table becomes its metric."""
    formulas = _Formulas(draft)
    for item in list(draft.metrics):
        try:
            formulas.settle(item)
        except NotImported as reason:
            draft.gone[item.name] = str(reason)
            draft.metrics = [one for one in draft.metrics if one is not item]
            draft.lose(item.origin, str(reason))


class _Formulas:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._given = {item.name: item.tree for item in draft.metrics}

    def settle(self, item: DraftItem) -> None:
        """Write one formula, or move it to the only table whose rows it aggregates."""
        table = self._only_table(item.tree)
        if table is not None and table.is_free(item.name):
            self._draft.metrics = [one for one in self._draft.metrics if one is not item]
            item.kind, item.tree = Kind.METRIC, replaced(item.tree, lambda column: self._field(table, column))
            item.text = write_sql(item.tree)
            table.items.append(item)
            return
        whole = self._over_metrics(item.tree, item, (item.name,))
        if whole.find(exp.Column) is None:
            raise NotImported(NO_METRIC)
        if whole != item.tree:
            item.tree, item.text = whole, write_sql(whole)

    def _only_table(self, tree: exp.Expr) -> DraftTable | None:
        """Return the table of an expression that names fields of it within aggregates, and nothing else."""
        if not aggregates(tree):
            return None
        outside = [column for column in tree.find_all(exp.Column) if not _is_within_aggregate(column)]
        tables = {column.table for column in tree.find_all(exp.Column)}
        return self._draft.table(tables.pop()) if not outside and len(tables) == 1 else None

    def _over_metrics(self, tree: exp.Expr, item: DraftItem, trail: tuple[str, ...]) -> exp.Expr:
        whole: exp.Expr = exp.Paren(this=tree.copy())
        for aggregate in _outermost_aggregates(whole):
            aggregate.replace(self._metric_of(aggregate, item))
        for column in list(whole.find_all(exp.Column)):
            column.replace(self._operand(column, item, trail))
        inner: exp.Expr = whole.this
        return inner

    def _operand(self, column: exp.Column, item: DraftItem, trail: tuple[str, ...]) -> exp.Expr:
        name = column.name
        if not column.table and name in self._given and name != item.name:
            if name in trail:
                raise NotImported(CIRCLE.format(name=name))
            return wrapped(self._over_metrics(self._given[name], item, (*trail, name)))
        owners = [table for table in self._draft.tables if column.table in ("", table.name) and table.find(name)]
        metrics = [table for table in owners if (found := table.find(name)) and found.kind is Kind.METRIC]
        if len(metrics) == 1:
            return exp.column(name, table=metrics[0].name)
        shown = f"{column.table}.{name}" if column.table else name
        if len(metrics) > 1:
            raise NotImported(SEVERAL_METRICS.format(name=shown))
        if owners:
            raise NotImported(OF_ROWS.format(name=shown))
        gone = self._draft.gone
        is_gone = shown in gone or column.table in gone or any(key.endswith(f".{name}") for key in gone)
        raise NotImported((DERIVED_FROM if is_gone else NO_SUCH_METRIC).format(name=shown))

    def _metric_of(self, aggregate: exp.Expr, item: DraftItem) -> exp.Column:
        """Return the metric that an aggregate is, made for it where no table has it."""
        tables = {column.table for column in aggregate.find_all(exp.Column)}
        if not tables:
            raise NotImported(NO_TABLE)
        if len(tables) > 1:
            raise NotImported(SEVERAL_TABLES.format(tables=" and ".join(sorted(tables))))
        table = self._draft.table(next(iter(tables)))
        if table is None:
            raise NotImported(DERIVED_FROM.format(name=", ".join(sorted(tables))))
        tree = replaced(aggregate, lambda column: self._field(table, column))
        return exp.column(find_metric(table, tree, item.name, item.origin).name, table=table.name)

    def _field(self, table: DraftTable, column: exp.Column) -> exp.Expr:
        found = table.find(column.name)
        if found is not None and found.kind is Kind.METRIC:
            raise NotImported(f"It aggregates {column.name}, which is an aggregate already.")
        if f"{table.name}.{column.name}" in self._draft.gone:
            raise NotImported(DERIVED_FROM.format(name=f"{table.name}.{column.name}"))
        return wrapped(found.tree) if found is not None else exp.column(column.this.copy())


def find_metric(table: DraftTable, tree: exp.Expr, part_of: str, origin: Origin) -> DraftItem:
    """Return the metric of a table that is an aggregate, made where there is none; nobody asks for one that is made."""
    for one in table.of_kind(Kind.METRIC):
        if one.tree == tree:
            return one
    made = DraftItem(Kind.METRIC, table.free(f"{part_of}_part"), tree, origin, text=write_sql(tree))
    made.description, made.x_nl = PART_OF.format(name=part_of), {"asked": False}
    table.items.append(made)
    return made


def _outermost_aggregates(whole: exp.Expr) -> list[exp.Expr]:
    found = [_with_order(one) for one in whole.find_all(exp.AggFunc)]
    return [one for one in found if not _is_within_aggregate(one)]


def _with_order(aggregate: exp.Expr) -> exp.Expr:
    return aggregate.parent if isinstance(aggregate.parent, exp.WithinGroup) else aggregate


def _is_within_aggregate(node: exp.Expr) -> bool:
    above = node.parent
    while above is not None:
        if isinstance(above, (exp.AggFunc, exp.WithinGroup)):
            return True
        above = above.parent
    return False
