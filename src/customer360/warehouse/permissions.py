"""Who may do what on Snowflake: the matrix of ``permissions.yml``, the grants written from it, and grants read back.

``permissions.sql`` is generated (``make docs``); reading its grants gives the matrix again, and a test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from customer360.errors import InvalidDefinition

HEADER = """-- What each role may do; generated from permissions.yml, and run again whenever that changes.
-- requires: role SECURITYADMIN; emulator: parsed only
"""
IN_SCHEMA = {"tables", "views", "stages", "file formats", "streams", "procedures"}
IN_DATABASE = {"schemas", "tables", "views"}
RIGHTS = {"usage", "operate", "monitor", "select", "insert", "update", "delete", "read", "write"}
RIGHTS |= {"create schema", "create view"}


class Right(NamedTuple):
    """One right of one role on one kind of object in one place."""

    role: str
    place: str
    """``warehouse``, ``database`` or a schema."""
    kind: str
    """The place itself (``warehouse``, ``database``, ``schema``), or the objects in it (``tables`` …)."""
    right: str


def read_matrix(path: Path) -> set[Right]:
    """Return every right of the matrix.

    Raises:
        InvalidDefinition: a kind of object or a right is none of those that may be granted.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    matrix = {
        Right(role, place, kind, right)
        for role, places in content.items()
        for place, kinds in places.items()
        for kind, rights in kinds.items()
        for right in rights
    }
    for entry in sorted(matrix):
        if entry.kind not in _kinds(entry.place) or entry.right not in RIGHTS:
            kinds, rights = ", ".join(sorted(_kinds(entry.place))), ", ".join(sorted(RIGHTS))
            raise InvalidDefinition(
                f"{path.name} grants {entry.right!r} on {entry.kind!r} of {entry.place} to {entry.role}.",
                next_action=f"Kinds there: {kinds}. Rights: {rights}.",
            )
    return matrix


def _kinds(place: str) -> set[str]:
    if place == "warehouse":
        return {"warehouse"}
    return {"database"} | IN_DATABASE if place == "database" else {"schema"} | IN_SCHEMA


def write_grants(matrix: set[Right]) -> str:
    """Return the text of ``permissions.sql``: one statement for each role, place and kind, with names as variables."""
    lines, last = [HEADER.rstrip()], ""
    for role, place, kind in sorted({(entry.role, entry.place, entry.kind) for entry in matrix}):
        rights = ", ".join(sorted(entry.right for entry in matrix if entry[:3] == (role, place, kind)))
        if role != last:
            lines.append("")
        last = role
        lines += [f"grant {rights} on {target} to role &{{role_{role}}};" for target in _targets(place, kind)]
    return "\n".join(lines) + "\n"


def _targets(place: str, kind: str) -> Iterator[str]:
    """Yield what to grant on: the place itself, or what is in it now and later."""
    if place == "warehouse":
        yield "warehouse &{warehouse}"
    elif place == "database":
        yield "database &{database}" if kind == "database" else f"future {kind} in database &{{database}}"
    elif kind == "schema":
        yield f"schema &{{database}}.{place}"
    else:
        yield from (f"{when} {kind} in schema &{{database}}.{place}" for when in ("all", "future"))


GRANT = re.compile(
    r"grant (?P<rights>[a-z ,]+?) on "
    r"(?:(?P<when>all|future) (?P<objects>[a-z ]+?) in )?(?P<container>warehouse|database|schema) "
    r"&\{(?:warehouse|database)\}(?:\.(?P<schema>[A-Z_]+))? to role &\{role_(?P<role>\w+)\};"
)


def read_grants(sql: str) -> set[Right]:
    """Return the rights that statements grant; what stands in a schema must be granted for now and for later.

    Raises:
        InvalidDefinition: a line is no grant of the form that ``write_grants`` writes.
    """
    found: dict[Right, set[str]] = {}
    for line in sql.splitlines():
        if line and not line.startswith("--"):
            for right, when in _rights(line):
                found.setdefault(right, set()).add(when)
    for right, times in found.items():
        expected = {"future"} if right.place == "database" and right.kind != "database" else {"all", "future"}
        if times not in (expected, {""}):
            raise InvalidDefinition(f"{right} is granted for {' and '.join(sorted(times))} objects only.")
    return set(found)


def _rights(line: str) -> Iterator[tuple[Right, str]]:
    match = GRANT.fullmatch(line)
    if not match:
        raise InvalidDefinition(f"This is no grant that can be read: {line}")
    place = match["schema"] or match["container"]
    for right in match["rights"].split(", "):
        yield Right(match["role"], place, match["objects"] or match["container"], right), match["when"] or ""


def as_table(matrix: set[Right]) -> str:
    """Return the matrix as a Markdown table: a row for each place, a column for each role."""
    roles = sorted({entry.role for entry in matrix})
    places = ["warehouse", "database", *sorted({entry.place for entry in matrix} - {"warehouse", "database"})]
    rows = [["place", *roles], ["---"] * (len(roles) + 1)]
    rows += [[place, *(_cell(matrix, role, place) for role in roles)] for place in places]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(matrix: set[Right], role: str, place: str) -> str:
    kinds = sorted({entry.kind for entry in matrix if entry[:2] == (role, place)})
    texts = []
    for kind in kinds:
        rights = ", ".join(sorted(entry.right for entry in matrix if entry[:3] == (role, place, kind)))
        later = "later " if place == "database" and kind != "database" else ""
        texts.append(f"{later}{kind}: {rights}")
    return "; ".join(texts) or "–"
