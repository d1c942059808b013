"""Faults of a model that make questions mean two things, or nothing: found when it is compiled, not when somebody asks.

A fault makes an answer depend on the order of the file or keeps a question from being answered; a warning costs nothing
but a phrase that never matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from customer360.ask.lexicon import Adjective, Entry, Flag, Lexicon, Stems, ValueOf, Values, build_lexicon
from customer360.ask.vocabulary import phrases
from customer360.ask.words import stems_of
from customer360.semantic import ROW_KINDS, Item, SemanticModel
from customer360.semantic.definition import TableDefinition

Severity = Literal["fault", "warning"]
Answers = Callable[[str], bool]
"""Tells whether the engine answers a question."""

_TARGETS = frozenset({"FIELD", "METRIC", "FLAG", "ENTITY", "ADJ", "VALUE"})
_ANY_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a model for questions."""

    code: str
    subject: str
    message: str
    severity: Severity = "fault"


def lint_model(model: SemanticModel, values: Values, *, answers: Answers | None = None) -> list[Fault]:
    """Return what is wrong with a model and the values of a build for questions, faults before warnings.

    Verified queries are only asked where ``answers`` is given.
    """
    lexicon = build_lexicon(model, values, _ANY_DAY)
    found = [
        *_contested(lexicon),
        *_taken_by_grammar(lexicon),
        *_unreachable(model),
        *_unanswered(model, answers),
        *_idle_aliases(model, values),
    ]
    return sorted(found, key=lambda one: (one.severity == "warning", one.code, one.subject))


def _contested(lexicon: Lexicon) -> Iterator[Fault]:
    """Yield phrases with two targets of the same rank that no entry under ambiguous_terms explains."""
    explained = {stems_of(one.term) for one in lexicon.model.definition.x_nl.ambiguous_terms}
    shared: dict[tuple[str, ...], list[Fault]] = {}
    for stems, entries in lexicon.entries.items():
        targets = _first_targets(entries)
        if len(targets) > 1 and stems not in explained:
            phrase, listed = " ".join(stems), " and ".join(sorted(targets.values()))
            fault = Fault("two_targets", phrase, f"“{phrase}” is {listed}; say under ambiguous_terms which.")
            if all(one.kind == "VALUE" for one in targets):
                shared.setdefault(tuple(sorted(one.data.item.full_name for one in targets)), []).append(fault)
            else:
                yield fault
    for fields, faults in shared.items():
        yield from _shared_values(lexicon, fields, faults)


def _shared_values(lexicon: Lexicon, fields: tuple[str, ...], faults: list[Fault]) -> Iterator[Fault]:
    """Yield one fault for fields that share most of their values, and warnings for a value of both."""
    fewest = min(len(lexicon.values.get(name, ())) for name in fields)
    if 2 * len(faults) >= fewest > 1:
        listed = " and ".join(fields)
        say = f"{listed} have the same values: set values_named_only on all but one."
        yield Fault("same_values", listed, say)
        return
    for one in faults:
        yield replace(one, code="value_of_two", severity="warning")


def _first_targets(entries: list[Entry]) -> dict[Entry, str]:
    """Return what a phrase means where nothing else in a question decides, with a name for each."""
    kept = [one for one in entries if one.kind in _TARGETS and not one.exact_case]
    rank = min((one.rank for one in kept), default=0)
    named = {_name_of(one): one for one in kept if one.rank == rank}
    return {entry: name for name, entry in named.items()}


def _name_of(entry: Entry) -> str:
    data = entry.data
    if isinstance(data, ValueOf):
        return f"value {' or '.join(data.values)} of {data.item.full_name}"
    if isinstance(data, (Flag, Adjective)):
        return data.item.full_name
    return data.full_name if isinstance(data, Item) else f"table {data}"


def _taken_by_grammar(lexicon: Lexicon) -> Iterator[Fault]:
    """Yield names and synonyms that are words of the grammar: faults where neither meaning comes first."""
    grammar: dict[Stems, set[str]] = {}
    for stems, kind, _ in phrases():
        grammar.setdefault(stems, set()).add(kind)
    for stems, known in grammar.items():
        entries = lexicon.entries.get(stems, [])
        targets = {one: name for one, name in _first_targets(entries).items() if one.kind != "VALUE"}
        kinds = known & {one.kind for one in entries}
        if targets and kinds - {"FILL"}:
            phrase, listed = " ".join(stems), " and ".join(sorted(targets.values()))
            tied = min(one.rank for one in targets) >= min(one.rank for one in entries if one.kind in kinds)
            say = f"“{phrase}” is {listed}, and a word of the grammar ({', '.join(sorted(kinds))})."
            yield Fault("grammar_word", phrase, say, "fault" if tied else "warning")


def _unreachable(model: SemanticModel) -> Iterator[Fault]:
    """Yield fields of lists that a table lacks, and tables of activity whose rows do not belong to it."""
    for table in model.definition.tables:
        names = {item.name for item in model.list_items(ROW_KINDS, table=table.name)}
        shown = [*table.x_nl.row_fields, *([table.x_nl.size_field] if table.x_nl.size_field else [])]
        for name in shown:
            if name not in names:
                yield Fault("unknown_row_field", f"{table.name}.{name}", f"{table.name} has no field {name!r} to show.")
        yield from _idle_activity(model, table)


def _idle_activity(model: SemanticModel, table: TableDefinition) -> Iterator[Fault]:
    activity = table.x_nl.activity
    if not activity:
        return
    if activity not in model.tables or not model.relations.reaches(activity, table.name):
        yield Fault("unreachable_activity", table.name, f"No relationship leads from {activity!r} to {table.name}.")
    elif not next(one.x_nl.default_time_dimension for one in model.definition.tables if one.name == activity):
        yield Fault("activity_without_date", table.name, f"{activity} has no default_time_dimension.")


def _unanswered(model: SemanticModel, answers: Answers | None) -> Iterator[Fault]:
    for query in model.definition.verified_queries if answers else ():
        if answers and not answers(query.question):
            yield Fault("unanswered", query.name, f"The engine does not answer {query.question!r}.")


def _idle_aliases(model: SemanticModel, values: Values) -> Iterator[Fault]:
    """Yield names of values that no row has under any of its names."""
    for table in model.definition.tables:
        for one in table.dimensions:
            full_name = f"{table.name}.{one.name}"
            present = {value.casefold() for value in values.get(full_name, ())}
            for canonical, aliases in one.x_nl.value_aliases.items() if full_name in values else ():
                if not present & {name.casefold() for name in (canonical, *aliases)}:
                    say = f"No row has {canonical!r} as {full_name}, nor one of its other names."
                    yield Fault("idle_alias", f"{full_name}={canonical}", say, "warning")
