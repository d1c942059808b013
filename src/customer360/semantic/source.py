"""The FROM clause of one SELECT: a base table and, as they are needed, the coarser tables its rows belong to.

Invariant: joins are LEFT JOINs along many-to-one paths, so the SELECT has exactly the rows of its base table.
Where an expression reads nothing but the key that a join would match on, the key is read on the near side instead; this
differs from the join only for a key without a row, which the build's tests refuse.
"""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from customer360.semantic.means import MONEY, exact_means
from customer360.semantic.model import Item, SemanticModel
from customer360.semantic.relations import Path


class Scope:
    """What all SELECTs of one statement share: the model, the suffix of its schemas and the aliases in use."""

    def __init__(self, model: SemanticModel, schema_suffix: str) -> None:
        self.model = model
        self._schema_suffix = schema_suffix
        self._used: Counter[str] = Counter()

    def new_alias(self, table: str) -> str:
        """Return an alias no other SELECT of the statement uses, so that correlated names stay clear."""
        self._used[table] += 1
        return table if self._used[table] == 1 else f"{table}_{self._used[table]}"

    def table(self, name: str, alias: str, *, rollup: str = "") -> exp.Table:
        """Return a table of the model under an alias; ``rollup`` is the name of one that stands in for it."""
        table = self.model.tables[name]
        physical = rollup or table.physical
        return exp.table_(physical, db=table.schema + self._schema_suffix, alias=None if alias == physical else alias)


class Source:
    """One base table and the joins that its SELECT turns out to need."""

    def __init__(self, scope: Scope, base: str) -> None:
        self.scope = scope
        self.base = base
        self._relations = scope.model.relations
        self._aliases: dict[Path, str] = {(): scope.new_alias(base)}

    @property
    def alias(self) -> str:
        """The name under which the SELECT reads the base table."""
        return self._aliases[()]

    def base_table(self, rollup: str = "") -> exp.Table:
        """Return the base table, or one that stands in for it, under the base table's alias."""
        return self.scope.table(self.base, self.alias, rollup=rollup)

    def column(self, path: Path, name: str) -> exp.Column:
        """Return a physical column of the table at the end of a path, joining it."""
        return exp.column(name, table=self._alias(path))

    def value(self, item: Item) -> exp.Expr:
        """Return the expression of a dimension or fact, joining its table unless the near key says the same."""
        path = self._relations.path(self.base, item.table)
        near = {right: left for left, right in path[-1].columns} if path else {}
        names = {column.name for column in item.expression.find_all(exp.Column)}
        if path and names <= near.keys():
            return self._bind(item.expression, path[:-1], near)
        return self._bind(item.expression, path, {})

    def aggregate(self, metric: Item) -> exp.Expr:
        """Return the expression of a metric of the base table, as its declared type."""
        bound = self._bind(metric.expression, (), {})
        if metric.data_type == MONEY:
            bound = exact_means(bound)
        value = zero_filled(metric, bound) if isinstance(bound, exp.Sum) else bound
        return exp.cast(value, metric.data_type, dialect="duckdb")

    def select(self, *expressions: exp.Expr) -> exp.Select:
        """Return a SELECT over the base table and the joins asked for so far."""
        select = exp.Select(expressions=list(expressions))
        select = select.from_(self.base_table(), copy=False)
        for path, alias in self._aliases.items():
            if path:
                select = self._join(select, path, alias)
        return select

    def _join(self, select: exp.Select, path: Path, alias: str) -> exp.Select:
        edge, near = path[-1], self._aliases[path[:-1]]
        matches = [
            exp.EQ(this=exp.column(left, table=near), expression=exp.column(right, table=alias))
            for left, right in edge.columns
        ]
        return select.join(self.scope.table(edge.right, alias), on=exp.and_(*matches), join_type="left", copy=False)

    def _alias(self, path: Path) -> str:
        if path not in self._aliases:
            self._alias(path[:-1])
            self._aliases[path] = self.scope.new_alias(path[-1].right)
        return self._aliases[path]

    def _bind(self, expression: exp.Expr, path: Path, names: dict[str, str]) -> exp.Expr:
        """Return a copy of an expression whose columns are read at the end of a path."""
        alias = self._alias(path)

        def bind(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Column):
                return node
            name = names.get(node.name)
            return exp.column(name or node.this.copy(), table=alias)

        bound: exp.Expr = bind(expression) if isinstance(expression, exp.Column) else expression.transform(bind)
        return bound


def zero_filled(metric: Item, value: exp.Expr) -> exp.Expr:
    """Return zero where a count has nothing to count; other metrics stay unknown."""
    return exp.Coalesce(this=value, expressions=[exp.Literal.number(0)]) if metric.counts else value
