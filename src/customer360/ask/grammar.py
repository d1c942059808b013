"""The rules: from chunks of single words to conditions, measures, groups and comparisons.

They run from the inside out: comparisons of numbers, values, conditions on fields, measures, conditions on measures,
groups. What a whole question means is decided afterwards, from what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlglot import exp

from customer360.ask.chunks import Chunk, Rule, apply, renamed, rule
from customer360.ask.dates import Window
from customer360.ask.lexicon import Adjective, Flag, Lexicon, ValueOf, is_numeric, table_extension
from customer360.semantic import Benchmark, Condition, Dimension, Filter, Item, Measure, Negation, Relative
from customer360.semantic.query import Grain

LONGEST_MONTHS = 12 * 500
WHEN = "when_it_was"
"""Stands for the date of what is asked, until that is known."""
FALLING = ("drop", "decrease", "decline", "fall")
_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_INVERTED = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Cmp:
    """A comparison with numbers whose field is still to be found."""

    op: str
    values: tuple[float, ...]
    unit: str


@dataclass(frozen=True)
class Cond:
    """A condition on rows; ``item`` is the field, ``values`` what it is held against where these are values."""

    filter: Filter
    item: Item
    values: tuple[Any, ...] = ()
    negated: bool = False
    separate: bool = False
    """Each value asks for a row of its own: "both Travel and Dining"."""
    never: bool = False
    """Whether what must not be was said to never have been done."""
    only: bool = False
    """Whether nothing else may have been done: who bought only online."""


@dataclass(frozen=True)
class Figure:
    """A measure: what to ask for, over the rows of which table, and the item that tells its unit and label."""

    measure: str | Measure
    table: str
    item: Item
    agg: str = ""
    of: Item | None = None
    """The metric whose mean was asked for."""


@dataclass(frozen=True)
class Held:
    """A condition on a measure."""

    figure: Figure
    op: str
    values: tuple[Any, ...]
    filters: tuple[Filter, ...] = ()
    average: bool = False
    times: float = 1.0
    by: tuple[str, ...] = ()
    overall: bool = False
    """Whether the average is that of all rows, not of the groups."""
    counted: tuple[Chunk, Chunk] | None = None
    """What was counted and the comparison beside it, which may belong to something else."""


@dataclass(frozen=True)
class Bands:
    """Classes of a number that were listed: under 30, 30 to 44, 45 and over."""

    bounds: tuple[float, ...]
    within: tuple[Cmp, ...]
    """What keeps the numbers that no class was listed for out."""
    is_above: bool = False
    """Whether the last class begins behind its bound: over 50 after 30 to 50."""


@dataclass(frozen=True)
class Lacked:
    """A window in which something was not done that was done in another one."""

    window: Window
    filters: tuple[Filter, ...] | None = None
    """What was not done, where it is another thing."""
    anything: bool = False
    """Whether "nothing" was said, which may be less than what was done."""


@dataclass(frozen=True)
class Groups:
    """What the answer is broken down by."""

    dimensions: tuple[Dimension, ...]
    table: str = ""
    """The table each of whose rows is a group, where one was named instead of a field."""
    within: tuple[str, ...] = ()
    """The fields inside of whose values the others are split."""


@dataclass(frozen=True)
class Sorting:
    """An order that is asked for: by what, and which end comes first; either may be left unsaid."""

    by: Chunk | None = None
    descending: bool | None = None
    by_name: bool = False
    """Whether the order is that of the alphabet."""
    best: bool | None = None
    """Whether the best comes first, or the worst, which is the most of what is a risk."""


def sorting_of(by: Chunk | None, said: Sequence[Chunk]) -> Sorting:
    """Return the order by what was named, in the direction that the words beside it say."""
    told = next((one.data for one in said if one.kind == "DIR"), None)
    if told is None and any("descending" in one.text.casefold() for one in said):
        told = "desc"
    if told in ("best", "worst"):
        return Sorting(by, best=told == "best")
    return Sorting(by, None if told is None else told == "desc", told == "name")


def number(value: float) -> int | Decimal:
    """Return a number as a query takes it, exactly as it was written."""
    return int(value) if float(value).is_integer() else Decimal(repr(value))


def value_filter(item: Item, values: Sequence[Any], *, negated: bool = False) -> Filter:
    """Return the condition that a field has one of some values, or none of them."""
    if len(values) == 1:
        return Condition(field=item.full_name, op="!=" if negated else "=", value=values[0])
    return Condition(field=item.full_name, op="not_in" if negated else "in", values=tuple(values))


def value_cond(item: Item, values: Sequence[Any], *, negated: bool = False, separate: bool = False) -> Cond:
    """Return that condition with what it is about."""
    return Cond(value_filter(item, values, negated=negated), item, tuple(values), negated, separate)


def compare_filter(item: Item, op: str, values: Sequence[float]) -> Filter:
    """Return the comparison of a field with numbers."""
    if op == "between":
        return Condition(field=item.full_name, op="between", values=tuple(number(value) for value in values))
    return Condition.model_validate({"field": item.full_name, "op": op, "value": number(values[0])})


def reduce_chunks(lexicon: Lexicon, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks after all rules."""
    return apply(_RULES, chunks, lexicon)


# Numbers


def _compared(_: Lexicon, part: list[Chunk]) -> Chunk:
    op, num = part[0], part[-1]
    return op.made("CMP", Cmp(op.data, (num.data[0],), num.data[1]), *part[1:])


def _or_more(_: Lexicon, part: list[Chunk]) -> Chunk:
    num, more = part
    return num.made("CMP", Cmp(more.data, (num.data[0],), num.data[1]), more)


def _and_over(_: Lexicon, part: list[Chunk]) -> Chunk:
    """And over 50: not "50 and over"."""
    more, num = part
    return more.made("CMP", Cmp(more.data.rstrip("="), (num.data[0],), num.data[1]), num)


def _from_to(_: Lexicon, part: list[Chunk]) -> Chunk:
    numbers = [one.data for one in part if one.kind == "NUM"]
    unit = numbers[0][1] or numbers[1][1]
    return part[0].made("CMP", Cmp("between", (numbers[0][0], numbers[1][0]), unit), *part[1:])


def _not_compared(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    cmp: Cmp = part[-1].data
    if cmp.op not in _INVERTED:
        return None
    return part[0].made("CMP", replace(cmp, op=_INVERTED[cmp.op]), *part[1:])


def _two_bounds(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Over 100 but under 500."""
    low, high = part[0].data, part[-1].data
    if {low.op[:1], high.op[:1]} != {">", "<"}:
        return None
    return part[0].made("CMPS", (low, high), *part[1:])


def _bands(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Under 30, 30 to 44, 45 and over: classes that follow each other without a gap."""
    listed: list[Cmp] = [one.data for one in part if one.kind == "CMP"]
    lows = [cmp.values[0] for cmp in listed if cmp.op in (">", ">=", "between")]
    highs = [cmp.values[-1] for cmp in listed if cmp.op in ("<", "<=", "between")]
    opens, ends = listed[0].op in ("<", "<="), listed[-1].op in (">", ">=")
    if opens:
        lows = [0.0, *lows]
    closed = all(cmp.op == "between" for cmp in listed[1:-1]) and (opens or listed[0].op == "between")
    if not closed or not (ends or listed[-1].op == "between") or len(lows) != len(listed):
        return None
    follows = all(0 <= low - high <= 1 for high, low in zip(highs, lows[1:], strict=False))
    if not follows or any(high <= low for low, high in pairwise(lows)):
        return None
    from_ = [] if opens else [Cmp(">=", (lows[0],), listed[0].unit)]
    to = [] if ends else [Cmp("<=", (highs[-1],), listed[-1].unit)]
    is_above = listed[-1].op == ">" and listed[-2].op == "between" and lows[-1] == highs[-1]
    return part[0].made("BANDS", Bands(tuple(lows), (*from_, *to), is_above), *part[1:])


def _banded(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Age bands under 30, 30 to 44, 45 and over; without a field, by what makes one row large."""
    bands: Bands = part[-1].data
    field = next((one.data for one in part if one.kind == "FIELD"), None)
    kept = [one for one in part if one.kind not in ("BY", "FIELD", "BINS", "COMMA", "BANDS")]
    if field is None:
        field = _size_of(lexicon, kept[0])
    if field is None or not is_numeric(field):
        return None
    bounds = bands.bounds
    if bands.is_above and field.data_type in ("INTEGER", "BIGINT"):
        bounds = (*bounds[:-1], bounds[-1] + 1)
    group = Groups((Dimension(name=field.full_name, bounds=bounds),))
    conds = [part[-1].made("COND", Cond(compare_filter(field, one.op, one.values), field)) for one in bands.within]
    return [*kept, part[-1].made("GROUP", group), *conds]


def _size_of(lexicon: Lexicon, counted: Chunk) -> Item | None:
    """Return what makes a row large of those that are named or counted."""
    data = counted.data[0] if counted.kind == "COUNTED" else counted.data
    table = data if counted.kind == "ENTITY" else data.table
    counts = count_of(lexicon, table)
    if isinstance(data, Figure) and (counts is None or data.measure != counts.measure):
        return None
    name = f"{table}.{table_extension(lexicon.model, table).size_field}"
    return next((one for one in lexicon.model.items if one.full_name == name), None)


def _ordinals(_: Lexicon, part: list[Chunk]) -> Chunk:
    """25th, 50th and 75th percentile."""
    return part[0].made("NTHPCTS", tuple(one.data for one in part if one.kind == "NTHNUM"), *part[1:])


def _ordinal(_: Lexicon, part: list[Chunk]) -> Chunk:
    return part[0].made("NTHPCT", part[0].data, part[1])


# Values


def _kind_of_value(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Leisure categories: a field of the same small table behind a value only says what it is a value of."""
    value, field = part[0], part[-1]
    if value.kind != "VALUE" or field.kind != "FIELD" or len(part) != 2:
        return None
    table = field.data.table
    is_small = all(
        one.name != table or not (one.x_nl.activity or one.x_nl.size_field) for one in lexicon.model.definition.tables
    )
    same = value.data.item.table == table and field.text.casefold().endswith("s")
    return value.made("VALUE", value.data, field) if is_small and same else None


def _named_value(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A value beside the name of its field: card type Premium, Texas state, status is not declined."""
    fields = [one for one in part if one.kind == "FIELD"]
    values = [one for one in part if one.kind in ("VALUE", "NAMEDVALUE", "COND")]
    data = values[0].data
    if fields[0].data != data.item:
        return _kind_of_value(lexicon, part)
    if isinstance(data, Cond):
        return part[0].made("COND", data, *part[1:]) if data.values else None
    signs = [one.data for one in part if one.kind == "OP"]
    if any(one not in ("=", "!=") for one in signs):
        return None
    negated = any(one.kind == "NOT" for one in part) != ("!=" in signs)
    return part[0].made(
        "COND" if negated else "VALUE", value_cond(data.item, data.values, negated=True) if negated else data, *part[1:]
    )


def _values(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Several values of one field: Texas, Florida or Ohio."""
    named = [one for one in part if one.kind == "VALUE"]
    items = {one.data.item for one in named}
    if len(items) > 1:
        return None
    data = ValueOf(named[0].data.item, tuple(dict.fromkeys(value for one in named for value in one.data.values)))
    if part[0].kind == "BOTH":
        return part[0].made("COND", value_cond(data.item, data.values, separate=True), *part[1:])
    return part[0].made("VALUE", data, *part[1:])


def _elided_values(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Medium or high risk: what the last of several values says of them all is left out before."""
    named = [renamed(one, "VALUE") if one.kind == "NAMEDVALUE" else one for one in part]
    return _not_value(lexicon, named) if named[0].kind == "NEITHER" else _values(lexicon, named)


def _not_value(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    found = [one for one in part if one.kind == "VALUE"]
    items = {one.data.item for one in found}
    if len(items) > 1:
        return None
    item = items.pop()
    values = tuple(value for one in found for value in one.data.values)
    cond = replace(value_cond(item, values, negated=True), never=part[0].kind == "NEVER")
    return part[0].made("COND", cond, *part[1:])


def _flag(_: Lexicon, part: list[Chunk]) -> Chunk:
    flag: Flag = part[-1].data
    value = flag.value if len(part) == 1 else not flag.value
    return part[0].made(
        "COND", Cond(Condition(field=flag.item.full_name, op="=", value=value), flag.item, (value,)), *part[1:]
    )


def _not_cond(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    cond: Cond = part[-1].data
    if not isinstance(cond.filter, Condition):
        return None
    if cond.values and not isinstance(cond.values[0], bool):
        return part[0].made("COND", value_cond(cond.item, cond.values, negated=not cond.negated), *part[1:])
    return part[0].made("COND", Cond(Negation(**{"not": cond.filter}), cond.item, (), negated=True), *part[1:])


# Conditions on fields


def _field_compared(_: Lexicon, part: list[Chunk]) -> Chunk | Sequence[Chunk] | None:
    field = next(one for one in part if one.kind == "FIELD")
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    if not is_numeric(field.data) or not _fits(field.data, cmp.unit):
        return None
    falling = any(word in field.text.casefold() for word in FALLING)
    op = _MIRRORED.get(cmp.op, cmp.op) if falling else cmp.op
    values = tuple(-value for value in cmp.values) if falling else cmp.values
    cond = Cond(compare_filter(field.data, op, values), field.data)
    return part[0].made("COND", cond, *part[1:])


def _field_bounds(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    field, bounds = part[0], part[-1]
    if not is_numeric(field.data):
        return None
    return [
        part[0].made("COND", Cond(compare_filter(field.data, one.op, one.values), field.data), *part[1:])
        for one in bounds.data
    ]


def _field_number(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A number with a field and no operator: churn score of 100, 25 year olds."""
    field, num = next(one for one in part if one.kind == "FIELD"), next(one for one in part if one.kind == "NUM")
    is_limit = field.text.casefold() == "limit" and not num.data[1]  # "limit 10" is about how many rows are wanted
    if not is_numeric(field.data) or not _fits(field.data, num.data[1]) or is_limit:
        return None
    return part[0].made("COND", Cond(compare_filter(field.data, "=", (num.data[0],)), field.data), *part[1:])


def _fits(item: Item, unit: str) -> bool:
    return not unit or (
        (item.unit == "currency") == (unit == "money") and (unit != "percent" or item.unit in ("percent", "score"))
    )


def _adjective(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Older than 65, younger than 30."""
    adjective: Adjective = part[0].data
    num = part[-1].data
    if adjective.superlative:
        return None
    value, op = (num.values[0], num.op) if isinstance(num, Cmp) else (num[0], adjective.op)
    cond = Cond(compare_filter(adjective.item, op, (value,)), adjective.item)
    return part[0].made("COND", cond, *part[1:])


def _or_older(_: Lexicon, part: list[Chunk]) -> Chunk:
    num, more = part[0], part[-1]
    adjective: Adjective = more.data
    cond = Cond(compare_filter(adjective.item, adjective.op + "=", (num.data[0],)), adjective.item)
    return num.made("COND", cond, *part[1:])


def _decade(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    age = _item_called(lexicon, "age")
    if age is None:
        return None
    low = part[-1].data
    return part[0].made("COND", Cond(compare_filter(age, "between", (low, low + 9)), age), *part[1:])


def _item_called(lexicon: Lexicon, name: str) -> Item | None:
    return next((item for item in lexicon.model.items if item.name == name and item.kind == "dimension"), None)


def _than_average(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A field against its mean: lifetime value above average, above their segment's average age."""
    kinds = [one.kind for one in part]
    op = part[kinds.index("OP")].data
    fields = [one.data for one in part if one.kind == "FIELD"]
    numeric = [item for item in fields if is_numeric(item)]
    groups = [item for item in fields if not is_numeric(item)]
    if not numeric or len(set(numeric)) > 1:
        return None
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    agg = next(one.data for one in part if one.kind == "AGG")
    if agg not in ("avg", "median"):
        return None
    than = Benchmark(agg=agg, by=tuple(item.full_name for item in groups))
    cond = Cond(Relative(field=numeric[0].full_name, op=op, than=than, times=times), numeric[0])
    return part[0].made("COND", cond, *part[1:])


def _than_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    left, right = part[0].data, part[-1].data
    if not (is_numeric(left) and is_numeric(right)) or left == right:
        return None
    op = next(one for one in part if one.kind == "OP").data
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    return part[0].made(
        "COND", Cond(Relative(field=left.full_name, op=op, than=right.full_name, times=times), left), *part[1:]
    )


@dataclass(frozen=True)
class Duration:
    """A length of time and how it is compared."""

    op: str
    count: float
    unit: str

    def days(self) -> float:
        """Return it in days."""
        return self.count * {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[self.unit]

    def months(self) -> float:
        """Return it in months."""
        return self.count * {"day": 1 / 30, "week": 7 / 30, "month": 1, "quarter": 3, "year": 12}[self.unit]

    def before(self, day: date) -> date:
        """Return the day that lies so long before another."""
        unit = {"day": "days", "week": "weeks", "month": "months", "quarter": "months", "year": "years"}[self.unit]
        return day - relativedelta(**{unit: int(self.count) * (3 if self.unit == "quarter" else 1)})  # type: ignore[arg-type]


def _duration(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than 60 days, under a year."""
    first, unit = part[0], part[-1]
    if first.kind == "CMP":
        cmp: Cmp = first.data
        if cmp.op == "between" or cmp.unit:
            return None
        return first.made("DURATION", Duration(cmp.op, cmp.values[0], unit.data), unit)
    if first.kind == "NUM":
        return None if first.data[1] else first.made("DURATION", Duration("=", first.data[0], unit.data), unit)
    if not unit.text.casefold().startswith(("a ", "one ")):
        return None
    return first.made("DURATION", Duration(first.data, 1, unit.data), unit)


def _field_duration(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Tenure over 2 years: the field's own unit decides."""
    field, duration = part[0].data, part[-1].data
    if field.unit not in ("days", "months", "years"):
        return None
    in_units = {"days": duration.days, "months": duration.months, "years": lambda: duration.months() / 12}
    cond = Cond(compare_filter(field, duration.op, (in_units[field.unit](),)), field)
    return part[0].made("COND", cond, *part[1:])


def _amount_of(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The amount of transactions is asked for, and not a field of them."""
    return part[0].made("HOWMUCH", "") if part[0].text.casefold() == "amount" else None


def _with_group(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Merchant categories with their group: a field of the same table, and no classes of numbers."""
    items = [one for one in lexicon.model.items if one.table == part[0].data.table and one.name.endswith("_group")]
    if len(items) != 1 or part[-1].text.casefold().rstrip("s") != "group":
        return None
    between = Chunk("AND", "", part[1].first, part[1].last, part[1].text)
    return [part[0], between, part[-1].made("FIELD", items[0])]


def _percent_change(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """The change in percent, or the percentage growth of a measure."""
    if "percent" not in part[0].text.casefold():
        return None
    return [*part[1:-1], part[-1].made("CHANGE", part[-1].data, part[0])]


def _neither(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Neither Premium nor at low risk, of two fields: not the one and not the other."""
    named = [one for one in part if one.kind == "VALUE"]
    if named[0].data.item == named[1].data.item:
        return None
    return [one.made("COND", value_cond(one.data.item, one.data.values, negated=True)) for one in named]


def _by_all_but(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In every segment other than Declining: by segment, without that one."""
    field, values = part[1], [one for one in part if one.kind == "VALUE"]
    cond = _not_value(lexicon, [next(one for one in part if one.kind == "NOT"), *values])
    group, _ = dimension_of(lexicon, field.data)
    if cond is None or group is None or any(one.data.item != field.data for one in values):
        return None
    return [part[0].made("GROUP", Groups((group,)), field), cond]


def _per_month(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spend over 2,000 a month: the monthly mean that the profile holds."""
    cmp: Cmp = part[1].data
    names = [name for name, one in lexicon.extensions.items() if one.per_month_of == part[0].data.full_name]
    item = next((one for one in lexicon.model.items if names and one.full_name == names[0]), None)
    if part[-1].data != "month" or item is None or not _fits(item, cmp.unit):
        return None
    return part[0].made("COND", Cond(compare_filter(item, cmp.op, cmp.values), item), *part[1:])


def _fraction(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Less than a third of their credit line: a percentage of it."""
    item = part[-1].data
    if item.unit != "percent" or not 0 < part[1].data < 1:
        return None
    cond = Cond(compare_filter(item, part[0].data, (round(100 * part[1].data, 2),)), item)
    return part[0].made("COND", cond, *part[1:])


def _so_often(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Declined at least ten times, shopped more than 5 times: so many rows like these."""
    doer = next((one for one in lexicon.model.definition.tables if one.x_nl.activity), None)
    counted = count_of(lexicon, doer.x_nl.activity) if doer and doer.x_nl.activity else None
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    if counted is None or doer is None or cmp.unit:
        return None
    filters: tuple[Filter, ...] = ()
    if part[0].kind == "VALUE":
        if lexicon.model.relations.reaches(doer.name, part[0].data.item.table):
            return None
        filters = (as_cond(part[0]).filter,)
    held = Held(counted, cmp.op, tuple(number(value) for value in cmp.values), filters)
    return [part[0].made("HELD", held, *part[1:])]


def _part_of_rows(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than half of the customers: a percentage of them."""
    share = part[1].data
    return part[0].made("CMP", Cmp(part[0].data, (round(100 * share, 2),), "percent"), part[1]) if share < 1 else None


def _quiet(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Inactive for more than 60 days, no purchase in over a month."""
    item = _item_named(lexicon, lambda one: one.unit == "days" and one.kind == "fact")
    duration: Duration = part[-1].data
    if item is None or duration.op not in (">", ">=", "=", "<", "<="):
        return None
    if part[0].kind == "VALUE" and "Inactive" not in part[0].data.values:
        return None
    op = ">=" if duration.op == "=" else duration.op
    return part[0].made("COND", Cond(compare_filter(item, op, (duration.days(),)), item), *part[1:])


def _with_us(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """With us for more than 2 years."""
    item = _item_named(lexicon, lambda one: one.unit == "months" and one.kind == "fact")
    if item is None:
        return None
    duration: Duration = part[-1].data
    op = ">=" if duration.op == "=" else duration.op
    return part[0].made("COND", Cond(compare_filter(item, op, (duration.months(),)), item), *part[1:])


def _opened_ago(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Opened more than 2 years ago: before that day."""
    duration: Duration = part[-1].data
    tables = [one for one in lexicon.model.definition.tables if one.x_nl.activity and one.x_nl.default_time_dimension]
    if not tables or duration.op == "=":
        return None
    name = f"{tables[0].name}.{tables[0].x_nl.default_time_dimension}"
    item = next(one for one in lexicon.model.items if one.full_name == name)
    op = {">": "<", ">=": "<=", "<": ">", "<=": ">="}.get(duration.op, "=")
    if duration.months() > LONGEST_MONTHS:
        return None
    tree = Condition.model_validate({"field": name, "op": op, "value": duration.before(lexicon.newest)})
    return part[0].made("COND", Cond(tree, item), *part[1:])


def _item_named(lexicon: Lexicon, fits: Callable[[Item], bool]) -> Item | None:
    asked = (
        one
        for one in lexicon.model.items
        if one.full_name in lexicon.extensions and lexicon.extensions[one.full_name].asked
    )
    return next((one for one in asked if fits(one)), None)


def _sized(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Transactions over $900: by what makes one of them large."""
    thing = next(one for one in part if one.kind in ("ENTITY", "COUNTED"))
    table = thing.data if thing.kind == "ENTITY" else thing.data[1]
    cmp = next(one for one in part if one.kind == "CMP")
    extension = table_extension(lexicon.model, table)
    if not extension.size_field or cmp.data.unit == "percent" or (part[0].kind == "CMP" and cmp.data.unit != "money"):
        return None
    item = next(one for one in lexicon.model.items if one.full_name == f"{table}.{extension.size_field}")
    cond = cmp.made("COND", Cond(compare_filter(item, cmp.data.op, cmp.data.values), item))
    return [*(one for one in part if one not in (cmp,)), cond]


def _percent_on(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spend more than 25 % of their money on travel: the share that the profile holds."""
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    value = next(one for one in part if one.kind == "VALUE").data.values[0].casefold()
    item = _item_named(
        lexicon, lambda one: one.unit == "percent" and one.kind == "fact" and one.name == f"{value}_spend_pct"
    )
    if item is None or cmp.unit != "percent":
        return None
    return part[0].made("COND", Cond(compare_filter(item, cmp.op, cmp.values), item), *part[1:])


def _than_before(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spending less than in the prior 90 days: one period of the profile against the other."""
    figure: Figure = part[0].data
    op = next(one.data for one in part if one.kind == "OP")
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    windows = [one.data for one in part if one.kind == "TIME"]
    pairs = {
        (one.days, one.days_before): name for name, one in lexicon.extensions.items() if one.days_of == figure.measure
    }
    lengths = {days for days, _ in pairs}
    if any(window.unit != "day" or window.count not in lengths or not window.rolling for window in windows):
        return None
    days = windows[0].count
    now, before = pairs.get((days, 0)), pairs.get((days, days))
    if not now or not before:
        return None
    item = next(one for one in lexicon.model.items if one.full_name == now)
    cond = Cond(Relative(field=now, op=op, than=before, times=times), item)
    return part[0].made("COND", cond, *part[1:])


def _quartiles(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    item = part[-1].data
    figures = [figure_of(lexicon, "percentile", item, percentile=at) for at in (25, 50, 75)]
    return [part[0].made("MEASURE", figure, *part[1:]) for figure in figures] if all(figures) else None


def _several(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Minimum, maximum and mean of one field."""
    last = part[-1]
    names = {"desc": "max", "asc": "min"}
    aggs = [names.get(one.data, one.data) for one in part if one.kind in ("AGG", "SUP")]
    item = (
        last.data if last.kind == "FIELD" else added_up(lexicon, last.data if last.kind == "METRIC" else last.data.item)
    )
    if item is None and last.kind == "METRIC":
        item = next(
            (
                one
                for one in lexicon.model.items
                for (agg, name), metric in lexicon.aggregates.items()
                if metric == last.data and one.full_name == name
            ),
            None,
        )
    if item is None or len(set(aggs)) < len(aggs):
        return None
    figures = [figure_of(lexicon, agg, item) for agg in aggs]
    kept = [one for one in part if one.kind in ("VALUE", "COND")]
    if not all(figures):
        return None
    return [*(part[0].made("MEASURE", figure, *part[1:]) for figure in figures), *kept]


def _after(_: Lexicon, part: list[Chunk]) -> list[Chunk]:
    """Put a condition before what it stands in: average approved amount."""
    return [*part[1:-1], part[0], part[-1]]


def _different(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """At least 3 different merchants: how many values of a field a customer's rows have."""
    item, first = part[-1].data, part[0]
    doers = [one.x_nl.activity for one in lexicon.model.definition.tables if one.x_nl.activity]
    if (
        is_numeric(item)
        or item.kind != "dimension"
        or not doers
        or not lexicon.model.relations.reaches(doers[0], item.table)
    ):
        return None
    if any(
        one.x_nl.activity and lexicon.model.relations.reaches(one.name, item.table)
        for one in lexicon.model.definition.tables
    ):
        return None
    cmp = first.data if first.kind == "CMP" else Cmp("=", (first.data[0],), first.data[1])
    if cmp.unit:
        return None
    figure = figure_of(lexicon, "count_distinct", item, over=doers[0])
    if figure is None:
        return None
    held = Held(replace(figure, table=doers[0]), cmp.op, tuple(number(value) for value in cmp.values))
    return first.made("HELD", held, *part[1:])


def _did_different(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Used only 1 channel: exactly so many."""
    made = _different(lexicon, part[1:])
    return None if made is None else [part[0], made]


def _signed(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A positive or negative change."""
    item = part[-1].data
    if not is_numeric(item):
        return None
    return part[0].made("COND", Cond(compare_filter(item, part[0].data, (0,)), item), *part[1:])


def _number_of_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The number of days since the last purchase is a field, not a count."""
    field = part[-1]
    return field.made("FIELD", field.data, part[0]) if is_numeric(field.data) and field.data.kind == "fact" else None


def _counted_value(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Number of Premium cards: of the customers who have one."""
    value = part[-1]
    table = next((one.name for one in lexicon.model.definition.tables if one.x_nl.activity), "")
    count = count_of(lexicon, table) if table else None
    if count is None or not lexicon.model.relations.reaches(table, value.data.item.table):
        return None
    return [part[0].made("COUNTED", (count, table, False)), value]


def _aggregated_held(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Average churn score over 36: the comparison is with the average, not with each score."""
    made = _aggregated(lexicon, [part[0], part[-1]])
    return None if made is None else [made, *part[1:-1]]


def _extreme_held(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Lowest credit limit below 5: the comparison is with the lowest one."""
    figure = figure_of(lexicon, "max" if part[0].data == "desc" else "min", part[1].data)
    return part[0].made("MEASURE", figure, part[1]) if figure else None


def _across(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Across customers says nothing that "customers" does not."""
    told, named = part[0].text.casefold(), part[1].text.casefold()
    is_agent = told == "by" and named.endswith(("s", "people"))
    return renamed(part[1], "ENTITY") if is_agent or told.startswith(("across", "over all", "for all")) else None


def _plain_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Employment group: the word adds nothing to a field that has no classes."""
    return part[0].made("FIELD", part[0].data, part[1]) if not is_numeric(part[0].data) else None


# Measures


def figure_of(lexicon: Lexicon, agg: str, item: Item, **more: Any) -> Figure | None:
    """Return an aggregate of a field, as the model's metric where it has one."""
    counted = aggregated_item(lexicon, item, "as") or item
    known = lexicon.aggregates.get((agg, counted.full_name)) or lexicon.aggregates.get((agg, item.full_name))
    if known and not more:
        return Figure(known.full_name, known.table, known, agg)
    if (
        agg not in ("count_distinct",)
        and not is_numeric(item)
        and not (agg in ("min", "max") and item.kind == "time_dimension")
    ):
        return None
    measure = Measure.model_validate({"agg": agg, "field": counted.full_name, **more})
    return Figure(measure, lexicon.model.relations.home(item.table), item, agg)


def metric_figure(item: Item) -> Figure:
    """Return a metric of the model as a measure."""
    return Figure(item.full_name, item.table, item)


def aggregated_item(lexicon: Lexicon, item: Item, how: str) -> Item | None:
    """Return the fact that is aggregated for a field, ``as`` a rule or ``otherwise``; nothing where it has none."""
    extension = lexicon.extensions.get(item.full_name)
    name = getattr(extension, f"aggregate_{how}", None)
    full_name = f"{item.table}.{name}"
    return next((one for one in lexicon.model.items if one.full_name == full_name), None) if name else None


def otherwise_of(lexicon: Lexicon, figure: Figure) -> Figure | None:
    """Return the same aggregate of the field that stands in where a figure leaves out the rows that are asked for."""
    agg, name = figure.agg, figure.measure.field if isinstance(figure.measure, Measure) else None
    for (known, field), metric in lexicon.aggregates.items():
        if figure.measure == metric.full_name:
            agg, name = known, field
    for item in lexicon.model.items:
        amount, other = (aggregated_item(lexicon, item, how) for how in ("as", "otherwise"))
        if amount and other and amount.full_name == name:
            return figure_of(lexicon, agg, other)
    return None


def _metric(_: Lexicon, part: list[Chunk]) -> Chunk:
    return renamed(part[0], "MEASURE", metric_figure(part[0].data))


def _aggregated(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """An aggregate of a field: average credit limit, total of lifetime value."""
    field = next(one for one in part if one.kind == "FIELD")
    aggs = [one.data for one in part if one.kind == "AGG"]
    if len(aggs) > 1:
        return None
    figure = figure_of(lexicon, aggs[0], field.data)
    return part[0].made("MEASURE", figure, *part[1:]) if figure else None


def _aggregated_metric(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """An aggregate of a metric: total spend is the spend, average spend the mean of what it adds up."""
    agg, figure = part[0].data, part[-1].data
    if figure.agg:
        return part[0].made("MEASURE", figure, *part[1:]) if figure.agg == agg else None
    if not isinstance(figure.measure, str):
        return None
    if any(metric == figure.item and known == agg for (known, _), metric in lexicon.aggregates.items()):
        return part[0].made("MEASURE", figure, *part[1:])
    added = added_up(lexicon, figure.item)
    if agg == "sum" and (added or figure.item.unit == "count"):
        return part[0].made("MEASURE", figure, *part[1:])
    if agg == "avg" and figure.item.unit in ("percent", "score"):
        return part[0].made("MEASURE", figure, *part[1:])
    found = figure_of(lexicon, agg, added) if added else _of_some(lexicon, agg, figure.item)
    return part[0].made("MEASURE", replace(found, of=figure.item), *part[1:]) if found else None


def added_up(lexicon: Lexicon, metric: Item) -> Item | None:
    """Return the field that a metric is the sum of."""
    named = [name for (agg, name), item in lexicon.aggregates.items() if agg == "sum" and item == metric]
    if not named or not isinstance(metric.expression, exp.Sum):
        return None
    return next(item for item in lexicon.model.items if item.full_name == named[0])


def _of_some(lexicon: Lexicon, agg: str, metric: Item) -> Figure | None:
    """Return an aggregate of what a metric adds up of some rows: the mean of declined amounts."""
    case = metric.expression.this if isinstance(metric.expression, exp.Sum) else None
    test = case.args["ifs"][0] if isinstance(case, exp.Case) and len(case.args["ifs"]) == 1 else None
    if test is None or not isinstance(test.this, exp.EQ):
        return None
    own = [one for one in lexicon.model.items if one.table == metric.table and one.kind in ("fact", "dimension")]
    plain = [one for one in own if aggregated_item(lexicon, one, "as") is None]
    field = next((one for one in plain if one.expression == test.args["true"]), None)
    known = next((one for one in own if one.expression == test.this.this), None)
    if field is None or known is None:
        return None
    where = Condition(field=known.full_name, op="=", value=test.this.expression.name)
    return figure_of(lexicon, agg, field, where=where)


def _counted(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """How many customers, number of distinct merchants."""
    thing = part[-1]
    distinct = any(one.kind == "DISTINCT" for one in part)
    if thing.kind == "ENTITY":
        count = count_of(lexicon, thing.data)
        return part[0].made("COUNTED", (count, thing.data, distinct), *part[1:]) if count else None
    item: Item = thing.data
    if is_numeric(item) and item.kind != "dimension":
        return None
    figure = figure_of(lexicon, "count_distinct", item)
    return part[0].made("COUNTEDFIELD", (figure, item), *part[1:])


def _counted_some(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """How many Premium customers: the conditions stand on their own."""
    counted = _counted(lexicon, [*(one for one in part if one.kind in ("COUNT", "DISTINCT")), part[-1]])
    return None if counted is None else [counted, *(one for one in part[1:-1] if one.kind in ("VALUE", "COND"))]


def _counted_measure(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Number of declined transactions, where that is a metric already."""
    figure: Figure = part[-1].data
    return part[0].made("MEASURE", figure, *part[1:]) if figure.item.unit == "count" and not figure.agg else None


def count_of(lexicon: Lexicon, table: str) -> Figure | None:
    """Return the metric that counts the rows of a table."""
    for item in lexicon.model.items:
        counts_rows = isinstance(item.expression, exp.Count) and isinstance(item.expression.this, exp.Star)
        if item.table == table and item.kind == "metric" and counts_rows:
            return metric_figure(item)
    return None


def _percentile(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    at = next((one.data for one in part if one.kind in ("NTHPCT", "QUARTILE")), None)
    at = at if at is not None else next(one.data[0] for one in part if one.kind == "NUM")
    of = part[-1]
    item = of.data if of.kind == "FIELD" else added_up(lexicon, of.data.item)
    if item is None or not 0 <= at <= 100:
        return None
    figure = figure_of(lexicon, "percentile", item, percentile=at)
    return part[0].made("MEASURE", figure, *part[1:]) if figure else None


def _percentiles(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    made = [_percentile(lexicon, [part[0].made("NTHPCT", at), part[1]]) for at in part[0].data]
    found = [one for one in made if one is not None]
    return found if len(found) == len(made) else None


def _correlated(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    items = [
        one.data if one.kind == "FIELD" else lexicon.totals.get(one.data.full_name, one.data)
        for one in part
        if one.kind in ("FIELD", "METRIC")
    ]
    if any(item.kind in ("metric", "derived_metric") for item in items):
        return None
    if not all(is_numeric(item) for item in items) or items[0] == items[1]:
        return None
    left, right = items
    measure = Measure(agg="corr", field=left.full_name, other=right.full_name)
    home = lexicon.model.relations.home
    table = home(left.table)
    if home(right.table) != table:
        if not lexicon.model.relations.reaches(table, right.table):
            left, right, table = right, left, home(right.table)
        measure = Measure(agg="corr", field=left.full_name, other=right.full_name, over=table)
    return part[0].made("MEASURE", Figure(measure, table, left, "corr"), *part[1:])


# Conditions on measures


def _measure_compared(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    data = next(one for one in part if one.kind in ("MEASURE", "COUNTED")).data
    figure: Figure = data[0] if isinstance(data, tuple) else data
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    if not _fits(figure.item, cmp.unit):
        return None
    counted = (part[0], part[-1]) if part[0].kind == "COUNTED" else None
    values = tuple(number(value) for value in cmp.values)
    return part[0].made("HELD", Held(figure, cmp.op, values, counted=counted), *part[1:])


def _more_than_things(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than 5 declined transactions, at least 3 online purchases."""
    cmp: Cmp = part[0].data
    thing = part[-1]
    count = count_of(lexicon, thing.data) if thing.kind == "ENTITY" else thing.data
    if count is None or cmp.unit or (count.item.unit != "count"):
        return None
    conds = [as_cond(one) for one in part[1:-1] if one.kind in ("VALUE", "COND")]
    filters = tuple(cond.filter for cond in conds)
    return part[0].made("HELD", Held(count, cmp.op, tuple(number(v) for v in cmp.values), filters), *part[1:])


def _no_things(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """No transactions, without any declined purchases."""
    count = count_of(lexicon, part[-1].data) if part[-1].kind == "ENTITY" else part[-1].data
    is_sum = count is not None and added_up(lexicon, count.item) is not None and _says_none(part[0])
    adds_up = is_sum or (count is not None and count.item.unit == "count")
    if count is None or not adds_up or (part[-1].kind == "ENTITY" and not _is_fine(lexicon, part[-1].data)):
        return None
    filters = tuple(as_cond(one).filter for one in part[1:-1] if one.kind in ("VALUE", "COND"))
    return part[0].made("HELD", Held(count, "=", (0,), filters), *part[1:])


def _without_things(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Merchants that had no declined transactions: of which there are none, not those that have others."""
    if is_numeric(part[0].data) or not _is_fine(lexicon, part[-1].data):
        return None
    held = _no_things(lexicon, part[-3:])
    return None if held is None else [*part[:-3], held]


def _says_none(no: Chunk) -> bool:
    """Tell whether a negation says that there is none of an amount, not that another one is meant: not spend."""
    return no.kind == "NEVER" or no.text.casefold() in ("no", "with no", "without", "nothing")


def _spent_nothing(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spent nothing."""
    return _no_things(lexicon, part[::-1]) if part[-1].text.casefold().endswith("nothing") else None


def _no_field(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """No spend in the last 90 days, where a field holds it."""
    item = part[-1].data
    if not lexicon.extensions[item.full_name].days_of or not _says_none(part[0]):
        return None
    return part[0].made("COND", Cond(compare_filter(item, "=", (0,)), item), part[-1])


def _not_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In October but not in September: what was done in the first window was not done in the second."""
    no = next(one for one in part if one.kind in ("NOT", "NEVER", "NONE"))
    lacked = Lacked(part[-1].data, anything=no.text.casefold().endswith("nothing"))
    return [part[0], no.made("LACKED", lacked, part[-1])]


def _no_such_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In October but no purchase, or nothing in Travel, in September."""
    no = next(one for one in part if one.kind in ("HELD", "COND"))
    if no.kind == "HELD":
        filters = no.data.filters if is_none_of(no.data) else None
    else:
        is_none = no.data.never or (no.data.negated and no.text.casefold().startswith(("no ", "with no ", "without ")))
        filters = (value_filter(no.data.item, no.data.values),) if is_none and no.data.values else None
    return None if filters is None else [part[0], no.made("LACKED", Lacked(part[-1].data, filters), part[-1])]


def _first_not_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Did not buy in September but did in October."""
    no, times = part[0], [one for one in part if one.kind == "TIME"]
    filters = no.data.filters if no.kind == "HELD" else None
    if no.kind == "HELD" and not is_none_of(no.data):
        return None
    done = next(one for one in part if one.kind in ("BUY", "IS"))
    return [renamed(done, "BUY"), times[1], no.made("LACKED", Lacked(times[0].data, filters), times[0])]


def is_none_of(held: Held) -> bool:
    """Tell whether a condition on a measure is that there is none of it."""
    return held.op == "=" and held.values == (0,) and not held.average


def _not_held(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Ignoring states with fewer than 5,000 transactions: those with as many or more are kept."""
    held: Held = part[-1].data
    if held.op not in _INVERTED or held.filters:
        return None
    return part[0].made("HELD", replace(held, op=_INVERTED[held.op]), *part[1:])


def _is_fine(lexicon: Lexicon, table: str) -> bool:
    """Tell whether a table's rows say what the rows of another one did."""
    return any(one.x_nl.activity == table for one in lexicon.model.definition.tables)


def is_mean(lexicon: Lexicon, figure: Figure) -> bool:
    """Tell whether a measure is a mean or a rate, which all rows have together as well as each group."""
    means = {item.full_name for (agg, _), item in lexicon.aggregates.items() if agg == "avg"}
    return figure.agg == "avg" or figure.measure in means or figure.item.unit == "percent"


def _measure_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    figure: Figure = next(one for one in part if one.kind == "MEASURE").data
    op = next(one for one in part if one.kind == "OP").data
    times = next((one.data for one in part if one.kind == "TIMES"), 1.0)
    by = tuple(one.data.full_name for one in part if one.kind == "FIELD" and not is_numeric(one.data))
    said = next(one.text.casefold() for one in part if one.kind == "AGG")
    overall = said.removeprefix("the ").startswith("overall") and not by and is_mean(lexicon, figure)
    held = Held(figure, op, (), average=True, times=float(times), by=by, overall=overall)
    return part[0].made("HELD", held, *part[1:])


# Groups


def _grouped(lexicon: Lexicon, part: list[Chunk]) -> Chunk | list[Chunk] | None:
    """By state and card type; in "for each category, the merchant …" the groups end at the comma."""
    commas = [place for place, one in enumerate(part) if one.kind == "COMMA"]
    if commas and part[0].text.casefold().startswith(("for", "in each", "within")):
        made = _group_by(lexicon, part[: commas[0]])
        return [made, *part[commas[0] + 1 :]] if made is not None else None
    return _group_by(lexicon, part)


def _group_by(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    dimensions: list[Dimension] = []
    table = ""
    place = 0
    while place < len(part):
        one = part[place]
        after = part[place + 1] if place + 1 < len(part) else None
        if one.kind == "FIELD":
            found, used = dimension_of(lexicon, one.data, after)
            if found is None:
                return None
            dimensions.append(found)
            place += used
        elif one.kind == "ENTITY":
            table = one.data
        else:
            dimensions += _group_named(one)
        place += 1
    if table and dimensions:
        return None
    within = tuple(one.name for one in dimensions) if part[0].text.casefold().startswith("within") else ()
    return part[0].made("GROUP", Groups(tuple(dimensions), table, within), *part[1:])


def _group_named(chunk: Chunk) -> list[Dimension]:
    """Return the group that a grain, the grain of a date or a flag names; none where a chunk is no group."""
    if chunk.kind == "GRAIN":
        return [Dimension(name=WHEN, grain=chunk.data)]
    if chunk.kind == "GRAINED":
        return [Dimension(name=chunk.data[0].full_name, grain=chunk.data[1])]
    return [Dimension(name=chunk.data.item.full_name)] if chunk.kind == "FLAGWORD" else []


def dimension_of(lexicon: Lexicon, item: Item, after: Chunk | None = None) -> tuple[Dimension | None, int]:
    """Return how to group by a field, and how many chunks after it told the classes."""
    if item.kind == "time_dimension":
        grain: Grain = after.data if after and after.kind == "GRAIN" else "day"
        return Dimension(name=item.full_name, grain=grain), 1 if after and after.kind == "GRAIN" else 0
    if after and after.kind == "BINS" and is_numeric(item):
        return Dimension(name=item.full_name, bin=after.data or width_of(lexicon, item)), 1
    if item.kind == "fact":
        return None, 0
    return Dimension(name=item.full_name), 0


def width_of(lexicon: Lexicon, item: Item) -> float:
    """Return the width of the classes into which a field is cut."""
    return lexicon.extensions[item.full_name].bin or 10.0


def _bins(_: Lexicon, part: list[Chunk]) -> Chunk:
    width = next((one.data[0] for one in part if one.kind == "NUM"), None)
    return part[0].made("BINS", float(width) if width else 0.0, *part[1:])


def _field_bins(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    field = next(one for one in part if one.kind == "FIELD")
    bins = next(one for one in part if one.kind == "BINS")
    if not is_numeric(field.data):
        return None
    dimension = Dimension(name=field.data.full_name, bin=bins.data or width_of(lexicon, field.data))
    return part[0].made("GROUP", Groups((dimension,)), *part[1:])


def _grain_and_field(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Per month and channel."""
    found, _ = dimension_of(lexicon, part[-1].data)
    if found is None or is_numeric(part[-1].data):
        return None
    return part[0].made("GROUP", Groups((Dimension(name=WHEN, grain=part[0].data), found)), *part[1:])


def _total_counted(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The total number is the number."""
    return part[0].made("COUNTED", part[1].data, part[1]) if part[0].data == "sum" else None


def _each_unit(_: Lexicon, part: list[Chunk]) -> Chunk:
    """For every month."""
    return part[0].made("GROUP", Groups((Dimension(name=WHEN, grain=part[1].data),)), part[1])


def _groups(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    left, right = part[0].data, part[-1].data
    if left.table or right.table:
        return None
    dimensions = tuple(dict.fromkeys((*left.dimensions, *right.dimensions)))
    return part[0].made("GROUP", Groups(dimensions, "", (*left.within, *right.within)), *part[1:])


# Order


def _sorted_by(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Sorted by lifetime value, highest first; by age descending."""
    by = next(one for one in reversed(part) if one.kind not in ("DIR", "COMMA"))
    if by.kind == "GROUP":
        return _number_of_group(lexicon, by, part)
    names_itself = part[0].kind != "SORT" or part[0].text.casefold().endswith(("by", "order of", "descending"))
    if by.kind == "FIELD" and not is_numeric(by.data) and not names_itself:
        return None
    return by.made("SORTING", sorting_of(by, part), *part)


def _number_of_group(lexicon: Lexicon, group: Chunk, part: list[Chunk]) -> Chunk | None:
    """Read "by age" as an order where it is sorted and the field is a number."""
    dimensions = group.data.dimensions
    item = next((one for one in lexicon.model.items if dimensions and one.full_name == dimensions[0].name), None)
    if item is None or not is_numeric(item) or len(dimensions) > 1 or dimensions[0].rounded:
        return None
    return group.made("SORTING", sorting_of(group.made("FIELD", item), part), *part)


def _sort_what_by(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Rank customers in Texas by churn score: what is ranked stands before what it is ranked by."""
    if part[0].text.casefold().endswith("by"):
        return None
    place = next(place for place, one in enumerate(part) if one.kind in ("BY", "GROUP"))
    made = _sorted_by(lexicon, [part[0], *part[place:]])
    return None if made is None else [*part[1:place], replace(made, first=part[place].first)]


def _from_most(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """From riskiest to safest."""
    left, right = part[1].data, part[3].data
    if not (left.superlative and right.superlative) or left.item != right.item or left.op == right.op:
        return None
    return part[0].made("SORTING", Sorting(part[1], left.op == ">"), *part[1:])


def _best_first(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Best first, worst first."""
    if part[-1].text.casefold() != "first":
        return None
    return part[0].made("DIR", "best" if part[0].data == "desc" else "worst", part[1])


def _first_of(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Highest score first, oldest first, newest transactions in Texas first."""
    first, last = part[0], part[-1]
    if last.text.casefold() != "first" or (first.kind == "ADJ" and not first.data.superlative):
        return None
    by = part[1] if first.kind == "SUP" else first
    if first.kind == "ADJ" and part[1].kind == "ENTITY":
        by = first.made("ADJ", first.data, part[1])
    descending = first.data.op == ">" if first.kind == "ADJ" else first.data == "desc"
    sorting = last.made("SORTING", Sorting(by, descending), first, by)
    return [*(one for one in part[1:-1] if one is not by), sorting]


def as_cond(chunk: Chunk) -> Cond:
    """Return the condition that a chunk is."""
    if chunk.kind == "VALUE":
        return value_cond(chunk.data.item, chunk.data.values)
    cond: Cond = chunk.data
    return cond


_SEP = "(?:COMMA AND|COMMA OR|COMMA|AND|OR|EITHER|NOR)"
_TIMES = "(?:TIMES )?(?:THEIR FIELD )?"
_NAMED = "(?:MEASURE|FIELD|COUNTED|GRAIN)"
_RANKED = "ENTITY|FIELD|VALUE|COND|TIME|IS|COUNTED|LIST"
_KEPT = "ENTITY|VALUE|COND|TIME"
_MORE_GROUPS = "(?: (?:AND|COMMA|COMMA AND) (?:BY )?(?:FIELD|GRAINED|GRAIN)(?! (?:CMP|OP)))*"
_RULES: tuple[Rule, ...] = (
    rule("IS IS", lambda _, part: part[0]),
    rule("(?<!AGG )(?<!SUP )FIELD (?=(?:VALUE |COND )*ENTITY)", _amount_of),
    rule("NUM UNITWORD FIELD BINS", lambda _, part: [part[2], part[3].made("BINS", float(part[0].data[0]), part[0])]),
    rule("NUM UNITWORD ORMORE", lambda lexicon, part: [_or_more(lexicon, [part[0], part[2]]), part[1]]),
    rule("(?<!VALUE)JUST(?!VALUE|BUY VALUE|IS VALUE)", lambda *_: []),
    rule("(?:NTHNUM (?:COMMA AND|COMMA|AND) )+NTHNUM PCTILE", _ordinals),
    rule("NTHNUM PCTILE", _ordinal),
    rule("(?:BETWEEN|FROM) NUM (?:AND|TO) NUM", _from_to),
    rule("NUM TO NUM", _from_to),
    rule("OP NUM", _compared),
    rule("QUARTILES FIELD", _quartiles),
    rule("NUM ORMORE", _or_more),
    rule("ORMORE NUM", _and_over),
    rule("NOT CMP", _not_compared),
    rule("CMP(?: (?:COMMA AND|COMMA OR|COMMA|AND|OR) CMP){2,}", _bands),
    rule("CMP (?:BUT|AND|AND BUT) CMP", _two_bounds),
    rule("NUM ADJMORE", _or_older),
    rule("BINS (?:DECADE (?:COMMA |AND )?)+", lambda _, part: part[0].made("BINS", 10.0, *part[1:])),
    rule("(?:THEIR )?DECADE", _decade),
    rule("BINS (?:BY )?NUM (?:UNITWORD)?", _bins),
    rule("NUM (?:UNITWORD )?BINS", _bins),
    rule("(?:CMP|NUM) UNITWORD", _duration),
    rule("OP GRAIN", _duration),
    rule("MOVING DURATION AGG", lambda _, part: [part[0].made("MOVING", part[0].data, part[2]), part[1]]),
    # values
    rule("NEITHER (?:IS )?VALUE NOR (?:IS )?VALUE", _neither),
    rule(f"BY FIELD (?:IS )?NOT VALUE(?: {_SEP} VALUE)*", _by_all_but),
    rule("FIELD (?:IS |OP )?(?:NOT )?NAMEDVALUE", _named_value),
    rule(f"(?:NEITHER )?(?:NAMEDVALUE {_SEP} )+VALUE", _elided_values),
    rule("NAMEDVALUE FIELD", _named_value),
    rule("(?:BOTH|EITHER) VALUE (?:AND|OR) VALUE", _values),
    rule("VALUE BOTH VALUE", lambda lexicon, part: _values(lexicon, [part[1], part[0], part[2]])),
    rule(f"NEITHER VALUE (?:{_SEP} VALUE)+", _not_value),
    rule("(?:BY )?FIELD (?:BINS )?(?:IS |COMMA )?BANDS", _banded),
    rule("FIELD BINS", _plain_field),
    rule("BINS BY", lambda _, part: renamed(part[1], "BY")),
    rule("VALUE FIELD", _named_value),
    rule("FIELD (?:IS |BETWEEN |OP )?VALUE", _named_value),
    rule(f"VALUE (?:{_SEP} VALUE)+", _values),
    rule("FIELD (?:IS )?NOT VALUE", _named_value),
    rule("FIELD (?:IS )?COND", _named_value),
    rule("COND FIELD", _named_value),
    rule("BY VALUE", lambda _, part: part[1] if part[0].text.casefold() == "across" else None),
    rule("BY (?:VALUE|COND) ENTITY", lambda _, part: [part[0], part[2], part[1]]),
    rule("(?<!BY )FIELD (?:(?:IS|BUY|WHICH|WHO) )*(?:NOT|NEVER) VALUE ENTITY", _without_things),
    rule(f"(?:NOT|NEVER) (?:IS |BUY )?(?:EITHER )?VALUE(?: {_SEP} (?:NOT )?VALUE)*", _not_value),
    rule("(?:NOT )?FLAG", _flag),
    # fields
    rule("FIELD (?:IS )?DURATION", _field_duration),
    rule("DURATION FIELD", lambda lexicon, part: _field_duration(lexicon, part[::-1])),
    rule("GRAIN (?:AND|COMMA) FIELD", _grain_and_field),
    rule("VALUE DURATION", _quiet),
    rule("NEVER (?:BUY |ENTITY )DURATION", _quiet),
    rule("NOT (?:BUY |ENTITY )DURATION", _quiet),
    rule("RECENT ENTITY (?:IS |BUY )?DURATION", _quiet),
    rule("(?:TENURE|THEIR TENURE) (?:BY )?DURATION", _with_us),
    rule("OPEN DURATION", _opened_ago),
    rule("THEIR FIELD (?:IS )?ASSIGNED", lambda _, part: part[-1].made("ASSIGNED", "", *part[:-1])),
    rule("ASSIGNED (?:THEIR )?FIELD", lambda _, part: part[0].made("ASSIGNED", "", *part[1:])),
    rule("(?:AGG (?:COMMA |AND |COMMA AND )?)+AGG (?:(?:VALUE|COND) )*(?:FIELD|METRIC|MEASURE)", _several),
    rule("SUP (?:AND )SUP (?:(?:VALUE|COND) )*FIELD", _several),
    rule("(?:AGG|SUP|OP|NTHPCT) (?:(?:VALUE|COND) )+(?:FIELD|METRIC)", _after),
    rule("BY ENTITY", _across),
    rule("CMP (?:DISTINCT )?FIELD", _different),
    rule("BUY NUM (?:DISTINCT )?FIELD", _did_different),
    rule("COUNT FIELD", _number_of_field),
    rule("SIGN FIELD", _signed),
    rule("AGG FIELD (?=(?:IS )?CMP)", _aggregated_held),
    rule("AGG FIELD (?=(?:IS )?OP (?:TIMES )?AGG)", _aggregated_held),
    rule("SUP FIELD (?=(?:IS )?CMP)", _extreme_held),
    rule("METRIC CMP (?:BY )?(?:GRAIN|UNITWORD)", _per_month),
    rule("METRIC CMP (?:THEIR )?(?:METRIC )?VALUE", _percent_on),
    rule("CMP VALUE METRIC", _percent_on),
    rule("CMP (?:THEIR )?METRIC VALUE", _percent_on),
    rule("FIELD (?:IS |AND |COMMA )*THEIR BINS", _with_group),
    rule("VALUE METRIC (?:IS )?CMP", _percent_on),
    rule("OP AGG FIELD (?:FIELD )?(?:THEIR FIELD)?", _than_average),
    rule(f"FIELD (?:IS )?OP {_TIMES}AGG (?:FIELD )?(?:ENTITY )?(?:(?:THEIR|BY) FIELD)?", _than_average),
    rule("OP (?:TIMES )?(?:THEIR FIELD )?AGG FIELD (?:THEIR FIELD)?", _than_average),
    rule("OP TIMES (?:THEIR )?FIELD", _fraction),
    rule("OP TIMES (?=(?:THEIR )?(?:VALUE )?ENTITY)", _part_of_rows),
    rule("OP FIELD VS (?:THEIR )?(?:FIELD )?AGG(?: FIELD)?(?: (?:THEIR|BY) FIELD)?", _than_average),
    rule("FIELD (?:IS )?OP (?:TIMES )?(?:THEIR )?FIELD", _than_field),
    rule("(?:ADJ|ADJMORE) (?:VS )?(?:NUM|CMP)", _adjective),
    rule("FIELD (?:IS )?CMPS", _field_bounds),
    rule("FIELD (?:IS )?CMP", _field_compared),
    rule("CMP (?:IS )?FIELD", _field_compared),
    rule("FIELD (?:IS )?NUM", _field_number),
    rule("NUM FIELD", _field_number),
    rule("(?:NOT|NEVER) (?:IS )?COND", _not_cond),
    # measures
    rule("CORR (?:BETWEEN )?(?:FIELD|METRIC) (?:AND|VS|TO|COMMA|IS) (?:FIELD|METRIC)", _correlated),
    rule("(?:FIELD|METRIC) (?:AND|VS|TO) (?:FIELD|METRIC) CORR", _correlated),
    rule("METRIC", _metric),
    rule("(?:NTHPCT|QUARTILE) (?:FIELD|MEASURE)", _percentile),
    rule("PCTILE NUM (?:FIELD|MEASURE)", _percentile),
    rule("NTHPCTS (?:FIELD|MEASURE)", _percentiles),
    rule("CORR (?:BETWEEN )?FIELD (?:AND|VS|TO|COMMA|IS)? FIELD", _correlated),
    rule("FIELD (?:AND |VS |TO )?CORR (?:VS |TO |IS )?FIELD", _correlated),
    rule("FIELD (?:AND|VS|TO) FIELD CORR", _correlated),
    rule("AGG(?: AGG)* FIELD", _aggregated),
    rule("AGG MEASURE", _aggregated_metric),
    rule("COUNT (?:DISTINCT )?(?:ENTITY|FIELD)", _counted),
    rule("COUNT (?:DISTINCT )?(?:(?:VALUE|COND|AND|COMMA) )+(?:ENTITY|FIELD)", _counted_some),
    rule("DISTINCT (?:ENTITY|FIELD)", _counted),
    rule("COUNT (?:DISTINCT )?VALUE", _counted_value),
    rule("COUNT (?:DISTINCT )?MEASURE", _counted_measure),
    rule("AGG COUNTED", _total_counted),
    rule("(?:ENTITY|COUNTED|MEASURE) (?:(?:IS|BUY|VALUE|COND) )*BANDS", _banded),
    rule("SHARE (?:MEASURE )?CHANGE", _percent_change),
    # conditions on measures
    rule("MEASURE (?:IS )?OP (?:TIMES )?(?:VS )?TIME (?:(?:VS )?TIME)?", _than_before),
    rule("MEASURE TIME OP (?:VS )?TIME", _than_before),
    rule(f"MEASURE (?:IS )?OP {_TIMES}AGG (?:ENTITY|FIELD)? (?:(?:THEIR|BY) FIELD)?", _measure_average),
    rule("CMP (?:(?:VALUE|COND) )*(?:ENTITY|MEASURE)", _more_than_things),
    rule("(?:VALUE|BUY) (?:IS |BUY )?CMP TIMESUNIT", _so_often),
    rule("(?:MEASURE|COUNTED) (?:IS )?CMP", _measure_compared),
    rule("CMP MEASURE", _measure_compared),
    rule("(?:ENTITY|COUNTED) (?:(?:IS|BUY|VALUE|COND) )*CMP", _sized),
    rule("CMP ENTITY", _sized),
    rule("(?:NEVER|NOT) (?:(?:VALUE|COND) )*ENTITY", _no_things),
    rule("(?:NEVER|NOT) MEASURE", _no_things),
    rule("MEASURE NOT", _spent_nothing),
    rule("(?:NEVER|NOT) FIELD", _no_field),
    rule("TIME (?:COMMA )?(?:BUT )?(?:NOT|NEVER|NONE) (?:BUY |IS )?TIME", _not_then),
    rule("TIME (?:COMMA )?(?:BUT|AND) (?:IS |BUY )?(?:HELD|COND) (?:ENTITY )?TIME", _no_such_then),
    rule("(?:NEVER (?:BUY )?|HELD )TIME (?:COMMA )?(?:BUT|AND) (?:IS |BUY )+TIME", _first_not_then),
    rule("NOT FIELD (?:IS )?HELD", _not_held),
    # groups
    rule("BY (?:BY )?FIELD BINS", _grouped),
    rule(f"BY (?:BY )?(?:FIELD|ENTITY|GRAINED|GRAIN)(?: GRAIN)?{_MORE_GROUPS}", _grouped),
    rule("BY UNITWORD", _each_unit),
    rule("FIELD BINS", _field_bins),
    rule("GROUP (?:AND |COMMA )?GROUP", _groups),
    # order
    rule("FROM ADJ TO ADJ", _from_most),
    rule("GOOD RECENT", _best_first),
    rule(f"SORT (?:(?:{_RANKED}) )+(?:BY {_NAMED}|GROUP)(?: (?:COMMA )?DIR)?", _sort_what_by),
    rule(f"SORT (?:DIR )?(?:BY )?{_NAMED}(?: (?:COMMA )?DIR)?", _sorted_by),
    rule(f"(?:BY {_NAMED}|GROUP) (?:COMMA )?DIR", _sorted_by),
    rule(f"DIR (?:BY )?{_NAMED}", _sorted_by),
    rule("SUP ENTITY RECENT", _first_of),
    rule(f"SUP (?:MEASURE|FIELD|COUNTED) (?:(?:{_KEPT}) )*RECENT", _first_of),
    rule(f"(?:ADJ|RECENT) (?:(?:{_KEPT}) )*RECENT", _first_of),
)  # fmt: skip
