"""customer360 churn: how well a model tells who leaves, with what was tried so as not to be fooled."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from customer360.cli import builds
from customer360.cli.console import Json, print_json, print_table, progress, say
from customer360.cli.context import pinned, workspace
from customer360.settings import ResourceSettings, load

if TYPE_CHECKING:
    from customer360.build.models import Training
    from customer360.churn import Evaluation, ModelRecord
    from customer360.churn.scoring import Figure
    from customer360.warehouse import BuildRecord

HELP = """
Tell who is about to leave and why, and see how far to trust that.

    customer360 churn train              learn from past cutoffs, check, keep; promote where it is better
    customer360 churn score              build and publish with the scores of the promoted model
    customer360 churn explain ID         why a customer has the score it has
    customer360 churn models             what was trained, and how it was judged
    customer360 churn drift              whether customers still are those it learnt from
    customer360 churn evaluate --table customers.csv --label churned

docs/churn.md says what each figure means and what it does not.
"""

METRICS = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
SCORES = {
    "model": "model",
    "logistic_regression": "logistic regression",
    "one_column": "one column",
    "base_rate": "base rate",
}
SHOWN_COLUMNS = 10

app = typer.Typer(help=HELP, no_args_is_help=True)


@app.command()
def evaluate(
    table: Annotated[Path, typer.Option(help="CSV or Parquet file, one row per customer.", show_default=False)],
    label: Annotated[str, typer.Option(help="Column that says who left.", show_default=False)],
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column with the customer's id; its rows stay in one fold.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="Value of the label that means leaving; not needed for 1, yes, true, churned …")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Columns to leave out, parted by commas.")] = None,
    folds: Annotated[int, typer.Option(help="Parts the rows are split into; each is judged by the others.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same figures.")] = 42,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Go on with columns that give the label away, and say so.")
    ] = False,
    card: Annotated[Path | None, typer.Option(help="Write a model card to this HTML file.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a churn model on a table by cross-validation; columns that give the label away are refused by name.

    Example: customer360 churn evaluate --table customers.csv --label churned --id customer_id --folds 5 --seed 42
    """
    from customer360.churn import evaluate_table, write_card  # noqa: PLC0415

    with progress("Evaluating") as step:
        found = evaluate_table(
            table,
            label=label,
            id_column=id_column,
            positive=positive,
            drop=_names(drop or []),
            folds=folds,
            seed=seed,
            allow_leaks=allow_leaks,
            progress=step,
        )
    if card is not None:
        write_card(found, card)
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)
        if card is not None:
            say(f"\nModel card: {escape(str(card))}")


@app.command()
def train(
    seed: Annotated[int, typer.Option(help="The same seed and build give the same model.")] = 42,
    promote_better: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Promote it where it is better beyond noise.")
    ] = True,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Only where there is no model, or drift or new data ask for another.")
    ] = False,
    score_too: Annotated[bool, typer.Option("--score", help="Then publish a build with its scores.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model on the published build's past cutoffs; the newest is held out, and the gate may refuse it.

    Nothing that is served changes before the next build: customer360 churn score makes one.

    Example: customer360 churn train --score
    """
    from customer360.build.models import run_training  # noqa: PLC0415

    os.nice(load(ResourceSettings).build_nice)  # whoever reads goes first
    with progress("Training") as step:
        trained = run_training(workspace(), seed=seed, promote=promote_better, if_needed=if_needed, progress=step)
    if as_json:
        print_json(trained.as_dict() if trained else {"ok": True, "promoted": False, "version": None})
    elif trained is None:
        say("The model in use still fits: no drift, and no outcome that it did not know.")
    else:
        _show_trained(trained)
    if score_too:
        _say_scored(builds.make_if_needed())


@app.command()
def score(
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Only where the published build has other scores.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build and publish with the scores of the promoted model; readers go on with the published build until then."""
    from customer360.churn import Registry  # noqa: PLC0415

    os.nice(load(ResourceSettings).build_nice)
    Registry(workspace()).load_champion()
    record = builds.make_if_needed() if if_needed else builds.make()
    if as_json:
        print_json(asdict(record) if record else {"build_id": None})
    else:
        _say_scored(record)


def _say_scored(record: BuildRecord | None) -> None:
    if record is None:
        say("The published build has the scores of the model in use.")
    else:
        say(f"[green]✓[/] Published {record.build_id} with scores of {record.models.get('churn', 'no model')}.")


@app.command()
def models(as_json: Json = False) -> None:
    """List the models, newest first, with their figures on the cutoff that was held out."""
    from customer360.churn import Registry  # noqa: PLC0415

    records = Registry(workspace()).list()
    if as_json:
        print_json([asdict(record) for record in records])
        return
    names = ["model", "status", "held out", "customers", "AUC", "PR-AUC", "F1", "Brier score"]
    print_table(names, [_model_row(record) for record in records], right=range(3, len(names)))
    for record in records:
        for reason in record.refused_because:
            say(f"[yellow]![/] {record.version}: {escape(reason)}.")
    if not records:
        say("None yet: customer360 churn train trains one.")


def _model_row(record: ModelRecord) -> list[str]:
    figures = [f"{record.metrics[name]['estimate']:.4f}" for name in ("auc", "pr_auc", "f1", "brier")]
    return [record.version, record.status, record.cutoff_date, f"{record.holdout_rows:,}", *figures]


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Model to score customers with; customer360 churn models lists them.")],
    force: Annotated[bool, typer.Option("--force", help="Even where it is not better beyond noise.")] = False,
    as_json: Json = False,
) -> None:
    """Let a model score customers from the next build on, if it is better than the one in use on the same holdout."""
    from customer360.build.models import run_promotion  # noqa: PLC0415

    promotion = run_promotion(workspace(), version, force=force)
    if as_json:
        print_json(promotion.as_dict())
        return
    say(f"[green]✓[/] {version} is in use: {escape(promotion.comparison.reason)}.")
    say("Next: customer360 churn score publishes its scores.")


@app.command()
def rollback(as_json: Json = False) -> None:
    """Go back to the model that was in use before."""
    from customer360.churn import Registry  # noqa: PLC0415

    champion = Registry(workspace()).roll_back()
    if as_json:
        print_json(asdict(champion))
        return
    say(f"[green]✓[/] {champion.version} is in use again. Next: customer360 churn score publishes its scores.")


@app.command()
def explain(
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of a customer.")], as_json: Json = False
) -> None:
    """Show a customer's score and what it comes from; contributions sum to the log-odds.

    Example: customer360 churn explain CUST00000001
    """
    from customer360.customers import explain_churn  # noqa: PLC0415

    with pinned() as reading:
        explained = explain_churn(reading, customer_id)
    if as_json:
        print_json(explained.as_dict())
        return
    say(escape(explained.headline))
    rows = [[escape(reason.text), f"{reason.contribution:+.2f}", reason.direction] for reason in explained.reasons]
    if rows:
        print_table(["reason", "contribution", ""], rows, right=(1,))
        say(f"[dim]They sum to {explained.margin:+.2f}, the log-odds to leave.[/]")


@app.command()
def drift(as_json: Json = False) -> None:
    """Compare the customers of today with those the model learnt from, and past scores with what became of them."""
    from customer360.build.models import measure_drift  # noqa: PLC0415

    found = measure_drift(workspace())
    if as_json:
        print_json(found.as_dict())
        return
    rows = [[name, f"{index:.3f}", found.word(index)] for name, index in list(found.indexes.items())[:SHOWN_COLUMNS]]
    print_table(["value", "stability index", ""], rows, right=(1,))
    for outcome in found.outcomes:
        say(
            f"Scored as of {outcome.as_of_date}: {outcome.rows:,} customers, {outcome.mean_probability:.1%} "
            f"promised to leave and {outcome.rate:.1%} did; AUC {outcome.auc:.4f}."
        )
    if not found.outcomes:
        say("[dim]No published scores are old enough to know what became of the customers.[/]")
    for reason in found.reasons:
        say(f"[yellow]![/] {escape(reason)}")
    say("Next: customer360 churn train" if found.reasons else "[green]✓[/] Nothing asks for another model.")


@app.command()
def card(
    version: Annotated[str | None, typer.Argument(help="Model; default: the one in use.")] = None, as_json: Json = False
) -> None:
    """Say where the model card is; open it in a browser."""
    from customer360.churn import Registry  # noqa: PLC0415

    registry = Registry(workspace())
    path = registry.card(version or registry.require_champion())
    if as_json:
        print_json(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
        return
    say(escape(str(path.resolve())))


def _show_trained(trained: Training) -> None:
    described, record = trained.trained.described, trained.trained.record
    say(
        f"{record.version}: learnt from {record.rows:,} customers, judged on {record.holdout_rows:,} at "
        f"{record.cutoff_date}, {described['base_rate']:.1%} of whom left."
    )
    rows = [
        [
            METRICS[name],
            *(f"{figures[name]['estimate']:.4f}" for figures in _columns_of(described)),
            "{:.4f} to {:.4f}".format(*described["metrics"][name]["interval"]),
        ]
        for name in METRICS
    ]
    names = ["figure", *SCORES.values(), "95 % interval of the model"]
    print_table(names, rows, right=range(1, len(names)))
    for reason in record.refused_because:
        say(f"[yellow]![/] Refused: {escape(reason)}.")
    say(f"{escape(trained.trained.comparison.reason)}; {'[green]promoted[/]' if trained.promoted else 'not promoted'}.")
    say(f"Model card: {escape(str(trained.card))}")
    if trained.promoted:
        say("Next: customer360 churn score publishes its scores.")


def _columns_of(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [described["metrics"], *(described["baselines"][name] for name in list(SCORES)[1:])]


def _names(given: list[str]) -> list[str]:
    named = [name.strip() for part in given for name in part.split(",")]
    return list(dict.fromkeys(name for name in named if name))


def _show(found: Evaluation) -> None:
    table = found.table
    say(
        f"{escape(table.name)}: {len(table.left):,} customers, {int(table.left.sum()):,} left "
        f"({table.left.mean():.1%}; {escape(table.label)} = {escape(table.positive)}), {len(table.columns)} columns."
    )
    say(
        f"[dim]{found.folds} folds, seed {found.seed}, {found.judgement.draws:,} resamples; trees by {found.engine}.[/]"
    )
    for column in table.left_out:
        say(f"[dim]Left out: {escape(column.column)}, because {escape(column.reason)}.[/]")
    for note in found.notes:
        say(f"[yellow]![/] {escape(note)}")
    say("")
    _show_metrics(found)
    say("")
    _show_tenths(found)
    say("")
    _show_columns(found)
    say("")
    _show_gate(found)


def _show_metrics(found: Evaluation) -> None:
    figures = found.judgement.figures
    rows = [
        [
            METRICS[name],
            *(f"{figures[score][name].estimate:.4f}" for score in SCORES),
            _interval(figures["model"][name]),
        ]
        for name in METRICS
    ]
    names = ["figure", *SCORES.values(), "95 % interval of the model"]
    print_table(names, rows, right=range(1, len(names)))
    ahead = found.judgement.differences["logistic_regression"]
    say(
        f"[dim]Ahead of logistic regression by {ahead['auc'].estimate:+.4f} AUC ({_interval(ahead['auc'])}). "
        f"F1, precision and recall: called a leaver from a probability of {found.threshold:.2f}. "
        f"One column: {escape(found.one_column)}.[/]"
    )


def _interval(figure: Figure) -> str:
    low, high = figure.interval
    return f"{low:.4f} to {high:.4f}"


def _show_tenths(found: Evaluation) -> None:
    rows = [
        [
            str(tenth.tenth),
            f"{tenth.rows:,}",
            f"{tenth.mean_probability:.1%}",
            f"{tenth.rate.estimate:.1%}",
            f"{tenth.lift.estimate:.2f}",
            f"{tenth.lift.interval[0]:.2f} to {tenth.lift.interval[1]:.2f}",
            f"{tenth.captured:.0%}",
        ]
        for tenth in found.judgement.tenths
    ]
    names = ["tenth by score", "customers", "promised", "left", "lift", "95 % interval", "of all who left, so far"]
    print_table(names, rows, right=range(len(names)))


def _show_columns(found: Evaluation) -> None:
    rows = [
        [worth.column, f"{worth.auc_drop:.4f}", f"{worth.lowest:.4f} to {worth.highest:.4f}", worth.words]
        for worth in found.importances[:SHOWN_COLUMNS]
    ]
    print_table(["column", "AUC lost when shuffled", "over the folds", "what is seen"], rows, right=(1, 2))


def _show_gate(found: Evaluation) -> None:
    gate = found.gate
    strongest = gate.probes[0]
    leaks = "none gives the label away" if not gate.leaks else f"{len(gate.leaks)} give the label away"
    rows = [
        ["columns alone", f"{leaks}; the strongest is {strongest.column}, AUC {strongest.auc:.3f}"],
        [
            "shuffled labels",
            f"AUC {gate.shuffled.auc:.3f}; by chance {gate.shuffled.lowest:.3f} to {gate.shuffled.highest:.3f}",
        ],
        ["rows learnt from", f"AUC {gate.gap.learnt:.3f}, on others {gate.gap.out_of_fold:.3f}"],
    ]
    print_table(["check", "found"], rows)
