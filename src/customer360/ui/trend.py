"""The spending trend: one bar a month, its axis in the dataset's currency, the month that is not over marked."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import Any

import plotly.graph_objects as go

from customer360.semantic import Figures
from customer360.ui.wording import counted

SHORTEST = 12
"""Months that the axis covers at least, so that one bar does not fill the chart."""
BAR_MILLISECONDS = 22 * 24 * 3600 * 1000
"""Width of a bar: the same whether the months beside it have bars or not."""


def spending_chart(months: list[dict[str, Any]], *, as_of: date, figures: Figures) -> go.Figure:
    """Return the chart of rows with ``transaction_date_month``, ``total_spend`` and ``transaction_count``."""
    chart = go.Figure(layout_template="streamlit")
    chart.add_bar(
        x=[row["transaction_date_month"] for row in months],
        y=[row["total_spend"] for row in months],
        customdata=[[figures.write(row["total_spend"], "currency"), _count(row, figures)] for row in months],
        hovertemplate="%{x|%B %Y}<br><b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
        marker_pattern_shape=["/" if is_running(row["transaction_date_month"], as_of) else "" for row in months],
        width=BAR_MILLISECONDS,
        marker_pattern_fillmode="overlay",
    )
    first = min([row["transaction_date_month"] for row in months] + [_months_before(as_of, SHORTEST - 1)])
    chart.update_xaxes(
        range=[_middle(_months_before(first, 1)), _middle(as_of)], tickformat="%b\n%Y", showgrid=False, fixedrange=True
    )
    chart.update_yaxes(**money_axis(figures), fixedrange=True, zeroline=True, nticks=6)
    chart.update_layout(
        height=320,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        separators=_separators(figures),
        hovermode="closest",
        dragmode=False,
    )
    return chart


def is_running(month: date, as_of: date) -> bool:
    """Tell whether the month that starts on ``month`` is not over on the build's day."""
    last = monthrange(as_of.year, as_of.month)[1]
    return month == as_of.replace(day=1) and as_of.day < last


def money_axis(figures: Figures) -> dict[str, str]:
    """Return where an axis writes the currency, and how it writes the number."""
    prefix, _, suffix = _parts(figures)
    return {"tickprefix": prefix, "ticksuffix": suffix, "tickformat": ",~f"}


def _count(row: dict[str, Any], figures: Figures) -> str:
    return counted(row["transaction_count"], "transaction", figures)


def _parts(figures: Figures) -> tuple[str, str, str]:
    written = figures.write(1_234_567, "currency")
    parts = re.fullmatch(r"(\D*)(\d.*\d)(\D*)", written)
    return (parts[1], parts[2], parts[3]) if parts else ("", written, "")


def _separators(figures: Figures) -> str:
    marks = re.findall(r"\D", _parts(figures)[1])
    group = marks[0] if marks else ","
    decimal = marks[-1] if len(set(marks)) > 1 else "."
    return decimal + group


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _middle(day: date) -> date:
    return day.replace(day=16)
