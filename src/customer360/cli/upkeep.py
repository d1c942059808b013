"""customer360 refresh and customer360 retention: what runs every day, and what leaves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from customer360.cli import builds, data
from customer360.cli.alerts import sending_alerts
from customer360.cli.console import Json, print_json, print_table, say, say_refusal
from customer360.cli.context import workspace
from customer360.settings import business_rules


@sending_alerts()
def refresh(
    dataset: Annotated[str, typer.Argument(help="A shipped dataset (online_retail, cdnow, bank) or its folder.")],
    source: Annotated[Path, typer.Option("--from", help="A folder, one file, or a .tar.gz with the files.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a file whose content changed supersede what landed before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Land what is new, build, check and publish, in one process: the one line for cron.

    Where what is published is made of what has landed, nothing is built. Exit code 0: what is served is up to date;
    2: it is, but some files were refused; 5: the build did not pass and what was served before stays.

    Example: customer360 refresh bank --from bank-files
    """
    report = data.land(dataset, source, replace=replace)
    record = builds.make_if_needed()
    if as_json:
        print_json({"load": data.describe(report), "build": asdict(record) if record else None})
    else:
        say(f"[green]✓[/] {len(report.landed):,} files landed, {len(report.unchanged):,} were here already.")
        for refusal in report.refused:
            say_refusal(refusal)
        done = (
            f"Published {record.build_id}, as of {record.as_of_date}" if record else "What is published is up to date"
        )
        say(f"[green]✓[/] {done}.")
    if report.refused:
        raise typer.Exit(data.EXIT_SOME_REFUSED)


def retention(
    months: Annotated[
        int | None, typer.Option(min=1, help="Months of transactions to keep; default: the rule retention_months.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Drop it; without this nothing is changed.")] = False,
    as_json: Json = False,
) -> None:
    """Say which transactions are older than what is kept, and with --apply drop them from bronze.

    Months count back from the newest transaction. Batches leave whole: one with a single younger transaction stays.
    Their received file goes too; what they say of customers and products stays. The next build no longer has them.

    Example: customer360 retention, then customer360 retention --apply, then customer360 build
    """
    from customer360.lake.retention import drop_expired, find_expired  # noqa: PLC0415

    kept = months or next(rule.value for rule in business_rules() if rule.name == "retention_months")
    found = drop_expired(workspace(), kept) if apply else find_expired(workspace(), kept)
    if as_json:
        print_json({"cutoff": found.cutoff.isoformat(), "applied": apply, "batches": [vars(b) for b in found.batches]})
        return
    rows = [[b.source, f"{b.rows:,}", str(b.newest), f"{b.bytes / 1e6:,.1f} MB"] for b in found.batches]
    if rows:
        print_table(["source", "transactions", "newest", "on disk"], rows, right=(1, 3))
    total = sum(batch.rows for batch in found.batches)
    what = f"{total:,} transactions in {len(rows):,} batches, all from before {found.cutoff}"
    if apply:
        say(f"[green]✓[/] Dropped {what}." + (" Next: customer360 build" if rows else ""))
    elif rows:
        say(f"{what}, would be dropped; nothing was. To drop them: customer360 retention --months {kept} --apply")
    else:
        say(f"Every batch holds transactions from {found.cutoff} or later; there is nothing to drop.")
