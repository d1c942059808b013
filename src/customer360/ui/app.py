"""The script that Streamlit runs: ``streamlit run app.py``. One run of it reads one build from start to end."""

from __future__ import annotations

import atexit
from pathlib import Path

import streamlit as st

from customer360.monitoring import Recorder
from customer360.semantic import Reader
from customer360.settings import QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.store import Store
from customer360.ui import customer, frame
from customer360.workspace import Workspace


@st.cache_resource(show_spinner=False)
def open_reader(home: Path) -> Reader:
    """Return the reader of a workspace; a process has one."""
    workspace = Workspace.of(load(WorkspaceSettings, home=home))
    recorder = Recorder(lambda: Store.beside(workspace.store), "pages")
    atexit.register(recorder.close)
    return Reader.of(workspace, load(QuerySettings), load(ResourceSettings), recorder.query)


def customers() -> None:
    """Show the customer page over the published build."""
    with frame.problems(), open_reader(load(WorkspaceSettings).home).pin() as reading:
        customer.show(reading)
        frame.footer(reading)


frame.head()
page = st.navigation(
    [st.Page(customers, title="Customers", icon=":material/person_search:", default=True)], position="top"
)
page.run()
