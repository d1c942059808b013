"""Rules of fields against numbers, averages and other fields."""

from __future__ import annotations

from collections.abc import Sequence

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.grammar.figures import size_of
from customer360.ask.grammar.numbers import is_part
from customer360.ask.grammar.terms import (
    BARE_COMPARATIVES,
    FALLING,
    MIRRORED,
    Cmp,
    Cond,
    compare_filter,
    either,
    fits_unit,
)
from customer360.ask.lexicon import Adjective, Lexicon, is_numeric
from customer360.semantic import Benchmark, Condition, Item, Relative


def field_compared(_: Lexicon, part: list[Chunk]) -> Chunk | Sequence[Chunk] | None:
    field = next(one for one in part if one.kind == "FIELD")
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    if not is_numeric(field.data) or not fits_unit(field.data, cmp.unit):
        return None
    falling = any(word in field.text.casefold() for word in FALLING)
    op = MIRRORED.get(cmp.op, cmp.op) if falling else cmp.op
    values = tuple(-value for value in cmp.values) if falling else cmp.values
    cond = Cond(compare_filter(field.data, op, values), field.data)
    return part[0].made("COND", cond, *part[1:])


def field_bounds(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    field, bounds = part[0], part[-1]
    if not is_numeric(field.data):
        return None
    return [
        part[0].made("COND", Cond(compare_filter(field.data, one.op, one.values), field.data), *part[1:])
        for one in bounds.data
    ]


def field_either(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Age under 25 or over 70."""
    item = part[0].data
    return part[0].made("COND", either(item, part[-1].data), *part[1:]) if is_numeric(item) else None


_BESIDE = 1
"""How many words that add nothing may stand between a field and its number."""


def field_number(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A number with a field and no operator: churn score of 100, 25 year olds."""
    field, num = next(one for one in part if one.kind == "FIELD"), next(one for one in part if one.kind == "NUM")
    is_limit = field.text.casefold() == "limit" and not num.data[1]  # "limit 10" is about how many rows are wanted
    is_apart = field.first < num.first and num.first - field.last > _BESIDE  # "score of 10", not "score of the 10"
    if is_apart or not is_numeric(field.data) or not fits_unit(field.data, num.data[1]) or is_limit:
        return None
    return part[0].made("COND", Cond(compare_filter(field.data, "=", (num.data[0],)), field.data), *part[1:])


def in_its_unit(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Inactivity in days, tenure in months: the unit that the field has anyway."""
    return part[0] if part[0].data.unit == f"{part[1].data}s" else None


def unknown(_: Lexicon, part: list[Chunk]) -> Chunk:
    """Customers with a missing age; whose spend change is not unknown."""
    item = next(one for one in part if one.kind == "FIELD").data
    known = any(one.kind == "NOT" for one in part)
    cond = Cond(Condition(field=item.full_name, op="is_not_null" if known else "is_null"), item)
    return part[0].made("COND", cond, *part[1:])


def adjective(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Older than 65, younger than 30; or older than 65."""
    adjective: Adjective = part[0].data
    num = part[-1].data
    if adjective.superlative:
        return None
    value, op = (num.values[0], num.op) if isinstance(num, Cmp) else (num[0], adjective.op)
    cond = part[0].made("COND", Cond(compare_filter(adjective.item, op, (value,)), adjective.item), *part[1:])
    either = part[0].kind == "ADJMORE" and part[0].text.casefold().startswith("or ")
    return [renamed(part[0], "OR", ""), cond] if either else [cond]


def or_older(_: Lexicon, part: list[Chunk]) -> Chunk:
    num, more = part[0], part[-1]
    adjective: Adjective = more.data
    cond = Cond(compare_filter(adjective.item, adjective.op + "=", (num.data[0],)), adjective.item)
    return num.made("COND", cond, *part[1:])


def decade(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    age = _item_called(lexicon, "age")
    if age is None:
        return None
    low = part[-1].data
    return part[0].made("COND", Cond(compare_filter(age, "between", (low, low + 9)), age), *part[1:])


def past_decade(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The over-60s, the under-30s."""
    age = _item_called(lexicon, "age")
    if age is None or part[0].data not in ("<", ">"):
        return None
    return part[0].made("COND", Cond(compare_filter(age, part[0].data, (part[-1].data,)), age), *part[1:])


def _item_called(lexicon: Lexicon, name: str) -> Item | None:
    return next((item for item in lexicon.model.items if item.name == name and item.kind == "dimension"), None)


def than_average(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A field against its mean: lifetime value above average, above their segment's average age."""
    kinds = [one.kind for one in part]
    op = part[kinds.index("OP")].data
    fields = [one.data for one in part if one.kind == "FIELD"]
    numeric = [item for item in fields if is_numeric(item)]
    groups = [item for item in fields if not is_numeric(item)]
    if part[0].kind == "FIELD" and part[0].data in groups:
        return None
    if not numeric or len(set(numeric)) > 1:
        return None
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    agg = next(one.data for one in part if one.kind == "AGG")
    if agg not in ("avg", "median"):
        return None
    than = Benchmark(agg=agg, by=tuple(item.full_name for item in groups))
    cond = Cond(Relative(field=numeric[0].full_name, op=op, than=than, times=times), numeric[0])
    return part[0].made("COND", cond, *part[1:])


def named_average(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Above the average lifetime value: the mean of a field, by the name of its metric."""
    metric = part[-1]
    if len(part) == 2 and part[0].text.casefold() in BARE_COMPARATIVES:
        return None  # "which have the higher average credit limit" holds nothing against it
    named = (name for (agg, name), item in lexicon.aggregates.items() if agg == "avg" and item == metric.data)
    name = next(named, None)
    item = next((one for one in lexicon.model.items if one.full_name == name), None)
    return None if item is None else [*part[:-1], renamed(metric, "AGG", "avg"), renamed(metric, "FIELD", item)]


def than_its_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A lifetime value above the average lifetime value; a tenure above the average credit limit means nothing."""
    if not (is_numeric(part[0].data) and is_numeric(part[-1].data)):
        return None
    return than_average(lexicon, part) or part[0].made("TANGLE", "", *part[1:])


def than_average_of_another(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A spend above the average credit limit means nothing; how many are above it does."""
    return None if part[0].data.unit == "count" else part[0].made("TANGLE", "", *part[1:])


def than_average_of_some(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Texans who spend more than the average Texan: the mean of those who share the value that is asked for."""
    field, op, agg, value = (next(one for one in part if one.kind == kind) for kind in ("FIELD", "OP", "AGG", "VALUE"))
    beside = agg.last == value.first or value.last == agg.first
    if not beside or not is_numeric(field.data) or agg.data not in ("avg", "median"):
        return None
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    than = Benchmark(agg=agg.data, by=(value.data.item.full_name,))
    cond = Cond(Relative(field=field.data.full_name, op=op.data, than=than, times=times), field.data)
    return field.made("BENCHMARK", (cond, value.data), *part[1:])


def than_average_of_others(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Above the average Texan, of whoever: a mean of some rows alone, which no condition can be held against."""
    average, value = part[-2:]
    return part[0].made("BENCHMARK", None, *part[1:]) if average.last == value.first else None


def than_percentile(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Above the 95th percentile of lifetime value; lifetime value above the 90th percentile of their segment."""
    fields = [_held_as_field(lexicon, one.data) for one in part if one.kind in ("FIELD", "METRIC")]
    numeric = [item for item in fields if item is not None and is_numeric(item)]
    groups = [item for item in fields if item is not None and not is_numeric(item)]
    if None in fields or len(numeric) != 1:
        return None
    op, at = (next(one.data for one in part if one.kind == kind) for kind in ("OP", "NTHPCT"))
    than = Benchmark(agg="percentile", percentile=at, by=tuple(item.full_name for item in groups))
    return part[0].made("COND", Cond(Relative(field=numeric[0].full_name, op=op, than=than), numeric[0]), *part[1:])


def between_percentiles(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Between the 25th and the 75th percentile of lifetime value."""
    between, places, field = part
    if len(places.data) != 2 or places.data[0] >= places.data[1]:
        return None
    ends = [
        than_percentile(lexicon, [field, between.made("OP", op), places.made("NTHPCT", at)])
        for op, at in zip((">=", "<="), places.data, strict=True)
    ]
    return [one for one in ends if one is not None] if all(ends) else None


def more_than_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Older than the average, older than the average age."""
    adjective: Adjective = part[0].data
    metric = next((one.data for one in part if one.kind == "METRIC"), None)
    named = next((one.data for one in part if one.kind == "FIELD"), adjective.item)
    agg = next((one.data for one in part if one.kind == "AGG"), "avg")
    is_its_mean = metric is None or lexicon.aggregates.get(("avg", adjective.item.full_name)) == metric
    if adjective.superlative or not is_its_mean or named != adjective.item or agg not in ("avg", "median"):
        return None
    tree = {"field": adjective.item.full_name, "op": adjective.op, "than": {"agg": agg}}
    cond = Cond(Relative.model_validate(tree), adjective.item)
    return part[0].made("COND", cond, *part[1:])


def rows_than_percentile(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Transactions above the 99th percentile: by what makes one of them large."""
    thing = part[0]
    item = size_of(lexicon, thing.data if thing.kind == "ENTITY" else thing.data[1])
    if item is None:
        return None
    made = than_percentile(lexicon, [*part[-2:], part[-1].made("FIELD", item)])
    return [thing, made] if made is not None else None


def in_part(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """In the top quartile of lifetime value; whose lifetime value is in the bottom decile, or the 90th percentile."""
    said = next(one for one in part if one.kind in ("QUARTILE", "NTHPCT"))
    is_in = part[0].kind == "FIELD" and said.kind == "NTHPCT" and any(one.kind == "IS" for one in part)
    if not (is_part(said) or is_in):
        return None
    op = said.made("OP", ">=" if said.data > 50 else "<=")
    field = next(one for one in part if one.kind in ("FIELD", "METRIC"))
    made = than_percentile(lexicon, [field, op, renamed(said, "NTHPCT")])
    return None if made is None else made.made("COND", made.data, *part)


def _held_as_field(lexicon: Lexicon, item: Item) -> Item | None:
    """Return a field as it is, and for a metric the field that holds it for each row."""
    return lexicon.totals.get(item.full_name) if item.kind in ("metric", "derived_metric") else item


def than_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    left, right = part[0].data, part[-1].data
    if not (is_numeric(left) and is_numeric(right)) or left == right:
        return None
    op = next(one for one in part if one.kind == "OP").data
    times = next((one.data for one in part if one.kind == "TIMES"), 1)
    return part[0].made(
        "COND", Cond(Relative(field=left.full_name, op=op, than=right.full_name, times=times), left), *part[1:]
    )


def amount_of(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The amount of transactions is asked for, and not a field of them."""
    return part[0].made("HOWMUCH", "") if part[0].text.casefold() == "amount" else None


def fraction(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Less than a third of their credit line: a percentage of it."""
    item = part[-1].data
    if item.unit != "percent" or not 0 < part[1].data < 1:
        return None
    cond = Cond(compare_filter(item, part[0].data, (round(100 * part[1].data, 2),)), item)
    return part[0].made("COND", cond, *part[1:])


def after(_: Lexicon, part: list[Chunk]) -> list[Chunk]:
    """Put a condition before what it stands in: average approved amount."""
    return [*part[1:-1], part[0], part[-1]]


def signed(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A positive or negative change."""
    item = part[-1].data
    if not is_numeric(item):
        return None
    return part[0].made("COND", Cond(compare_filter(item, part[0].data, (0,)), item), *part[1:])


def number_of_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The number of days since the last purchase is a field, not a count."""
    field = part[-1]
    return field.made("FIELD", field.data, part[0]) if is_numeric(field.data) and field.data.kind == "fact" else None
