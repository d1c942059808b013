"""Files on their way in: from where, under which name, and what becomes of those that cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer360.errors import NotFound, SourceRefused
from customer360.ingest.files import SourceFile, list_sources, receive
from tests.ingest.shop import pack, put

pytestmark = pytest.mark.unit


def read_all(files: Iterator[SourceFile], folder: Path) -> dict[str, str]:
    return {file.name: receive(file, folder).path.read_text() for file in files}


def test_a_folder_gives_its_files_and_those_below_it_by_name(tmp_path: Path) -> None:
    put(tmp_path / "in", b="2", a="1")
    put(tmp_path / "in" / "2026", c="3")
    assert read_all(list_sources(tmp_path / "in"), tmp_path / "x") == {"2026/c.csv": "3", "a.csv": "1", "b.csv": "2"}


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "in", **{"a": "1", ".hidden": "2"})
    put(tmp_path / "in" / ".git", b="3")
    assert [file.name for file in list_sources(tmp_path / "in")] == ["a.csv"]


def test_a_folder_of_archives_and_an_archive_give_the_same_names_as_the_folder(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"./a.csv": "1", "./2026/b.csv": "2"}
    (tmp_path / "in").mkdir()
    archive = pack(tmp_path / "in" / "all.tar.gz", files)
    assert read_all(list_sources(tmp_path / "in"), tmp_path / "x") == {"a.csv": "1", "2026/b.csv": "2"}
    assert read_all(list_sources(archive), tmp_path / "x") == {"a.csv": "1", "2026/b.csv": "2"}


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    put(tmp_path, a="1")
    assert [file.name for file in list_sources(tmp_path / "a.csv")] == ["a.csv"]


def test_a_path_where_nothing_is_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file or folder") as refusal:
        list_sources(tmp_path / "nothing")
    assert refusal.value.code == "source_not_found"
    assert "--from" in refusal.value.next_action


def test_an_empty_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="holds no file"):
        list_sources(tmp_path)


def test_receiving_hashes_and_counts_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customer360.ingest.files.CHUNK", 3)
    content = b'a,b\r\n"1\r\n2",3\r\n'
    put(tmp_path, a=content)
    [file] = list_sources(tmp_path / "a.csv")
    received = receive(file, tmp_path / "x")
    assert (received.newlines, received.quotes, received.bytes) == (3, 2, len(content))
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    assert received.path.read_bytes() == content


def test_names_that_differ_only_in_their_folder_separator_do_not_meet(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a/b.csv": "1", "a__b.csv": "2"}
    received = [receive(file, tmp_path / "x") for file in list_sources(pack(tmp_path / "t.tar", files, mode="w"))]
    assert [file.path.read_text() for file in received] == ["1", "2"]


@pytest.mark.parametrize("name", ["../up.csv", "/etc/cron.csv", "a/../../up.csv", "a/..", "x\n.csv", "y" * 201])
def test_a_name_that_leads_out_or_cannot_be_kept_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceRefused, match="the name"):
        receive(SourceFile(name, lambda: io.BytesIO(b"1")), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_links_in_an_archive_are_refused_and_never_followed(tmp_path: Path) -> None:
    archive = tmp_path / "t.tar"
    with tarfile.open(archive, "w") as writer:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"{kind.decode()}.csv")
            member.type, member.linkname = kind, "/etc/passwd"
            writer.addfile(member)
    for file in list_sources(archive):
        with pytest.raises(SourceRefused, match="holds a link or a device"):
            receive(file, tmp_path / "x")


def test_a_link_to_a_file_is_read_and_a_broken_one_refused(tmp_path: Path) -> None:
    put(tmp_path, real="1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "in" / "lost.csv").symlink_to(tmp_path / "gone.csv")
    good, lost = list_sources(tmp_path / "in")
    assert receive(good, tmp_path / "x").path.read_text() == "1"
    with pytest.raises(SourceRefused, match=r"^lost.csv: the file cannot be read to its end"):
        receive(lost, tmp_path / "x")
    assert len(list((tmp_path / "x").iterdir())) == 1


def test_pipes_in_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, a="1")
    os.mkfifo(tmp_path / "pipe.csv")
    assert [file.name for file in list_sources(tmp_path)] == ["a.csv"]


def damage(kind: str, folder: Path) -> Path:
    big = os.urandom(200_000)
    path = pack(folder / "t.tar", {"a.csv": b"1", "b.csv": big, "c.csv": b"3"}, mode="w")
    whole = path.read_bytes()
    after_b = 512 * 3 + (len(big) + 511) // 512 * 512
    damaged = {
        "gz cut": gzip.compress(whole)[:100_000],
        "gz without its end": gzip.compress(whole)[:-6],
        "gz with a wrong checksum": gzip.compress(whole)[:-8] + b"\0\0\0\0" + gzip.compress(whole)[-4:],
        "gz with wrong bytes": gzip.compress(whole)[:5_000] + b"\xff" * 5_000 + gzip.compress(whole)[10_000:],
        "cut inside a file": whole[: after_b - 1_000],
        "cut between two files": whole[:after_b],
        "cut inside a header": whole[: after_b + 700],
        "wrong header": whole[:after_b] + b"x" * 512 + whole[after_b + 512 :],
        "not an archive": b"hello",
        "nothing": b"",
    }[kind]
    target = folder / ("t.tar.gz" if kind.startswith("gz") else "t.tar")
    target.write_bytes(damaged)
    return target


@pytest.mark.parametrize(
    "kind",
    [
        "gz cut",
        "gz without its end",
        "gz with a wrong checksum",
        "gz with wrong bytes",
        "cut inside a file",
        "cut between two files",
        "cut inside a header",
        "wrong header",
        "not an archive",
        "nothing",
    ],
)
def test_a_damaged_archive_says_so_after_what_came_out(tmp_path: Path, kind: str) -> None:
    archive = damage(kind, tmp_path)
    with pytest.raises(SourceRefused, match="the archive is damaged after"):
        for file in list_sources(archive):
            try:
                receive(file, tmp_path / "x")
            except SourceRefused as refusal:
                assert "cannot be read to its end" in refusal.message


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="holds no file"):
        list(list_sources(pack(tmp_path / "t.tar.gz", {})))
