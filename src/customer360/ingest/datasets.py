"""A dataset is a folder: ``dataset.yml`` says what it is, one SQL select per bronze table maps one source file.

``dataset.yml``::

    name: online_retail            # of the workspace it is loaded into
    title: UCI Online Retail
    currency: GBP                  # ISO 4217
    locale: en_GB                  # how numbers and money are written
    time_zone: Europe/London       # of the timestamps in the source
    holidays: GB                   # calendar of dim_date; leave out for none
    rules: {high_value_monthly_spend: 900}   # business rules that differ here; docs/reference.md lists all
    type_2_attributes: [country]   # attributes of a customer whose history is kept
    sources:                       # every file must match exactly one, by its name
      - files: "*.csv"
        format: delimited          # delimited | pattern | parquet
        columns: [InvoiceNo, …]    # columns that must be there
        tables: [transactions, …]  # runs transactions.sql, … over the relation "source"
    reference: [merchant_categories]   # merchant_categories.sql needs no file
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc
from babel import Locale, UnknownLocaleError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from customer360.errors import InvalidDefinition, SourceRefused, did_you_mean
from customer360.ingest.folders import find_folder, list_shipped, read_definition, read_select
from customer360.lake import get_contract
from customer360.settings import business_rules

FILE = "dataset.yml"
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
TYPE_2_CANDIDATES = ("card_type", "credit_limit", "country", "state", "city", "employment_status", "customer_type")


class _Definition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSpec(_Definition):
    """One kind of source file and the bronze tables it feeds."""

    files: str
    format: Literal["delimited", "pattern", "parquet"] = "delimited"
    delimiter: Annotated[str, StringConstraints(pattern=r'^[^"\r\n\x80-\U0010ffff]$')] = ","
    encoding: str = "utf-8"
    null_values: list[str] = [""]
    pattern: str = ""
    header_lines: int = Field(0, ge=0)
    columns: list[str] = Field(min_length=1)
    tables: list[Identifier] = Field(min_length=1)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            name = codecs.lookup(value).name.removesuffix("-sig")
            one_byte_marks = '",\n'.encode(name) == b'",\n'
        except LookupError as error:
            raise ValueError(f"{value!r} is not an encoding; write it like utf-8 or latin-1") from error
        if not one_byte_marks:
            raise ValueError(f"files in {value!r} cannot be read; save them as utf-8")
        return name

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, tables: list[str]) -> list[str]:
        return _known(tables)

    @model_validator(mode="after")
    def _pattern_names_columns(self) -> SourceSpec:
        if self.format == "pattern":
            try:
                fields = pc.extract_regex(pa.array([""]), self.pattern).type
            except pa.ArrowInvalid as error:
                raise ValueError(f"pattern cannot be used: {error}") from error
            missing = [column for column in self.columns if fields.get_field_index(column) < 0]
            if missing:
                raise ValueError(f"pattern has no group named {missing[0]!r}")
        return self


class Dataset(_Definition):
    """What ``dataset.yml`` says; ``describe()`` is what a workspace remembers of it."""

    name: Identifier
    title: str
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    locale: str = "en_US"
    time_zone: str = "UTC"
    holidays: Literal["", "US", "GB"] = ""
    fiscal_year_start_month: int = Field(1, ge=1, le=12)
    rules: dict[str, int] = {}
    type_2_attributes: list[Literal[TYPE_2_CANDIDATES]] = []  # type: ignore[valid-type]
    sources: list[SourceSpec] = Field(min_length=1)
    reference: list[Identifier] = []

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, rules: dict[str, int]) -> dict[str, int]:
        names = [rule.name for rule in business_rules()]
        unknown = [name for name in rules if name not in names]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a business rule. {did_you_mean(unknown[0], names)}".rstrip("."))
        return rules

    @field_validator("reference")
    @classmethod
    def _known_reference(cls, tables: list[str]) -> list[str]:
        return _known(tables)

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone; write it like Europe/London")
        return value

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        try:
            Locale.parse(value)
        except (UnknownLocaleError, ValueError) as error:
            raise ValueError(f"{value!r} is not a locale; write it like en_GB") from error
        return value

    def describe(self) -> dict[str, Any]:
        """Return the part that builds and screens need, free of paths."""
        return self.model_dump(exclude={"sources", "reference"})


def _known(tables: list[str]) -> list[str]:
    for table in tables:
        try:
            get_contract(table)
        except InvalidDefinition as error:
            raise ValueError(f"{error.message} {error.next_action}".rstrip(".")) from error
    return tables


class DatasetFolder:
    """A dataset's folder on disk: its definition and its mappings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dataset = read_definition(folder / FILE, Dataset, explained_in="docs/datasets.md")
        self._mappings = {table: read_select(folder, table, owner=self.dataset.name) for table in self.tables}

    @property
    def tables(self) -> list[str]:
        """The bronze tables that the sources and the reference selects feed."""
        fed = [table for source in self.dataset.sources for table in source.tables]
        return list(dict.fromkeys([*fed, *self.dataset.reference]))

    def mapping(self, table: str) -> str:
        """Return the SQL select that maps a source file to one bronze table."""
        return self._mappings[table]

    def mapping_sha256(self, source: SourceSpec) -> str:
        """Return a hash that changes when the way a source is read does, or a mapping of its tables."""
        reading = source.model_dump_json(exclude={"files", "columns", "tables"})
        mappings = (self._mappings[table] for table in source.tables)
        return hashlib.sha256("\0".join([reading, *mappings]).encode()).hexdigest()

    def source_for(self, name: str) -> SourceSpec:
        """Return the one source a file belongs to, by its base name.

        Raises:
            SourceRefused: no source of the dataset takes such a file.
        """
        base = name.rsplit("/", 1)[-1]
        for source in self.dataset.sources:
            if fnmatch.fnmatch(base, source.files):
                return source
        patterns = ", ".join(source.files for source in self.dataset.sources)
        raise SourceRefused(f"{name}: {self.dataset.name} has no source for this file; it takes {patterns}.")

    def report_sql(self) -> str | None:
        """Return ``report.sql`` (figure, value) where the dataset has one."""
        path = self.folder / "report.sql"
        return path.read_text(encoding="utf-8") if path.is_file() else None


def shipped_datasets() -> list[str]:
    """Return the names of the datasets that come with the product."""
    return list_shipped("datasets", FILE)


def find_dataset(name_or_folder: str) -> DatasetFolder:
    """Return a dataset by the name of a shipped one, or by the path of its folder.

    Raises:
        NotFound: neither exists.
        InvalidDefinition: the folder's files do not fit.
    """
    return DatasetFolder(find_folder(name_or_folder, "datasets", FILE))
