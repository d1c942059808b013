"""Money by a count, to the nearest ten-thousandth with halves away from zero, as the macro money_per has it in models.

A quotient of doubles puts halves of the last digit on either side, and DuckDB's AVG is one; Snowflake's is a decimal.
"""

from __future__ import annotations

from sqlglot import exp, parse_one

MONEY = "DECIMAL(38,4)"
MEAN = parse_one(
    """
    CAST(CAST(
        SIGN(:total) * FLOOR(CAST(20000 * ABS(:total) + :count AS DOUBLE) / CAST(2 * NULLIF(:count, 0) AS DOUBLE))
    AS DECIMAL(30, 0)) * 0.0001 AS DECIMAL(38, 4))
    """,
    dialect="duckdb",
)


def money_per(total: exp.Expr, count: exp.Expr) -> exp.Expr:
    """Return an amount divided by a count; null where that is zero."""
    amount = exp.cast(total.copy(), MONEY, dialect="duckdb")
    return exp.replace_placeholders(MEAN.copy(), total=amount, count=count.copy())


def exact_means(expression: exp.Expr) -> exp.Expr:
    """Return an aggregate of money with each AVG, and each SUM divided by a COUNT, computed exactly."""
    return expression.transform(_exact)


def _exact(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Avg):
        return money_per(exp.Sum(this=node.this), exp.Count(this=node.this.copy()))
    if isinstance(node, exp.Div):
        total, count = _inside(node.this, exp.Cast), _inside(node.expression, exp.Nullif)
        if isinstance(total, exp.Sum) and isinstance(count, exp.Count):
            return money_per(total, count)
    return node


def _inside(node: exp.Expr, wrapper: type[exp.Expr]) -> exp.Expr:
    """Return what a wrapper, such as the cast to DOUBLE, holds."""
    inner: exp.Expr = node.this if isinstance(node, wrapper) else node
    return inner
