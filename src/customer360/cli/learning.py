"""customer360 learn: fit the models that are missing or outdated, and publish what they say of the customers."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from customer360.cli import builds
from customer360.cli.alerts import sending_alerts
from customer360.cli.console import Json, print_json, progress, say
from customer360.cli.context import workspace
from customer360.errors import InvalidInput
from customer360.settings import ResourceSettings, load


@sending_alerts()
def learn(as_json: Json = False) -> None:
    """Fit the models of churn and value where they are missing or outdated, and publish a build with what they say.

    Does nothing where nothing is needed; one line for cron. Readers go on with the published build until the new one is
    complete. A dataset that is too small for a model says so, and is shown without its figures.
    """
    from customer360.build.models import run_training, run_value_fit  # noqa: PLC0415

    os.nice(load(ResourceSettings).build_nice)
    said: dict[str, Any] = {}
    try:
        kept = run_value_fit(workspace(), if_needed=True)
        said["value"] = kept.version if kept else "in use"
        say(f"[green]✓[/] Value: {kept.customers:,} customers, {kept.version}." if kept else "Value: still fits.")
    except InvalidInput as refusal:
        said["value"] = _say_why("Value", refusal)
    try:
        with progress("Training") as step:
            trained = run_training(workspace(), if_needed=True, progress=step)
        said["churn"] = trained.trained.record.version if trained else "in use"
        if trained is None:
            say("Churn: the model in use still fits.")
        else:
            word = "promoted" if trained.promoted else "not promoted"
            say(f"[green]✓[/] Churn: {trained.trained.record.version}, {word}; {trained.trained.comparison.reason}.")
    except InvalidInput as refusal:
        said["churn"] = _say_why("Churn", refusal)
    record = builds.make_if_needed()
    if record:
        say(f"[green]✓[/] Published {record.build_id} with what the models say.")
    if as_json:
        print_json({"ok": True} | said | {"build": asdict(record) if record else None})


def _say_why(model: str, refusal: InvalidInput) -> str:
    say(f"[yellow]![/] {model}: {escape(refusal.message)}")
    return refusal.message
