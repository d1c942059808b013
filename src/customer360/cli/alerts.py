"""customer360 alerts: what a person should look at, and sending it to where people look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from customer360.cli.console import Json, print_json, print_table, say, warn
from customer360.cli.context import open_store, workspace
from customer360.errors import InvalidInput, Unavailable
from customer360.settings import AlertSettings, load

if TYPE_CHECKING:
    from customer360.monitoring import Delivery
    from customer360.store import Alert, Store

app = typer.Typer(invoke_without_command=True)


@app.callback()
def alerts(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="List resolved ones too; they are kept for 90 days.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List open alerts, newest first: builds that failed, refused files, data that breaks a rule too often.

    Loads and builds raise alerts, and resolve them when they find it well again: a build that passes, a file that
    lands, a rule that is kept. More than alert_rejected_pct percent of a table's rows have to break a rule.

    With CUSTOMER360_ALERT_WEBHOOK set, build, load, refresh and up post each alert there when they end, and once more
    when it is resolved.

    Example: customer360 alerts --all
    """
    if ctx.invoked_subcommand:
        return
    from customer360.monitoring import describe_alert  # noqa: PLC0415
    from customer360.store import list_alerts  # noqa: PLC0415

    found = list_alerts(open_store(), resolved=everything)
    if as_json:
        print_json([describe_alert(alert) for alert in found])
    elif found:
        columns = ["raised (UTC)", "severity", "component", "what is wrong", "resolved (UTC)"]
        shown = len(columns) if everything else len(columns) - 1
        print_table(columns[:shown], [_row(alert)[:shown] for alert in found])
        say("\nWhat to do about each: customer360 alerts --json")
    else:
        say("[green]✓[/] No alert is kept." if everything else "[green]✓[/] No alert is open.")


@app.command()
def deliver(as_json: Json = False) -> None:
    """Post to the webhook what it was not told of yet, now instead of at the end of the next load or build.

    Each alert is one JSON document, tried three times; what is not taken stays for the next delivery (exit code 6).

    Example: CUSTOMER360_ALERT_WEBHOOK=https://example.org/hook customer360 alerts deliver
    """
    settings = load(AlertSettings)
    if not settings.webhook.get_secret_value():
        raise InvalidInput(
            "No webhook is set, so alerts are only kept.",
            code="webhook_missing",
            next_action="Set CUSTOMER360_ALERT_WEBHOOK in the environment, .env or config.toml; "
            "customer360 alerts lists what is open.",
        )
    delivery = _deliver(open_store(), settings)
    if delivery.left:
        raise Unavailable(
            f"{_alerts(delivery.left)} not sent, because {delivery.fault}.",
            code="webhook_failed",
            next_action="Look at the webhook and CUSTOMER360_ALERT_WEBHOOK, then: customer360 alerts deliver.",
        )
    if as_json:
        print_json({"ok": True, "sent": delivery.sent})
    say(f"[green]✓[/] Sent {_alerts(delivery.sent)}." if delivery.sent else "[green]✓[/] There was nothing to send.")


@contextmanager
def sending_alerts() -> Iterator[None]:
    """Send and count alerts when the block ends, however it ends; a webhook that does not work is only mentioned."""
    settings = load(AlertSettings)
    try:
        yield
    finally:
        if workspace().store.exists():
            _send_and_count(open_store(), settings)


def _send_and_count(store: Store, settings: AlertSettings) -> None:
    from customer360.store import list_alerts  # noqa: PLC0415

    if settings.webhook.get_secret_value():
        delivery = _deliver(store, settings)
        if delivery.left:
            warn(f"{_alerts(delivery.left)} not sent, because {delivery.fault}; the next delivery tries again.")
    if found := list_alerts(store):
        say(f"[yellow]![/] {_alerts(len(found))} open; customer360 alerts lists what is wrong.")


def _deliver(store: Store, settings: AlertSettings) -> Delivery:
    from customer360.monitoring import deliver_alerts  # noqa: PLC0415  (a fifth of a second that few need)

    return deliver_alerts(store, settings)


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count:,} alerts"


def _row(alert: Alert) -> list[str]:
    resolved = f"{alert.resolved_at:%Y-%m-%d %H:%M}" if alert.resolved_at else "–"
    return [f"{alert.raised_at:%Y-%m-%d %H:%M}", alert.severity, alert.component, alert.message, resolved]
