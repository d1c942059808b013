"""What a file says in terms of our own format, before it is known whether it holds: the meeting point of all formats.

Invariant: every thing in a draft knows where in the source it came from, so that whatever is taken out of it later is
reported by that place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from customer360.semantic.model import Kind
from customer360.semantic.parts import Loss


@dataclass(frozen=True)
class Origin:
    """A place in the source, and what stands there: ``tables.orders.metrics.revenue``, ``metrics``."""

    path: str
    feature: str


@dataclass
class DraftItem:
    """A dimension, fact or metric; its expression names columns and other items of its table."""

    kind: Kind
    name: str
    tree: exp.Expr
    origin: Origin
    text: str = ""
    """The expression as it was written, kept where both engines read it so."""
    description: str = ""
    label: str = ""
    data_type: str | None = None
    is_number: bool = False
    """Whether it is said to be a number, though of which kind is not."""
    is_assumed: bool = False
    """Whether its type is nobody's word."""
    synonyms: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    """Further keys of our format: ``sample_values``, ``is_enum``, ``unique``, ``labels``."""
    x_nl: dict[str, Any] = field(default_factory=dict)


@dataclass
class DraftTable:
    """A logical table over a physical one."""

    name: str
    origin: Origin
    database: str
    schema: str
    physical: str
    key: list[str] = field(default_factory=list)
    is_keyed: bool = False
    """Whether the key is never empty and never twice, by the source's word or the database's."""
    unique_keys: list[list[str]] = field(default_factory=list)
    description: str = ""
    label: str = ""
    synonyms: list[str] = field(default_factory=list)
    items: list[DraftItem] = field(default_factory=list)
    filters: list[dict[str, Any]] = field(default_factory=list)
    x_nl: dict[str, Any] = field(default_factory=dict)

    def of_kind(self, *kinds: Kind) -> list[DraftItem]:
        return [item for item in self.items if item.kind in kinds]

    def find(self, name: str) -> DraftItem | None:
        """Return the item of a name."""
        return next((item for item in self.items if item.name == name), None)

    def is_free(self, name: str) -> bool:
        """Tell whether nothing of the table has a name."""
        return self.find(name) is None and all(one["name"] != name for one in self.filters)

    def free(self, name: str) -> str:
        """Return a name that nothing of the table has yet, as near as may be to the one given."""
        numbered = (f"{name}_{n}" for n in range(2, 10_000))
        return name if self.is_free(name) else next(one for one in numbered if self.is_free(one))


@dataclass
class DraftRelationship:
    """Many rows of the left table belong to one row of the right one."""

    name: str
    left: str
    right: str
    pairs: list[tuple[str, str]]
    origin: Origin


@dataclass
class DraftQuery:
    """A verified query; its SQL names logical tables and columns."""

    content: dict[str, Any]
    origin: Origin


@dataclass
class Draft:
    """A model in the making, and what of its source is not in it."""

    name: str
    description: str = ""
    names_columns: bool = False
    """Whether its expressions name columns only, whatever fields are called."""
    tables: list[DraftTable] = field(default_factory=list)
    relationships: list[DraftRelationship] = field(default_factory=list)
    metrics: list[DraftItem] = field(default_factory=list)
    """Formulas over several tables, or over metrics: nothing is known yet of what they name."""
    queries: list[DraftQuery] = field(default_factory=list)
    instructions: dict[str, Any] = field(default_factory=dict)
    x_nl: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    """Names that formulas may still use of what was taken out, with why."""

    def table(self, name: str) -> DraftTable | None:
        """Return the table of a name."""
        return next((table for table in self.tables if table.name == name), None)

    def lose(self, origin: Origin, reason: str) -> None:
        """Report that a thing is not in the model."""
        self.losses.append(Loss(origin.path, origin.feature, reason))

    def note(self, origin: Origin, key: str, reason: str) -> None:
        """Report that a key of a thing does not arrive as it was."""
        self.losses.append(Loss(f"{origin.path}.{key}" if origin.path else key, key, reason))

    def drop_item(self, table: DraftTable, item: DraftItem, reason: str) -> None:
        """Take an item out of its table."""
        table.items = [one for one in table.items if one is not item]
        self.gone[f"{table.name}.{item.name}"] = reason
        self.lose(item.origin, reason)

    def drop_table(self, table: DraftTable, reason: str) -> None:
        """Take a table out, and whatever hangs on it later."""
        self.tables = [one for one in self.tables if one is not table]
        self.gone[table.name] = reason
        self.lose(table.origin, reason)

    def items(self) -> Iterator[tuple[DraftTable, DraftItem]]:
        """Yield every item with its table, safe against items that are taken out meanwhile."""
        for table in list(self.tables):
            for item in list(table.items):
                yield table, item
