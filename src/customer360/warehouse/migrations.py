"""The SQL files that set up a Snowflake account: their statements, what each makes and reads, and their order.

A numbered file runs once and is never changed afterwards; one without a number runs again whenever its text changes.
Nothing here talks to an engine.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path

import sqlglot
from sqlglot import Token, TokenType

from customer360.errors import InvalidDefinition, InvalidSetting, Unavailable, did_you_mean
from customer360.settings import project_files

HEADER = re.compile(
    r"-- (?P<makes>.+)\n"
    r"-- requires: role (?P<role>[A-Z_]+); (?:optional: (?P<optional>\w+); )?emulator: (?P<emulator>runs|parsed only)\n"
)
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_$]{0,254}"
VARIABLE = re.compile(r"&\{(\w+)\}")
VARIABLES = {
    "database": IDENTIFIER,
    "warehouse": IDENTIFIER,
    "role_service": IDENTIFIER,
    "role_engineer": IDENTIFIER,
    "role_analyst": IDENTIFIER,
    "role_scientist": IDENTIFIER,
    "s3_bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "s3_role_arn": r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+",
    "git_origin": r"https://[A-Za-z0-9._~/-]+",
    "semantic_model": r"[^'\"\\;&$\x00-\x1f]+",
    "semantic_model_sha256": r"[0-9a-f]{64}",
}
"""Each variable of the files, ``&{name}``, and what its value must look like: no value can end a name or a string."""

NAMES = {"DATABASE", "WAREHOUSE", "ROLE", "SCHEMA", "INTEGRATION"}
IN_SCHEMAS = {"TABLE", "VIEW", "STAGE", "STREAM", "TASK", "PROCEDURE", "FORMAT", "REPOSITORY"}
DEFINES = {"CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "TRUNCATE", "UNDROP", "COMMENT"}


@dataclass(frozen=True)
class Statement:
    """One statement of a file and the line its first word stands on."""

    text: str
    line: int
    words: tuple[str, ...]
    """Its first words in upper case; comments do not count."""


@dataclass(frozen=True)
class Migration:
    """One file: its name without ``.sql``, its text with variables, and what its header says."""

    name: str
    text: str
    makes: str
    role: str
    optional: str | None
    runs_on_emulator: bool

    @property
    def runs_once(self) -> bool:
        return self.name[:4].isdigit()

    @property
    def variables(self) -> set[str]:
        return set(VARIABLE.findall(self.text))

    def sha256(self, values: Mapping[str, str]) -> str:
        """Return the hash that is recorded: of the file, or of what would run where that may change."""
        text = self.text if self.runs_once else self.render(values)
        return hashlib.sha256(text.encode()).hexdigest()

    def render(self, values: Mapping[str, str]) -> str:
        return render(self.text, values, where=f"{self.name}.sql")

    def statements(self, values: Mapping[str, str]) -> list[Statement]:
        """Return its statements with the values of its variables in them.

        Raises:
            InvalidDefinition: one between BEGIN and COMMIT defines something: Snowflake would commit there, by itself.
            InvalidSetting: a variable has no value, or one that does not fit.
        """
        found = split(self.render(values))
        _refuse_definitions_in_transactions(self.name, found)
        return found


def read_migrations(folder: Path | None = None) -> list[Migration]:
    """Return the files of ``infra/snowflake``, numbered ones first."""
    root = folder or project_files("infra/snowflake")
    files = [*(root / "migrations").glob("*.sql"), root / "permissions.sql"]
    return [_read(path) for path in sorted(files, key=lambda path: _place(path.stem))]


def _read(path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    header = HEADER.match(text)
    if not header:
        raise InvalidDefinition(
            f"{path.name} does not begin with its header.",
            next_action="What it makes; then -- requires: role NAME; optional: NAME; emulator: runs | parsed only",
        )
    runs = header["emulator"] == "runs"
    migration = Migration(path.stem, text, header["makes"], header["role"], header["optional"], runs)
    if unknown := migration.variables - VARIABLES.keys():
        name = min(unknown)
        raise InvalidDefinition(f"{path.name} asks for &{{{name}}}.", next_action=did_you_mean(name, VARIABLES))
    return migration


# Statements


def render(text: str, values: Mapping[str, str], *, where: str) -> str:
    """Return a text with the value of each variable in it; identifiers in upper case.

    Raises:
        InvalidSetting: a value is missing or could be something else than one name, address or path.
    """
    return VARIABLE.sub(lambda found: _value(found[1], values, where), text)


def _value(name: str, values: Mapping[str, str], where: str) -> str:
    value = values.get(name, "")
    if not re.fullmatch(VARIABLES[name], value):
        raise InvalidSetting(
            f"{where} needs {name}, and {value!r} cannot be one.",
            next_action="Set it in the environment, .env or config.toml; .env.template names the variables.",
        )
    return value.upper() if VARIABLES[name] == IDENTIFIER else value


def split(sql: str) -> list[Statement]:
    """Return the statements of a text, split where the connector splits, without those that are only comments."""
    found, position = [], 0
    for text in _split(sql):
        start = sql.index(text, position)
        position = start + len(text)
        words = _tokenize(text)
        if words:
            line = sql.count("\n", 0, start) + words[0].line
            found.append(Statement(text, line, tuple(word.text.upper() for word in words[:12])))
    return found


def _split(sql: str) -> Iterator[str]:
    try:
        from snowflake.connector.util_text import split_statements  # noqa: PLC0415  (an extra, and slow to import)
    except ModuleNotFoundError as error:
        raise Unavailable(
            "The Snowflake connector is not installed.", next_action="Install it: pip install 'customer360[snowflake]'"
        ) from error
    return (text for text, _ in split_statements(StringIO(sql)) if text)


def _tokenize(sql: str) -> list[Token]:
    return [token for token in sqlglot.tokenize(sql, dialect="snowflake") if token.token_type != TokenType.SEMICOLON]


def _refuse_definitions_in_transactions(name: str, statements: Iterable[Statement]) -> None:
    inside = False
    for statement in statements:
        first = statement.words[0]
        if first == "BEGIN" or statement.words[:2] == ("START", "TRANSACTION"):
            inside = True
        elif first in ("COMMIT", "ROLLBACK"):
            inside = False
        elif inside and first in DEFINES:
            raise InvalidDefinition(
                f"{name}.sql, line {statement.line}: {first} stands between BEGIN and COMMIT.",
                next_action="Move it out: Snowflake commits a transaction before it defines anything.",
            )


# What files make and read


@dataclass(frozen=True)
class Order:
    """The files in the order they run, with what each needs: file → other file → the objects it needs of it."""

    migrations: list[Migration]
    needs: dict[str, dict[str, set[str]]]


def put_in_order(migrations: Sequence[Migration], values: Mapping[str, str]) -> Order:
    """Return the order that follows from what each file makes and reads; the numbers must say the same.

    Raises:
        InvalidDefinition: names each file that reads what nobody makes, or what only a later file makes.
    """
    made, read = {}, {}
    for migration in migrations:
        made[migration.name], read[migration.name] = find_objects(_render_known(migration, values))
    makers = {item: name for name, items in made.items() for item in items}
    needs = {
        name: _group((item, makers[item]) for item in items - made[name] if item in makers)
        for name, items in read.items()
    }
    known = {item.split(" ")[1] for item in makers if item.startswith("SCHEMA ")}
    faults = [
        f"{name} reads {item}, which no file makes"
        for name, items in read.items()
        for item in sorted(items - makers.keys())
        if item.split(".")[0] in known
    ]
    faults += [
        f"{name} reads {', '.join(sorted(items))}, which only {maker} makes"
        for name, makers_of in needs.items()
        for maker, items in makers_of.items()
        if _place(maker) > _place(name)
    ]
    if faults:
        raise InvalidDefinition(f"The files cannot run in this order: {'; '.join(faults)}.")
    by_name = {migration.name: migration for migration in migrations}
    return Order([by_name[name] for name in _sort(needs)], needs)


def _render_known(migration: Migration, values: Mapping[str, str]) -> str:
    """Render with a stand-in for what is not set: only names matter here, and optional parts may have none."""

    def known(found: re.Match[str]) -> str:
        return _value(found[1], values, f"{migration.name}.sql") if values.get(found[1]) else found[1].upper()

    return VARIABLE.sub(known, migration.text)


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for item, key in pairs:
        groups.setdefault(key, set()).add(item)
    return groups


def _place(name: str) -> tuple[bool, str]:
    return not name[:4].isdigit(), name


def _sort(needs: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield the names so that each comes after what it needs, by number where that leaves a choice."""
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise InvalidDefinition(f"Files need each other: {' → '.join(reversed(error.args[1]))}.") from error
    ready: list[tuple[bool, str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, _place(name))
        name = heapq.heappop(ready)[1]
        yield name
        sorter.done(name)


def find_objects(sql: str) -> tuple[set[str], set[str]]:
    """Return what statements make and what they name: ``OPS.JOBS``, ``SCHEMA OPS``, ``ROLE DATA_ANALYST`` …

    Names are found by their form in the token stream, inside ``$$`` bodies too: sqlglot has no tree for tasks,
    streams and grants, and one way for all of them misses nothing that another would see.
    """
    made, named = set(), set()
    for statement in split(sql):
        tokens = _tokenize(statement.text)
        if item := _made_by(tokens):
            made.add(item)
        named |= _named_in(tokens)
    return made, named


def _made_by(tokens: Sequence[Token]) -> str | None:
    if tokens[0].text.upper() != "CREATE":
        return None
    for place, token in enumerate(tokens):
        kind = token.text.upper().split(" ")[-1]
        if kind in NAMES | IN_SCHEMAS:
            rest = [t.text.upper() for t in tokens[place + 1 : place + 9]]
            rest = rest[3:] if rest[:3] == ["IF", "NOT", "EXISTS"] else rest
            return f"{kind} {rest[0]}" if kind in NAMES else ".".join(rest[:3:2])
    return None


def _named_in(tokens: Sequence[Token]) -> set[str]:
    """Return the names in tokens: two parts with a dot between, or one after the word that says its kind."""
    named = set()
    for place, token in enumerate(tokens):
        text = token.text.upper()
        if token.token_type == TokenType.RAW_STRING:
            named |= _named_in(_tokenize(token.text))
        elif token.token_type == TokenType.STRING and re.fullmatch(r"\w+\.\w+", text):
            named |= {text, f"SCHEMA {text.split('.')[0]}"}
        elif token.token_type == TokenType.DOT and 0 < place < len(tokens) - 1:
            first, second = tokens[place - 1].text.upper(), tokens[place + 1].text.upper()
            named |= {f"{first}.{second}", f"SCHEMA {first}"}
        else:
            named |= _named_by_kind(tokens, place)
    return named


def _named_by_kind(tokens: Sequence[Token], place: int) -> set[str]:
    kind = re.split(r"[ _]", tokens[place].text.upper())[-1]
    rest = [token.text.upper() for token in tokens[place + 1 : place + 5]]
    rest = rest[1:] if rest[:1] == ["="] else rest
    if kind not in NAMES or not rest:
        return set()
    return {f"DATABASE {rest[0]}", f"SCHEMA {rest[2]}"} if rest[1:2] == ["."] else {f"{kind} {rest[0]}"}
