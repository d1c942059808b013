"""customer360 query."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from customer360.cli.console import Json, print_json, print_sql, print_table, say
from customer360.cli.context import ModelName, pinned
from customer360.settings import DEFAULT_MODEL


def query(
    metrics: Annotated[list[str] | None, typer.Option(help="Metrics, parted by commas, or median(age).")] = None,
    by: Annotated[list[str] | None, typer.Option(help="Dimensions; transaction_date:month and age:10 round.")] = None,
    fields: Annotated[list[str] | None, typer.Option(help="List rows instead: fields, parted by commas.")] = None,
    where: Annotated[str | None, typer.Option(help='Condition on rows, such as "lifetime_value > 1000".')] = None,
    having: Annotated[str | None, typer.Option(help='Condition on metrics, such as "total_spend > 1000".')] = None,
    order: Annotated[list[str] | None, typer.Option(help="Columns to sort by; -total_spend is descending.")] = None,
    limit: Annotated[int, typer.Option(help="Most rows to return.")] = 1000,
    model: ModelName = DEFAULT_MODEL,
    build: Annotated[str | None, typer.Option(help="Ask an older build instead of the published one.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that answers, with its values.")] = False,
) -> None:
    """Ask the published build for metrics by dimensions, or for rows.

    Example: customer360 query --metrics customer_count,total_spend --by country --where "lifetime_value > 1000"
    --order -total_spend --limit 10
    """
    from customer360.semantic import json_value, query_from_text  # noqa: PLC0415

    question = query_from_text(
        metrics=metrics or (),
        by=by or (),
        fields=fields or (),
        where=where,
        having=having,
        order=order or (),
        limit=limit,
    )
    with pinned(build, model) as reading:
        answer = reading.ask(question)
        if as_json:
            print_json(answer.as_dict() | {"currency": reading.figures.currency})
        elif as_csv:
            from pyarrow.csv import write_csv  # noqa: PLC0415

            write_csv(answer.table, sys.stdout.buffer)
        elif as_sql:
            print_sql(answer.sql, [json_value(value) for value in answer.parameters])
        else:
            units = [column.unit for column in answer.columns]
            rows = [
                [reading.figures.write(value, unit) for value, unit in zip(row.values(), units, strict=True)]
                for row in answer.table.to_pylist()
            ]
            numbers = [n for n, column in enumerate(answer.columns) if column.unit]
            print_table([column.label for column in answer.columns], rows, right=numbers)
            say(
                f"[dim]{answer.rows_returned:,} of {answer.rows_available:,} rows · build {answer.build_id} · "
                f"as of {answer.as_of_date}[/]"
            )
