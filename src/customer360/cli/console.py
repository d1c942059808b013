"""What the terminal shows: tables, progress and errors; JSON where a program reads."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from customer360.errors import Customer360Error

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

LINE_SECONDS = 5.0
_mode = {"json": False}


def speak_to_people() -> None:
    """Print for people until a command is asked for JSON; some commands have no such option."""
    _mode["json"] = False


def _remember_json(value: bool) -> bool:
    _mode["json"] = value
    return value


Json = Annotated[
    bool, typer.Option("--json", help="Print JSON for a program to read.", callback=_remember_json, is_eager=True)
]


class Step(Protocol):
    """Called with a name each time a piece of long work is done; ``total`` 0 means it is not known."""

    def __call__(self, name: str, done: int = 0, total: int = 0) -> None: ...


def print_json(content: Any) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


def print_error(error: Customer360Error) -> None:
    """Show an error the way the caller reads: a sentence with the next action, or JSON."""
    if _mode["json"]:
        print_json(error.as_dict())
        return
    err.print(f"[bold red]Error:[/] {plain(error.message)}", soft_wrap=True)
    for detail in error.details[:10]:
        message = f"{detail.get('field', '')}: {detail.get('message', '')}"
        err.print(f"  • {plain(message)}", soft_wrap=True)
        value = detail.get("value")
        for row in value[:5] if isinstance(value, list) else []:
            err.print(f"      {plain(str(row))}", soft_wrap=True)
    if error.next_action:
        err.print(f"[bold]Next:[/] {plain(error.next_action)}", soft_wrap=True)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
    to: Console = out,
) -> None:
    """Print rows of text; columns numbered in ``right`` are aligned to the right, those in ``whole`` never broken."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        place: Literal["right", "left"] = "right" if number in right else "left"
        table.add_column(column, justify=place, overflow="fold", no_wrap=number in whole)
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    to.print(table)


def say(text: str) -> None:
    """Print a line for people; silent in JSON mode."""
    if not _mode["json"]:
        out.print(text, soft_wrap=True)


def print_sql(sql: str, parameters: Sequence[Any]) -> None:
    """Write a statement to standard output, with its bound values as a comment."""
    values = ", ".join(f"${number} = {value!r}" for number, value in enumerate(parameters, 1))
    sys.stdout.write(f"{sql}\n" + (f"-- {values}\n" if values else ""))


def warn(text: str) -> None:
    """Print a line about something beside the point, where it is in nobody's way: on standard error."""
    err.print(f"[yellow]{plain(text)}[/]", soft_wrap=True)


def _silent(name: str, done: int = 0, total: int = 0) -> None:
    """Show nothing."""


class _Lines:
    """Shows work as plain lines, some seconds apart, such as the log of a scheduler keeps."""

    def __init__(self, title: str) -> None:
        self._title, self._next = title, time.monotonic()

    def __call__(self, name: str, done: int = 0, total: int = 0) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_SECONDS
        of = f" ({done:,} of {total:,})" if total else ""
        say(f"{self._title}: {plain(name)}{of}")


@contextmanager
def progress(title: str, *, lines: bool = False) -> Iterator[Step]:
    """Show that long work goes on: a bar on a terminal; elsewhere nothing, or plain ``lines`` now and then."""
    if _mode["json"] or not out.is_terminal:
        yield _Lines(title) if lines and not _mode["json"] else _silent
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, TextColumn("[dim]{task.fields[item]}"), console=out, transient=True) as bar:
        task = bar.add_task(title, total=None, item="")

        def step(name: str, done: int = 0, total: int = 0) -> None:
            if total:
                bar.update(task, total=total, completed=done, item=name)
            else:
                bar.update(task, advance=1, item=name)

        yield step


def say_refusal(refusal: Customer360Error) -> None:
    """Say which file was refused and what to do about it."""
    say(f"[red]✗[/] {plain(refusal.message)}")
    if refusal.next_action:
        say(f"  [dim]{plain(refusal.next_action)}[/]")


def plain(text: str) -> str:
    """Keep square brackets from being read as markup."""
    return text.replace("[", r"\[")
