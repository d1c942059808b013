"""customer360 ask: a question in plain English, answered, asked back or refused."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer360.cli.console import Json, out, plain, print_json, print_sql, print_table, say, warn
from customer360.cli.context import ModelName, model_file, pinned
from customer360.errors import InvalidInput
from customer360.settings import DEFAULT_MODEL, QuerySettings, ResourceSettings, load, memory_limit, semantic_model_file

if TYPE_CHECKING:
    from customer360.ask import Answer, Source
    from customer360.semantic import Figures, SemanticResult

NOT_ANSWERED = 2
EXIT_WORDS = frozenset({"exit", "quit", "bye", "q", "stop"})
SHOWN_ROWS = 50
_NAMED = 5


def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Go on asking; a number picks what is proposed.")] = False,
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that answers, with its values.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print how it was read: words, phrases, query.")] = False,
    as_json: Json = False,
    batch: Annotated[
        Path | None, typer.Option(help="Answer a JSONL file of questions, or - for standard input.")
    ] = None,
    database: Annotated[Path | None, typer.Option(help="Ask any DuckDB file with tables of the model.")] = None,
    model: ModelName = DEFAULT_MODEL,
    build: Annotated[str | None, typer.Option(help="Ask an older build instead of the published one.")] = None,
) -> None:
    """Ask a question in plain English.

    A local grammar reads it: every word has to be explained, or there is no answer. The answer says how the question
    was read, and with --sql what was run. Exit code 0: answered; 2: refused, or asked back.

    Example: customer360 ask "average lifetime value by state, only premium cards"

    With --batch FILE.jsonl each line is {"id", "question", "previous": [...]} and each line written
    {"id", "status", "columns", "rows", "text", "sql"}; progress goes to standard error. --database needs no workspace:
    the file is opened read-only, what it lacks of the model is switched off with a note, amounts are in US dollars.
    --model takes a file as well, such as one that customer360 semantic import made.
    """
    if sum((question is not None, batch is not None, chat and question is None)) != 1:
        raise InvalidInput(
            "Ask one thing.",
            next_action='Give a question: customer360 ask "how many customers do we have"; or --chat, or --batch FILE.',
        )
    with _source(database, build, model) as source:
        if batch is not None:
            _answer_file(source, batch)
        elif chat:
            _chat(source, question)
        else:
            _answer_one(source, question or "", as_sql=as_sql, explain=explain, as_json=as_json)


@contextmanager
def _source(database: Path | None, build: str | None, model: str) -> Iterator[Source]:
    from customer360.ask import Engines, open_source  # noqa: PLC0415
    from customer360.semantic import Figures  # noqa: PLC0415
    from customer360.semantic.definition import read_definition  # noqa: PLC0415

    if database is None:
        with pinned(build, model) as reading:
            yield Engines().source(reading)
        return
    if build is not None:
        raise InvalidInput("--build and --database exclude each other.", next_action="Leave one of them out.")
    resources = load(ResourceSettings)
    with open_source(
        database,
        read_definition(model_file(model) or semantic_model_file(model)),
        figures=Figures("USD", "en_US"),
        timeout=load(QuerySettings).timeout_seconds,
        threads=resources.serve_threads,
        memory=memory_limit(resources.serve_memory),
    ) as source:
        if source.gone:
            tables_first = sorted(source.gone, key=lambda name: "." in name)
            named = ", ".join(tables_first[:_NAMED]) + (", …" if len(source.gone) > _NAMED else "")
            warn(f"{len(source.gone)} parts of the model are not in {database.name}, so switched off: {named}")
        yield source


def _answer_one(source: Source, question: str, *, as_sql: bool, explain: bool, as_json: bool) -> None:
    from customer360.ask import Conversation, explain_reading  # noqa: PLC0415
    from customer360.semantic import json_value  # noqa: PLC0415

    answer = Conversation(source, suggest=not as_sql).ask(question)
    steps = explain_reading(source.engine, answer.read) if explain and answer.read else None
    if as_json:
        print_json(answer.as_dict() | ({"explanation": steps} if steps else {}))
    elif steps is not None:
        _show_steps(steps)
    elif as_sql and answer.result is not None:
        print_sql(answer.result.sql, [json_value(value) for value in answer.result.parameters])
    else:
        _show(answer)
    if answer.status != "answer":
        raise typer.Exit(NOT_ANSWERED)


def _answer_file(source: Source, path: Path) -> None:
    from customer360.ask import answer_batch, read_batch  # noqa: PLC0415

    questions, started = read_batch(path), time.perf_counter()
    answered = 0
    for number, prediction in enumerate(answer_batch(source, questions), 1):
        answered += prediction["status"] == "answer"
        sys.stdout.write(json.dumps(prediction, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        if number % 20 == 0 or number == len(questions):
            seconds = time.perf_counter() - started
            sys.stderr.write(f"{number} of {len(questions)} questions, {answered} answered, {seconds:.1f} s\n")


def _chat(source: Source, first: str | None) -> None:
    from customer360.ask import Conversation  # noqa: PLC0415

    conversation = Conversation(source)
    proposed: list[str] = []
    say("[dim]Ask; a number picks a proposal, exit ends.[/]")
    for line in _lines(first):
        picked = int(line) - 1 if line.isdigit() else -1
        if 0 <= picked < len(proposed):
            say(f"[dim]{plain(proposed[picked])}[/]")
            answer = conversation.pick(proposed[picked])
        else:
            answer = conversation.ask(line)
        _show(answer, numbered=True)
        proposed = _proposals(answer)


def _lines(first: str | None) -> Iterator[str]:
    """Yield what somebody types until they leave."""
    if first is not None:
        yield first
    while True:
        if sys.stdin.isatty():
            out.print("[bold]>[/] ", end="")
        line = sys.stdin.readline()
        if not line or line.strip().casefold() in EXIT_WORDS:
            return
        if line.strip():
            yield line.strip()


def _show(answer: Answer, *, numbered: bool = False) -> None:
    """Print an answer for people."""
    say(plain(answer.text))
    if answer.result is not None:
        _show_rows(answer.result, answer.source.figures)
        _say_footer(answer, answer.result)
    proposals = _proposals(answer)
    if answer.status == "answer":
        if proposals and not numbered:
            say(f"[dim]Next: {plain(' · '.join(proposals))}[/]")
        elif proposals:
            _say_numbered(proposals, dim=True)
    elif proposals:
        say("Did you mean:" if answer.status == "clarify" else "What comes nearest:")
        _say_numbered(proposals)


def _proposals(answer: Answer) -> list[str]:
    if answer.status == "answer":
        return [*(one.question for one in answer.alternatives), *answer.next_questions]
    return [one.question for one in (*answer.options, *answer.alternatives)]


def _say_numbered(proposals: Sequence[str], *, dim: bool = False) -> None:
    for number, question in enumerate(proposals, 1):
        line = f"  {number}. {plain(question)}"
        say(f"[dim]{line}[/]" if dim else line)


def _show_rows(result: SemanticResult, figures: Figures) -> None:
    """Print the rows, unless the sentence holds all of them already."""
    columns = result.columns
    if result.rows_returned == 0 or (result.rows_returned == 1 and len(columns) == 1):
        return
    rows = [
        [figures.write(row[column.name], column.unit) for column in columns]
        for row in result.table.slice(0, SHOWN_ROWS).to_pylist()
    ]
    print_table([one.label for one in columns], rows, right=[n for n, one in enumerate(columns) if one.unit])
    if result.rows_returned > SHOWN_ROWS:
        say(f"[dim]… and {result.rows_returned - SHOWN_ROWS:,} more rows; --json prints them.[/]")


def _say_footer(answer: Answer, result: SemanticResult) -> None:
    say(
        f"[dim]{result.rows_returned:,} of {result.rows_available:,} rows · build {result.build_id} · "
        f"as of {result.as_of_date} · {answer.read_by}, read in {answer.read_ms:g} ms, "
        f"answered in {answer.answer_ms:g} ms[/]"
    )


def _show_steps(steps: dict[str, Any]) -> None:
    say(f"[bold]Words[/]  {plain(' | '.join(steps['words']))}")
    say("[bold]Phrases[/]")
    for phrase in steps["phrases"]:
        say(f"  {plain(phrase['text'])}  [dim]{plain('; '.join(phrase['means']))}[/]")
    for name in ("interpretation", "query"):
        say(f"[bold]{name.capitalize()}[/]")
        say(plain(json.dumps(steps[name], indent=2, ensure_ascii=False)) if steps[name] else "  none")
