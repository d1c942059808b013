"""A file that somebody else's tool wrote, read so that it can do no harm: small enough, plain types, no bombs.

Invariant: what is returned is a mapping whose size, with every alias written out, is bounded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from customer360.errors import InvalidDefinition, NotFound
from customer360.semantic.definition import LARGEST_MODEL, load_yaml

LARGEST_MANIFEST = 20 * LARGEST_MODEL
"""dbt writes its manifest itself, with everything that a project leaves empty."""
LARGEST_TREE = 500_000
"""The most values of a file, those behind an alias counted wherever it stands."""
DEEPEST = 60

Content = dict[str, Any]


def read_source(path: Path) -> Content:
    """Return the mapping that a file of YAML or JSON holds.

    Raises:
        NotFound: there is no such file.
        InvalidDefinition: it is empty, too large, no text, neither YAML nor JSON, or no mapping.
    """
    text = _text(path)
    try:
        content = _json(path, text) if text.lstrip().startswith("{") else _yaml(path, text)
        size = _size(content, {}, 0)
    except RecursionError as error:
        raise _refused(path, "is nested too deeply, or holds itself") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused(path, f"holds a value that cannot be read: {error}") from error
    if size > LARGEST_TREE:
        raise _refused(path, f"holds more than {LARGEST_TREE:,} values, with its aliases written out")
    if not isinstance(content, dict):
        raise _refused(
            path, f"is a {_KINDS.get(type(content), 'text')} and no mapping", "Give the file of a semantic model."
        )
    return content


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise _refused(path, f"is larger than {LARGEST_MANIFEST // 1_000_000} MB")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(
            f"{path} does not exist.", code="file_not_found", next_action="Give the path of a file."
        ) from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "Give the path of a file.") from error
    except UnicodeDecodeError as error:
        raise _refused(path, "is no text of UTF-8", "Give the YAML or JSON file of a semantic model.") from error
    if not text.strip():
        raise _refused(path, "is empty", "Give the file of a semantic model.")
    return text


def _yaml(path: Path, text: str) -> Any:
    if len(text) > LARGEST_MODEL:
        raise _refused(path, f"is larger than {LARGEST_MODEL // 1_000_000} MB, the most that YAML of a model may have")
    return load_yaml(text, source=str(path))


def _json(path: Path, text: str) -> Any:
    """Read JSON; a mapping of YAML may begin with a brace as well."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _Twice as error:
        raise _refused(path, f"gives the key {error.args[0]!r} twice") from error
    except json.JSONDecodeError:
        return _yaml(path, text)


class _Twice(Exception):
    """A mapping has a key twice, of which JSON would silently keep the second."""


def _once(pairs: list[tuple[str, Any]]) -> Content:
    found: Content = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _size(value: Any, known: dict[int, int], depth: int) -> int:
    """Return how many values there are, counting what an alias repeats again, in one pass over what is stored."""
    if depth > DEEPEST:
        raise RecursionError
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        inner = [*value.values(), *value] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(one, known, depth + 1) for one in inner)
    return known[id(value)]


def _refused(path: Path, what: str, todo: str = "Correct the file, or export it anew.") -> InvalidDefinition:
    return InvalidDefinition(f"{path} {what}.", next_action=todo)


_KINDS = {list: "list", int: "number", float: "number", type(None): "file of nothing"}
