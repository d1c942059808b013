"""A source behind a REST API is a folder: ``source.yml`` says how to ask, one SQL select per bronze table maps records.

``source.yml``::

    name: reqres
    title: Users of reqres.in
    base_url: http://127.0.0.1:8111      # REQRES_BASE_URL or --base-url wins
    auth: {kind: api_key, name: x-api-key, variable: REQRES_API_KEY}
    requests_per_second: 10
    concurrency: 4                       # requests at the same time, where pages can be asked by number
    endpoints:
      - name: users
        path: /api/users
        params: {per_page: 100}
        paging: {kind: page, param: page, pages: total_pages}
        records: data                    # JSONPath of the list of records
        count: total                     # JSONPath of how many records there are
        tables: [api_customers]          # runs api_customers.sql over the relation "source"
        fields: {id: integer, email: {type: string, on_change: discard_row}}   # the contract, where there is one
        on_new_field: discard_value      # evolve, freeze, discard_value or discard_row
        on_changed_type: evolve
        incremental: {field: updated_at, param: updated_since, lag_seconds: 3600}
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from customer360.errors import InvalidSetting
from customer360.ingest.folders import find_folder, read_definition, read_select
from customer360.lake import REJECT_CODE, TABLES
from customer360.settings import is_loopback, read_variable

FILE = "source.yml"
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


class _Definition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Definition):
    """Anybody may ask."""

    kind: Literal["none"] = "none"


class ApiKey(_Definition):
    """A key in a header or in the query."""

    kind: Literal["api_key"]
    name: str = "x-api-key"
    place: Literal["header", "query"] = "header"
    variable: Variable
    demo: str = ""
    """A key that is public, sent to this machine only and only where the variable is empty."""


class Bearer(_Definition):
    """A token in the header Authorization."""

    kind: Literal["bearer"]
    variable: Variable


class Basic(_Definition):
    """A user and a password."""

    kind: Literal["basic"]
    user_variable: Variable
    password_variable: Variable


class ClientCredentials(_Definition):
    """OAuth 2: a token that is fetched with an id and a secret, and again when it runs out."""

    kind: Literal["oauth2"]
    token_path: str
    id_variable: Variable
    secret_variable: Variable


Auth = Annotated[NoAuth | ApiKey | Bearer | Basic | ClientCredentials, Field(discriminator="kind")]


class SinglePage(_Definition):
    """One answer holds everything."""

    kind: Literal["single"] = "single"


class PageNumbers(_Definition):
    """Pages are asked by number; ``pages`` is the JSONPath of how many there are, where the API says it."""

    kind: Literal["page"]
    param: str = "page"
    first: int = 1
    pages: str = ""


class Offsets(_Definition):
    """Pages are asked by the number of records before them."""

    kind: Literal["offset"]
    param: str = "offset"
    size_param: str = "limit"
    size: int = Field(100, ge=1)


class Cursors(_Definition):
    """Each page names the cursor of the next; ``path`` is its JSONPath."""

    kind: Literal["cursor"]
    param: str = "cursor"
    path: str


class LinkHeader(_Definition):
    """The header Link holds the next address (RFC 8288)."""

    kind: Literal["link"]


class NextAddress(_Definition):
    """The body holds the next address; ``path`` is its JSONPath."""

    kind: Literal["next"]
    path: str


Paging = Annotated[SinglePage | PageNumbers | Offsets | Cursors | LinkHeader | NextAddress, Field(discriminator="kind")]


Mode = Literal["evolve", "freeze", "discard_value", "discard_row"]
"""What becomes of a record that drifts: taken, not landed and the run stops, taken without the value, quarantined."""
JsonType = Literal["string", "integer", "number", "boolean", "object", "array"]


class FieldRule(_Definition):
    """The JSON type of a field's values, and what becomes of another where the endpoint's own word is not meant."""

    type: JsonType
    on_change: Mode | None = None


class Incremental(_Definition):
    """Later runs ask with ``param`` for what changed since the newest ``field`` that was seen, and a little before."""

    field: str
    """A dot leads into an object."""
    param: str
    lag_seconds: float = Field(3600, ge=0)
    """How much is asked for again, because clocks differ and what was written late has an earlier time."""


def _spelled_out(given: object) -> object:
    return {"type": given} if isinstance(given, str) else given


class Endpoint(_Definition):
    """One list of records and the bronze tables that it feeds."""

    name: Identifier
    path: str
    params: dict[str, str | int] = {}
    paging: Paging = SinglePage()
    records: str = "$"
    count: str = ""
    """JSONPath of the number of records there are, where the API says it."""
    tables: list[Identifier] = Field(min_length=1)
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_spelled_out)]] = {}
    """The contract: every field that a record may have; a dot leads into an object. Without any, all are taken."""
    on_new_field: Mode = "evolve"
    on_changed_type: Mode = "evolve"
    incremental: Incremental | None = None

    @model_validator(mode="after")
    def _contract_is_sound(self) -> Self:
        modes = {self.on_new_field, self.on_changed_type}
        if not self.fields and modes != {"evolve"}:
            raise ValueError("on_new_field and on_changed_type need fields, which says what is not new")
        for name in self.fields:
            outer = [name[:at] for at, letter in enumerate(name) if letter == "."]
            if any(part in self.fields for part in outer):
                raise ValueError(f"{name!r} lies in a field that is declared as a whole")
        if "discard_row" in modes | {rule.on_change for rule in self.fields.values()}:
            for table in self.tables:
                if table in TABLES and REJECT_CODE not in TABLES[table].names:
                    raise ValueError(f"{table} has no {REJECT_CODE}, which discard_row needs; use discard_value")
        return self


class ApiSource(_Definition):
    """What ``source.yml`` says."""

    name: Identifier
    title: str
    base_url: str
    auth: Auth = NoAuth()
    requests_per_second: float = Field(10, gt=0, le=10_000)
    concurrency: int = Field(4, ge=1, le=64)
    timeout_seconds: float = Field(30, gt=0, le=600)
    max_retries: int = Field(3, ge=0, le=10)
    endpoints: list[Endpoint] = Field(min_length=1)

    @property
    def base_url_variable(self) -> str:
        """The variable that leads the source elsewhere."""
        return f"{self.name.upper()}_BASE_URL"

    def address(self, given: str | None) -> tuple[str, str]:
        """Return the base address and who said so: the command, the variable or the source's file.

        Raises:
            InvalidSetting: it is no http address.
        """
        for address, origin in (
            (given, "--base-url"),
            (read_variable(self.base_url_variable), self.base_url_variable),
            (self.base_url, "source.yml"),
        ):
            if address:
                return _checked_address(address, origin), origin
        raise AssertionError("source.yml has a base_url")

    @property
    def variables(self) -> list[str]:
        """The variables that sign in."""
        return [str(value) for name, value in self.auth.model_dump().items() if name.endswith("variable")]

    @property
    def secrets(self) -> list[str]:
        """What no log may hold: the values of the variables that sign in, and the public key of a demo."""
        auth = self.auth.model_dump()
        names = [auth[name] for name in ("variable", "password_variable", "secret_variable") if name in auth]
        return [value for value in (*map(read_variable, names), auth.get("demo", "")) if value]

    def secret(self, variable: str, address: str) -> str:
        """Return the value of a variable that signs in.

        Raises:
            InvalidSetting: it is empty.
        """
        demo = self.auth.demo if isinstance(self.auth, ApiKey) else ""
        at_home = is_loopback(TypeAdapter(HttpUrl).validate_python(address).host or "")
        value = read_variable(variable) or (demo if at_home else "")
        if not value:
            raise InvalidSetting(
                f"{variable} is empty, and {self.name} at {address} asks for it.",
                next_action=f"Set {variable} in the environment or .env.",
                details=[{"field": variable, "value": "(hidden)", "message": "is empty"}],
            )
        return value


def _checked_address(address: str, origin: str) -> str:
    try:
        return str(TypeAdapter(HttpUrl).validate_python(address)).rstrip("/")
    except ValidationError:
        raise InvalidSetting(
            f"{origin}: {address!r} is no address like https://api.example.com.",
            details=[{"field": origin, "value": address, "message": "is no http address"}],
        ) from None


class ApiSourceFolder:
    """A source's folder on disk: its definition and its mappings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = read_definition(folder / FILE, ApiSource, explained_in="docs/api-sources.md")
        tables = {table for endpoint in self.source.endpoints for table in endpoint.tables}
        self._mappings = {table: read_select(folder, table, owner=self.source.name) for table in sorted(tables)}

    def mapping(self, table: str) -> str:
        """Return the SQL select that maps records to one bronze table."""
        return self._mappings[table]

    def mapping_sha256(self, endpoint: Endpoint) -> str:
        """Return a hash that changes when a mapping of the endpoint's tables does."""
        texts = [endpoint.records, *(self._mappings[table] for table in endpoint.tables)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def find_api_source(name_or_folder: str) -> ApiSourceFolder:
    """Return a source by the name of a shipped one, or by the path of its folder.

    Raises:
        NotFound: neither exists.
        InvalidDefinition: the folder's files do not fit.
    """
    return ApiSourceFolder(find_folder(name_or_folder, "sources", FILE))
