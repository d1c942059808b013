"""Turns values into words for the screen. Text from the data stays text: it is never read as Markdown or HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from customer360.semantic import Figures

MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")


def as_markdown(text: Any) -> str:
    """Return text that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\1", str(text)).replace("\n", " ")


def as_html(text: Any) -> str:
    """Return text that HTML shows as it is."""
    return html.escape(str(text), quote=True)


def counted(count: int | None, one: str, figures: Figures) -> str:
    """Return ``1 order`` or ``73 orders``; a dash where nobody knows."""
    if count is None:
        return figures.write(None)
    return f"{figures.write(count)} {one if count == 1 else one + 's'}"


def change(values: Mapping[str, Any], figures: Figures) -> tuple[str, str]:
    """Return the change of the last 90 days' spend against the 90 days before, and what it is compared with."""
    before, share = values["spend_prior_90_days"], values["spend_change_pct"]
    if not before:
        return "", "No spend in the 90 days before"
    compared = f"{figures.write(before, 'currency')} in the 90 days before"
    return ("", compared) if share is None else (figures.write(share, "percent"), f"from {compared}")
