"""Reads a flat table and says what each column is; nothing here looks at the label's values to judge a column.

Every column is read as text and typed as a whole, so that one blank among numbers is a missing number and not a
reason to take all of them for words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer360.churn.arrays import Flags, Floats
from customer360.errors import InvalidInput, NotFound, did_you_mean

Kind = Literal["number", "date", "category"]

READ_CSV = "SELECT * FROM read_csv($1, all_varchar = true, header = true, normalize_names = false)"
READ_PARQUET = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet($1)"
BLANKS = ("", "na", "n/a", "nan", "null", "none", "?")
"""What stands for a missing number or date; among words only the empty text does."""
ID_NAME = re.compile(r"(^|[_ ])(id|key|uuid|guid|number|no|nr)$|[a-z](Id|ID|Key|Number)$|^row.?n", re.IGNORECASE)
ROWS_FOR_AN_ID = 20
ALMOST_ALL = 0.95
MOST_LEVELS = 100
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Column:
    """A typed column: numbers, days since 1970, or codes of ``levels``; NaN is missing."""

    name: str
    kind: Kind
    values: Floats
    levels: tuple[str, ...] = ()

    @property
    def missing(self) -> Flags:
        found: Flags = np.isnan(self.values)
        return found

    @property
    def distinct(self) -> int:
        """How many different values there are, missing ones aside."""
        return len(np.unique(self.values[~self.missing]))


@dataclass(frozen=True)
class LeftOut:
    """A column that no model sees, and why."""

    column: str
    reason: str


@dataclass(frozen=True)
class Features:
    """What a model sees: a row per customer, codes in the columns numbered in ``categories``, NaN where missing."""

    names: tuple[str, ...]
    values: Floats
    categories: tuple[int, ...]

    def without(self, names: Collection[str]) -> Features:
        """Return the features but those named."""
        kept = [number for number, name in enumerate(self.names) if name not in names]
        return Features(
            names=tuple(self.names[number] for number in kept),
            values=self.values[:, kept],
            categories=tuple(place for place, number in enumerate(kept) if number in self.categories),
        )


def read_text(path: Path) -> dict[str, Any]:
    """Return the columns of a CSV or Parquet file as Arrow arrays of text.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is neither, or has no rows.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", code="table_not_found", next_action="Give --table a file.")
    statement = READ_PARQUET if path.suffix.lower() in (".parquet", ".pq") else READ_CSV
    try:
        with duckdb.connect(config={"threads": 2}) as connection:
            table = connection.sql(statement, params=[str(path)]).to_arrow_table()
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}",
            code="table_unreadable",
            next_action="Give a CSV file in UTF-8 with a line of column names, or a Parquet file.",
        ) from error
    if table.num_rows == 0:
        raise InvalidInput(f"{path.name} has no rows.", code="table_empty", next_action="Give a table with rows.")
    return {name: pc.utf8_trim_whitespace(table[name].combine_chunks()) for name in table.column_names}


def require_columns(names: Iterable[str], wanted: Iterable[str], option: str) -> None:
    """Raise InvalidInput where a column that an option names is not there."""
    known = list(names)
    for name in wanted:
        if name not in known:
            raise InvalidInput(
                f"The table has no column {name!r}.",
                code="column_not_found",
                next_action=did_you_mean(name, known),
                details=[{"field": option, "value": name, "message": "no such column"}],
            )


def type_column(name: str, text: Any) -> Column:
    """Return a column as numbers if all of it is, else as dates, else as categories."""
    known = pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(BLANKS)), None, text)
    if known.null_count < len(known):
        if (numbers := _numbers(known)) is not None:
            return Column(name, "number", numbers)
        if (days := _days(known)) is not None:
            return Column(name, "date", days)
    coded = pc.if_else(pc.equal(text, ""), None, text).dictionary_encode()
    codes = coded.indices.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return Column(name, "category", codes, tuple(coded.dictionary.to_pylist()))


def _numbers(text: Any) -> Floats | None:
    try:
        values: Floats = text.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    except pa.ArrowInvalid:
        return None
    return np.where(np.isfinite(values) & (np.abs(values) < 1e100), values, np.nan)


def _days(text: Any) -> Floats | None:
    try:
        moments = text.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    days: Floats = (moments - np.datetime64("1970-01-01", "us")) / DAY
    return days


def why_left_out(column: Column) -> str:
    """Return why a column can teach a model nothing, or an empty text."""
    rows, distinct = len(column.values), column.distinct
    known = rows - int(column.missing.sum())
    if known == 0:
        return "it has no value in any row"
    if distinct == 1 and known == rows:
        return "it has the same value in every row"
    if known >= ROWS_FOR_AN_ID and _looks_like_an_id(column, distinct, known):
        return "almost every row has a value of its own, as an id has"
    if column.kind == "category" and _share_of_frequent(column) < 0.5:
        return f"it has {distinct:,} different texts and few of them come again"
    return ""


def _looks_like_an_id(column: Column, distinct: int, known: int) -> bool:
    if column.kind == "category":
        return distinct >= ALMOST_ALL * known
    if column.kind == "date":
        return False
    values = column.values[~column.missing]
    whole = bool(np.all(values == np.round(values)))
    named = bool(ID_NAME.search(column.name)) and distinct > known / 2
    in_a_row = distinct == known and values.max() - values.min() == known - 1
    return whole and (named or in_a_row)


def frequent_levels(column: Column) -> Flags:
    """Return which levels are frequent enough to learn from; rarer ones are one level together."""
    counts = np.bincount(column.values[~column.missing].astype(np.int64), minlength=len(column.levels))
    least = max(2, len(column.values) // 1000)
    frequent = counts >= least
    if frequent.sum() > MOST_LEVELS:
        frequent &= counts >= np.sort(counts)[-MOST_LEVELS]
    return np.asarray(frequent, dtype=np.bool_)


def _share_of_frequent(column: Column) -> float:
    codes = column.values[~column.missing].astype(np.int64)
    return float(frequent_levels(column)[codes].mean())


def make_features(columns: Iterable[Column]) -> Features:
    """Return the columns side by side; categories keep their frequent levels, the rest of them is one."""
    listed = list(columns)
    return Features(
        names=tuple(column.name for column in listed),
        values=np.column_stack([_feature(column) for column in listed]),
        categories=tuple(number for number, column in enumerate(listed) if column.kind == "category"),
    )


def _feature(column: Column) -> Floats:
    if column.kind != "category":
        return column.values
    frequent = frequent_levels(column)
    codes = np.where(frequent, np.cumsum(frequent) - 1, frequent.sum()).astype(np.float64)
    values = np.full(len(column.values), np.nan)
    values[~column.missing] = codes[column.values[~column.missing].astype(np.int64)]
    return values
