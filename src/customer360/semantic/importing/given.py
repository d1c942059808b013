"""A part of somebody else's file: every key is asked for by its form, and what is not asked for is a loss.

Invariant: a value of another form than the format has raises, naming the file, the place, the value and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from customer360.errors import ErrorDetail, InvalidDefinition
from customer360.semantic.parts import Part

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RENAMED = "It is no name here; it is called {new!r}, and as it was in its label."
_SHOWN = 80


class Given(Part):
    """One mapping of a source file."""

    file: Path

    def __init__(
        self, content: Mapping[str, Any], path: str = "", prefix: str = "", *, file: Path | None = None
    ) -> None:
        super().__init__(content, path, prefix)
        if file is not None:
            self.file = file

    def parts(self, key: str) -> list[Given]:
        for one in self._list(key):
            if not isinstance(one, Mapping):
                raise self.fault(key, one, "has to be a list of mappings", "Write each as a mapping with a name.")
        return super().parts(key)

    def part(self, key: str) -> Given:
        if key in self and not isinstance(self._left[key], Mapping):
            raise self.fault(key, self._left[key], "has to be a mapping", "Write it as a mapping.")
        return super().part(key)

    def text(self, key: str) -> str:
        """Return a text, or nothing where there is none."""
        value = self.take(key)
        if value is None:
            return ""
        if isinstance(value, (Mapping, list)):
            raise self.fault(key, value, "has to be a text", "Write one text.")
        return str(value).strip()

    def required(self, key: str) -> str:
        """Return a text that has to be there."""
        value = self.text(key)
        if not value:
            raise self.fault(key, None, "is needed here", f"Add {key}.")
        return value

    def values(self, key: str) -> list[Any]:
        """Return a list of whatever stands in it."""
        values = self._list(key)
        self.take(key)
        return values

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; numbers and days are written as such."""
        values = self._list(key)
        self.take(key)
        for one in values:
            if isinstance(one, (Mapping, list)):
                raise self.fault(key, one, "has to be a list of texts", "Write one text for each.")
        return [str(one).strip() for one in values if one is not None and str(one).strip()]

    def flag(self, key: str) -> bool:
        """Return whether something is said to be so."""
        return str(self.take(key, "")).casefold() == "true"

    def name(self, key: str = "name") -> str:
        """Return a name in lower case, as engines read it that mind no case; what has to change in it is reported."""
        given = self.required(key)
        plain = plain_name(given)
        if plain != given.lower():
            self.note(key, RENAMED.format(new=plain))
        return plain

    def add(self, content: Mapping[str, Any]) -> None:
        """Let keys that the part does not have itself be taken from it, too."""
        for key, value in content.items():
            self._left.setdefault(key, value)

    def fault(self, key: str, value: Any, what: str, todo: str) -> InvalidDefinition:
        """Return the error that a key does not have the form it should."""
        where = f"{self.path}.{key}" if self.path else key
        shown = f", not {_short(value)}" if value is not None else ""
        detail: ErrorDetail = {"field": where, "message": f"{what}{shown}"}
        return InvalidDefinition(f"{self.file}: {where} {what}{shown}.", next_action=todo, details=[detail])

    def _list(self, key: str) -> list[Any]:
        value = self._left.get(key)
        if value is None:
            self.take(key)
            return []
        if not isinstance(value, list):
            raise self.fault(key, value, "has to be a list", "Write it as a list.")
        return value

    def _made(self, content: Mapping[str, Any], path: str, prefix: str = "") -> Given:
        return type(self)(content, path, prefix, file=self.file)


def plain_name(given: str) -> str:
    """Return a name that our format can have: lower case, with underscores for what is no letter or digit."""
    plain = re.sub(r"\W+", "_", given.strip(), flags=re.ASCII).strip("_").lower() or "unnamed"
    return plain if NAME.fullmatch(plain) else f"_{plain}"


def label_of(given: str, plain: str) -> str:
    """Return what a name was where it had to change, as the label that keeps it."""
    return "" if given.lower() == plain else given


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
