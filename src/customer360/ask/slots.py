"""The chunks of a question, taken one by one, and what restricts it: conditions, clauses, a window of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import Any

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window, describe
from customer360.ask.frame import Clause, fields_of
from customer360.ask.grammar.terms import Cond, Held, Lacked, Sorting, as_cond, is_none_of, value_filter
from customer360.ask.lexicon import Lexicon, date_of, table_extension
from customer360.semantic import MAX_LIMIT, AllOf, AnyOf, Condition, Dimension, Filter, Measure, Negation, Relative, Top

RESTRICTING = ("COND", "VALUE", "HELD", "TIME", "NEVER", "BUY", "OPEN", "ASSIGNED", "OR", "LACKED")


_OF_DEEDS = (
    "WHO", "IS", "BUY", "VALUE", "COND", "HELD", "TIME", "NEVER", "NOT", "LACKED", "AND", "BUT", "OR", "ENTITY", "OPEN",
)  # fmt: skip
"""Kinds of words that may say what people did."""


class NotUnderstood(Exception):
    """The chunks do not make a question; ``text`` is what could not be placed."""

    def __init__(self, text: str, reason: str = "not_understood", options: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason
        self.options = tuple(options)


@dataclass
class Slots:
    """The chunks of a question; a form takes those it has a place for."""

    lexicon: Lexicon
    chunks: list[Chunk]
    assumptions: list[str] = field(default_factory=list)
    dated: bool = False
    """Whether the answer is grouped by a date of the subject."""
    listing: bool = False
    """Whether rows or values are to be listed."""
    opened: bool = False
    """Whether the question is about when accounts were opened, or put into a segment."""
    assigned: bool = False
    """Whether it is the latter."""
    asked: list[Chunk] = field(default_factory=list)
    """The chunks before any was taken."""
    sorting: Sorting | None = None
    """The order that is asked for."""
    in_money: bool = field(init=False)
    """Whether amounts are asked for, and no percentages."""

    def __post_init__(self) -> None:
        self.in_money = bool(self.take("INMONEY"))

    def take(self, *kinds: str) -> list[Chunk]:
        """Take all chunks of these kinds."""
        found = [one for one in self.chunks if one.kind in kinds]
        self.chunks = [one for one in self.chunks if one.kind not in kinds]
        return found

    def take_first(self, *kinds: str) -> Chunk | None:
        """Take the first chunk of these kinds."""
        found = next((one for one in self.chunks if one.kind in kinds), None)
        if found is not None:
            self.chunks.remove(found)
        return found

    def has(self, *kinds: str) -> bool:
        """Tell whether a chunk of these kinds is left."""
        return any(one.kind in kinds for one in self.chunks)

    def window(self) -> Window | None:
        """Return the first window without taking it."""
        return next((one.data for one in self.chunks if one.kind == "TIME"), None)

    def finish(self) -> None:
        """Refuse a question of which something is left."""
        vague = next((one for one in self.chunks if one.kind == "NAMEDVALUE"), None)
        if vague is not None and any(one.first == vague.last and one.kind == "FIELD" for one in self.asked):
            raise NotUnderstood(vague.text, "missing_threshold")
        if self.chunks:
            raise NotUnderstood(" ".join(one.text for one in self.chunks))

    def deeds(self) -> tuple[int, int] | None:
        """Return from and to which word it is said what people did: of customers who bought Travel."""
        doers = {one.name for one in self.lexicon.model.definition.tables if one.x_nl.activity}
        for place, one in enumerate(self.asked):
            inside = list(takewhile(lambda other: other.kind in _OF_DEEDS, self.asked[place + 1 :]))
            around = (*self.asked[:place], *self.asked[place + 1 + len(inside) :][:1])
            is_theirs = any(other.kind in ("MEASURE", "COUNTED", "HOWMUCH") for other in around)
            if one.kind == "ENTITY" and one.data in doers and is_theirs and _tells_deeds(inside):
                return one.last, inside[-1].last
        return None

    def is_deed(self, one: Chunk) -> bool:
        """Tell whether a chunk is of what people did whose rows are asked for."""
        words = self.deeds()
        return words is not None and words[0] <= one.first < words[1]

    def assume(self, sentence: str) -> None:
        """Note what was assumed."""
        self.assumptions.append(sentence)


@dataclass
class Scope:
    """What restricts a question, sorted by what it restricts."""

    near: list[Filter] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)
    window: Window | None = None
    window_field: str = ""
    having: list[Filter] = field(default_factory=list)
    of_whom: list[Clause] = field(default_factory=list)

    def as_parts(self) -> dict[str, Any]:
        """Return it as parts of a frame."""
        return {
            "filters": tuple(self.near),
            "clauses": tuple(self.clauses),
            "window": self.window,
            "window_field": self.window_field,
            "having": tuple(self.having),
            "of_whom": tuple(self.of_whom),
        }


def build_scope(
    slots: Slots, subject: str, taken: Sequence[Chunk], *, groups: Sequence[Dimension] = (), of_whom: bool = False
) -> Scope:
    """Sort the restricting chunks of a question whose rows are those of ``subject``.

    ``of_whom`` tells whether the rows may be restricted by what those did whose they are.

    Raises:
        NotUnderstood: one of them restricts nothing that is asked.
    """
    return _Sorter(slots, subject, tuple(groups)).sort(taken, of_whom=of_whom)


class _Sorter:
    """Sorts restricting chunks for one subject."""

    def __init__(self, slots: Slots, subject: str, groups: tuple[Dimension, ...]) -> None:
        self.slots = slots
        self.lexicon = slots.lexicon
        self.model = slots.lexicon.model
        self.subject = subject
        self.groups = groups
        self.extension = table_extension(self.model, subject)
        self.scope = Scope()

    def sort(self, taken: Sequence[Chunk], *, of_whom: bool = False) -> Scope:
        theirs = self._deeds(taken) if not self.extension.activity else []
        if theirs:
            if not of_whom:
                raise NotUnderstood(" ".join(one.text for one in theirs))
            self._of_whom(theirs)
            taken = [one for one in taken if one not in theirs]
        taken = self._held_beside_or(taken)
        self._refuse_contradiction(self._conds(taken))
        for part in self._parts(taken):
            self._place(part)
        return self.scope

    def _deeds(self, taken: Sequence[Chunk]) -> list[Chunk]:
        """Return what is said of those whose rows they are: spend of customers who bought Travel is all of theirs."""
        return [one for one in taken if self.slots.is_deed(one)]

    def _of_whom(self, theirs: Sequence[Chunk]) -> None:
        """Add what those did whose rows they are, as so many rows of theirs."""
        doer = next(one.name for one in self.model.definition.tables if one.x_nl.activity == self.subject)
        last = max(one.last for one in self.slots.asked)
        times = [one for one in theirs if one.kind == "TIME"]
        if times and times[-1].last == last and not self._is_dated_before():
            raise NotUnderstood(" ".join(one.text for one in theirs))
        inner = _Sorter(self.slots, doer, ()).sort(theirs)
        if inner.window is not None or inner.having:
            raise NotUnderstood(" ".join(one.text for one in theirs))
        self.scope.near += inner.near
        self.scope.of_whom += inner.clauses

    def _is_dated_before(self) -> bool:
        """Tell whether what is asked for has its own window: spend in 2025 of customers who bought Travel in 2024."""
        words = self.slots.deeds()
        return words is not None and any(one.kind == "TIME" and one.last <= words[0] for one in self.slots.asked)

    def _parts(self, taken: Sequence[Chunk]) -> list[list[Chunk]]:
        """Return what is said of each thing done: made no purchase in May, and who bought Travel; often only one."""
        parts: list[list[Chunk]] = [[]]
        linked: list[bool] = []
        for one in taken:
            link = self._link_before(one, parts[-1]) if self.extension.activity and _is_done(one) else None
            if link is not None and any(map(_is_done, parts[-1])):
                parts.append([])
                linked.append(link.kind != "WHO")
            parts[-1].append(one)
        for place in reversed(range(len(linked))):
            times = [one for one in parts[place + 1] if one.kind == "TIME"]
            before = [one for part in parts[: place + 1] for one in part]
            if linked[place] and not any(one.kind in ("TIME", "NEVER") or _is_never(one) for one in before):
                parts[place] += times  # bought online and spent over 500 in May: both in May
        return parts

    def _link_before(self, one: Chunk, part: Sequence[Chunk]) -> Chunk | None:
        """Return the word that begins something else that was done, if there is one between."""
        since = max((other.last for other in part), default=0)
        links = [other for other in self.slots.asked if since <= other.first and other.last <= one.first]
        return next((other for other in reversed(links) if other.kind in ("WHO", "AND", "BUT", "COMMA")), None)

    def _place(self, taken: Sequence[Chunk]) -> None:
        """Sort the chunks that are said of one thing."""
        kinds = {one.kind for one in taken}
        self._refuse_apart(taken)
        window = one_window([one.data for one in taken if one.kind == "TIME"])
        held: list[Held] = [one.data for one in taken if one.kind == "HELD"]
        conds = self._conds(taken)
        known = len(self.scope.clauses)
        if "OPEN" in kinds and window is None and not self.slots.dated:
            opened = any(fields_of(cond.filter) & self._dates() for cond in conds)
            if not opened:
                raise NotUnderstood("new or opened since when", "missing_period")
        fine = [cond for cond in conds if not self._is_near(cond)]
        self.scope.near += [cond.filter for cond in conds if self._is_near(cond)]
        held = self._hold(held)
        window = self._place_window(window, kinds)
        if self.extension.activity:
            self._clauses(fine, held, window, never="NEVER" in kinds, did_buy="BUY" in kinds)
        elif fine or "NEVER" in kinds or window or held:
            left = [one.text for one in taken if one.kind in ("NEVER", "HELD")] or [cond.item.label for cond in fine]
            raise NotUnderstood(" ".join(left) or (window.label if window else ""))
        for one in taken:
            if one.kind == "LACKED":
                self._lack(one, self.scope.clauses[known:])

    def _refuse_apart(self, taken: Sequence[Chunk]) -> None:
        """Refuse two windows that are of two things: opened in 2024 and bought in 2025."""
        times = sorted(one.first for one in taken if one.kind == "TIME")
        for one in taken:
            if one.kind in ("HELD", "NEVER", "BUY", "OPEN") and times and times[0] < one.first < times[-1]:
                raise NotUnderstood(one.text)

    def _lack(self, chunk: Chunk, clauses: Sequence[Clause]) -> None:
        """Add that the subject did not do in one window what it did in another."""
        lacked: Lacked = chunk.data
        if not self.extension.activity and lacked.filters is None and self._without_days(lacked.window):
            return
        done = [one for one in clauses if not one.negated and one.window]
        if not self.extension.activity or (lacked.filters is None and len(done) != 1):
            raise NotUnderstood(chunk.text)
        filters = done[0].filters if lacked.filters is None else lacked.filters
        if lacked.anything and filters:
            raise NotUnderstood(chunk.text)
        self.scope.clauses.append(Clause(filters=filters, window=lacked.window, negated=True))

    def _without_days(self, window: Window) -> bool:
        """Leave days out of the window that is asked for: the second half of 2024 without December."""
        whole, name = self.scope.window, self.scope.window_field
        if whole is None or not name or not (whole.start and whole.end and window.start and window.end):
            return False
        if window.start < whole.start or window.end > whole.end:
            return False
        days = Condition(field=name, op="between", values=(window.start, window.end))
        self.scope.near.append(Negation.model_validate({"not": days}))
        return True

    def _conds(self, taken: Sequence[Chunk]) -> list[Cond]:
        """Return the conditions; an "or" between two makes one of them."""
        conds: list[Cond] = []
        either: list[Cond] = []
        joined = is_open = False
        for one in taken:
            is_cond = one.kind in ("COND", "VALUE")
            if joined and not (is_cond and conds):
                raise NotUnderstood("or")
            if is_cond:
                cond = self._each_done(one, taken) or as_cond(one)
                is_open = is_open or (joined and conds[-1].item != cond.item)
                conds.append(self._either(conds.pop(), cond) if joined else cond)
                either += conds[-1:] if joined else []
            joined = one.kind == "OR"
        is_open = is_open or any(cond not in either and cond.item in {one.item for one in either} for cond in conds)
        if len(conds) > 1 and is_open:
            raise NotUnderstood("and … or", "ambiguous_term")
        return conds

    def _each_done(self, one: Chunk, taken: Sequence[Chunk]) -> Cond | None:
        """Return that people did each of what "and" joins: bought Travel and Hotels.

        Raises:
            NotUnderstood: it is said to be done one after the other.
        """
        cond = as_cond(one)
        words = one.text.casefold().split()
        is_listed = one.kind == "VALUE" and len(cond.values) > 1 and "or" not in words
        if not is_listed or not self.extension.activity or self._is_near(cond):
            return None
        if "then" in words:
            raise NotUnderstood(one.text)
        is_apart = any(other.kind in ("HELD", "NEVER") or _is_never(other) for other in taken)
        return None if is_apart or "and" not in words else replace(cond, separate=True)

    def _either(self, one: Cond, other: Cond) -> Cond:
        """Return the condition that one or the other holds, where both are of the same rows."""
        if self._is_near(one) != self._is_near(other) or one.never or other.never:
            raise NotUnderstood("or")
        return Cond(AnyOf.model_validate({"or": [one.filter, other.filter]}), other.item)

    def _held_beside_or(self, taken: Sequence[Chunk]) -> list[Chunk]:
        """Return the chunks with conditions on measures beside an "or" as ones on the fields that hold them."""
        placed = list(taken)
        for place, one in enumerate(placed):
            around = placed[max(place - 1, 0) : place + 2]
            if one.kind != "HELD" or all(other.kind != "OR" for other in around):
                continue
            held: Held = one.data
            total = self.lexicon.totals.get(held.figure.measure) if isinstance(held.figure.measure, str) else None
            is_own = total is not None and not (held.average or held.filters or self.groups)
            if total is None or not is_own or any(other.kind == "TIME" for other in placed):
                raise NotUnderstood("or")
            placed[place] = one.made("COND", Cond(numeric(total.full_name, held.op, held.values), total))
        if placed != list(taken) and any(one.kind == "HELD" for one in placed):
            raise NotUnderstood("and … or", "ambiguous_term")
        return placed

    def _dates(self) -> set[str]:
        return {item.full_name for item in self.model.items if item.kind == "time_dimension"}

    def _refuse_contradiction(self, conds: Sequence[Cond]) -> None:
        """Refuse two values of one field that no row has both of."""
        fixed: dict[str, tuple[Any, ...]] = {}
        for cond in conds:
            fixes = isinstance(cond.filter, Condition) and cond.filter.op in ("=", "in") and not cond.separate
            if fixes and fixed.setdefault(cond.item.full_name, cond.values) != cond.values:
                raise NotUnderstood(f"{cond.item.label} {cond.values[0]}")
        for item in dict.fromkeys(cond.item for cond in conds):
            own = [cond.filter for cond in conds if cond.item == item]
            low, high = max(_bounds(own, ">"), default=float("-inf")), min(_bounds(own, "<"), default=float("inf"))
            if low >= high:
                raise NotUnderstood(f"{item.label} between {low:g} and {high:g}")

    def _is_near(self, cond: Cond) -> bool:
        tables = {name.rpartition(".")[0] for name in fields_of(cond.filter)} or {cond.item.table}
        return all(self.model.relations.reaches(self.subject, table) for table in tables) and not cond.separate

    def _hold(self, held: Sequence[Held]) -> list[Held]:
        """Place conditions on measures of groups; return those on measures of the subject's own rows."""
        if not self.groups:
            return list(held)
        self.scope.having += [having_of(one) for one in held]
        return []

    def _is_about_opening(self) -> bool:
        return self.slots.opened and not self.slots.assigned

    def _opening(self) -> str:
        """Return the date on which those who do things began to, for what they did, too."""
        doers = [one.name for one in self.model.definition.tables if one.x_nl.activity]
        table = self.subject if self.subject in doers else next(iter(doers), self.subject)
        return date_of(self.model, table)

    def _place_window(self, window: Window | None, kinds: set[str]) -> Window | None:
        """Give the window to the field it is about; return it where it is about the subject's activity."""
        if window is None:
            return None
        name = ""
        if "ASSIGNED" in kinds:
            name = assigned_date(self.lexicon)
        elif "OPEN" in kinds or (self._is_about_opening() and "BUY" not in kinds):
            name = self._opening()
        elif not self.extension.activity:
            name = date_of(self.model, self.subject)
        if not name:
            return window
        if self.scope.window not in (None, window):
            raise NotUnderstood(window.label)  # one of them would be lost
        self.scope.window, self.scope.window_field = window, name
        return None

    def _clauses(
        self, fine: list[Cond], held: Sequence[Held], window: Window | None, *, never: bool, did_buy: bool
    ) -> None:
        """Make clauses of what is about the subject's activity."""
        if never and not (did_buy or fine or window or held):
            raise NotUnderstood("not")
        self._refuse_tangles(fine, never=never)
        positive = tuple(cond.filter for cond in fine if not cond.negated and not cond.separate)
        if len(held) > 1 and (positive or window):
            raise NotUnderstood("and")
        about_rows = [one for one in held if one.figure.table != self.subject]
        self.scope.near += [self._own(one) for one in held if one not in about_rows]
        for one in about_rows:
            self._held_clause(one, positive, window, never=never)
        self._nothing_else(fine, window)
        for cond in fine:
            if cond.separate:
                self._clauses_of(cond, positive, window)
            elif cond.negated:
                inside = (*(positive if never else ()), _without_not(cond))
                self.scope.clauses.append(Clause(filters=inside, window=window, negated=True))
        negated = any(cond.negated for cond in fine)
        placed = bool(about_rows) or any(cond.separate for cond in fine) or (negated and (never or not positive))
        if not placed:
            self._plain_clause(positive, window, never=never, did=did_buy or never)

    def _nothing_else(self, fine: Sequence[Cond], window: Window | None) -> None:
        """Add that nothing else was done, where that was said."""
        for cond in fine:
            if cond.only:
                others = value_filter(cond.item, cond.values, negated=not cond.negated)
                self.scope.clauses.append(Clause(filters=(others,), window=window, negated=True))

    def _refuse_tangles(self, fine: Sequence[Cond], *, never: bool) -> None:
        """Refuse what could be about one row or about several: two negations, a condition behind "never", two lists."""
        plain = [place for place, cond in enumerate(fine) if not cond.negated and not cond.separate]
        nevers = [place for place, cond in enumerate(fine) if cond.never]
        lists = [cond for cond in fine if cond.separate]
        tangled = (never and (lists or any(cond.negated for cond in fine))) or len(lists) > 1
        if tangled or any(place > nevers[0] for place in plain if nevers):
            raise NotUnderstood(", ".join(cond.item.label.lower() for cond in fine))

    def _plain_clause(self, positive: tuple[Filter, ...], window: Window | None, *, never: bool, did: bool) -> None:
        """Add that the subject did something, or did not, where anything says so."""
        if positive or ((window or never) and did):
            self.scope.clauses.append(Clause(filters=positive, window=window, negated=never))
        elif did:
            self.scope.clauses.append(Clause())
        elif window:
            raise NotUnderstood(window.label, "window_of_rows")

    def _own(self, one: Held) -> Filter:
        """Read a condition on an average, where nothing is grouped, as one on each row's own value."""
        fields = [
            name
            for (agg, name), metric in self.lexicon.aggregates.items()
            if agg == "avg" and metric == one.figure.item
        ]
        if not fields or one.average or one.filters:
            raise NotUnderstood(one.figure.item.label)
        return numeric(fields[0], one.op, one.values)

    def _clauses_of(self, cond: Cond, positive: tuple[Filter, ...], window: Window | None) -> None:
        """Add that each of several things was done, and what else is said of them holds for each."""
        named = [only(cond, value) for value in cond.values]
        self.scope.clauses += [Clause(filters=(one, *positive), window=window) for one in named]

    def _held_clause(self, one: Held, positive: tuple[Filter, ...], window: Window | None, *, never: bool) -> None:
        filters = (*one.filters, *positive)
        total = self.lexicon.totals.get(one.figure.measure) if isinstance(one.figure.measure, str) else None
        if one.average:
            if total is None or filters or window or never:
                raise NotUnderstood(one.figure.item.label)
            than = {"agg": one.agg, "by": one.by}
            parts = {"field": total.full_name, "op": one.op, "than": than, "times": one.times}
            self.scope.near.append(Relative.model_validate(parts))
        elif total is not None and not (filters or window or never) and one.op != "=":
            self.scope.near.append(numeric(total.full_name, one.op, one.values))
        elif isinstance(one.figure.measure, Measure) and one.figure.measure.agg == "corr":
            raise NotUnderstood(one.figure.item.label)
        else:
            values = tuple(value if isinstance(value, int) else float(value) for value in one.values)
            nothing = is_none_of(one) and one.figure.item.unit != "count"  # a sum of no rows is no zero
            held = Clause(measure=one.figure.measure, op=">" if nothing else one.op, values=values)
            more = {"filters": filters, "window": window, "negated": never != nothing}
            self.scope.clauses.append(held.model_copy(update=more))


def _bounds(trees: Sequence[Filter], side: str) -> list[float]:
    """Return the numbers that some conditions hold a field above, or below."""
    given = [one.value for one in trees if isinstance(one, Condition) and one.op.startswith(side)]
    return [float(value) for value in given if isinstance(value, int | float | Decimal) and not isinstance(value, bool)]


def assigned_date(lexicon: Lexicon) -> str:
    """Return the date on which a row was put where it is, or nothing."""
    dates = (
        item.full_name for item in lexicon.model.items if item.kind == "time_dimension" and "assigned" in item.name
    )
    return next((name for name in dates if name in lexicon.extensions and lexicon.extensions[name].asked), "")


def _tells_deeds(said: Sequence[Chunk]) -> bool:
    """Tell whether words behind people are about what they did, and not only about who they are."""
    if not said:
        return False
    kinds = [one.kind for one in said]
    begun = next((one for one in said if one.kind not in ("VALUE", "COND")), said[0])
    is_clause = begun.kind == "WHO" or begun.text.casefold() == "that"
    bought = any(kind == "BUY" and after in ("VALUE", "COND", "TIME") for kind, after in pairwise(kinds))
    never = any(one.kind == "NEVER" or _is_never(one) for one in said)
    return (is_clause and (bought or never)) or "HELD" in kinds or _have_rows(said)


def _have_rows(said: Sequence[Chunk]) -> bool:
    """Tell whether people are told by rows of theirs: with online purchases, with no declined transactions."""
    is_with = said[0].kind == "IS" and said[0].text.casefold() in ("with", "having", "that have")
    behind = list(said[1:] if is_with else said)
    conds = list(takewhile(lambda one: one.kind in ("VALUE", "COND"), behind))
    is_of_rows = is_with and bool(conds) and [one.kind for one in behind[len(conds) :][:1]] == ["ENTITY"]
    return is_of_rows or any(_is_none(one) for one in conds)


def _is_never(one: Chunk) -> bool:
    return one.kind == "COND" and bool(one.data.never)


def _is_none(one: Chunk) -> bool:
    return one.kind == "COND" and one.data.negated and one.text.casefold().startswith(("no ", "with no ", "without "))


def _is_done(one: Chunk) -> bool:
    """Tell whether a chunk says that something was done, or never was."""
    return one.kind in ("HELD", "BUY", "NEVER") or _is_never(one)


def one_window(windows: Sequence[Window]) -> Window | None:
    """Return the one window that several make: neighbours, or a start and an end."""
    if not windows:
        return None
    first = windows[0]
    for other in windows[1:]:
        if first == other:
            continue
        neighbours = first.end and other.start and (other.start - first.end).days == 1 and first.unit != "day"
        if neighbours and first.start and other.end:
            count = first.count + other.count
            label = f"{first.label} and {other.label}"
            first = Window(start=first.start, end=other.end, unit=first.unit, count=count, label=label)
        elif inside := _in_both(first, other):
            first = inside
        else:
            raise NotUnderstood(other.label)
    return first


def _in_both(one: Window, other: Window) -> Window | None:
    """Return the days from a start to an end, or of a window until an end inside of it: in 2025 until March."""
    starts = [each.start for each in (one, other) if each.start]
    ends = [each.end for each in (one, other) if each.end]
    halves = [each.start or each.end for each in (one, other) if (each.start is None) != (each.end is None)]
    if not halves or not starts or not ends:
        return None
    start, end = max(starts), min(ends)
    fits = start <= end and (len(halves) == 2 or halves[0] in (start, end))
    return Window(start=start, end=end, label=describe(start, end)) if fits else None


def _without_not(cond: Cond) -> Filter:
    """Return what a negated condition negates."""
    return cond.filter.part if isinstance(cond.filter, Negation) else value_filter(cond.item, cond.values)


def only(cond: Cond, value: Any) -> Filter:
    """Return the condition that a field has one of a condition's values."""
    return value_filter(cond.item, (value,))


def top_of(size: float, unit: str) -> Top:
    """Return how many come first: so many, or so many percent.

    Raises:
        NotUnderstood: it is no number of rows, more than a query may name, or no percentage.
    """
    if unit == "percent" and 0 < size <= 100:
        return Top(percent=size)
    if unit or size < 1 or not float(size).is_integer():
        raise NotUnderstood(
            f"{size:g} is not how many can come first. Name a whole number or a percentage.", "invalid_value"
        )
    if size > MAX_LIMIT:
        many = f"The first {size:,.0f} are more than can be named ({MAX_LIMIT:,}). Name fewer, or a percentage of all."
        raise NotUnderstood(many, "invalid_value")
    return Top(rows=int(size))


def numeric(name: str, op: str, values: Sequence[Any]) -> Filter:
    """Return a comparison with bound numbers."""
    if op == "between":
        return Condition(field=name, op="between", values=tuple(values))
    return Condition.model_validate({"field": name, "op": op, "value": values[0]})


def measure_of(one: Held) -> str | Measure:
    """Return the measure that a condition holds, over the rows that it names."""
    if not one.filters:
        return one.figure.measure
    if not isinstance(one.figure.measure, str) or one.average:
        raise NotUnderstood(one.figure.item.label)
    where = one.filters[0] if len(one.filters) == 1 else AllOf.model_validate({"and": one.filters})
    return Measure.model_validate({"metric": one.figure.measure, "where": where, "as": f"{one.figure.item.name}_held"})


def having_of(one: Held) -> Filter:
    """Return a condition on a measure of groups."""
    measure = measure_of(one)
    name = measure if isinstance(measure, str) else measure.name or f"{measure.agg}_{one.figure.item.name}"
    if one.average:
        than = {"agg": one.agg, "overall": one.overall}
        return Relative.model_validate({"field": name, "op": one.op, "than": than, "times": one.times})
    return numeric(name, one.op, one.values)
