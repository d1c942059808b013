"""Filters written as text: ``lifetime_value > 1000 and country in ('France', 'Spain') and not is_weekend``.

The text is parsed as one SQL condition, and only nodes of a short list become a filter; all else is refused. Nothing of
the text ever reaches an engine: the result is the same tree that a program would send.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from customer360.errors import InvalidQuery
from customer360.semantic.query import SemanticQuery, build_query

MAX_TEXT = 10_000
ALLOWED = (
    "field = 1, !=, <, <=, >, >=, in ('a', 'b'), not in, between 1 and 2, is null, is not null, like '%part%', "
    "like 'start%', contains(field, 'part'), starts_with(field, 'start'), a true-or-false field alone, "
    "and, or, not, ( )"
)

Tree = dict[str, Any]
_COMMA = re.compile(r",(?![^()]*\))")

_COMPARISONS: dict[type[exp.Expr], tuple[str, str]] = {
    exp.EQ: ("=", "="),
    exp.NEQ: ("!=", "!="),
    exp.LT: ("<", ">"),
    exp.LTE: ("<=", ">="),
    exp.GT: (">", "<"),
    exp.GTE: (">=", "<="),
}


def parse_condition(text: str) -> Tree:
    """Return the filter that a text describes, in the form ``SemanticQuery`` takes under filters and having.

    Raises:
        InvalidQuery: it is not a condition, or uses more than is allowed.
    """
    if len(text) > MAX_TEXT:
        raise InvalidQuery(f"The condition is longer than {MAX_TEXT:,} characters.", next_action="Write it shorter.")
    try:
        return _tree(sqlglot.parse_one(text, into=exp.Condition, read="duckdb"))
    except SqlglotError as error:
        raise _refused(f"The condition {_short(text)!r} cannot be read.") from error
    except RecursionError as error:
        raise _refused("The condition is nested too deep.") from error


def query_from_text(
    *,
    metrics: Iterable[str] = (),
    by: Iterable[str] = (),
    fields: Iterable[str] = (),
    where: str | None = None,
    having: str | None = None,
    order: Iterable[str] = (),
    limit: int | None = None,
) -> SemanticQuery:
    """Return the query that the words of a command line describe; lists may hold commas.

    ``metrics`` takes ``total_spend`` and ``percentile(age, 95)``, ``by`` takes ``country``, ``transaction_date:month``
    and ``age:10``, ``order`` takes ``total_spend`` and ``-total_spend``.

    Raises:
        InvalidQuery: a part does not fit.
    """
    parts: dict[str, Any] = {
        "metrics": split_names(metrics),
        "dimensions": split_names(by),
        "fields": split_names(fields),
        "order": split_names(order),
        "filters": parse_condition(where) if where else None,
        "having": parse_condition(having) if having else None,
    }
    return build_query(parts if limit is None else parts | {"limit": limit})


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names in texts that may each hold several, parted by commas; ``corr(a, b)`` is one."""
    given = [texts] if isinstance(texts, str) else texts
    return [name.strip() for text in given for name in _COMMA.split(text) if name.strip()]


def _tree(node: exp.Expr) -> Tree:
    if isinstance(node, exp.Column):
        return _leaf(node, "=", True)
    if type(node) in _COMPARISONS:
        return _comparison(cast("exp.Binary", node))
    write = _WRITERS.get(type(node))
    if write is None:
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not allowed in a condition.")
    return write(node)


def _leaf(column: exp.Expr | None, op: str, *values: Any, many: bool = False) -> Tree:
    leaf = {"field": _field(column), "op": op}
    if many:
        return leaf | {"values": list(values)}
    return leaf | ({"value": values[0]} if values else {})


def _field(node: exp.Expr | None) -> str:
    if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
        raise _refused(f"{_short(node.sql('duckdb') if node else '')!r} is not a field.")
    return f"{node.table}.{node.name}" if node.table else str(node.name)


def _comparison(node: exp.Binary) -> Tree:
    straight, turned = _COMPARISONS[type(node)]
    if isinstance(node.this, exp.Column):
        return _leaf(node.this, straight, _value(node.expression))
    return _leaf(node.expression, turned, _value(node.this))


def _connected(key: str) -> Callable[[Any], Tree]:
    def write(node: exp.Connector) -> Tree:
        return {key: [_tree(part) for part in node.flatten()]}

    return write


def _negated(node: exp.Not) -> Tree:
    """Return ``not in`` and ``is not null`` as the operators they are, anything else as the complement."""
    inner = _tree(node.this)
    opposite = {"in": "not_in", "is_null": "is_not_null"}.get(str(inner.get("op")))
    if opposite and isinstance(node.this, (exp.In, exp.Is)):
        return inner | {"op": opposite}
    return {"not": inner}


def _in(node: exp.In) -> Tree:
    if not node.expressions:
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not a list of values.")
    return _leaf(node.this, "in", *(_value(one) for one in node.expressions), many=True)


def _between(node: exp.Between) -> Tree:
    return _leaf(node.this, "between", _value(node.args["low"]), _value(node.args["high"]), many=True)


def _is(node: exp.Is) -> Tree:
    if isinstance(node.expression, exp.Boolean):
        return _leaf(node.this, "=", bool(node.expression.this))
    if not isinstance(node.expression, exp.Null):
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not allowed in a condition.")
    return _leaf(node.this, "is_null")


def _like(node: exp.Like | exp.ILike) -> Tree:
    """Return a pattern as ``contains`` or ``starts_with``; neither minds the case."""
    pattern = _value(node.expression)
    text = pattern.strip("%") if isinstance(pattern, str) else ""
    if not text or "%" in text or "_" in text or node.args.get("escape") or pattern not in (f"%{text}%", f"{text}%"):
        raise _refused(f"The pattern {_short(str(pattern))!r} is not '%part%' or 'start%'; for others use contains.")
    leaf = _leaf(node.this, "contains" if pattern.startswith("%") else "starts_with", text)
    return {"not": leaf} if node.args.get("negate") else leaf


def _function(op: str) -> Callable[[Any], Tree]:
    def write(node: exp.Contains | exp.StartsWith) -> Tree:
        return _leaf(node.this, op, _value(node.expression))

    return write


def _value(node: exp.Expr) -> Any:
    if isinstance(node, exp.Null):
        raise _refused("Nothing equals null.", hint="To ask for empty fields write: field is null.")
    if isinstance(node, (exp.Column, exp.Binary)):
        written = node.sql("duckdb")
        raise _refused(f"{_short(written)!r} is not a value.", hint="Put text in single quotes: country = 'France'.")
    convert = _VALUES.get(type(node))
    if convert is None:
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not a value.")
    return convert(node)


def _literal(node: exp.Literal) -> str | int:
    """Return a quoted text or a whole number; a number with a fraction stays text, so that no digit is lost."""
    text = str(node.this)
    return int(text) if not node.is_string and text.isdigit() else text


def _minus(node: exp.Neg) -> str | int:
    if not isinstance(node.this, exp.Literal) or node.this.is_string:
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not a value.")
    value = _literal(node.this)
    return -value if isinstance(value, int) else f"-{value}"


def _typed_literal(node: exp.Cast) -> Any:
    if not isinstance(node.this, exp.Literal) or not node.to.is_type("date", "timestamp"):
        raise _refused(f"{_short(node.sql('duckdb'))!r} is not a value.")
    return _literal(node.this)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _refused(message: str, *, hint: str = "") -> InvalidQuery:
    return InvalidQuery(message, code="invalid_condition", next_action=hint or f"Allowed: {ALLOWED}.")


_WRITERS: Mapping[type[exp.Expr], Callable[[Any], Tree]] = {
    exp.And: _connected("and"),
    exp.Or: _connected("or"),
    exp.Not: _negated,
    exp.Paren: lambda node: _tree(node.this),
    exp.In: _in,
    exp.Between: _between,
    exp.Is: _is,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Contains: _function("contains"),
    exp.StartsWith: _function("starts_with"),
}
_VALUES: Mapping[type[exp.Expr], Callable[[Any], Any]] = {
    exp.Literal: _literal,
    exp.Neg: _minus,
    exp.Boolean: lambda node: bool(node.this),
    exp.Cast: _typed_literal,
    exp.Paren: lambda node: _value(node.this),
}
