"""Source files on their way in: from a folder, a single file or a tar archive to the workspace's incoming folder."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from customer360.errors import NotFound, SourceRefused

CHUNK = 1 << 20
LONGEST_NAME = 200
ARCHIVES = (".tar.gz", ".tgz", ".tar")
UNREADABLE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


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
    """Return the files of a folder (and the folders in it), an archive or a single file, in the order of their names.

    An archive's files come as they lie in it; each must be read before the next is asked for.

    Raises:
        NotFound: nothing is there.
        SourceRefused: there is no file in the folder; while iterating, the archive is damaged or empty.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise NotFound(
            f"There is no file or folder {path}.",
            code="source_not_found",
            next_action="Give --from the path of a folder, a file or a .tar.gz.",
        )
    return _members(path) if path.name.endswith(ARCHIVES) else iter([plain_file(path.name, path)])


def plain_file(name: str, path: Path) -> SourceFile:
    """Return a file on disk under the name it has in its source."""
    return SourceFile(name, lambda: path.open("rb"))


def receive(source: SourceFile, folder: Path) -> Received:
    """Copy a source file into ``folder``, hashing and counting as the bytes go by.

    Raises:
        SourceRefused: its name cannot be kept, or it cannot be read to its end; nothing of it stays in ``folder``.
    """
    _refuse_name(source.name)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / hashlib.sha256(source.name.encode()).hexdigest()[:32]
    digest, size, newlines, quotes = hashlib.sha256(), 0, 0, 0
    try:
        with target.open("wb") as copy:
            for chunk in _chunks(source):
                copy.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                newlines += chunk.count(b"\n")
                quotes += chunk.count(b'"')
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Received(source.name, target, digest.hexdigest(), size, newlines, quotes)


def _chunks(source: SourceFile) -> Iterator[bytes]:
    try:
        with source.open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except UNREADABLE as error:
        raise SourceRefused(
            f"{source.name}: the file cannot be read to its end: {error}.", next_action="Fetch the file again."
        ) from error


def _refuse_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise SourceRefused(f"{name}: the name leads out of its folder; only names below it are taken.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise SourceRefused(f"{name!a}: the name holds characters that cannot be written; rename the file.")
    if len(path.name.encode()) > LONGEST_NAME:
        raise SourceRefused(f"{name[:60]}…: the name is longer than {LONGEST_NAME} bytes; rename the file.")


def _folder(path: Path) -> Iterator[SourceFile]:
    files = sorted(child for child in path.rglob("*") if _is_wanted(child, path))
    if not files:
        raise SourceRefused(f"{path}: the folder holds no file.", next_action="Give --from a folder with the files.")
    if all(file.name.endswith(ARCHIVES) for file in files):
        return (member for archive in files for member in _members(archive))
    return (plain_file(file.relative_to(path).as_posix(), file) for file in files)


def _is_wanted(child: Path, folder: Path) -> bool:
    """Return whether it is a file that nobody hid, or a link to one that is gone: that is refused, not passed over."""
    if any(part.startswith(".") for part in child.relative_to(folder).parts):
        return False
    return child.is_file() or (child.is_symlink() and not child.exists())


def _members(path: Path) -> Iterator[SourceFile]:
    found = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if member.isdir() or Path(member.name).name.startswith("."):
                    continue
                found += 1
                yield _member(archive, member)
            _read_to_end(archive)
    except UNREADABLE as error:
        raise SourceRefused(
            f"{path.name}: the archive is damaged after {found} files: {error}.",
            next_action="Fetch the archive again; files that landed stay and are not landed twice.",
        ) from error
    if not found:
        raise SourceRefused(f"{path.name}: the archive holds no file.")


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> SourceFile:
    name = member.name.removeprefix("./")

    def opened() -> IO[bytes]:
        stream = archive.extractfile(member) if member.isfile() else None
        if stream is None:
            raise SourceRefused(f"{name}: the archive holds a link or a device under this name, not a file.")
        return stream

    return SourceFile(name, opened)


def _read_to_end(archive: tarfile.TarFile) -> None:
    """Check what ``tarfile`` passes over: that the archive has its end mark, and the checksum that follows it."""
    stream = archive.fileobj
    assert stream is not None  # noqa: S101 - only a closed archive has none
    stream.seek(archive.offset)
    if any(stream.read(tarfile.BLOCKSIZE) or b"cut"):
        raise tarfile.ReadError("it breaks off before its end")
    while stream.read(CHUNK):
        pass


def remove(received: Received) -> None:
    """Forget a received file that does not land."""
    received.path.unlink(missing_ok=True)
