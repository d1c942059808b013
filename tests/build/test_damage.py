"""A build from damaged bronze is refused before it starts, and the file is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from customer360.build.pipeline import run_build
from customer360.errors import BuildFailed
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

CHANGED = "its content is not what landed"


def change_one_value(path: Path) -> None:
    """Turn a bit of the first page, which no footer tells of."""
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


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
        (Path.unlink, "it cannot be read: No such file or directory"),
        (cut, CHANGED),
        (overwrite, CHANGED),
        (swap, CHANGED),
        (change_one_value, CHANGED),
    ],
    ids=["gone", "cut", "overwritten", "swapped", "one value changed"],
)
def test_a_damaged_file_of_bronze_is_named(
    messy: Workspace, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    workspace = Workspace(Path(shutil.copytree(messy.home, tmp_path / "home")))
    served = open_builds(workspace).current_id()
    [path] = (workspace.lake / "transactions").glob("*.parquet")
    damage(path)
    with pytest.raises(BuildFailed) as raised:
        run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    [detail] = raised.value.details
    assert detail["field"] == str(path)
    assert detail["message"] == message
    assert open_builds(workspace).current_id() == served
