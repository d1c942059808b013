"""How tables belong to each other: many-to-one edges without cycles, and the one path between two tables.

Invariant: following a path never multiplies rows, because every step goes from many rows to at most one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from customer360.errors import InvalidDefinition, InvalidQuery


@dataclass(frozen=True)
class Edge:
    """Many rows of ``left`` belong to one row of ``right``; ``columns`` pairs their columns.

    ``one_to_one`` where the columns are the primary key on either side.
    """

    name: str
    left: str
    right: str
    columns: tuple[tuple[str, str], ...]
    one_to_one: bool = False


Path = tuple[Edge, ...]


class Relations:
    """All paths from finer tables to coarser ones."""

    def __init__(self, tables: Iterable[str], edges: Sequence[Edge]) -> None:
        self.tables = tuple(tables)
        _refuse_cycles(edges)
        self._paths = {table: _paths_from(table, edges) for table in self.tables}
        self._twins = {edge.right: edge.left for edge in edges if edge.one_to_one}

    def reaches(self, finer: str, coarser: str) -> bool:
        """Tell whether each row of ``finer`` has at most one row of ``coarser`` (a table reaches itself)."""
        return finer == coarser or coarser in self._paths.get(finer, {})

    def home(self, table: str) -> str:
        """Return the table over which fields of ``table`` are aggregated: its twin where it merely extends one."""
        while table in self._twins:
            table = self._twins[table]
        return table

    def path(self, finer: str, coarser: str) -> Path:
        """Return the one path; empty when both are the same table.

        Raises:
            InvalidQuery: there are several.
        """
        if finer == coarser:
            return ()
        paths = self._paths[finer][coarser]
        if len(paths) > 1:
            ways = "; ".join(" → ".join(edge.name for edge in path) for path in paths)
            raise InvalidQuery(
                f"{finer} reaches {coarser} in {len(paths)} ways: {ways}.",
                code="ambiguous_join",
                next_action="Ask for fields of a table that is reached in one way only.",
            )
        return paths[0]

    def nearest_shared(self, one: str, other: str) -> list[str]:
        """Return the coarser tables that both belong to, leaving out those behind another of them."""
        shared = [table for table in self.tables if self.reaches(one, table) and self.reaches(other, table)]
        return [table for table in shared if not any(near != table and self.reaches(near, table) for near in shared)]

    def carriers(self, base: str, table: str) -> list[str]:
        """Return the finer tables through which a row of ``base`` can be asked about ``table``, coarsest ones only.

        Tables whose rows belong to one row of ``base`` come before those that merely share a coarser table with it.
        """
        candidates = [finer for finer in self.tables if finer != base and self.reaches(finer, table)]
        direct = [finer for finer in candidates if self.reaches(finer, base)]
        chosen = direct or [finer for finer in candidates if self.nearest_shared(finer, base)]
        return [one for one in chosen if not any(other != one and self.reaches(one, other) for other in chosen)]


def _paths_from(table: str, edges: Sequence[Edge]) -> dict[str, list[Path]]:
    paths: dict[str, list[Path]] = {}
    for edge in (edge for edge in edges if edge.left == table):
        paths.setdefault(edge.right, []).append((edge,))
        for target, onward in _paths_from(edge.right, edges).items():
            paths.setdefault(target, []).extend((edge, *path) for path in onward)
    return paths


def _refuse_cycles(edges: Sequence[Edge]) -> None:
    coarser: dict[str, set[str]] = {}
    for edge in edges:
        coarser.setdefault(edge.left, set()).add(edge.right)
    for table in coarser:
        _follow(table, coarser, (table,))


def _follow(table: str, coarser: dict[str, set[str]], trail: tuple[str, ...]) -> None:
    for right in sorted(coarser.get(table, ())):
        if right in trail:
            raise InvalidDefinition(
                f"The relationships form a cycle: {' → '.join((*trail, right))}.",
                next_action="Take one of them out; every relationship goes from many rows to one.",
            )
        _follow(right, coarser, (*trail, right))


def finest(relations: Relations, tables: Iterable[str]) -> str:
    """Return the one named table whose rows belong to one row of each other."""
    named = list(dict.fromkeys(tables))
    found = [table for table in named if all(relations.reaches(table, other) for other in named)]
    if found:
        return found[0]
    carriers = [table for table in relations.tables if all(relations.reaches(table, other) for other in named)]
    raise InvalidQuery(
        f"No row of {' or '.join(named)} belongs to one row of each of the others.",
        code="unreachable_field",
        next_action=f"Add a field or a metric of {' or '.join(carriers)}, which relates them."
        if carriers
        else "Ask for them one by one.",
    )
