"""Keeps a group of tests on one worker; a module of its own, so that it can be tried without what conftest imports."""

from __future__ import annotations

import pytest
from _pytest.nodeid import coerce_node_id


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the ids of tests end with their group, by which xdist keeps a group on one worker.

    xdist 3.8 writes them where pytest 9.2 no longer reads them (pytest-dev/pytest-xdist#1386), and says nothing: every
    worker would start an emulator and build both datasets on it. What is written here is what a mended xdist writes.
    """
    if config.getoption("loadgroup", default=False):
        for item in items:
            mark = item.get_closest_marker("xdist_group")
            if mark and not item.nodeid.endswith(f"@{mark.args[0]}"):
                item._id = coerce_node_id(f"{item.nodeid}@{mark.args[0]}")
