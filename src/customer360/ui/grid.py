"""Answers as tables: columns that hold nothing vanish, figures are written as the dataset's country does.

Cells keep their values under the written text, so that a click on a heading sorts amounts by amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from customer360.semantic import Column, Figures, SemanticResult

ROW_HEIGHT = 35
TALLEST = 12


def show(
    answer: SemanticResult,
    figures: Figures,
    *,
    labels: Mapping[str, str],
    vary: tuple[str, ...] = (),
    same_as: tuple[str, str] | None = None,
) -> None:
    """Show the columns named in ``labels``, in that order.

    Those in ``vary`` are shown only where their rows differ, the first of ``same_as`` only where it differs from the
    second.
    """
    hidden = {name for name in labels if not _tells(answer, name, differ=name in vary)}
    if same_as and answer.table.column(same_as[0]).equals(answer.table.column(same_as[1])):
        hidden.add(same_as[0])
    by_name = {column.name: column for column in answer.columns}
    columns = [by_name[name] for name in labels if name not in hidden]
    names = [column.name for column in columns]
    frame = answer.table.select(names).to_pandas(date_as_object=True)
    styled = frame.style.format({c.name: partial(_write, figures=figures, unit=c.unit) for c in columns})
    st.dataframe(
        styled,
        hide_index=True,
        height=ROW_HEIGHT * (min(answer.rows_returned, TALLEST) + 1) + 3,
        row_height=ROW_HEIGHT,
        placeholder=figures.write(None),
        column_config={c.name: _config(c, labels[c.name]) for c in columns},
    )


def _tells(answer: SemanticResult, name: str, *, differ: bool) -> bool:
    column = answer.table.column(name)
    if differ:
        return len(column.unique()) > 1
    return bool(column.null_count < len(column))


def _config(column: Column, label: str) -> Any:
    return st.column_config.Column(label, alignment="right" if column.unit else "left")


def _write(value: Any, *, figures: Figures, unit: str | None) -> str:
    missing = value is None or value != value  # noqa: PLR0124 - NaN and NaT are how pandas writes "nothing"
    return figures.write(None if missing else value, unit)
