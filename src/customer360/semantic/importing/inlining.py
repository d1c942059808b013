"""Puts columns in the place of other fields: our expressions name columns of the physical table only."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from customer360.semantic.importing.draft import Draft, DraftItem, DraftTable
from customer360.semantic.importing.sql import NotImported, replaced, wrapped, write_sql

SHADOWED = "It reads {name}, a column and another field of the table; the column is meant here."
CIRCLE = "It is defined by itself, through {name}."
ELSEWHERE = "It reads {name}, of another table; an expression here reads one table."
DERIVED_FROM = "It reads {name}, which was not imported."


def inline_tables(draft: Draft, columns: dict[str, Collection[str]]) -> None:
    """Write the expressions of all tables over columns; ``columns`` are those known of a table by its name."""
    for table in list(draft.tables):
        inliner = _Inliner(draft, table, columns.get(table.name, ()))
        made = [(item, inliner.find(item)) for item in list(table.items)]
        for item, tree in made:
            if isinstance(tree, NotImported):
                draft.drop_item(table, item, str(tree))
            elif tree != item.tree:
                item.tree, item.text = tree, write_sql(tree)


class _Inliner:
    """One table's fields by name, each written over columns once."""

    def __init__(self, draft: Draft, table: DraftTable, columns: Collection[str]) -> None:
        self._draft = draft
        self._table = table
        self._items = {item.name: item for item in table.items}
        self._columns = {*columns, *(item.name for item in table.items if item.name in _names(item.tree))}

    def find(self, item: DraftItem) -> exp.Expr | NotImported:
        """Return the expression of an item over columns, or why there is none."""
        try:
            return self._over_columns(item, (item.name,))
        except NotImported as reason:
            return reason

    def _over_columns(self, item: DraftItem, trail: tuple[str, ...]) -> exp.Expr:
        def change(column: exp.Column) -> exp.Expr:
            self._require_own(column)
            bare = exp.column(column.this.copy())
            other = self._items.get(column.name)
            if other is None or other is item:
                return self._column(bare)
            if isinstance(other.tree, exp.Column) and other.tree.name == column.name:
                return bare
            if column.name in self._columns:
                if item.name == trail[0]:
                    self._draft.note(item.origin, "expr", SHADOWED.format(name=column.name))
                return bare
            if other.name in trail:
                raise NotImported(CIRCLE.format(name=other.name))
            return wrapped(self._over_columns(other, (*trail, other.name)))

        return replaced(item.tree, change)

    def _column(self, bare: exp.Column) -> exp.Column:
        """Return a name that no field has as a column, unless it was one of a field that is gone."""
        full = f"{self._table.name}.{bare.name}"
        if full in self._draft.gone and bare.name not in self._columns:
            raise NotImported(DERIVED_FROM.format(name=bare.name))
        return bare

    def _require_own(self, column: exp.Column) -> None:
        own = ("", self._table.name, self._table.physical.lower())
        if column.table.lower() not in own:
            raise NotImported(ELSEWHERE.format(name=f"{column.table}.{column.name}"))


def _names(tree: exp.Expr) -> set[str]:
    return {column.name for column in tree.find_all(exp.Column)}
