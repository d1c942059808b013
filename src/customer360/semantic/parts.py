"""Reading a model's file so that nothing of it is dropped in silence, on its way to another format or from one.

Invariant: what is not taken is a loss. A ``Part`` hands out keys and remembers which; at the end every key that nobody
took is reported, so a key that is new in a file format is a new line of the report and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

Reason = Callable[[str], str]
"""Says why a feature of the file does not reach the target."""


@dataclass(frozen=True)
class Loss:
    """One thing of a model's file that the target does not say, or says otherwise."""

    path: str
    """Where it is: ``tables.<table>.metrics.<metric>.x_nl.unit``; no two losses of one file share one."""
    feature: str
    """What it is, whatever it belongs to: ``x_nl.unit``."""
    reason: str


class Part:
    """One mapping of a file and what of it is left to take."""

    def __init__(self, content: Mapping[str, Any], path: str = "", prefix: str = "") -> None:
        self.path = path
        self._prefix = prefix
        self._left = dict(content)
        self._inner: dict[str, list[Self]] = {}
        self._lost: list[Loss] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, default: Any = None) -> Any:
        """Return what stands under a key; it is the caller's to write down."""
        return self._left.pop(key, default)

    def take_known(self, key: str, *known: str) -> Any:
        """Return the mapping, or list of mappings, under a key; if any says more than is known, it is also reported."""
        content = self._left.get(key, ())
        mappings = content if isinstance(content, list) else [content] if content else []
        if all(mapping.keys() <= set(known) for mapping in mappings):
            self.take(key)
        return content

    def keep(self, keys: Sequence[str]) -> dict[str, Any]:
        """Take those of the keys that are there, in this order."""
        return {key: self.take(key) for key in keys if key in self._left}

    def part(self, key: str) -> Self:
        """Return the mapping under a key, to be taken key by key; an empty one where there is none."""
        inner = self._made(self._left.pop(key, {}), self._at(key), f"{key}.")
        self._inner.setdefault(key, []).append(inner)
        return inner

    def parts(self, key: str) -> list[Self]:
        """Return the named mappings in the list under a key."""
        inner = [self._made(content, path) for path, content in _named(self._at(key), self._left.pop(key, []))]
        self._inner.setdefault(key, []).extend(inner)
        return inner

    def note(self, key: str, reason: str) -> None:
        """Report a key that does not reach the target as it was."""
        self._lost.append(Loss(self._at(key), f"{self._prefix}{key}", reason))

    def lose_all(self, feature: str, reason: str) -> None:
        """Report the whole of it as one loss."""
        self._left.clear()
        self._inner.clear()
        self._lost = [Loss(self.path, feature, reason)]

    def left(self) -> dict[str, Any]:
        """Return what nobody took, mappings inside it included; lists of named mappings see to themselves."""
        inner = {key: parts[0].left() for key, parts in self._inner.items() if parts and parts[0]._prefix}
        return self._left | {key: content for key, content in inner.items() if content}

    def losses(self, reason: Reason) -> Iterator[Loss]:
        """Yield what was lost on purpose and what nobody took, here and inside."""
        yield from self._lost
        for key, content in self._left.items():
            for path, feature in _leaves(self._at(key), f"{self._prefix}{key}", content):
                yield Loss(path, feature, reason(feature))
        for parts in self._inner.values():
            for part in parts:
                yield from part.losses(reason)

    def _made(self, content: Mapping[str, Any], path: str, prefix: str = "") -> Self:
        """Return what stands inside, of the same class."""
        return type(self)(content, path, prefix)

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def reasons(known: Mapping[str, str], otherwise: str) -> Reason:
    """Return what finds the reason of a feature, or of the block it is in."""

    def find(feature: str) -> str:
        return known.get(feature) or known.get(feature.partition(".")[0]) or otherwise

    return find


def _leaves(path: str, feature: str, content: Any) -> Iterator[tuple[str, str]]:
    """Yield what a key holds as losses count it: each key of an extension, each named thing of a list."""
    if feature.startswith("x_") and isinstance(content, Mapping):
        yield from ((f"{path}.{key}", f"{feature}.{key}") for key in content)
    elif isinstance(content, list) and content and all(isinstance(one, Mapping) and "name" in one for one in content):
        yield from ((inner, feature) for inner, _ in _named(path, content))
    else:
        yield path, feature


def _named(path: str, contents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each mapping of a list with a path of its own, a repeated name with its number."""
    seen: Counter[str] = Counter()
    for place, content in enumerate(contents, 1):
        name = str(content.get("name", place))
        seen[name] += 1
        yield f"{path}.{name}" + (f"#{seen[name]}" if seen[name] > 1 else ""), content
