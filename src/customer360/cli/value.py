"""customer360 value: how often customers will buy, what they will spend, and how well that was foretold before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer360.cli.console import Json, print_json, print_table, say
from customer360.cli.context import open_builds, workspace
from customer360.errors import InvalidInput

if TYPE_CHECKING:
    from customer360.value import CustomerStatistics, Holdout, Intervals, Prediction, Purchases, ValueModel

HELP = """
Fit how often customers buy until they leave (BG/NBD), and what a purchase is worth (Gamma-Gamma), and predict from it.

    customer360 value fit                            the parameters, with intervals
    customer360 value fit --use                      and builds show what each customer is worth in 12 months
    customer360 value evaluate --holdout-days 90     fit without the last 90 days, and compare with them
    customer360 value predict --horizon-weeks 26     the customers worth most in the next 26 weeks

Each command fits anew, on the approved purchases of the published build, or on a CSV file: --transactions FILE.csv
--customer COL --date COL --amount COL. Purchases of one customer on one day count once; time is in weeks.
"""

app = typer.Typer(help=HELP, no_args_is_help=True)

CalibrationEnd = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last day to learn from; default: the newest there is."),
]
Transactions = Annotated[Path | None, typer.Option(help="CSV file with a header, instead of the published build.")]
CustomerColumn = Annotated[str, typer.Option("--customer", help="Its column that names the customer.")]
DateColumn = Annotated[str, typer.Option("--date", help="Its column of dates.")]
AmountColumn = Annotated[str, typer.Option("--amount", help="Its column of amounts.")]
DateFormat = Annotated[str, typer.Option(help="How its dates are written, such as %d/%m/%Y; default: ISO, 20241231.")]


@app.command()
def fit(
    calibration_end: CalibrationEnd = None,
    transactions: Transactions = None,
    customer: CustomerColumn = "",
    date_column: DateColumn = "",
    amount: AmountColumn = "",
    date_format: DateFormat = "",
    use: Annotated[
        bool, typer.Option("--use", help="Let builds predict with it: what each customer is worth in 12 months.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit both models and show their parameters with 95 % intervals.

    Example: customer360 value fit --calibration-end 2011-09-09
    """
    from customer360.value import fit_value, keep_value, summarise  # noqa: PLC0415

    with _purchases(transactions, customer, date_column, amount, date_format) as purchases:
        statistics = summarise(purchases, calibration_end=_day(calibration_end))
    model = fit_value(statistics)
    if use:
        if purchases.build_id is None:
            raise InvalidInput(
                "Builds predict with a model of their own purchases, not of a file's.",
                next_action="Leave out --transactions, or leave out --use.",
            )
        keep_value(workspace(), model, statistics, build_id=purchases.build_id)
    if as_json:
        print_json(_describe(purchases, statistics, model) | {"in_use": use})
        return
    _show_model(purchases, statistics, model)
    if use:
        say("[green]✓[/] Builds predict with it from the next one on: customer360 build.")


@app.command()
def predict(
    customers: Annotated[list[str] | None, typer.Argument(help="Ids of customers; default: those worth most.")] = None,
    horizon_weeks: Annotated[float, typer.Option(min=1 / 7, max=520, help="Weeks to look ahead.")] = 26,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most customers to show.")] = 20,
    calibration_end: CalibrationEnd = None,
    transactions: Transactions = None,
    customer: CustomerColumn = "",
    date_column: DateColumn = "",
    amount: AmountColumn = "",
    date_format: DateFormat = "",
    as_json: Json = False,
) -> None:
    """Show what to expect of customers in the weeks after the calibration, those worth most first.

    The interval of a customer holds 95 % of simulated futures; that of the total is of the expectation.

    Example: customer360 value predict --horizon-weeks 26 --limit 10
    """
    from customer360.value import fit_value, simulate, summarise, total_intervals  # noqa: PLC0415
    from customer360.value import predict as predict_value  # noqa: PLC0415

    with _purchases(transactions, customer, date_column, amount, date_format) as purchases:
        statistics = summarise(purchases, calibration_end=_day(calibration_end))
    model = fit_value(statistics)
    predicted = predict_value(model, statistics, weeks=horizon_weeks)
    places = statistics.places_of(customers) if customers else predicted.largest(limit)
    intervals = simulate(model, statistics, weeks=horizon_weeks, places=places)
    rows = [
        _describe_customer(statistics, predicted, intervals, place=place, row=row) for row, place in enumerate(places)
    ]
    totals = total_intervals(model, statistics, weeks=horizon_weeks)
    if as_json:
        print_json(_describe(purchases, statistics, model) | _describe_prediction(predicted, totals, rows))
        return
    _show_prediction(purchases, statistics, predicted, totals, rows)
    _say_warnings(model)


@app.command()
def evaluate(
    holdout_days: Annotated[int, typer.Option(min=1, help="Days after the calibration to compare with.")] = 90,
    calibration_end: CalibrationEnd = None,
    transactions: Transactions = None,
    customer: CustomerColumn = "",
    date_column: DateColumn = "",
    amount: AmountColumn = "",
    date_format: DateFormat = "",
    as_json: Json = False,
) -> None:
    """Fit both models on what came before, and compare what they foretell with the days after.

    Without --calibration-end, the holdout ends with the newest purchase.

    Example: customer360 value evaluate --transactions cdnow.csv --customer customer --date day --amount amount
    --calibration-end 1997-09-30 --holdout-days 273
    """
    from customer360.value import evaluate as evaluate_value  # noqa: PLC0415
    from customer360.value import fit_value, summarise  # noqa: PLC0415

    with _purchases(transactions, customer, date_column, amount, date_format) as purchases:
        statistics = summarise(purchases, calibration_end=_day(calibration_end), holdout_days=holdout_days)
    model = fit_value(statistics)
    holdout = evaluate_value(model, statistics)
    if as_json:
        print_json(_describe(purchases, statistics, model) | {"holdout": holdout.as_dict()})
        return
    _show_model(purchases, statistics, model)
    _show_holdout(statistics, holdout)


@contextmanager
def _purchases(
    transactions: Path | None, customer: str, date_column: str, amount: str, date_format: str
) -> Iterator[Purchases]:
    """Yield the purchases of the file, or else of the published build."""
    from customer360.value import open_purchases, purchases_of  # noqa: PLC0415

    named = {"--customer": customer, "--date": date_column, "--amount": amount}
    if transactions is None:
        if any(named.values()) or date_format:
            raise InvalidInput(
                "--customer, --date, --amount and --date-format name columns of a file, and there is none.",
                next_action="Add --transactions FILE.csv, or leave them out to use the published build.",
            )
        builds = open_builds()
        try:
            with builds.pin() as build:
                yield purchases_of(build)
        finally:
            builds.close()
        return
    if missing := [option for option, value in named.items() if not value]:
        raise InvalidInput(
            f"--transactions needs {' and '.join(missing)}.",
            next_action="Say which columns hold customer, date and amount.",
            details=[{"field": option, "value": "", "message": "missing"} for option in missing],
        )
    columns = {"customer": customer, "date": date_column, "amount": amount}
    with open_purchases(transactions, date_format=date_format, **columns) as purchases:
        yield purchases


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


# JSON


def _describe(purchases: Purchases, statistics: CustomerStatistics, model: ValueModel) -> dict[str, Any]:
    return {
        "source": purchases.name,
        "build_id": purchases.build_id,
        "currency": purchases.currency,
        "rows_left_out": purchases.left_out,
        "calibration_end": str(statistics.calibration_end),
        "customers": len(statistics),
        "repeat_customers": statistics.repeating,
        "repeat_purchases": int(statistics.frequency.sum()),
        "time_unit": "week",
        "confidence": model.confidence,
        "parameters": {one.name: {"estimate": one.estimate, "interval": one.interval} for one in model.parameters},
        "log_likelihood": model.purchases.log_likelihood,
        "spend_log_likelihood": model.spend.log_likelihood,
        "mean_value": model.mean_value,
        "spend_correlation": statistics.spend_correlation,
        "warnings": model.warnings,
    }


def _describe_prediction(predicted: Prediction, totals: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    purchases, spend = totals
    return {
        "horizon_weeks": predicted.weeks,
        "total": {
            "purchases": {"expected": float(predicted.purchases.sum()), "interval": _finite_pair(purchases)},
            "spend": {"expected": _finite(float(predicted.spend.sum())), "interval": _finite_pair(spend)},
        },
        "predictions": rows,
        "returned": len(rows),
        "available": len(predicted.purchases),
    }


def _describe_customer(
    statistics: CustomerStatistics, predicted: Prediction, intervals: Intervals, *, place: int, row: int
) -> dict[str, Any]:
    """Return what is known and expected of the customer at ``place``, whose interval is the ``row``-th."""
    purchases = [float(intervals.purchases_low[row]), float(intervals.purchases_high[row])]
    spend = float(intervals.spend_low[row]), float(intervals.spend_high[row])
    return {
        "customer_id": str(statistics.customer_ids[place].as_py()),
        "repeat_purchases": int(statistics.frequency[place]),
        "weeks_since_first": round(float(statistics.age[place]), 2),
        "weeks_since_last": round(float(statistics.age[place] - statistics.recency[place]), 2),
        "probability_alive": float(predicted.probability_alive[place]),
        "purchases": {"expected": float(predicted.purchases[place]), "interval": purchases},
        "mean_value": _finite(float(predicted.value[place])),
        "spend": {"expected": _finite(float(predicted.spend[place])), "interval": _finite_pair(spend)},
    }


def _finite(value: float) -> float | None:
    """Return None for what JSON has no number for."""
    return value if abs(value) < float("inf") else None


def _finite_pair(values: tuple[float, float]) -> list[float | None]:
    return [_finite(value) for value in values]


# For people


def _show_model(purchases: Purchases, statistics: CustomerStatistics, model: ValueModel) -> None:
    _say_source(purchases, statistics)
    meanings = {
        "r": "rate of buying: shape",
        "alpha": "rate of buying: weeks",
        "a": "leaving after a purchase: beta a",
        "b": "leaving after a purchase: beta b",
        "p": "value of a purchase: shape",
        "q": "value between customers: shape",
        "gamma": "value between customers: money",
    }
    rows = [[one.name, _figure(one.estimate), _reach(one.interval), meanings[one.name]] for one in model.parameters]
    print_table(["parameter", "estimate", "95 % interval", "of"], rows, right=(1,))
    say(
        f"Log-likelihood {model.purchases.log_likelihood:,.1f} of purchases (BG/NBD), "
        f"{model.spend.log_likelihood:,.1f} of their values (Gamma-Gamma)."
    )
    if (correlation := statistics.spend_correlation) is not None:
        say(f"How often and how much correlate with {correlation:.3f}; the models take them to be independent.")
    _say_warnings(model)


def _say_source(purchases: Purchases, statistics: CustomerStatistics) -> None:
    left_out = f" {purchases.left_out:,} rows are no purchase of a customer." if purchases.left_out else ""
    say(
        f"{purchases.name}, up to {statistics.calibration_end}: {len(statistics):,} customers, "
        f"{statistics.repeating:,} of whom came back on {int(statistics.frequency.sum()):,} days.{left_out}\n"
    )


def _show_prediction(
    purchases: Purchases,
    statistics: CustomerStatistics,
    predicted: Prediction,
    totals: Any,
    rows: list[dict[str, Any]],
) -> None:
    _say_source(purchases, statistics)
    shown = [
        [
            row["customer_id"],
            f"{row['repeat_purchases']:,}",
            f"{row['weeks_since_last']:.1f}",
            f"{row['probability_alive']:.0%}",
            f"{row['purchases']['expected']:.2f}",
            _span(row["purchases"]["interval"]),
            _money(row["mean_value"]),
            _money(row["spend"]["expected"]),
            _span(row["spend"]["interval"]),
        ]
        for row in rows
    ]
    columns = ["customer", "repeats", "weeks since", "alive", "purchases", "95 %", "value", "spend", "95 %"]
    print_table(columns, shown, right=range(1, len(columns)))
    say(f"[dim]{len(rows):,} of {len(statistics):,} customers[/]")
    of_purchases, of_spend = totals
    spend = _finite(float(predicted.spend.sum()))
    say(
        f"\nAll together in {predicted.weeks:g} weeks: {predicted.purchases.sum():,.0f} purchases "
        f"({_span(list(of_purchases))}), {_money(spend)} {purchases.currency or ''}".rstrip()
        + f" ({_span(_finite_pair(of_spend))})."
    )


def _show_holdout(statistics: CustomerStatistics, holdout: Holdout) -> None:
    say(f"\nThe {holdout.days:,} days after {statistics.calibration_end}, which the models had not seen:\n")
    rows = [
        [
            name,
            f"{accuracy.predicted:,.0f}",
            f"{accuracy.actual:,.0f}",
            "–" if accuracy.bias is None else f"{accuracy.bias:+.1%}",
            "–" if accuracy.correlation is None else f"{accuracy.correlation:.3f}",
            f"{accuracy.mean_absolute_error:,.2f}",
        ]
        for name, accuracy in (
            ("purchases", holdout.purchases),
            ("spend", holdout.spend),
            ("purchases at the same pace", holdout.same_pace),
        )
    ]
    columns = ["", "predicted", "actual", "bias", "correlation", "mean error"]
    print_table(columns, rows, right=range(1, len(columns)))
    say("\nPer customer, by tenths of the purchases predicted:\n")
    deciles = [
        [
            str(decile.decile),
            f"{decile.customers:,}",
            f"{decile.predicted_purchases:.2f}",
            f"{decile.actual_purchases:.2f}",
            f"{decile.predicted_spend:,.2f}",
            f"{decile.actual_spend:,.2f}",
        ]
        for decile in holdout.deciles
    ]
    columns = ["tenth", "customers", "purchases predicted", "actual", "spend predicted", "actual"]
    print_table(columns, deciles, right=range(1, len(columns)))


def _say_warnings(model: ValueModel) -> None:
    for warning in model.warnings:
        say(f"[yellow]![/] {warning}")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _reach(interval: tuple[float, float] | None) -> str:
    return "not estimated" if interval is None else " – ".join(map(_figure, interval))


def _span(interval: list[Any]) -> str:
    return " – ".join(_money(value) for value in interval)


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".removesuffix(".00")
