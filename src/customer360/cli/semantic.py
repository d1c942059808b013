"""customer360 semantic: look at the semantic model, and give it to tools that read another format."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from customer360.cli.console import Json, err, print_json, print_table, say, warn
from customer360.cli.context import reader
from customer360.errors import InvalidInput
from customer360.settings import DEFAULT_MODEL, SEMANTIC_MODELS, no_such_model

if TYPE_CHECKING:
    from customer360.ask import Fault
    from customer360.semantic import SemanticModel
    from customer360.semantic.exporting import Loss

HELP = """
Check a semantic model, and export it to other formats.

    customer360 semantic check my_model.yaml                          what is wrong, or what is in it
    customer360 semantic export --format snowflake --output c360.yaml for Cortex Analyst
    customer360 semantic export --format semantic-view                CREATE SEMANTIC VIEW for Snowflake
    customer360 semantic export --format ossie                        Apache Ossie (OSI) 0.2.0.dev0

Both take a file, or the name of a model of the published build: customer_analytics, which is meant where nothing is
given, or operations. docs/semantic-exports.md says what each format loses.
"""

_GIVEN = f"File, or model of the published build: {' or '.join(SEMANTIC_MODELS)}."

app = typer.Typer(help=HELP, no_args_is_help=True)


class Target(StrEnum):
    """The formats, named here so that the command's help needs no model."""

    SNOWFLAKE = "snowflake"
    SEMANTIC_VIEW = "semantic-view"
    OSSIE = "ossie"


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
    _show_losses(exported.losses, each=every_loss)


def _model(given: str) -> SemanticModel:
    """Return a model of the published build, or the one in a file."""
    from customer360.semantic import load_model  # noqa: PLC0415

    if given not in SEMANTIC_MODELS:
        file = Path(given)
        if not file.suffix and not file.exists():
            raise no_such_model(given)
        return load_model(file)
    with reader().pin(model=given) as reading:
        return reading.model


def _lint(given: str) -> tuple[SemanticModel, list[Fault]]:
    """Return a model and what is wrong with it for questions: a file alone, or a build with its values."""
    from customer360.ask import Engines, lint_model  # noqa: PLC0415

    if given not in SEMANTIC_MODELS:
        model = _model(given)
        return model, lint_model(model, {})
    with reader().pin(model=given) as reading:
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
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}.", next_action="Give a file in a folder that exists."
        ) from error


def _show_losses(losses: tuple[Loss, ...], *, each: bool) -> None:
    if not losses:
        warn("Nothing is lost.")
        return
    warn(f"{len(losses):,} things of the model do not get there as they are:")
    if each:
        print_table(["place", "reason"], [[loss.path, loss.reason] for loss in losses], to=err)
        return
    times = Counter((loss.feature, loss.reason) for loss in losses)
    rows = [[feature, str(n), reason] for (feature, reason), n in times.items()]
    print_table(["what", "times", "reason"], rows, right=[1], whole=[0], to=err)
    warn("--losses names each place.")
