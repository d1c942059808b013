"""Maps the rows of one source file to the columns of a bronze table, and keeps what does not fit its type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from customer360.errors import InvalidDefinition, SourceRefused, did_you_mean
from customer360.lake import PROVENANCE, TableContract, TableRows, get_contract

RAW = "_raw_"
BATCH_ROWS = 122_880


@dataclass(frozen=True)
class Origin:
    """What every row of a batch carries about where it came from; ``loaded_at`` is UTC, without zone."""

    source_file: str
    batch_id: str
    loaded_at: str


class Mapping:
    """One dataset's select for one bronze table, wrapped so that it yields the contract's columns and types."""

    def __init__(self, table: str, sql: str) -> None:
        self.contract = get_contract(table)
        self._select = _parse(table, sql)
        self._wrapped: str | None = None

    def write(self, connection: duckdb.DuckDBPyConnection, origin: Origin, path: Path) -> TableRows:
        """Map the relation ``source`` of the connection and write the rows to ``path``.

        Raises:
            InvalidDefinition: the select does not run, or gives a column that the table does not have.
            SourceRefused: a column never fits its type.
        """
        if self._wrapped is None:
            self._wrapped = self._wrap(connection)
        parameters = [origin.source_file, origin.batch_id, origin.loaded_at]
        reader = connection.sql(self._wrapped, params=parameters).to_arrow_reader(BATCH_ROWS)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = invalid = 0
        with pq.ParquetWriter(path, reader.schema, compression="lz4", use_dictionary=_LOW_CARDINALITY) as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
                invalid += batch.num_rows - batch.column("_invalid").null_count
        if invalid:
            _refuse_hopeless_columns(path, origin.source_file)
        return TableRows(rows, invalid)

    def _wrap(self, connection: duckdb.DuckDBPyConnection) -> str:
        given = self._describe(connection)
        mapped = exp.to_identifier("mapped")
        columns = [_typed(column.name, column.type, given.get(column.name)) for column in self.contract.columns]
        wrapped = (
            exp.select(*columns, exp.column("_line"), _invalid(self.contract, given).as_("_invalid"))
            .select(*(_origin_column(index) for index in (1, 2, 3)))
            .with_(mapped, as_=self._select)
            .from_(mapped)
        )
        return wrapped.sql(dialect="duckdb")

    def _describe(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        try:
            relation = connection.sql(self._select.sql(dialect="duckdb"))
        except duckdb.Error as error:
            raise InvalidDefinition(f"{self.contract.name}.sql does not run: {error}") from error
        given = dict(zip(relation.columns, map(str, relation.types), strict=True))
        unknown = [name for name in given if name not in {*self.contract.names, "_line"}]
        if unknown:
            raise InvalidDefinition(
                f"{self.contract.name}.sql gives a column {unknown[0]!r} that the table does not have.",
                next_action=did_you_mean(unknown[0], self.contract.names),
            )
        missing = [c.name for c in (*self.contract.columns, PROVENANCE[0]) if c.required and c.name not in given]
        if missing:
            raise InvalidDefinition(
                f"{self.contract.name}.sql does not give {missing[0]!r}, which every row of the table needs.",
                next_action="Select it from source; _line is a column of source.",
            )
        return given


_LOW_CARDINALITY = ["_source_file", "_batch_id", "country", "currency", "status", "channel", "source_system"]


def _parse(table: str, sql: str) -> exp.Query:
    try:
        select = parse_one(sql, dialect="duckdb")
    except ParseError as error:
        raise InvalidDefinition(f"{table}.sql cannot be parsed: {error}") from error
    if not isinstance(select, exp.Query):
        raise InvalidDefinition(f"{table}.sql must be one select.")
    return select


def _typed(name: str, wanted: str, given: str | None) -> exp.Expr:
    """Return the column in the contract's type: as it is, cast where it fits, null where the mapping has none."""
    to = exp.DataType.build(wanted, dialect="duckdb")
    if given is None:
        return exp.cast(exp.null(), to).as_(name)
    if _same_type(given, wanted):
        return exp.column(name)
    return exp.TryCast(this=exp.column(name), to=to).as_(name)


def _same_type(given: str, wanted: str) -> bool:
    return given.replace(" ", "") == wanted.replace(" ", "")


def _invalid(contract: TableContract, given: dict[str, str]) -> exp.Expr:
    """Return a JSON object of the values that do not fit, or null where all do."""
    doubtful = [c for c in contract.columns if c.name in given and not _never_fails(given[c.name], c.type)]
    if not doubtful:
        return exp.cast(exp.null(), exp.DataType.build("VARCHAR"))
    tests = {
        c.name: exp.and_(
            exp.column(c.name).is_(exp.null()).not_(),
            exp.TryCast(this=exp.column(c.name), to=exp.DataType.build(c.type, dialect="duckdb")).is_(exp.null()),
        )
        for c in doubtful
    }
    text = exp.DataType.build("VARCHAR")
    fields = [
        exp.PropertyEQ(
            this=exp.to_identifier(name, quoted=True),
            expression=exp.case().when(test, exp.cast(exp.column(name), text)),
        )
        for name, test in tests.items()
    ]
    document = exp.func("to_json", exp.Struct(expressions=fields))
    without_nulls = exp.func("json_merge_patch", exp.Literal.string("{}"), document)
    return exp.case().when(exp.or_(*tests.values()), exp.cast(without_nulls, text))


def _never_fails(given: str, wanted: str) -> bool:
    return _same_type(given, wanted) or wanted == "VARCHAR"


def _origin_column(index: int) -> exp.Expr:
    column = PROVENANCE[1 + index]
    value = exp.Placeholder(this=str(index))
    return exp.cast(value, exp.DataType.build(column.type, dialect="duckdb")).as_(column.name)


def _refuse_hopeless_columns(path: Path, source_file: str) -> None:
    """Refuse a file in which a column holds values and none of them fits."""
    rows = pq.read_table(path)
    broken = pa.array([{} if text is None else json.loads(text) for text in rows["_invalid"].to_pylist()])
    for name in (field.name for field in broken.type):
        given = pc.struct_field(broken, [name])
        if given.null_count == len(given) or rows[name].null_count < len(rows):
            continue
        first = pc.index(pc.is_valid(given), True).as_py()
        path.unlink()
        wanted = get_contract(path.parent.name).columns
        kind = next(column.type for column in wanted if column.name == name)
        raise SourceRefused(
            f"{source_file}, line {rows['_line'][first]}, column {name}: no value of the file is a {kind}; "
            f"the first is {given[first].as_py()!r}.",
            next_action="Fetch the file again, or correct the mapping of the dataset.",
            details=[{"field": name, "value": given[first].as_py(), "message": f"not a {kind}"}],
        )
