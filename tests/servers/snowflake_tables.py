"""Makes tables on the emulator that hold the rows of an Arrow table, in the types that DuckDB would have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

FEW = 100
"""The emulator takes a second to read some hundred literals; a number in JSON cannot be NaN."""

TYPES = {
    pa.uint64(): "number(20,0)",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.float64(): "double",
    pa.string(): "varchar",
    pa.timestamp("us"): "timestamp_ntz",
}


class Target(Protocol):
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Any: ...


def copy_table(target: Target, name: str, rows: pa.Table) -> None:
    """Make a table of these rows."""
    columns = [f'"{field.name.upper()}" {declared(field.type)}' for field in rows.schema]
    target.query(f"CREATE TABLE {name} ({', '.join(columns)})")
    if rows.num_rows > FEW:
        values = ", ".join(f"f.value:{field.name}::{declared(field.type)}" for field in rows.schema)
        statement = f"INSERT INTO {name} SELECT {values} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(:1))) AS f"
        target.query(statement, [json.dumps(rows.to_pylist(), default=str)])
    elif rows.num_rows:
        few = exp.values([tuple(exp.convert(value) for value in row.values()) for row in rows.to_pylist()])
        target.query(f"INSERT INTO {name} {few.sql('snowflake')}")


def declared(kind: pa.DataType) -> str:
    """Return the type that Snowflake declares for DuckDB's."""
    if pa.types.is_decimal(kind):
        return f"number({kind.precision},{kind.scale})"
    return "number(38,0)" if pa.types.is_signed_integer(kind) else TYPES[kind]
