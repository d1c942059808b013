"""customer360 churn: how well a model tells who leaves, with what was tried so as not to be fooled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from customer360.cli.console import Json, print_json, print_table, progress, say

if TYPE_CHECKING:
    from customer360.churn import Evaluation
    from customer360.churn.scoring import Figure

HELP = """
See how well it can be told who leaves, and how far to trust that.

    customer360 churn evaluate --table customers.csv --label churned
    customer360 churn evaluate --table customers.csv --label Status --positive Left --drop Reason,Region --json

Any table does: CSV or Parquet, one row per customer, one column that says who left. docs/churn.md says what each figure
means and what it does not.
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


@app.callback()
def churn() -> None:
    """Keep evaluate a command of its own."""


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
