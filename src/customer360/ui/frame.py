"""What every page shares: head, style, footer, and how a problem is shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from customer360.errors import Customer360Error
from customer360.semantic import Reading
from customer360.ui.wording import as_html, as_markdown

STYLE = Path(__file__).with_name("style.css")
LOGO, MARK = (Path(__file__).with_name(name) for name in ("logo.svg", "mark.svg"))

log = logging.getLogger(__name__)


def head() -> None:
    """Name the browser's tab and lay the style down."""
    st.set_page_config(page_title="Customer360", page_icon=str(MARK), layout="wide")
    st.html(STYLE)
    st.logo(str(LOGO), size="large")


def footer(reading: Reading) -> None:
    """Say where the figures on the page come from."""
    record, figures = reading.record, reading.figures
    facts = [
        ("Data", record.dataset["title"]),
        ("As of", figures.write(record.as_of)),
        ("Build", record.build_id),
        ("Currency", figures.currency),
    ]
    items = "".join(f"<span>{name} <b>{as_html(value)}</b></span>" for name, value in facts)
    st.html(f'<footer class="c360-footer">{items}</footer>')


@contextmanager
def problems() -> Iterator[None]:
    """Show what went wrong and what to do next, and keep the page usable."""
    try:
        yield
    except Customer360Error as error:
        refusal(error.message, error.next_action)
    except Exception:
        log.exception("A page failed.")
        refusal("This page could not be shown.", "Reload it. The log of the pages says what happened.")


def refusal(message: str, next_action: str) -> None:
    """Show one problem with the next action."""
    st.warning(_told(message, next_action), icon=":material/warning:")


def notice(message: str, next_action: str) -> None:
    """Show that there is nothing to show, and what to try."""
    st.info(_told(message, next_action), icon=":material/search_off:")


def _told(message: str, next_action: str) -> str:
    return f"**{as_markdown(message)}**\n\n{as_markdown(next_action)}"
