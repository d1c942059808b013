"""Stands in for dbt's ``adapter`` while sqlfluff renders a model: a dispatched macro becomes a call of its name."""

from __future__ import annotations

from collections.abc import Callable


def dispatch(macro: str) -> Callable[..., str]:
    """Return what writes a call of the macro; date_spine is a select of its own."""
    if macro == "date_spine":
        return lambda *_: "select current_date as calendar_date"
    return lambda *arguments: f"{macro}({', '.join(str(argument).strip('[]') for argument in arguments)})"
