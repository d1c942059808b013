"""A build from damaged bronze is refused before it starts, and the file is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from customer360.build.pipeline import run_build
from customer360.errors import BuildFailed
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import Builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def swap(path: Path) -> None:
    [other] = [one for one in path.parents[1].glob("*/*.parquet") if one.parent.name == "products"]
    shutil.copy(other, path)


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no Parquet file")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "No files found"),
        (cut, "No magic bytes found at end of file"),
        (overwrite, "too small to be a Parquet file|No magic bytes"),
        (swap, "it holds 5 rows of products_csv_"),
    ],
    ids=["gone", "cut", "overwritten", "swapped"],
)
def test_a_damaged_file_of_bronze_is_named(
    messy: Workspace, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    workspace = Workspace(Path(shutil.copytree(messy.home, tmp_path / "home")))
    served = Builds(workspace).current_id()
    [path] = (workspace.lake / "transactions").glob("*.parquet")
    damage(path)
    with pytest.raises(BuildFailed) as raised:
        run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    [detail] = raised.value.details
    assert detail["field"] == str(path)
    assert re.search(message, detail["message"])
    assert Builds(workspace).current_id() == served
