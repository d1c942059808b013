"""customer360 generate, customer360 upload and customer360 load."""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer360.cli.alerts import sending_alerts
from customer360.cli.console import Json, Step, print_json, print_table, progress, say, say_refusal
from customer360.cli.context import workspace
from customer360.errors import InvalidInput

if TYPE_CHECKING:
    from customer360.ingest import LoadReport

EXIT_SOME_REFUSED = 2


def generate(
    out: Annotated[Path, typer.Option(help="Folder to write the files to.")] = Path("bank-files"),
    scale: Annotated[str, typer.Option(help="demo, standard or full.")] = "demo",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 42,
    customers: Annotated[int | None, typer.Option(help="Another number of customers than the scale's.")] = None,
    transactions: Annotated[int | None, typer.Option(help="Another number of transactions.")] = None,
    months: Annotated[int | None, typer.Option(help="Months of history; default 18.")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the history.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="Format of the files: parquet or csv.")] = "parquet",
    as_json: Json = False,
) -> None:
    """Write the files of a synthetic bank: customers, their changes, products, who holds them, transactions.

    Example: customer360 generate --scale demo --out bank-files, then customer360 load bank --from bank-files
    """
    from customer360.synth import generate_bank, get_scale  # noqa: PLC0415

    given: dict[str, Any] = {"customers": customers, "transactions": transactions, "months": months}
    given["as_of"] = as_of.date() if as_of else None
    spec = dataclasses.replace(get_scale(scale, seed=seed), **{k: v for k, v in given.items() if v is not None})
    with progress("Generating") as step:
        files = generate_bank(spec, out, file_format=file_format, progress=step)
    if as_json:
        print_json({"folder": str(out), "files": [str(path) for path in files.all], "rows": files.rows})
    say(f"Wrote {len(files.all)} files to {out}. Next: customer360 load bank --from {out}")


def upload(
    path: Annotated[Path, typer.Argument(help="A file, or a folder with all the files in it.")],
    bucket: Annotated[str, typer.Option(help="Bucket to send to; it has to be there.")],
    prefix: Annotated[str, typer.Option(help="What the keys of the objects start with, such as bank/raw.")] = "",
    endpoint_url: Annotated[
        str | None, typer.Option(help="Address of a service that speaks S3; default AWS, or AWS_ENDPOINT_URL.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send files to an S3 bucket, large ones in parts; what lies there with the same content is not sent again.

    Needs the extra `aws` (boto3); credentials are the ones that AWS's own tools use.

    Example: customer360 upload bank-files --bucket my-bank --prefix raw
    """
    from customer360.lake.upload import upload_files  # noqa: PLC0415

    with progress("Uploading, MB") as step:
        report = upload_files(
            path, bucket=bucket, prefix=prefix, endpoint_url=endpoint_url, progress=in_megabytes(step)
        )
    if as_json:
        print_json({"ok": True, **dataclasses.asdict(report)})
    say(f"Sent {len(report.sent):,} files to {bucket}; {len(report.unchanged):,} were there already.")


def in_megabytes(step: Step) -> Step:
    """Return a step that is told bytes and shows megabytes, begun ones counted whole."""
    return lambda name, done=0, total=0: step(name, math.ceil(done / 1e6), math.ceil(total / 1e6))


@sending_alerts()
def load(
    dataset: Annotated[str, typer.Argument(help="A shipped dataset (online_retail, cdnow, bank) or its folder.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder, one file, or a .tar.gz with the files.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a file whose content changed supersede what landed before.")
    ] = False,
    remap: Annotated[
        bool, typer.Option("--remap", help="Map the kept files anew, after the dataset's SQL changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Land files: each becomes one batch, whole or not at all; the same file never lands twice.

    A file that does not fit is refused with file, line and column, and the others land (exit code 2 says so).

    Example: customer360 load online_retail --from ../shared/data/online_retail
    """
    if (source is None) == (not remap):
        raise InvalidInput(
            "load needs either --from PATH or --remap.", next_action="customer360 load online_retail --from PATH"
        )
    report = land(dataset, source, replace=replace)
    if as_json:
        print_json(describe(report))
    else:
        _show(report)
    if report.refused:
        raise typer.Exit(EXIT_SOME_REFUSED)


def land(dataset: str, source: Path | None, *, replace: bool = False) -> LoadReport:
    """Land files with progress and return what happened."""
    from customer360.build.pipeline import run_load  # noqa: PLC0415
    from customer360.ingest import find_dataset  # noqa: PLC0415

    folder = find_dataset(dataset)
    with progress("Landing") as step:
        return run_load(workspace(), folder, source, replace=replace, progress=step)


def describe(report: LoadReport) -> dict[str, object]:
    """Return a load's report as a program reads it."""
    return {
        "ok": not report.refused,
        "dataset": report.dataset,
        "landed": [manifest.batch_id for manifest in report.landed],
        "unchanged": report.unchanged,
        "refused": [refusal.as_dict() for refusal in report.refused],
        "batches": report.batches,
        "rows": report.rows,
        "duplicate_rows": report.duplicate_rows,
        "tables": report.tables,
        "invalid": report.invalid,
        "outdated_mappings": report.outdated_mappings,
        "figures": report.figures,
    }


def _show(report: LoadReport) -> None:
    if report.landed:
        rows = sum(manifest.rows for manifest in report.landed)
        say(f"[green]✓[/] Landed {len(report.landed):,} files with {rows:,} rows.")
    if report.unchanged:
        say(f"[dim]{len(report.unchanged):,} files landed before and are unchanged; nothing was landed for them.[/]")
    for refusal in report.refused:
        say_refusal(refusal)
    say(
        f"\nThe workspace holds {report.batches:,} live batches, {report.rows:,} source rows, "
        f"{report.duplicate_rows:,} of them exact repeats (kept)."
    )
    rows_by_table = [[t, f"{n:,}", f"{report.invalid.get(t, 0):,}"] for t, n in report.tables.items()]
    print_table(["bronze table", "rows", "with a value that does not fit"], rows_by_table, right=(1, 2))
    if report.figures:
        say("\nFigures to hold against the publisher's:")
        print_table(["figure", "value"], [[k.replace("_", " "), v] for k, v in report.figures.items()], right=(1,))
    if report.outdated_mappings:
        say(f"\n{report.outdated_mappings} batches were mapped by older SQL: customer360 load {report.dataset} --remap")
    if report.landed:
        say("\nNext: customer360 build")
