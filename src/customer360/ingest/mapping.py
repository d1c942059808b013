"""Maps the rows of source files to the columns of a bronze table, and keeps what does not fit its type.

A statement costs the engine far more than the rows of a small file, so files that arrive together are mapped by one
where the mapping allows it: then the relation ``source`` says of each row which file it is from.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from customer360.errors import InvalidDefinition, SourceRefused, did_you_mean
from customer360.lake import PROVENANCE, REJECT_CODE, TableContract, TableRows, get_contract
from customer360.workspace import hash_file

FILE = "_file"
EXACT = "DECIMAL(38,10)"
BATCH_ROWS = 122_880

_REJECT_CODE = parse_one(
    "(SELECT any_value(reject_code) FROM source WHERE source._line = mapped._line) AS reject_code", dialect="duckdb"
)
"""What the landing says of a record, for a mapping that does not pass it on."""

# A small file's rows may be copied once; binding its select a second time, as a stream does, takes longer.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)


@dataclass(frozen=True)
class Origin:
    """What every row of a batch carries about where it came from; ``loaded_at`` is UTC, without zone."""

    source_file: str
    batch_id: str
    loaded_at: str


@dataclass(frozen=True)
class Part:
    """One of the files that are mapped together: its rows as received, what they carry, and where they go."""

    origin: Origin
    rows: int
    path: Path


class Mapping:
    """One dataset's select for one bronze table, wrapped so that it yields the contract's columns and types."""

    def __init__(self, table: str, sql: str) -> None:
        self.contract = get_contract(table)
        self._select = _parse(table, sql)
        self._sql = self._select.sql(dialect="duckdb")
        self._apart = _keep_files_apart(self._select)
        self._wrapped: dict[tuple[pa.Schema | None, bool], str] = {}

    @property
    def takes_several(self) -> bool:
        """Whether one statement may map several files: no row of the result depends on rows of more than one."""
        return self._apart is not None

    def check(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Check the select against the relation ``source`` of the connection, which may be empty.

        Raises:
            InvalidDefinition: the select does not run, or does not give the columns of the table.
        """
        try:
            self._describe(connection)
        except duckdb.Error as error:
            raise InvalidDefinition(
                f"{self.contract.name}.sql does not run: {error}",
                next_action="A mapping reads the relation source, whose columns are _line and those of the file.",
            ) from error

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: pa.Schema | None,
        parts: Sequence[Part],
        *,
        each_row_counts: bool = False,
    ) -> list[TableRows]:
        """Map the relation ``source`` of the connection, of these columns, and write each file's rows to its path.

        Where there are several parts, the column :data:`FILE` of ``source`` holds each row's place among them.
        ``each_row_counts`` takes them also where no value of a column fits: they are not a file that is the wrong one.

        Raises:
            InvalidDefinition: the select does not give the columns of the table.
            SourceRefused: the select fails on the columns or values, or a column of a file never fits its type.
        """
        name = parts[0].origin.source_file
        try:
            readers = self._read(connection, columns, parts)
            counts = [_write(reader, part.path) for reader, part in zip(readers, parts, strict=True)]
        except (duckdb.DataError, duckdb.ProgrammingError) as error:
            raise SourceRefused(
                f"{name}: {self.contract.name}.sql fails on this file: {str(error).splitlines()[0]}",
                next_action="Send the file with every column the mapping reads, or correct the mapping "
                "(try_cast instead of cast; better, leave the casting to the table's contract).",
            ) from error
        for part, count in zip(parts, counts, strict=True):
            if count.invalid and not each_row_counts:
                _refuse_hopeless_columns(part.path, self.contract, part.origin.source_file)
        return counts

    def _read(
        self, connection: duckdb.DuckDBPyConnection, columns: pa.Schema | None, parts: Sequence[Part]
    ) -> list[pa.RecordBatchReader]:
        """Return the mapped rows of each part: at once for small files, batch by batch for a large one."""
        several = len(parts) > 1
        sql = self._wrap(connection, columns, several=several)
        origins = [part.origin for part in parts]
        parameters = [
            [origin.source_file for origin in origins],
            [origin.batch_id for origin in origins],
            [origin.loaded_at for origin in origins],
        ]
        if not several and parts[0].rows > BATCH_ROWS:
            return [connection.sql(sql, params=parameters).to_arrow_reader(BATCH_ROWS)]
        [statement] = connection.extract_statements(sql)
        table: pa.Table = connection.execute(statement, parameters).to_arrow_table()
        return [rows.to_reader() for rows in (_split(table, len(parts)) if several else [table])]

    def _wrap(self, connection: duckdb.DuckDBPyConnection, columns: pa.Schema | None, *, several: bool) -> str:
        """Return the wrapped select; files of one source may differ in their types where they are Parquet."""
        if (columns, several) not in self._wrapped:
            rejects = columns is not None and REJECT_CODE in columns.names and REJECT_CODE in self.contract.names
            self._wrapped[columns, several] = self._build(self._describe(connection), several=several, rejects=rejects)
        return self._wrapped[columns, several]

    def _build(self, given: dict[str, str], *, several: bool, rejects: bool) -> str:
        rejects = rejects and REJECT_CODE not in given
        mapped = exp.to_identifier("mapped")
        columns = [_typed(column.name, column.type, given.get(column.name)) for column in self.contract.columns]
        if rejects:
            columns = [column if column.alias_or_name != REJECT_CODE else _REJECT_CODE.copy() for column in columns]
        place = exp.column(FILE) if several else exp.Literal.number(0)
        wrapped = (
            exp.select(
                *columns,
                exp.cast(exp.column("_line"), "BIGINT").as_("_line"),
                _invalid(self.contract, given).as_("_invalid"),
            )
            .select(*(_origin_column(index, place) for index in (1, 2, 3)))
            .with_(mapped, as_=self._apart if several and self._apart else self._select)
            .from_(mapped)
        )
        if several:
            wrapped = wrapped.select(exp.column(FILE)).order_by(exp.column(FILE), exp.column("_line"))
        return wrapped.sql(dialect="duckdb")

    def _describe(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        relation = connection.sql(self._sql)
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


def fit(connection: duckdb.DuckDBPyConnection, contract: TableContract) -> list[dict[str, str | None]]:
    """Return the rows of the relation ``source``, all of it text, by ``_line``: each value as its type writes it.

    A value that does not fit is null, and as received in the JSON object ``_invalid``.
    """
    text = exp.DataType.build("VARCHAR")
    values = [exp.cast(_fitted(column.name, column.type), text).as_(column.name) for column in contract.columns]
    invalid = _invalid(contract, dict.fromkeys(contract.names, "VARCHAR")).as_("_invalid")
    select = exp.select(*values, invalid).from_("source").order_by("_line")
    rows: list[dict[str, str | None]] = connection.sql(select.sql(dialect="duckdb")).to_arrow_table().to_pylist()
    return rows


def _split(table: pa.Table, parts: int) -> list[pa.Table]:
    """Return the rows of each part of a table that is ordered by them."""
    counts = {entry["values"]: entry["counts"] for entry in table[FILE].value_counts().to_pylist()}
    ends = [0, *accumulate(counts.get(place, 0) for place in range(parts))]
    rows = table.drop_columns(FILE)
    return [rows.slice(start, end - start) for start, end in pairwise(ends)]


def _write(reader: pa.RecordBatchReader, path: Path) -> TableRows:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = invalid = 0
    # The reader is closed whatever happens: the connection takes no other statement while it is open.
    with reader, pq.ParquetWriter(path, reader.schema, compression="lz4", use_dictionary=_LOW_CARDINALITY) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
            invalid += batch.num_rows - batch.column("_invalid").null_count
    return TableRows(rows, invalid, hash_file(path))


_LOW_CARDINALITY = ["_source_file", "_batch_id", "country", "currency", "status", "channel", "source_system"]


def _parse(table: str, sql: str) -> exp.Query:
    try:
        select = parse_one(sql, dialect="duckdb")
    except ParseError as error:
        raise InvalidDefinition(f"{table}.sql cannot be parsed: {error}") from error
    if not isinstance(select, exp.Query):
        raise InvalidDefinition(f"{table}.sql must be one select.")
    return select


def _keep_files_apart(select: exp.Query) -> exp.Select | None:
    """Return the select with the file's place and every window within one file; ``None`` where that is not enough.

    Only a plain select from ``source`` is understood: one row in, at most one row out, windows apart.
    """
    windows = list(select.find_all(exp.Window))
    within = {id(node) for window in windows for node in window.walk()}
    if (
        not isinstance(select, exp.Select)
        or [table.name for table in select.find_all(exp.Table)] != ["source"]
        or any(select.args.get(clause) for clause in ("joins", "laterals", "group", "windows", "limit", "offset"))
        or select.find(exp.Star, exp.Distinct, exp.Subquery, exp.With, exp.UDTF, exp.Explode, exp.Anonymous)
        or any(id(call) not in within for call in select.find_all(exp.AggFunc))
    ):
        return None
    apart = select.copy()
    for window in apart.find_all(exp.Window):
        window.set("partition_by", [exp.column(FILE), *(window.args.get("partition_by") or [])])
    return apart.select(exp.column(FILE))


def _typed(name: str, wanted: str, given: str | None) -> exp.Expr:
    """Return the column in the contract's type: as it is, cast where it fits, null where the mapping has none."""
    if given is None:
        return exp.cast(exp.null(), wanted, dialect="duckdb").as_(name)
    if _same_type(given, wanted):
        return exp.column(name)
    return _fitted(name, wanted).as_(name)


def _fitted(name: str, wanted: str) -> exp.Expr:
    """Return the value where it fits its type, else null; a number fits only where the cast would not round it.

    Ten decimals are compared, so that 17.849999999999998, a written double, is still 17.85.
    """
    value = _try_cast(name, wanted)
    if not wanted.startswith(("INTEGER", "DECIMAL")):
        return value
    return exp.case().when(value.copy().eq(_try_cast(name, EXACT)), value)


def _try_cast(name: str, wanted: str) -> exp.Expr:
    return exp.TryCast(this=exp.column(name), to=exp.DataType.build(wanted, dialect="duckdb"))


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
            _fitted(c.name, c.type).is_(exp.null()),
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


def _origin_column(index: int, place: exp.Expr) -> exp.Expr:
    """Return the value that the parameter of this index, a list, holds for the file at a place."""
    column = PROVENANCE[1 + index]
    value = exp.func(
        "list_extract", exp.Placeholder(this=str(index)), exp.Add(this=place.copy(), expression=exp.Literal.number(1))
    )
    return exp.cast(value, exp.DataType.build(column.type, dialect="duckdb")).as_(column.name)


def _refuse_hopeless_columns(path: Path, contract: TableContract, source_file: str) -> None:
    """Refuse a file in which a column holds values and none of them fits."""
    rows = pq.read_table(path)
    broken = rows.filter(pc.is_valid(rows["_invalid"])).select(["_line", "_invalid"])
    for line, text in zip(broken["_line"].to_pylist(), broken["_invalid"].to_pylist(), strict=True):
        for name, value in json.loads(text).items():
            if rows[name].null_count == len(rows):
                kind = next(column.type for column in contract.columns if column.name == name)
                raise SourceRefused(
                    f"{source_file}, line {line}, column {name}: no value of the file is a {kind}; "
                    f"the first is {value!r}.",
                    next_action="Fetch the file again, or correct the mapping of the dataset.",
                    details=[{"field": name, "value": value, "message": f"not a {kind}"}],
                )
