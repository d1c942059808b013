"""Types: those of other systems in our words, and what an expression gives where nobody says.

Invariant: a type that is returned holds every value of the source; where that is not known, nothing is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlglot import exp

FLOAT, WHOLE, TEXT = "DOUBLE", "BIGINT", "VARCHAR"
DAYS = ("DATE", "TIMESTAMP")
_TYPE = re.compile(r"\s*([A-Z][A-Z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*(WITH(?:OUT)? TIME ZONE)?\s*")
_NAMES: Mapping[str, str] = (
    dict.fromkeys(("VARCHAR", "STRING", "TEXT", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "NVARCHAR2", "UUID"), TEXT)
    | dict.fromkeys(("BIGINT", "INT8", "LONG", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "INT64"), WHOLE)
    | dict.fromkeys(("INT", "INTEGER", "INT4", "SMALLINT", "TINYINT", "BYTEINT", "USMALLINT", "UTINYINT"), "INTEGER")
    | dict.fromkeys(("DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT4", "FLOAT8", "REAL", "FLOAT64"), FLOAT)
    | dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMPTZ", "DATETIME"), DAYS[1])
    | {"BOOLEAN": "BOOLEAN", "BOOL": "BOOLEAN", "DATE": "DATE"}
)
_DECIMALS = ("NUMBER", "DECIMAL", "NUMERIC", "DEC")
_MOST_DIGITS, _MOST_SCALE = 38, 12


def type_named(given: str) -> str | None:
    """Return our word for a type of Snowflake or DuckDB; nothing where we have none, or where it says too little."""
    upper = given.upper().strip()
    if upper.startswith("ENUM("):
        return TEXT
    found = _TYPE.fullmatch(upper)
    if found is None:
        return None
    name, precision, scale, _ = found.groups()
    if name in _DECIMALS:
        return _decimal(int(precision), int(scale or 0)) if precision else None
    return _NAMES.get(name)


def is_number(given: str) -> bool:
    """Tell whether a type is of numbers, though of which is not said."""
    return given.upper().strip() in _DECIMALS


def type_of(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    """Return the type of an expression, given those of columns and other expressions by how they are written."""
    if known := columns.get(str(tree.sql())):
        return known
    for kinds, find in _RULES:
        if isinstance(tree, kinds):
            return find(tree, columns)
    return None


def _decimal(precision: int, scale: int) -> str:
    return WHOLE if scale == 0 and precision <= _MOST_DIGITS else f"DECIMAL({precision},{scale})"


def _of_column(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    return columns.get(tree.name.lower())


def _of_sum(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    inner = tree.this.expressions[0] if isinstance(tree.this, exp.Distinct) else tree.this
    found = type_of(inner, columns)
    if found in ("INTEGER", WHOLE):
        return WHOLE
    if found and found.startswith("DECIMAL"):
        return f"DECIMAL({_MOST_DIGITS},{_scale(found)})"
    return FLOAT if found == FLOAT else None


def _of_inner(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    return type_of(tree.this, columns) if isinstance(tree.this, exp.Expr) else None


def _of_cast(tree: exp.Expr, _: Mapping[str, str]) -> str | None:
    return type_named(tree.args["to"].sql("duckdb"))


def _of_literal(tree: exp.Expr, _: Mapping[str, str]) -> str | None:
    if tree.args.get("is_string"):
        return TEXT
    return WHOLE if str(tree.this).isdigit() else FLOAT


def _of_choice(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    branches = [one.args.get("true") for one in tree.args.get("ifs", ())] or [tree.args.get("true")]
    branches += [tree.args.get("default"), tree.args.get("false")]
    return _common(type_of(one, columns) for one in branches if one is not None and not isinstance(one, exp.Null))


def _of_first(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    return _common(type_of(one, columns) for one in (tree.this, *tree.expressions))


def _of_arithmetic(tree: exp.Expr, columns: Mapping[str, str]) -> str | None:
    left, right = type_of(tree.this, columns), type_of(tree.args["expression"], columns)
    if left in DAYS or right in DAYS:
        return None
    if isinstance(tree, exp.Mul) and left and right and "DECIMAL" in f"{left}{right}" and FLOAT not in (left, right):
        scale = _scale(left) + _scale(right)
        return f"DECIMAL({_MOST_DIGITS},{scale})" if scale <= _MOST_SCALE else FLOAT
    return _common((left, right))


def _common(types: Iterable[str | None]) -> str | None:
    """Return the one type that holds all, or nothing where one is not known or they do not fit."""
    named = set(types)
    if None in named or not named:
        return None
    if len(named) == 1:
        return named.pop()
    if FLOAT in named and all(is_numeric(one) for one in named):
        return FLOAT
    if all(is_numeric(one) for one in named):
        scale = max(_scale(one) for one in named)
        return f"DECIMAL({_MOST_DIGITS},{scale})" if scale else WHOLE
    return DAYS[1] if named == set(DAYS) else None


def is_numeric(named: str | None) -> bool:
    """Tell whether one of our types is of numbers."""
    return named in ("INTEGER", WHOLE, FLOAT) or bool(named and named.startswith("DECIMAL"))


def _scale(named: str | None) -> int:
    found = re.search(r",\s*(\d+)\)", named or "")
    return int(found[1]) if found else 0


_DECIDES = (exp.Predicate, exp.And, exp.Or, exp.Not, exp.Boolean)
_RULES = (
    (exp.Column, _of_column),
    ((exp.Count, exp.CountIf, exp.ApproxDistinct), lambda *_: WHOLE),
    (exp.Sum, _of_sum),
    ((exp.Avg, exp.Median, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop), lambda *_: FLOAT),
    ((exp.WithinGroup, exp.Quantile, exp.PercentileCont, exp.Corr, exp.Div), lambda *_: FLOAT),
    ((exp.Cast, exp.TryCast), _of_cast),
    (exp.Literal, _of_literal),
    ((exp.Case, exp.If), _of_choice),
    (exp.Coalesce, _of_first),
    (_DECIDES, lambda *_: "BOOLEAN"),
    ((exp.Add, exp.Sub, exp.Mul), _of_arithmetic),
    ((exp.Paren, exp.Neg, exp.Abs, exp.Nullif, exp.Min, exp.Max, exp.AnyValue), _of_inner),
    ((exp.Round, exp.Ceil, exp.Floor), _of_inner),
    ((exp.Lower, exp.Upper, exp.Trim, exp.Concat, exp.DPipe, exp.Substring, exp.Left, exp.Right), lambda *_: TEXT),
    ((exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.Extract, exp.DateDiff, exp.Length), lambda *_: WHOLE),
    ((exp.CurrentDate, exp.Date, exp.TsOrDsToDate), lambda *_: "DATE"),
    ((exp.DateTrunc, exp.TimestampTrunc), _of_inner),
)
