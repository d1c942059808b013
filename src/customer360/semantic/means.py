"""Money by a count, to the nearest ten-thousandth with halves away from zero, as the macro money_per has it in models.

A quotient of doubles puts halves of the last digit on either side, and DuckDB's AVG is one; Snowflake's is a decimal.
What lies between two amounts (medians, percentiles) DuckDB cuts off and Snowflake rounds: both look for it among
ten-thousandths, which a double holds exactly, and round it once.
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


BETWEEN = parse_one("CAST(CAST(ROUND(:place, 0) AS DECIMAL(30, 0)) * 0.0001 AS DECIMAL(38, 4))", dialect="duckdb")


def money_per(total: exp.Expr, count: exp.Expr) -> exp.Expr:
    """Return an amount divided by a count; null where that is zero."""
    amount = exp.cast(total.copy(), MONEY, dialect="duckdb")
    return exp.replace_placeholders(MEAN.copy(), total=amount, count=count.copy())


def ten_thousandths(amount: exp.Expr) -> exp.Expr:
    """Return an amount as a double without a fraction."""
    scaled = exp.Mul(this=exp.Literal.number(10000), expression=exp.cast(amount, MONEY, dialect="duckdb"))
    return exp.cast(scaled, "DOUBLE")


def is_ten_thousandths(expression: exp.Expr) -> bool:
    """Tell whether an expression is an amount as a double without a fraction."""
    inner = expression.this if isinstance(expression, exp.Cast) else None
    return isinstance(inner, exp.Mul) and inner.this == exp.Literal.number(10000)


def money_of(place: exp.Expr) -> exp.Expr:
    """Return the amount that a number of ten-thousandths is, to the nearest whole one."""
    return exp.replace_placeholders(BETWEEN.copy(), place=place)


def exact_means(expression: exp.Expr) -> exp.Expr:
    """Return an aggregate of money with each mean, median and percentile computed exactly."""
    return expression.transform(_exact)


def _exact(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Avg):
        return money_per(exp.Sum(this=node.this), exp.Count(this=node.this.copy()))
    if isinstance(node, exp.Median):
        return money_of(exp.Median(this=ten_thousandths(node.this)))
    if isinstance(node, exp.WithinGroup):
        (ordered,) = node.expression.expressions
        ordered.set("this", ten_thousandths(ordered.this))
        return money_of(node)
    if isinstance(node, exp.Div):
        total, count = _inside(node.this, exp.Cast), _inside(node.expression, exp.Nullif)
        if isinstance(total, exp.Sum) and isinstance(count, exp.Count):
            return money_per(total, count)
    return node


def _inside(node: exp.Expr, wrapper: type[exp.Expr]) -> exp.Expr:
    """Return what a wrapper, such as the cast to DOUBLE, holds."""
    inner: exp.Expr = node.this if isinstance(node, wrapper) else node
    return inner
