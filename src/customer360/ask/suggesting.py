"""What to ask next, or instead. Nothing is proposed that the engine does not answer: each question is read first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import Any

from sqlglot import exp

from customer360.ask.engine import Engine, Option, Read
from customer360.ask.followups import Context
from customer360.ask.frame import Frame
from customer360.ask.guide import Guide
from customer360.ask.lexicon import date_of, table_extension
from customer360.ask.naming import Names, upper
from customer360.ask.posing import pose_filters, pose_groups, pose_measure, pose_window
from customer360.ask.sources import Source
from customer360.ask.words import Word, read_words
from customer360.semantic import Condition, Dimension, Filter, Kind, SemanticResult

NEXT = 3
NEAREST = 3
MOST_TRIED = 14
FEWEST_GROUPS, MOST_GROUPS = 2, 12
MOST_ROWS = 1_000
_ASKED_FOR = {
    "missing_measure": ("{} by lifetime value", "{} by monthly spend", "{} by number of transactions"),
    "missing_slots": ("number of customers {}", "total spend {}", "list customers {}", "number of {}"),
    "no_history": ("total spend by month", "number of transactions by month"),
    "no_context": ("{} by lifetime value", "{} by monthly spend", "{} by number of transactions"),
    "ambiguous_share": ("{} of all customers", "{} of total spend"),
}
_NOT_NEARED = frozenset({"write_operation", "sql_injection", "prompt_injection", "pii", "too_large"})


# After an answer


def propose_next(source: Source, frame: Frame, result: SemanticResult) -> tuple[str, ...]:
    """Return questions that go on from an answer: another breakdown, one of its values, a trend, a share."""
    first: dict[str, str] = {}
    more: list[str] = []
    for kind, question, wanted in islice(_candidates(source, frame, result), MOST_TRIED):
        if len(first) == NEXT:
            break
        if _reads_as(source.engine, question, wanted):
            more += [question] if kind in first else []
            first.setdefault(kind, question)
    found = [*first.values(), *more]
    if len(found) < NEXT:
        found += _first_examples(source.guide, frame)
    return tuple(dict.fromkeys(found))[:NEXT]


Candidate = tuple[str, str, Frame]
"""What kind of step it is, the question, and what the engine has to read it as."""


def _candidates(source: Source, frame: Frame, result: SemanticResult) -> Iterator[Candidate]:
    names = Names(source.model)
    base = _plain(frame)
    if base is None:
        return
    if not frame.groups:
        yield from _trend(names, base)
        yield from _by_another(source, names, base, "first")
        yield from _by_another(source, names, base, "second")
        return
    yield from _of_top_value(source, names, base, result)
    yield from _by_another(source, names, base, "first")
    yield from _share(names, base)
    yield from _trend(names, base)
    yield from _by_another(source, names, base, "second")


def _plain(frame: Frame) -> Frame | None:
    """Return a frame with one measure, its conditions and groups, which proposals can start from."""
    if (
        frame.kind != "figures"
        or not frame.measures
        or frame.comparison
        or frame.summary
        or frame.clauses
        or frame.of_whom
        or frame.part
        or frame.part_clauses
    ):
        return None
    return Frame(
        kind="figures",
        subject=frame.subject,
        show="share" if frame.show == "share" and frame.groups else "value",
        measures=frame.measures[:1],
        groups=frame.groups,
        filters=frame.filters,
        window=frame.window,
        window_field=frame.window_field,
    )


def _question(names: Names, frame: Frame, head: str = "{}") -> str | None:
    filters = pose_filters(names, frame.filters)
    if filters is None:
        return None
    measure = head.format(pose_measure(names, frame))
    return upper(f"{measure}{pose_groups(names, frame.groups)}{filters}{pose_window(frame)}")


def _posed(kind: str, names: Names, frame: Frame, head: str = "{}") -> Iterator[Candidate]:
    question = _question(names, frame, head)
    if question is not None:
        yield kind, question, frame


def _trend(names: Names, base: Frame) -> Iterator[Candidate]:
    extension = table_extension(names.model, base.subject)
    if extension.activity or not extension.default_time_dimension or any(one.grain for one in base.groups):
        return
    month = Dimension(name=date_of(names.model, base.subject), grain="month")
    yield from _posed("trend", names, base.model_copy(update={"groups": (month,)}))


def _share(names: Names, base: Frame) -> Iterator[Candidate]:
    measure = base.measures[0]
    item = names.items.get(measure) if isinstance(measure, str) else None
    adds_up = item is not None and (item.counts or isinstance(item.expression, exp.Sum))
    if adds_up and base.show == "value" and not any(one.grain for one in base.groups):
        yield from _posed("share", names, base.model_copy(update={"show": "share"}), "share of {}")


def _by_another(source: Source, names: Names, base: Frame, kind: str) -> Iterator[Candidate]:
    """Propose breakdowns by fields of few values; those of the "second" kind are by other tables' fields."""
    used = {group.name for group in base.groups} | {name for tree in base.filters for name in _fields(tree)}
    fields = [name for name in _fields_of_few(source, base.subject) if name not in used]
    home = base.groups[0].name.partition(".")[0] if base.groups else base.subject
    near = [name for name in fields if name.partition(".")[0] == home]
    chosen = near if kind == "first" else [name for name in reversed(fields) if name not in near[:1]]
    for name in chosen[:4]:
        yield from _posed(kind, names, base.model_copy(update={"groups": (Dimension(name=name),)}))


def _fields_of_few(source: Source, subject: str) -> list[str]:
    engine = source.engine
    found = []
    for name, values in engine.values.items():
        reaches = engine.model.relations.reaches(subject, name.partition(".")[0])
        if reaches and FEWEST_GROUPS <= len(values) <= MOST_GROUPS and engine.lexicon.extensions[name].asked:
            found.append(name)
    return found


def _of_top_value(source: Source, names: Names, base: Frame, result: SemanticResult) -> Iterator[Candidate]:
    """Propose to look into the first group of the answer, by something else."""
    group = base.groups[0]
    item = names.items.get(group.name)
    if item is None or item.kind != Kind.DIMENSION or not result.rows_returned or group.bin or group.bounds:
        return
    value = _largest(result).get(item.name)
    if not isinstance(value, str):
        return
    kept = tuple(tree for tree in base.filters if group.name not in _fields(tree))
    inside = (*kept, Condition(field=group.name, op="=", value=value))
    for name in _fields_of_few(source, base.subject):
        if name != group.name and name not in {one for tree in kept for one in _fields(tree)}:
            parts = {"groups": (Dimension(name=name),), "filters": inside}
            yield from _posed("value", names, base.model_copy(update=parts))
            return


def _largest(result: SemanticResult) -> dict[str, Any]:
    """Return the row with the largest first figure."""
    rows: list[dict[str, Any]] = result.table.slice(0, MOST_ROWS).to_pylist()
    figure = next((one.name for one in result.columns if one.unit), "")
    known = [row for row in rows if row.get(figure) is not None]
    return max(known, key=lambda row: row[figure]) if known else rows[0]


def _fields(tree: Filter) -> set[str]:
    return {tree.field} if isinstance(tree, Condition) else set()


def _reads_as(engine: Engine, question: str, wanted: Frame) -> bool:
    """Tell whether a question is read as exactly the frame that it was made from."""
    frame = engine.read(question).frame
    if frame is None:
        return False
    parts = ("kind", "measures", "groups", "window_field", "show", "clauses", "of_whom", "comparison", "having", "part")
    same = all(getattr(frame, part) == getattr(wanted, part) for part in parts)
    days = [(one.start, one.end) if one else None for one in (frame.window, wanted.window)]
    return same and days[0] == days[1] and set(map(str, frame.filters)) == set(map(str, wanted.filters))


def _first_examples(guide: Guide, frame: Frame) -> tuple[str, ...]:
    firsts = [questions[0] for questions in guide.examples.values()]
    return tuple(one for one in firsts if guide.engine.read(one).frame != frame)[:NEXT]


# Instead of an answer


def find_alternatives(engine: Engine, read: Read, context: Context | None) -> tuple[Option, ...]:
    """Return what else an answered question could have meant, by the model's own list of ambiguous terms."""
    found: list[Option] = []
    for term in engine.model.definition.x_nl.ambiguous_terms:
        pattern = re.compile(rf"\b{re.escape(term.term)}\b", re.IGNORECASE)
        if not pattern.search(read.question) or not any(option.field for option in term.options):
            continue
        for option in term.options:
            question = pattern.sub(option.say, read.question, count=1)
            other = engine.read(question, context)
            if other.query is not None and other.query != read.query:
                found.append(Option(option.label, question))
    return tuple(found)


def find_options(guide: Guide, read: Read, context: Context | None) -> tuple[Option, ...]:
    """Return questions that settle what was asked back, each of which is answered."""
    bare = read.question.strip().rstrip("?.! ")
    made = [Option(upper(form.format(bare)), upper(form.format(bare))) for form in _ASKED_FOR.get(read.reason, ())]
    found = tuple(_answered(guide.engine, [*read.options, *made], context))
    if found or read.reason != "no_context":
        return found
    return tuple(Option(one, one) for questions in guide.examples.values() for one in questions[:1])[:NEAREST]


def _answered(engine: Engine, options: Iterable[Option], context: Context | None) -> Iterator[Option]:
    known: list[object] = []
    for option in options:
        query = engine.read(option.question, context).query
        if query is not None and query not in known:
            known.append(query)
            yield option


def find_nearest(guide: Guide, read: Read, context: Context | None) -> tuple[Option, ...]:
    """Return what comes nearest to a question that is not answered: it without its unknown words, or an example."""
    if read.reason in _NOT_NEARED:
        return ()
    tried = [Option(upper(one), upper(one)) for one in _without_unknown(guide.engine, read.question)]
    tried += [Option(one, one) for one in _similar(guide, read.question)]
    return tuple(_answered(guide.engine, tried, context))[:NEAREST]


def _without_unknown(engine: Engine, question: str) -> Iterator[str]:
    """Yield a question without the parts of it that hold unknown words, then without those words alone."""
    known = engine.lexicon.vocabulary(without=("MISSING",))
    words = [word for word in read_words(question) if word.typed.isalnum() or word.number is not None]
    kept = [word.stem in known or word.number is not None for word in words]
    starts = [0, *(place for place, word in enumerate(words) if place and word.stem in _BEGIN_PARTS), len(words)]
    parts = [range(first, last) for first, last in pairwise(starts) if all(kept[first:last])]
    for places in ([place for part in parts for place in part], [place for place, one in enumerate(kept) if one]):
        while places and _says_nothing(engine, words[places[-1]]):
            places.pop()
        if 0 < len(places) < len(words):
            yield " ".join(words[place].typed for place in places)


def _says_nothing(engine: Engine, word: Word) -> bool:
    kinds = {entry.kind for entry in engine.lexicon.entries.get((word.stem,), ())}
    return word.stem in _BEGIN_PARTS or (bool(kinds) and kinds <= {"FILL", "IS"})


_BEGIN_PARTS = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "have", "in", "of", "on", "or", "per", "the", "with"}
)


def _similar(guide: Guide, question: str) -> list[str]:
    """Return the examples that share the most words with a question."""
    asked = {word.stem for word in read_words(question)}
    scored = []
    for questions in guide.examples.values():
        for one in questions:
            words = {word.stem for word in read_words(one)}
            shared = (asked & words) - _COMMON
            if shared:
                scored.append((-len(shared) / len(words), one))
    return [one for _, one in sorted(scored)][:NEAREST]


_COMMON = frozenset({"by", "of", "in", "the", "how", "many", "number", "last", "and", "with", "customer"})
