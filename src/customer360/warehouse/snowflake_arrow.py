"""Snowflake's results as the Arrow that DuckDB gives for the same statement: names, whole numbers, microseconds.

Snowflake's BIGINT is NUMBER(38, 0), and the chunks of one result may come in different widths: the declared types of
the statement decide, and every batch is cast to them. Whole numbers of 19 to 37 declared digits (hashes) stay decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from customer360.errors import InvalidQuery

DIGITS_OF_INT64 = 18
DIGITS_OF_BIGINT = 38
UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")
TYPES: dict[str, pa.DataType] = {
    "REAL": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "TIMESTAMP_LTZ": UTC_MICROSECONDS,
    "TIMESTAMP_TZ": UTC_MICROSECONDS,
    "BINARY": pa.binary(),
}
"""Everything else that is no number (texts, VARIANT as JSON) is text."""


def plain_name(name: str) -> str:
    """Return a name as it was asked: Snowflake raises what is not quoted, so raised names are lowered."""
    return name.lower() if name == name.upper() else name


def declared_schema(description: Iterable[Any]) -> pa.Schema:
    """Return the schema that the statement's declared columns promise."""
    return pa.schema([pa.field(plain_name(column.name), _type(column)) for column in description])


def _type(column: Any) -> pa.DataType:
    from snowflake.connector.constants import FIELD_ID_TO_NAME  # noqa: PLC0415

    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        return _number(column.precision or 38, column.scale or 0)
    return TYPES.get(name, pa.string())


def _number(precision: int, scale: int) -> pa.DataType:
    is_bigint = scale == 0 and (precision <= DIGITS_OF_INT64 or precision == DIGITS_OF_BIGINT)
    return pa.int64() if is_bigint else pa.decimal128(precision, scale)


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a chunk with the declared names and types.

    Raises:
        InvalidQuery: a whole number needs more than 64 bits.
    """
    columns = [_cast(column, field) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise InvalidQuery(
            f"A value of {field.name} does not fit {field.type}: {error}",
            code="value_too_large",
            next_action=f"Cast {field.name} to DECIMAL with a scale, DOUBLE or VARCHAR.",
        ) from error


def table_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return rows that did not come as Arrow (SHOW, DDL) as a table of the declared types."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(_fitting(values, field.type), field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _fitting(values: Iterable[Any], kind: pa.DataType) -> list[Any]:
    if pa.types.is_string(kind):
        return [None if value is None else str(value) for value in values]
    return list(values)
