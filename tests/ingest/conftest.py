"""A shop's dataset, an empty workspace and a folder for its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.ingest import DatasetFolder
from customer360.workspace import Workspace
from tests.ingest.shop import write_shop


@pytest.fixture
def shop(tmp_path: Path) -> DatasetFolder:
    return write_shop(tmp_path / "shop")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder
