"""Expressions of other tools, read so that both engines understand them or a reason is given.

Invariant: what is accepted is written the same by every engine we have: no subquery, window, parameter or template, no
function that one of them lacks or that the translator does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ErrorLevel, SqlglotError

from customer360.semantic.exporting.sql import RESERVED
from customer360.semantic.importing.given import NAME
from customer360.warehouse import known_functions

OURS, SNOWFLAKE = "duckdb", "snowflake"
ENGINES = (OURS, SNOWFLAKE)
ANSI = ""
_SPELLED = frozenset(
    {"cast", "try_cast", "coalesce", "nullif", "extract", "count", "interval", "distinct", "quantile_cont"}
)
_TEMPLATES = ("{{", "{%", "${")


class NotImported(Exception):
    """A thing of the source that our model cannot have; the message is the reason."""


def read_sql(text: str, dialects: Sequence[str] = (SNOWFLAKE,)) -> exp.Expr:
    """Return an expression as a tree of DuckDB's words, by the first dialect that can read it.

    Raises:
        NotImported: none can, or one of the engines would not understand it.
    """
    if any(mark in text for mark in _TEMPLATES):
        raise NotImported("Its expression holds a variable or template, which nobody fills here.")
    reasons = []
    for dialect in dialects:
        try:
            return _checked(sqlglot.parse_one(text, into=exp.Condition, read=dialect or None))
        except SqlglotError:
            reasons.append("Its expression is no SQL that can be read.")
        except NotImported as reason:
            reasons.append(str(reason))
        except RecursionError:
            reasons.append("Its expression is nested too deeply.")
    raise NotImported(reasons[-1])


def write_sql(tree: exp.Expr) -> str:
    """Return an expression as our model has it: as Snowflake writes it where DuckDB reads that, so that both do."""
    try:
        text = _written(tree, SNOWFLAKE)
        return text if _as_it_is(text) is not None else str(tree.sql(OURS))
    except SqlglotError:
        return str(tree.sql(OURS))


def kept_text(text: str, tree: exp.Expr) -> str:
    """Return an expression as it was written, where our model reads it the same way, or else as we write it."""
    try:
        same = sqlglot.parse_one(text, into=exp.Condition, read=OURS).sql(OURS) == tree.sql(OURS)
    except SqlglotError:
        same = False
    return text if same else write_sql(tree)


def replaced(tree: exp.Expr, change: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    """Return a copy with each column changed, the outermost one too."""
    whole: exp.Expr = exp.Paren(this=tree.copy())
    for column in list(whole.find_all(exp.Column)):
        new = change(column)
        bare = new.this if isinstance(new, exp.Paren) and isinstance(column.parent, (exp.Func, exp.Paren)) else new
        column.replace(new if isinstance(column.parent, exp.Binary) else bare)
    inner: exp.Expr = whole.this
    return inner


def wrapped(tree: exp.Expr) -> exp.Expr:
    """Return an expression so that it can stand within another."""
    plain = (exp.Column, exp.Func, exp.Literal, exp.Paren, exp.Boolean, exp.Null)
    return tree.copy() if isinstance(tree, plain) else exp.Paren(this=tree.copy())


def _checked(tree: exp.Expr) -> exp.Expr:
    if unknown := tree.find(exp.Anonymous, exp.AnonymousAggFunc, exp.CombinedAggFunc):
        raise NotImported(f"It uses {unknown.name.upper()}, a function that not both engines are known to have.")
    if tree.find(exp.Filter):
        raise NotImported("It uses FILTER (WHERE …), which Snowflake lacks; CASE says the same.")
    if tree.find(exp.Struct, exp.Array, exp.JSONExtract, exp.JSONExtractScalar, exp.Lambda, exp.Bracket):
        raise NotImported("It reaches into a structure, which not both engines do the same way.")
    plain = _in_plain_words(replaced(tree, _plain_column))
    return _read_back(plain)


def _in_plain_words(tree: exp.Expr) -> exp.Expr:
    """Return an expression with what each engine spells in its own way said by CASE."""
    return tree.transform(_plain_word, copy=False)


def _plain_word(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.CountIf) and not isinstance(node.this, exp.Distinct):
        return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        branch = exp.If(this=node.this, true=node.args.get("true"))
        return exp.Case(ifs=[branch], default=node.args.get("false"))
    return node


def _read_back(tree: exp.Expr) -> exp.Expr:
    """Return what our model will read, which has to mean the same when it is written for either engine."""
    try:
        wanted = _written(tree, SNOWFLAKE)
        found = _as_it_is(wanted)
        return found if found is not None else _translated(tree)
    except SqlglotError as error:
        raise NotImported(f"Not both engines understand it: {str(error).splitlines()[0]}") from error


def _as_it_is(text: str) -> exp.Expr | None:
    """Return an expression of Snowflake's words that DuckDB reads the same way, or nothing."""
    try:
        found = sqlglot.parse_one(text, into=exp.Condition, read=OURS)
        same = _written(found, SNOWFLAKE) == text and not found.find(exp.Anonymous)
    except SqlglotError:
        return None
    return found if same and _lacking(found) is None else None


def _translated(tree: exp.Expr) -> exp.Expr:
    """Return an expression in DuckDB's words, where the way there and back changes nothing."""
    found = sqlglot.parse_one(_written(tree, OURS), into=exp.Condition, read=OURS)
    again = sqlglot.parse_one(_written(found, SNOWFLAKE), into=exp.Condition, read=SNOWFLAKE)
    if _written(again, OURS) != _written(found, OURS):
        raise NotImported("Not both engines understand it in the same way.")
    if lacking := _lacking(found):
        raise NotImported(f"It uses {lacking.upper()}, a function that DuckDB does not have.")
    return found


def _lacking(tree: exp.Expr) -> str | None:
    """Return a function that DuckDB lacks."""
    known = known_functions() | _SPELLED
    return next((name for name in sorted(_called(_written(tree, OURS))) if name not in known), None)


def _written(tree: exp.Expr, engine: str) -> str:
    return str(tree.sql(engine, unsupported_level=ErrorLevel.RAISE))


def _plain_column(column: exp.Column) -> exp.Expr:
    """Return a column by a name in lower case, in quotes only where it could not stand without."""
    parts = [_plain(part) for part in column.parts]
    *before, last = parts
    return exp.column(last, table=before[-1] if before else None)


def _plain(identifier: exp.Expr) -> exp.Identifier:
    name = identifier.name
    is_plain = NAME.fullmatch(name) is not None and name.upper() not in RESERVED
    folds = not identifier.args.get("quoted") or name == name.upper() or name == name.lower()
    return exp.to_identifier(name.lower() if is_plain and folds else name, quoted=not (is_plain and folds))


def _called(text: str) -> set[str]:
    tokens = sqlglot.tokenize(text, read=OURS)
    return {
        token.text.lower()
        for token, after in pairwise(tokens)
        if token.token_type is TokenType.VAR and after.token_type is TokenType.L_PAREN
    }
