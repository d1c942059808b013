"""Source files on their way in: from a folder, a single file or a tar archive to the workspace's incoming folder."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from customer360.errors import NotFound, SourceRefused

CHUNK = 1 << 20
ARCHIVES = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source and how to read it; ``name`` is unique within the source."""

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Received:
    """A file in the incoming folder, with what one pass over its bytes told."""

    name: str
    path: Path
    sha256: str
    bytes: int
    newlines: int
    quotes: int


def list_sources(path: Path) -> Iterator[SourceFile]:
    """Yield the files of a folder, an archive or a single file, in the order of their names.

    Raises:
        NotFound: nothing is there.
        SourceRefused: the archive is damaged, or there is no file in it.
    """
    if path.is_dir():
        files = sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
        archives = [file for file in files if file.name.endswith(ARCHIVES)]
        yield from _single_archive(archives) if archives == files and archives else map(_plain, files)
    elif path.name.endswith(ARCHIVES) and path.is_file():
        yield from _members(path)
    elif path.is_file():
        yield _plain(path)
    else:
        raise NotFound(
            f"There is no file or folder {path}.",
            code="source_not_found",
            next_action="Give --from the path of a folder, a file or a .tar.gz.",
        )


def receive(source: SourceFile, folder: Path) -> Received:
    """Copy a source file into ``folder``, hashing and counting as the bytes go by."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name.replace("/", "__")
    digest, size, newlines, quotes = hashlib.sha256(), 0, 0, 0
    with source.open() as stream, target.open("wb") as copy:
        while chunk := stream.read(CHUNK):
            copy.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            newlines += chunk.count(b"\n")
            quotes += chunk.count(b'"')
    return Received(source.name, target, digest.hexdigest(), size, newlines, quotes)


def _plain(path: Path) -> SourceFile:
    return SourceFile(path.name, lambda: path.open("rb"))


def _single_archive(archives: list[Path]) -> Iterator[SourceFile]:
    for archive in archives:
        yield from _members(archive)


def _members(path: Path) -> Iterator[SourceFile]:
    """Yield an archive's files one after another; each must be read before the next is asked for."""
    found = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if not member.isfile() or Path(member.name).name.startswith("."):
                    continue
                stream = archive.extractfile(member)
                if stream is None:
                    continue
                found += 1
                yield SourceFile(member.name.removeprefix("./"), lambda opened=stream: opened)  # type: ignore[misc]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SourceRefused(
            f"{path.name}: the archive is damaged after {found} files: {error}.",
            next_action="Fetch the archive again; files that landed stay and are not landed twice.",
        ) from error
    if not found:
        raise SourceRefused(f"{path.name}: the archive holds no file.")


def remove(received: Received) -> None:
    """Forget a received file that does not land."""
    received.path.unlink(missing_ok=True)
