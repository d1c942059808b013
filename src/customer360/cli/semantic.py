"""customer360 semantic: look at a semantic model, give it to tools that read another format, and take one of theirs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from customer360.cli.console import Json, err, print_json, print_table, say, warn
from customer360.cli.context import model_file, pinned
from customer360.errors import InvalidInput
from customer360.settings import DEFAULT_MODEL, SEMANTIC_MODELS, ResourceSettings, load, memory_limit

if TYPE_CHECKING:
    from customer360.ask import Fault
    from customer360.semantic import SemanticModel
    from customer360.semantic.parts import Loss
    from customer360.warehouse import DuckDBWarehouse

HELP = """
Check a semantic model, export it to other formats, and import one of theirs.

    customer360 semantic check my_model.yaml                          what is wrong, or what is in it
    customer360 semantic export --format snowflake --output c360.yaml for Cortex Analyst
    customer360 semantic export --format semantic-view                CREATE SEMANTIC VIEW for Snowflake
    customer360 semantic export --format ossie                        Apache Ossie (OSI) 0.2.0.dev0

    customer360 semantic import shop.yaml --output my_model.yaml      from Cortex Analyst, Ossie or dbt, to be asked

The first ones take a file, or the name of a model of the published build: customer_analytics, which is meant where
nothing is given, or operations. docs/semantic-exports.md says what each format loses, docs/semantic-imports.md what
does not arrive from one.
"""

_GIVEN = f"File, or model of the published build: {' or '.join(SEMANTIC_MODELS)}."

app = typer.Typer(help=HELP, no_args_is_help=True)


class Target(StrEnum):
    """The formats, named here so that the command's help needs no model."""

    SNOWFLAKE = "snowflake"
    SEMANTIC_VIEW = "semantic-view"
    OSSIE = "ossie"


class SourceFormat(StrEnum):
    """The formats that are read, named here for the same reason."""

    AUTO = "auto"
    SNOWFLAKE = "snowflake"
    OSSIE = "ossie"
    DBT = "dbt"


@app.command()
def check(
    model: Annotated[str, typer.Argument(help=_GIVEN)] = DEFAULT_MODEL,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a semantic model, or how much is in it.

    Names, synonyms, expressions, keys, relationships and defaults are checked, and what would make questions in English
    mean two things is listed; for a model of the published build, by its values too. Whether columns exist only a build
    can tell, and its gate does.

    Example: customer360 semantic check semantic/customer_analytics.yaml
    """
    found, faults = _lint(model)
    counts = _count(found)
    if as_json:
        print_json({"ok": True, "name": found.name, **counts, "questions": [asdict(one) for one in faults]})
        return
    print_table(["", "how many"], [[name.replace("_", " "), str(n)] for name, n in counts.items()], right=[1])
    say(f"[green]✓[/] {escape(found.name)} is sound.")
    if faults:
        say("Questions in English may be read in two ways, or not at all, by:")
        print_table(["", "of", "message"], [[one.severity, one.subject, one.message] for one in faults], whole=[0])


@app.command()
def export(
    target: Annotated[Target, typer.Option("--format", help="Format to write.", show_default=False)],
    model: Annotated[str, typer.Option(help=_GIVEN)] = DEFAULT_MODEL,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Database of the tables, where it is another than the model says.")
    ] = None,
    every_loss: Annotated[
        bool, typer.Option("--losses", help="List every loss by its place, not only how many of a kind.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the semantic model in another format, and say on standard error what of it does not get there.

    Example: customer360 semantic export --format snowflake --output customer_analytics.yaml
    """
    from customer360.semantic.exporting import Format  # noqa: PLC0415
    from customer360.semantic.exporting import export as export_model  # noqa: PLC0415

    found = _model(model)
    exported = export_model(found, Format(target.value), database=database)
    if output is not None:
        _write(output, exported.text)
    if as_json:
        print_json({"format": target.value, "model": found.name, **exported.as_dict()})
        return
    if output is None:
        sys.stdout.write(exported.text)
    else:
        say(f"[green]✓[/] {escape(str(output))}: {escape(found.name)} as {target.value}.")
    _show_losses(exported.losses, LOST_OUT, each=every_loss)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="File to read: YAML of Cortex Analyst, Ossie, or dbt's semantic_manifest.json.")
    ],
    source: Annotated[
        SourceFormat, typer.Option("--format", help="Its format; auto tells from what is in it.")
    ] = SourceFormat.AUTO,
    database: Annotated[
        Path | None,
        typer.Option(help="DuckDB file that will be asked: tables, columns, keys and types are taken from it."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    every_loss: Annotated[
        bool, typer.Option("--losses", help="List every loss by its place, not only how many of a kind.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a semantic model of another tool, and say on standard error what of it does not arrive, or otherwise.

    The result is a file of our own format: check it, add what a question needs to know, and ask it.

    Example: customer360 semantic import shop.yaml --database shop_data.duckdb --output my_model.yaml
    """
    from customer360.semantic.importing import SourceFormat as Source  # noqa: PLC0415
    from customer360.semantic.importing import import_model  # noqa: PLC0415

    with _opened(database) as warehouse:
        imported = import_model(file, Source(source.value), warehouse=warehouse)
    if output is not None:
        _write(output, imported.text)
    if as_json:
        told = {"format": imported.format.value, "model": imported.model.name, **imported.as_dict()}
        print_json(told)
        return
    if output is None:
        sys.stdout.write(imported.text)
    else:
        say(f"[green]✓[/] {escape(str(output))}: {escape(imported.model.name)} from {imported.format.value}.")
        asked = f" --database {database}" if database else " --database FILE.duckdb"
        say(f'[dim]Next: customer360 ask "…" --model {escape(str(output))}{escape(asked)}[/]')
    _show_losses(imported.losses, LOST_IN, each=every_loss)


@contextmanager
def _opened(database: Path | None) -> Iterator[DuckDBWarehouse | None]:
    if database is None:
        yield None
        return
    from customer360.warehouse import open_database  # noqa: PLC0415

    resources = load(ResourceSettings)
    memory = memory_limit(resources.serve_memory)
    warehouse = open_database(database, threads=resources.serve_threads, memory=memory)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _model(given: str) -> SemanticModel:
    """Return a model of the published build, or the one in a file."""
    from customer360.semantic import load_model  # noqa: PLC0415

    if (file := model_file(given)) is not None:
        return load_model(file)
    with pinned(model=given) as reading:
        return reading.model


def _lint(given: str) -> tuple[SemanticModel, list[Fault]]:
    """Return a model and what is wrong with it for questions: a file alone, or a build with its values."""
    from customer360.ask import Engines, lint_model  # noqa: PLC0415

    if model_file(given) is not None:
        model = _model(given)
        return model, lint_model(model, {})
    with pinned(model=given) as reading:
        return reading.model, lint_model(reading.model, Engines().source(reading).engine.values)


def _count(model: SemanticModel) -> dict[str, int]:
    kinds = Counter(item.kind.value for item in model.items)
    counted = {f"{kind}s": kinds[kind] for kind in ("dimension", "time_dimension", "fact", "metric", "derived_metric")}
    return {
        "tables": len(model.tables),
        **counted,
        "relationships": len(model.definition.relationships),
        "verified_queries": len(model.definition.verified_queries),
    }


def _write(path: Path, text: str) -> None:
    """Write beside and rename, so that what was there is whole until the new text is."""
    beside = path.with_name(f"{path.name}.new") if path.is_file() or not path.exists() else path
    try:
        beside.write_text(text, encoding="utf-8")
        if beside != path:
            beside.replace(path)
    except OSError as error:
        if beside != path:
            beside.unlink(missing_ok=True)
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}.", next_action="Give a file in a folder that exists."
        ) from error


LOST_OUT = "of the model do not get there as they are"
LOST_IN = "of the file are not in the model as they were"


def _show_losses(losses: tuple[Loss, ...], what: str, *, each: bool) -> None:
    if not losses:
        warn("Nothing is lost.")
        return
    warn(f"{len(losses):,} things {what}:")
    if each:
        print_table(["place", "reason"], [[loss.path, loss.reason] for loss in losses], to=err)
        return
    times = Counter((loss.feature, loss.reason) for loss in losses)
    rows = [[feature, str(n), reason] for (feature, reason), n in times.items()]
    print_table(["what", "times", "reason"], rows, right=[1], whole=[0], to=err)
    warn("--losses names each place.")
