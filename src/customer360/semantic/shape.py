"""A query without its values: all that the compiler ever sees, and the key under which its work is kept.

Invariant: no value a user gave is in a shape, so none can reach the text of a statement. A leaf only knows the numbers
of the placeholders its values are bound to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from customer360.semantic.query import (
    AllOf,
    Condition,
    Dimension,
    Filter,
    Negation,
    Operator,
    Order,
    Scalar,
    SemanticQuery,
    parts_of,
)


@dataclass(frozen=True)
class Leaf:
    """One comparison; ``placeholders`` are the numbers of its values."""

    field: str
    op: Operator
    placeholders: tuple[int, ...]


@dataclass(frozen=True)
class Branch:
    """``and``, ``or`` or ``not`` over other nodes."""

    kind: str
    parts: tuple[Node, ...]


Node = Leaf | Branch


@dataclass(frozen=True)
class Shape:
    """Everything of a query that decides the text of its statement."""

    metrics: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    fields: tuple[Dimension, ...]
    filters: Node | None
    having: Node | None
    order: tuple[Order, ...]
    limit: int
    offset: int


def take_apart(query: SemanticQuery) -> tuple[Shape, list[Scalar]]:
    """Return the shape of a query and its values, in the order of their placeholders."""
    values: list[Scalar] = []
    numbers = count(1)
    filters = _node(query.filters, numbers, values)
    having = _node(query.having, numbers, values)
    shape = Shape(
        query.metrics, query.dimensions, query.fields, filters, having, query.order, query.limit, query.offset
    )
    return shape, values


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Yield the comparisons of a tree in the order of their placeholders."""
    if isinstance(node, Leaf):
        yield node
    elif node is not None:
        for part in node.parts:
            yield from leaves(part)


def _node(tree: Filter | None, numbers: Iterator[int], values: list[Scalar]) -> Node | None:
    return None if tree is None else _tree(tree, numbers, values)


def _tree(tree: Filter, numbers: Iterator[int], values: list[Scalar]) -> Node:
    if isinstance(tree, Condition):
        given = tree.given()
        values.extend(given)
        return Leaf(tree.field, tree.op, tuple(next(numbers) for _ in given))
    kind = "and" if isinstance(tree, AllOf) else "not" if isinstance(tree, Negation) else "or"
    return Branch(kind, tuple(_tree(part, numbers, values) for part in parts_of(tree)))
