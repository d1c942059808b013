"""Figures over the groups ``g``, and what they are beside other groups: shares, totals so far, changes, benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.aggregates import percentile_of, require_number
from customer360.semantic.asked import Asked
from customer360.semantic.filters import Benchmark, Measure
from customer360.semantic.means import MONEY, money_of, money_per, ten_thousandths
from customer360.semantic.measures import Figure, Inner, change_in_percent, figure_value
from customer360.semantic.model import Item


class Windows:
    """Figures as expressions over the groups; notes whether one of them looks at other groups."""

    def __init__(
        self, dimensions: Sequence[Asked], measured: Mapping[Inner, str], whole: Callable[[], exp.Select]
    ) -> None:
        self.keys = [exp.column(f"d{place}", table="g") for place in range(len(dimensions))]
        self.used = False
        self._dimensions = dimensions
        self._measured = measured
        self._whole = whole

    def value(self, figure: Figure) -> exp.Expr:
        """Return a figure of the group itself."""
        return figure_value(figure, lambda inner: exp.column(self._measured[inner], table="g"))

    def shown(self, figure: Figure) -> exp.Expr:
        """Return a figure as it is shown."""
        value, show = self.value(figure), figure.shown.show
        if show == "value":
            return value
        self.used = True
        if show == "share":
            within = figure.shown.within if isinstance(figure.shown, Measure) else ()
            whole = _over(exp.Sum(this=value.copy()), [self._key(name) for name in within])
            return _typed(_percent(value, whole), figure.item)
        return _typed(self._along_time(figure, value), figure.item)

    def benchmark(self, figure: Figure, benchmark: Benchmark) -> exp.Expr:
        """Return an aggregate of a figure over all groups, or over those alike in some dimensions; or it overall."""
        require_number(figure.item, benchmark.agg)
        if figure.shown.show != "value":
            raise InvalidQuery(
                f"{figure.item.name} looks at other groups already and has no {benchmark.agg} to be compared with.",
                next_action="Compare the metric itself with its average, without 'show'.",
                details=[{"field": figure.item.name, "message": f"is shown as {figure.shown.show}"}],
            )
        if benchmark.overall:
            return self._overall(figure)
        self.used = True
        value, parts = self.value(figure), [self._key(name) for name in benchmark.by]
        if benchmark.agg == "avg":
            return _mean(value, figure.data_type, parts)
        place = 50.0 if benchmark.percentile is None else benchmark.percentile
        if figure.data_type == MONEY:
            return money_of(_over(percentile_of(ten_thousandths(value), place), parts))
        return _over(percentile_of(exp.cast(value, "DOUBLE"), place), parts)

    def _overall(self, figure: Figure) -> exp.Expr:
        """Return a figure over the rows of all groups."""
        value = figure_value(figure, lambda inner: exp.column(self._measured[inner], table="o"))
        whole = self._whole().subquery("o", copy=False)
        return exp.Select(expressions=[value]).from_(whole, copy=False).subquery(copy=False)

    def _along_time(self, figure: Figure, value: exp.Expr) -> exp.Expr:
        """Return a figure along the one date of the query; what has no date comes after all and has no past."""
        date = self._date_of(figure)
        parts = [key for key in self.keys if key is not date]
        order = [exp.Ordered(this=date, nulls_first=False)]
        show = figure.shown.show
        if show == "running_total":
            return _over(exp.Sum(this=value), parts, order, rows=None)
        if show == "moving_average":
            span = figure.shown.span if isinstance(figure.shown, Measure) else 3
            return _where_dated(date, _mean(value, figure.data_type, parts, order, rows=span - 1))
        before = _over(exp.Lag(this=value.copy()), parts, order)
        if show == "change_pct":
            return _where_dated(date, change_in_percent(value, before))
        return _where_dated(date, exp.Sub(this=exp.Paren(this=value), expression=before))

    def _date_of(self, figure: Figure) -> exp.Expr:
        dated = zip(self._dimensions, self.keys, strict=True)
        dates = [key for one, key in dated if one.data_type in ("DATE", "TIMESTAMP")]
        if len(dates) == 1:
            return dates[0]
        raise InvalidQuery(
            f"{figure.item.label} needs one date to go along, and the query has {len(dates)}.",
            next_action="Group by one date, such as transaction_date:month.",
            details=[{"field": "dimensions", "message": "not exactly one date"}],
        )

    def _key(self, name: str) -> exp.Expr:
        named = zip(self._dimensions, self.keys, strict=True)
        found = [key for one, key in named if name in one.called()]
        if len(found) == 1:
            return found[0]
        raise InvalidQuery(
            f"The query is {'grouped by several' if found else 'not grouped by'} {name!r}.",
            next_action=f"Name one of its dimensions: {', '.join(one.name for one in self._dimensions)}.",
            details=[{"field": name, "message": "not one dimension of the query"}],
        )


def _typed(value: exp.Expr, item: Item) -> exp.Expr:
    return exp.cast(value, item.data_type, dialect="duckdb")


def _where_dated(date: exp.Expr, value: exp.Expr) -> exp.Expr:
    is_dated = exp.Not(this=exp.Is(this=date.copy(), expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=is_dated, true=value)])


def _percent(part: exp.Expr, whole: exp.Expr) -> exp.Expr:
    divisor = exp.Nullif(this=whole, expression=exp.Literal.number(0))
    share = exp.Div(this=exp.cast(part, "DOUBLE"), expression=divisor)
    return exp.Mul(this=exp.Literal.number(100), expression=exp.Paren(this=share))


def _mean(
    value: exp.Expr, data_type: str, parts: Sequence[exp.Expr], order: Sequence[exp.Expr] = (), rows: int | None = 0
) -> exp.Expr:
    """Return the mean over a window: of money exactly, as all means of money are."""
    if data_type != MONEY:
        return _over(exp.Avg(this=exp.cast(value, "DOUBLE")), parts, order, rows)
    total = _over(exp.Sum(this=value), parts, order, rows)
    return money_per(total, _over(exp.Count(this=value.copy()), parts, order, rows))


def _over(
    function: exp.Expr, parts: Sequence[exp.Expr], order: Sequence[exp.Expr] = (), rows: int | None = 0
) -> exp.Expr:
    """Return a function over a window; ``rows`` is how many before the current one it takes, None for all."""
    window = exp.Window(this=function, partition_by=[part.copy() for part in parts])
    if order:
        window.set("order", exp.Order(expressions=[one.copy() for one in order]))
        if not isinstance(function, exp.Lag):
            start = "UNBOUNDED" if rows is None else exp.Literal.number(rows)
            window.set("spec", exp.WindowSpec(kind="ROWS", start=start, start_side="PRECEDING", end="CURRENT ROW"))
    return window
