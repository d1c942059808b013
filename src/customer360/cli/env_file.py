"""Writing ``.env``: values change in place, all else stays, and nobody but its owner can read it, ever.

The new file is made beside the old one with mode 0600, read back as python-dotenv will read it, and takes the old one's
place in one step. What cannot be written so that it is read back the same is refused.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from customer360.errors import Conflict, InvalidInput

PRIVATE = 0o600
PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=~-]*")
"""Values that need no quotes."""
UNWRITABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""Line breaks, control characters but the tab, and halves of characters."""
ASSIGNMENT = re.compile(
    r"""(?P<name>[^=]*=[^\S\r\n]*)(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\r\n]*?(?=[^\S\r\n]+\#|[^\S\r\n]*[\r\n]|\s*\Z))"""
    r"(?P<rest>.*)",
    re.DOTALL,
)


def write_env(path: Path, values: Mapping[str, str]) -> list[str]:
    """Set variables in a ``.env`` and return what a person should know about it, one sentence each.

    An empty value empties a line that is there and adds none.

    Raises:
        InvalidInput: a value holds what no line can, or the file is not text.
        Conflict: the path is a link or no file.
    """
    refuse_unsafe(path)
    for name, value in values.items():
        refuse_unwritable(name, value)
    before = _read(path)
    after = with_values(before, values)
    _refuse_changed_meaning(after, values)
    notes = _tightened(path)
    if after != before or notes:
        _replace(path, after)
    return notes


def refuse_unsafe(path: Path) -> None:
    """Raise where writing would reach another file than this one.

    Raises:
        Conflict: the path is a link or no file.
    """
    if path.is_symlink():
        raise Conflict(
            f"{path} is a link to another file, and secrets are not written through a link.",
            next_action=f"Remove the link, or work in the folder of {path.parent / path.readlink()}.",
        )
    if path.exists() and not path.is_file():
        raise Conflict(f"{path} is not a file.", next_action="Move it away.")


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a ``.env`` with these values: lines that are there change in place, others come at the end."""
    by_name = {name.upper(): name for name in values}
    parts, found = [], set()
    for binding in parse_stream(io.StringIO(text, newline="")):
        name = by_name.get((binding.key or "").upper())
        if name is None or binding.error:
            parts.append(binding.original.string)
        else:
            found.add(name)
            parts.append(_changed(binding, values[name]))
    end = "\r\n" if "\r\n" in text else "\n"
    added = [f"{name}={quoted(value)}{end}" for name, value in values.items() if value and name not in found]
    gap = end if added and parts and not parts[-1].endswith(("\n", "\r")) else ""
    return "".join([*parts, gap, *added])


def _changed(binding: Binding, value: str) -> str:
    """Return a line with another value; what precedes the name and a comment behind the value stay."""
    line = binding.original.string
    if (binding.value or "") == value and "${" not in value:
        return line
    match = ASSIGNMENT.fullmatch(line)
    if match is None:  # a name without a value
        return f"{line.rstrip()}={quoted(value)}{line[len(line.rstrip()) :]}"
    return f"{match['name']}{quoted(value)}{match['rest']}"


def quoted(value: str) -> str:
    """Return a value as python-dotenv reads it back: it fills in ``${…}`` even between single quotes."""
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


def refuse_unwritable(name: str, value: str) -> None:
    """Raise where a value holds what no line can.

    Raises:
        InvalidInput: it has a line break, a control character or half of a character.
    """
    if UNWRITABLE.search(value):
        raise InvalidInput(
            f"{name}: a line break or another control character cannot stand in .env.",
            next_action="Give a value of one line.",
        )


def _refuse_changed_meaning(text: str, values: Mapping[str, str]) -> None:
    """Read the new text as the settings will; an unclosed quote further up would swallow what we wrote."""
    read = {name.upper(): value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}
    wrong = [name for name, value in values.items() if read.get(name.upper(), "") != value]
    if wrong:
        raise InvalidInput(
            f"{', '.join(wrong)} would not be read back from .env as given.",
            next_action="See whether a line of .env has a quote that is never closed.",
        )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not text in UTF-8.", next_action="Convert it, or move it away.") from error


def _tightened(path: Path) -> list[str]:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else PRIVATE
    if mode & 0o077:
        return [f"{path} could be read by others (mode {mode:04o}); now only you can (0600)."]
    return []


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), PRIVATE)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
