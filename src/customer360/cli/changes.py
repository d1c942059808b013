"""customer360 changes: what has changed in a table since its reader last looked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer360.cli.console import Json, print_json, print_table, say
from customer360.cli.context import open_builds, open_store
from customer360.errors import Conflict, InvalidInput
from customer360.workspace import replace_file, sync

if TYPE_CHECKING:
    import pyarrow as pa

    from customer360.store import ChangeStream
    from customer360.warehouse import Builds
    from customer360.warehouse.changes import Changes

HELP = """
Read which rows of a table came, changed or left since you last read it.

A stream follows one table for one reader, and remembers the build up to which it was read:

    customer360 changes create segments --table gold.customer_segments    follow a table
    customer360 changes read segments                                     look at what is new
    customer360 changes read segments --consume --out changes.parquet     keep it, and go on from here

It goes stale when its build is pruned before anybody has read on.
"""

app = typer.Typer(help=HELP, no_args_is_help=True)

ENDINGS = (".parquet", ".csv", ".jsonl")
NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
HAPPENED = {"INSERT": "inserted", "DELETE": "deleted"}
SHOWN_VALUES = 6

Name = Annotated[str, typer.Argument(help="Name of a stream, as customer360 changes list shows it.")]
Row = dict[str, Any]


@app.command("list")
def list_streams(as_json: Json = False) -> None:
    """List the streams: their table, the build up to which each was read and since when, and whether more may be new.

    New changes are possible where another build is published now; reading tells whether this table changed. A stale
    stream's build was pruned.

    Example: customer360 changes list
    """
    from customer360 import store  # noqa: PLC0415

    streams = store.list_streams(open_store())
    described = [_describe(stream, open_builds()) for stream in streams]
    if as_json:
        print_json(described)
    elif described:
        columns = ["stream", "table", "read up to", "since (UTC)", "new changes"]
        print_table(columns, [[str(value or "nothing") for value in stream.values()] for stream in described])
    else:
        say("No stream is there yet. Next: customer360 changes create segments --table gold.customer_segments")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name for the stream: letters, digits, _ . and -.")],
    table: Annotated[str, typer.Option(help="Table to follow, such as gold.customer_segments.")],
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Give every row that is there already as an insert, the first time.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Follow a table: a stream remembers the build up to which its reader has read, beginning with the published one.

    Any table of a build that has a primary key can be followed, by any number of streams, one for each reader.

    Example: customer360 changes create segments --table gold.customer_segments
    """
    from customer360.store import create_stream  # noqa: PLC0415
    from customer360.warehouse.changes import primary_key  # noqa: PLC0415

    if not NAMES.fullmatch(name):
        raise InvalidInput(
            f"NAME={name!r} does not name a stream.",
            next_action="Use up to 100 letters, digits, _ . and -, beginning with a letter or digit.",
        )
    store, known = open_store(), open_builds()
    published = known.get(known.current_id())
    primary_key(published, table)
    start = "" if from_start else published.build_id
    create_stream(store, name, table=table, build_id=start)
    if as_json:
        print_json({"name": name, "table": table, "build_id": start or None})
    say(f"[green]✓[/] {name} follows {table} from {start or 'its first row'} on.")
    say(f"Next: customer360 changes read {name}" + ("" if from_start else ", once another build is published"))


@app.command()
def read(
    name: Name,
    consume: Annotated[bool, typer.Option("--consume", help="Read on from here the next time; needs --out.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File for all rows: .parquet, .csv or .jsonl."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most changed rows to show; all are counted and written.")] = 20,
    as_json: Json = False,
) -> None:
    """Read what has changed from the build up to which the stream was read to the published one.

    Each row of a file begins with _action, INSERT or DELETE, and _is_update: a row that changed is a DELETE with its
    old values and an INSERT with the new ones, both _is_update. The columns of the table follow.

    Looking changes nothing. With --consume the next reading begins where this one ends, once the file is complete; if
    it is not, for whatever reason, the same changes come again. A file that is there is then not replaced.

    Example: customer360 changes read segments --consume --out changes.parquet
    """
    from customer360.store import advancing, get_stream  # noqa: PLC0415
    from customer360.warehouse.changes import open_changes  # noqa: PLC0415

    _check_out(out, consume=consume)
    store = open_store()
    stream = get_stream(store, name)
    with ExitStack() as stack:
        changes = stack.enter_context(open_changes(open_builds(), name, table=stream.table_name, since=stream.build_id))

        def move_offset() -> None:
            if consume:
                stack.enter_context(advancing(store, stream, changes.build_id))

        first = _write(out, changes, 2 * limit, move_offset) if out else _pass_on(changes, _nowhere, 2 * limit)
    by_key = groupby(first, key=lambda row: [row[column] for column in changes.primary_key])
    shown = [list(rows) for _, rows in by_key][:limit]
    if as_json:
        _print_as_json(stream, changes, shown, out, consumed=consume)
    else:
        _print_for_people(stream, changes, shown, out, consumed=consume)


@app.command()
def reset(name: Name, as_json: Json = False) -> None:
    """Let a stream go on from the published build; what has changed before is passed over.

    This also helps a stream whose build was pruned before anybody had read on.

    Example: customer360 changes reset segments
    """
    from customer360.store import advancing, get_stream  # noqa: PLC0415

    store = open_store()
    stream, published = get_stream(store, name), open_builds().current_id()
    with advancing(store, stream, published):
        pass  # nothing has to be finished
    if as_json:
        print_json({"name": name, "table": stream.table_name, "build_id": published})
    say(f"[green]✓[/] {name} goes on from {published}.")


@app.command()
def drop(name: Name, as_json: Json = False) -> None:
    """Forget a stream; tables and builds are not touched.

    Example: customer360 changes drop segments
    """
    from customer360.store import drop_stream  # noqa: PLC0415

    drop_stream(open_store(), name)
    if as_json:
        print_json({"dropped": name})
    say(f"[green]✓[/] Dropped {name}.")


def _describe(stream: ChangeStream, builds: Builds) -> dict[str, str | None]:
    news = "none" if stream.build_id == builds.current_id() else "possible"
    return {
        "name": stream.name,
        "table": stream.table_name,
        "build_id": stream.build_id or None,
        "consumed_at": f"{stream.consumed_at:%Y-%m-%d %H:%M:%S}",
        "new_changes": news if not stream.build_id or builds.is_kept(stream.build_id) else "stale",
    }


# Writing


def _check_out(out: Path | None, *, consume: bool) -> None:
    if consume and out is None:
        raise InvalidInput(
            "--consume without --out would lose every change that the terminal does not show.",
            next_action="Add --out changes.parquet, or pass over the changes: customer360 changes reset NAME.",
        )
    if out and consume and out.exists():
        raise Conflict(
            f"--out {out} is there already, and may hold changes that this stream does not give again.",
            code="file_exists",
            next_action="Move it away once it is used, or give --out another name.",
        )
    if out and out.suffix.lower() not in ENDINGS:
        raise InvalidInput(
            f"--out {out}: {out.suffix or 'a name without an ending'} says no format that can be written.",
            next_action=f"End the name with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.",
        )


def _write(out: Path, changes: Changes, most: int, complete: Callable[[], None]) -> list[Row]:
    """Write all changes to a file and return the first of them; ``complete`` is called before it takes its name."""
    first: list[Row] = []

    def write(beside: Path) -> None:
        with _writer(beside, out.suffix.lower(), changes.schema) as put:
            first.extend(_pass_on(changes, put, most))
        sync(beside)
        complete()

    try:
        replace_file(out, write)
    except OSError as error:
        if error.strerror is None:  # the engine's, which Arrow passes on as one
            raise
        raise InvalidInput(
            f"--out {out} cannot be written: {error.strerror}.",
            next_action="Name a file in a folder that you may write to. No change counts as read.",
        ) from error
    return first


@contextmanager
def _writer(path: Path, ending: str, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    if ending == ".parquet":
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415

        with ParquetWriter(path, schema, compression="zstd") as parquet:
            yield parquet.write_batch
    elif ending == ".csv":
        from pyarrow.csv import CSVWriter  # noqa: PLC0415

        with CSVWriter(path, schema) as csv:
            yield csv.write_batch
    else:
        with path.open("w", encoding="utf-8") as lines:
            yield lambda batch: lines.writelines(
                json.dumps(_json(row), ensure_ascii=False) + "\n" for row in batch.to_pylist()
            )


def _pass_on(changes: Changes, put: Callable[[pa.RecordBatch], None], most: int) -> list[Row]:
    """Read all changes, give each batch to ``put``, and return the first ones."""
    first: list[Row] = []
    for batch in changes:
        put(batch)
        first += batch.slice(0, most - len(first)).to_pylist()
    return first


def _nowhere(batch: pa.RecordBatch) -> None:
    """Keep nothing: the changes are only counted."""


# Showing


def _json(row: Row) -> Row:
    from customer360.semantic import json_value  # noqa: PLC0415

    return {name: json_value(value) for name, value in row.items()}


def _print_as_json(
    stream: ChangeStream, changes: Changes, shown: list[list[Row]], out: Path | None, *, consumed: bool
) -> None:
    print_json(
        {
            "name": stream.name,
            "table": stream.table_name,
            "since": changes.since or None,
            "build_id": changes.build_id,
            **asdict(changes.counts),
            "added_columns": changes.added_columns,
            "dropped_columns": changes.dropped_columns,
            "out": out,
            "consumed": consumed,
            "rows": [_json(row) for rows in shown for row in rows],
        }
    )


def _print_for_people(
    stream: ChangeStream, changes: Changes, shown: list[list[Row]], out: Path | None, *, consumed: bool
) -> None:
    counts = changes.counts
    say(
        f"{stream.table_name}: {counts.inserted:,} inserted, {counts.updated:,} updated, {counts.deleted:,} deleted "
        f"[dim]({_span(changes)})[/]"
    )
    if changes.added_columns:
        say(f"Only the published build has {', '.join(changes.added_columns)}: null in rows of the earlier one.")
    if changes.dropped_columns:
        say(f"Only the earlier build has {', '.join(changes.dropped_columns)}: left out.")
    if shown:
        print_table(["", *changes.primary_key, "values"], [_line(rows, changes.primary_key) for rows in shown])
        say(f"[dim]{len(shown):,} of {counts.changed:,} changed rows[/]")
    if out:
        say(f"[green]✓[/] Wrote {counts.rows:,} rows to {out}.")
    if consumed:
        say(f"[green]✓[/] {stream.name} goes on from {changes.build_id}.")
    elif shown:
        say(f"Next: customer360 changes read {stream.name} --consume --out changes.parquet")


def _span(changes: Changes) -> str:
    if changes.since == changes.build_id:
        return f"{changes.build_id} is still the published build"
    return f"{changes.since} → {changes.build_id}" if changes.since else f"all of {changes.build_id}"


def _line(rows: list[Row], key: list[str]) -> list[str]:
    """Return what happened to a row, its key and the values that changed, or all there are."""
    old, new = rows[0], rows[-1]
    happened = "updated" if len(rows) == 2 else HAPPENED[new["_action"]]
    names = [name for name in new if name not in ("_action", "_is_update", *key)]
    if len(rows) == 2:
        values = [f"{c} {_text(old[c])} → {_text(new[c])}" for c in names if _text(old[c]) != _text(new[c])]
    else:
        values = [f"{c} {_text(new[c])}" for c in names if new[c] is not None]
    more = len(values) - SHOWN_VALUES
    told = ", ".join(values[:SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")
    return [happened, *(_text(new[name]) for name in key), told]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return str(round(value, 9) if isinstance(value, float) else value)
