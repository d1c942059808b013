"""The workspace on disk: one writer that ends with its process, and files that change whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer360.errors import Conflict, NotFound, Unavailable, WorkspaceBusy
from customer360.workspace import FORMAT, Workspace, explain_disk, locked, replace_file, write_json, write_yaml

pytestmark = pytest.mark.integration

HOLD = """
import sys, time
from pathlib import Path
from customer360.workspace import Workspace
with Workspace(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""

HALF_WRITTEN = """
import os, signal, sys
from pathlib import Path
from customer360.workspace import replace_file
def write(beside):
    beside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
replace_file(Path(sys.argv[1]), write)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the writer's lock."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file of this process grow beyond 4 KiB; the signal that goes with it is ignored, so writing fails."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_naming_a_workspace_touches_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    workspace = Workspace(home)
    inside = (workspace.lake, workspace.builds, workspace.store, workspace.logs, workspace.description)
    assert all(path.parent == home for path in inside)
    assert not home.exists()


def test_a_second_writer_is_turned_away_and_told_why(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    second = Workspace(tmp_path).writing(wait=0.1)
    with pytest.raises(WorkspaceBusy, match="Another process is loading") as refused, second:
        pass
    assert refused.value.exit_code == 4


def test_the_lock_dies_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    with Workspace(tmp_path).writing(wait=0):
        pass


def test_a_writer_waits_for_the_one_before(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {holder.pid}"]).wait(10)
    with Workspace(tmp_path).writing(wait=10):
        pass


def test_the_lock_is_free_again_when_the_block_fails(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    with pytest.raises(ZeroDivisionError), workspace.writing():
        _ = 1 / 0
    with workspace.writing(wait=0):
        pass


def test_a_child_that_shares_the_descriptor_keeps_the_lock(tmp_path: Path) -> None:
    with Workspace(tmp_path).writing() as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(descriptor,))
    try:
        with locked(tmp_path, exclusive=True) as second:
            assert second is None
    finally:
        child.kill()
        child.wait(10)
    with locked(tmp_path, exclusive=True) as third:
        assert third is not None


def test_readers_share_a_folder_and_keep_a_remover_out(tmp_path: Path) -> None:
    with locked(tmp_path, exclusive=False) as one, locked(tmp_path, exclusive=False) as two:
        assert one is not None
        assert two is not None
        with locked(tmp_path, exclusive=True) as remover:
            assert remover is None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "current.json"
    write_json(path, {"build_id": "b1", "note": "é"})
    write_json(path, {"build_id": "b2"})
    assert path.read_text(encoding="utf-8") == '{\n  "build_id": "b2"\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "current.json"
    path.write_text("old")

    def write(beside: Path) -> None:
        beside.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace_file(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_it_writes_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "current.json"
    path.write_text("old")
    killed = subprocess.run([sys.executable, "-c", HALF_WRITTEN, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_readers_see_the_old_or_the_new_file_and_nothing_between(tmp_path: Path) -> None:
    path, contents = tmp_path / "current.json", [str(n) * 20_000 for n in range(10)]
    path.write_text(contents[0])
    script = "import sys; p = sys.argv[1]\nwhile True: print(len(set(open(p).read())), flush=True)"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        reader.stdout.readline()
        for content in contents * 5:
            replace_file(path, lambda beside, text=content: _fill(beside, text))  # type: ignore[misc]
        reader.kill()
        seen = set(reader.stdout.read().split())
    assert seen == {"1"}


def _fill(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.usefixtures("small_files")
def test_a_write_that_finds_no_room_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "build.json"
    write_json(path, {"build_id": "b1"})
    with pytest.raises(OSError, match="too large"):
        write_json(path, {"failures": "x" * 10_000})
    assert "b1" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs a device that is always full")
def test_a_full_disk_is_explained_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "build.json"
    path.write_text("old")

    def write(_: Path) -> None:
        with Path("/dev/full").open("w") as full:
            full.write("x" * 10_000)

    with pytest.raises(Unavailable, match="is full") as refused:
        replace_file(path, write)
    assert (refused.value.code, refused.value.status) == ("disk_full", 503)
    assert refused.value.next_action
    assert path.read_text() == "old"


def test_other_errors_of_the_disk_pass_unchanged() -> None:
    denied = PermissionError(errno.EACCES, "denied")
    assert explain_disk(denied, Path("/x/y")) is denied


def test_an_empty_workspace_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is empty") as refused:
        Workspace(tmp_path).describe()
    assert refused.value.code == "workspace_empty"
    assert "customer360 load" in refused.value.next_action


def test_a_workspace_describes_what_it_holds(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_yaml(workspace.description, {"format": FORMAT, "dataset": "bank", "definition": {"title": "Bänk"}})
    assert workspace.describe() == {"format": FORMAT, "dataset": "bank", "definition": {"title": "Bänk"}}


def test_a_workspace_of_another_format_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_yaml(workspace.description, {"format": FORMAT + 1, "dataset": "bank"})
    with pytest.raises(Conflict, match=f"format {FORMAT + 1}") as refused:
        workspace.describe()
    assert refused.value.code == "workspace_format"
