"""customer360 migrate: from files of DuckDB to Snowflake, with every value compared."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import typer

from customer360.cli.console import Json, print_json, print_table, progress, say
from customer360.cli.context import workspace
from customer360.settings import ResourceSettings, SnowflakeSettings, WorkspaceSettings, load

if TYPE_CHECKING:
    from customer360.warehouse.compare import TableDifference

EXIT_DIFFERENT = 1


def migrate(as_json: Json = False) -> None:
    """Move the workspace to the Snowflake account of the settings: copy bronze, build there, compare every table.

    What is served stays as it is until CUSTOMER360_ENGINE=snowflake says otherwise. Every row of every table is read
    back to be compared; exit code 1 says that something differs.

    Needs an account that customer360 deploy snowflake has made ready.
    """
    from customer360.build.migrating import migrate as run  # noqa: PLC0415
    from customer360.build.migrating import reconcile  # noqa: PLC0415

    here, account = workspace(), load(SnowflakeSettings)
    with progress("Moving to Snowflake") as step:
        record = run(here, account, load(ResourceSettings), load(WorkspaceSettings), progress=step)
    with progress("Comparing") as step:
        tables: list[TableDifference] = []
        for table in reconcile(replace(here, account=account)):
            step(table.table, len(tables) + 1, len(record.tables))
            tables.append(table)
    different = [table for table in tables if not table.is_same]
    if as_json:
        print_json(
            {
                "ok": not different,
                "build_id": record.build_id,
                "tables": [asdict(table) | {"same": table.is_same} for table in tables],
            }
        )
    else:
        print_table(["table", "DuckDB", "Snowflake", ""], [_row(table) for table in tables], right=(1, 2))
    if different:
        say(f"[red]✗[/] {len(different)} of {len(tables)} tables differ; nothing is served from Snowflake yet.")
        raise typer.Exit(EXIT_DIFFERENT)
    say(f"[green]✓[/] Build {record.build_id} on Snowflake is the one on DuckDB, value for value.")
    say("Next: set CUSTOMER360_ENGINE=snowflake, and customer360 serve reads from there.")


def _row(table: TableDifference) -> list[str]:
    counts = ["–" if rows is None else f"{rows:,}" for rows in (table.rows_before, table.rows_after)]
    columns = ", ".join(f"{name} {count:,}" for name, count in table.columns.items())
    changed = f"{table.added:,} more, {table.removed:,} fewer, {table.changed:,} changed: {columns}"
    return [table.table, *counts, "same" if table.is_same else changed]
