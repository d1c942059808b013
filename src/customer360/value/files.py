"""Purchases from a bare CSV file, for models of data that no workspace holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import ColumnExpression
from sqlglot import parse_one

from customer360.errors import ErrorDetail, InvalidInput, NotFound, did_you_mean
from customer360.value.purchases import Purchases

SHOWN = 5
COMPACT = "%Y%m%d"
"""Read besides what the engine takes for a date, where no format is given."""

TYPED = """
create table typed as
select
    row_number() over () as place,
    nullif(trim(customer), '') as customer_id,
    day as received_day,
    amount as received_amount,
    coalesce(
        try_cast(try_strptime(trim(day), $date_format) as date),
        case when $is_free then try_cast(trim(day) as date) end
    ) as purchase_date,
    try_cast(trim(amount) as decimal(18, 4)) as amount
from received
"""
NO_DATE = "select place, received_day from typed where purchase_date is null order by place"
NO_AMOUNT = "select place, received_amount from typed where amount is null order by place"
IS_PURCHASE = "select customer_id, purchase_date, amount from typed where customer_id is not null and amount >= 0"
LEFT_OUT = "select count(*) from typed where customer_id is null or amount < 0"


@contextmanager
def open_purchases(path: Path, *, customer: str, date: str, amount: str, date_format: str = "") -> Iterator[Purchases]:
    """Read the transactions of a CSV file, whose columns are named; ``date_format`` is that of strptime.

    A row without a customer, or with a negative amount, is no purchase of a customer and left out.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no CSV file, a column is missing, or a value is no date or no number.
    """
    if not path.is_file():
        raise NotFound(
            f"There is no file {path}.",
            code="file_not_found",
            next_action="Name a CSV file with a header.",
            details=[{"field": "transactions", "value": str(path), "message": "no such file"}],
        )
    with duckdb.connect() as connection:
        _read(connection, path, {"customer": customer, "day": date, "amount": amount})
        try:
            connection.execute(TYPED, {"date_format": date_format or COMPACT, "is_free": not date_format})
        except duckdb.Error as error:
            raise InvalidInput(
                f"{path.name} cannot be read with --date-format {date_format!r}: {_first_line(error)}",
                next_action="Write the format as strptime does, such as %d/%m/%Y.",
            ) from error
        what = f"a date{' like ' + date_format if date_format else ''}"
        days, amounts = connection.execute(NO_DATE).fetchall(), connection.execute(NO_AMOUNT).fetchall()
        _refuse(path, date, days, what, next_action="Write dates as 2024-12-31 or 20241231, or say --date-format.")
        _refuse(path, amount, amounts, "a number", next_action="Write amounts as 12.50, without a currency.")
        [(left_out,)] = connection.execute(LEFT_OUT).fetchall()
        yield Purchases(
            name=path.name,
            rows=parse_one(IS_PURCHASE, dialect="duckdb"),
            query=lambda statement: connection.sql(statement).to_arrow_table(),
            dialect="duckdb",
            left_out=left_out,
        )


def _read(connection: duckdb.DuckDBPyConnection, path: Path, columns: dict[str, str]) -> None:
    """Make the view ``received`` of the named columns, all text."""
    try:
        rows = connection.read_csv(str(path), header=True, all_varchar=True, null_padding=False)
        missing = [name for name in columns.values() if name not in rows.columns]
        if not missing:
            named = [ColumnExpression(name).alias(alias) for alias, name in columns.items()]
            rows.select(*named).to_table("received")
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path.name} cannot be read as CSV: {_first_line(error)}",
            code="unreadable_file",
            next_action="Give a CSV file in UTF-8 whose first line names the columns.",
        ) from error
    if missing:
        details: list[ErrorDetail] = [
            {"field": name, "value": name, "message": f"no such column. {did_you_mean(name, rows.columns)}".strip()}
            for name in missing
        ]
        raise InvalidInput(
            f"{path.name} has no column {' and no column '.join(repr(name) for name in missing)}.",
            code="no_such_column",
            next_action=f"Its columns are {', '.join(rows.columns)}.",
            details=details,
        )


def _refuse(path: Path, column: str, found: list[tuple[int, str | None]], what: str, *, next_action: str) -> None:
    """Raise where values of a column, each with its place in the file, are not what they should be."""
    if not found:
        return
    details: list[ErrorDetail] = [
        {"field": column, "value": value, "message": f"row {place} below the header: {value!r} is not {what}"}
        for place, value in found[:SHOWN]
    ]
    place, value = found[0]
    raise InvalidInput(
        f"{path.name}, row {place} below the header: {column} {value!r} is not {what}; {len(found):,} rows are so.",
        code="unreadable_value",
        next_action=next_action,
        details=details,
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
