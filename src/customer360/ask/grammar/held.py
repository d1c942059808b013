"""Rules of conditions on measures: more than so many, none at all, above the average."""

from __future__ import annotations

from dataclasses import replace

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.grammar.days import item_named
from customer360.ask.grammar.figures import added_up, count_of, figure_of, is_fine, is_mean, size_of
from customer360.ask.grammar.measures import aggregated
from customer360.ask.grammar.terms import (
    BARE_COMPARATIVES,
    INVERTED,
    Cmp,
    Cond,
    Figure,
    Held,
    Lacked,
    as_cond,
    compare_filter,
    fits_unit,
    is_none_of,
    number,
    value_filter,
)
from customer360.ask.lexicon import Lexicon, is_numeric, table_extension
from customer360.semantic import Filter, Item, Relative


def _monthly(lexicon: Lexicon, metric: Item) -> Item | None:
    """Return the field that holds a metric a month."""
    name = next((name for name, one in lexicon.extensions.items() if one.per_month_of == metric.full_name), None)
    return next((one for one in lexicon.model.items if one.full_name == name), None)


def per_month(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spend over 2,000 a month: the monthly mean that the profile holds."""
    cmp: Cmp = part[1].data
    item = _monthly(lexicon, part[0].data)
    if part[-1].data != "month" or item is None or not fits_unit(item, cmp.unit):
        return None
    return part[0].made("COND", Cond(compare_filter(item, cmp.op, cmp.values), item), *part[1:])


def more_per_month(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Spend more per month than the average: the monthly mean that the profile holds is compared."""
    item = _monthly(lexicon, part[0].data)
    if part[2].data != "month" or item is None:
        return None
    return [part[0].made("FIELD", item, part[2]), part[1]]


def mean_per_month(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Spend more per month than full-time ones: the means of what the profile holds are set against each other."""
    made = more_per_month(lexicon, part)
    metric = lexicon.aggregates.get(("avg", made[0].data.full_name)) if made else None
    return None if made is None or metric is None else [made[0].made("METRIC", metric), made[1]]


def so_often(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
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


def part_of_rows(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than half of the customers: a percentage of them."""
    share = part[1].data
    return part[0].made("CMP", Cmp(part[0].data, (round(100 * share, 2),), "percent"), part[1]) if share < 1 else None


def other_bound(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """At least 60 transactions but fewer than 75: both are said of the transactions."""
    held, cmp = part[0].data, part[-1].data
    if {held.op[:1], cmp.op[:1]} != {">", "<"} or not fits_unit(held.figure.item, cmp.unit) or held.average:
        return None
    if part[1].kind == "AND" and part[-1].text.casefold().startswith(("under ", "over ")):
        return None  # so old, more likely
    values = tuple(number(value) for value in cmp.values)
    return [part[0], part[-1].made("HELD", replace(held, op=cmp.op, values=values, counted=None))]


def sized(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Transactions over $900: by what makes one of them large."""
    thing = next(one for one in part if one.kind in ("ENTITY", "COUNTED"))
    table = thing.data if thing.kind == "ENTITY" else thing.data[1]
    cmp = next(one for one in part if one.kind == "CMP")
    item = size_of(lexicon, table)
    if item is None or cmp.data.unit == "percent" or (part[0].kind == "CMP" and cmp.data.unit != "money"):
        return None
    cond = cmp.made("COND", Cond(compare_filter(item, cmp.data.op, cmp.data.values), item))
    return [*(one for one in part if one not in (cmp,)), cond]


def counted_by_size(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """How many transactions last week were above 300 dollars: by what makes one of them large, not by their number."""
    counted, bounds = part[0], part[-1]
    figure = counted.data if counted.kind == "MEASURE" else counted.data[0]
    rows = count_of(lexicon, figure.table)
    item = size_of(lexicon, figure.table)
    every: tuple[Cmp, ...] = bounds.data if bounds.kind == "CMPS" else (bounds.data,)
    if item is None or rows is None or figure.measure != rows.measure or any(one.unit != "money" for one in every):
        return None
    conds = [bounds.made("COND", Cond(compare_filter(item, one.op, one.values), item)) for one in every]
    return [*part[:-1], *conds]


def on_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Cities whose customers are on average older than 49."""
    agg = next(one for one in part if one.kind == "AGG")
    return average_one(lexicon, [agg, *(one for one in part if one is not agg)])


def percent_on(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spend more than 25 % of their money on travel: the share that the profile holds."""
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    value = next(one for one in part if one.kind == "VALUE").data.values[0].casefold()
    item = item_named(
        lexicon, lambda one: one.unit == "percent" and one.kind == "fact" and one.name == f"{value}_spend_pct"
    )
    if item is None or cmp.unit != "percent":
        return None
    return part[0].made("COND", Cond(compare_filter(item, cmp.op, cmp.values), item), *part[1:])


def groups_than_before(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Segments that spent less in one window than in another: what they spent is compared, not each customer."""
    if is_numeric(part[0].data):
        return None
    op = next(one for one in part if one.kind == "OP")
    return [part[0], op, *(one for one in part[1:] if one is not op)]


def than_before(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
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


def different(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
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


def did_different(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Used only 1 channel: exactly so many."""
    made = different(lexicon, part[1:])
    return None if made is None else [part[0], made]


def all_of_them(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """In all three channels: at least so many different ones."""
    every, number, thing = part
    if not every.text.casefold().endswith("all") or number.data[1] or is_numeric(thing.data):
        return None
    return different(lexicon, [every.made("CMP", Cmp(">=", (number.data[0],), ""), number), thing])


def average_one(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Where the average customer is older than 49: the mean of what the adjective compares."""
    agg, thing, adjective, num = part[0], part[1], next(one for one in part if one.kind == "ADJ").data, part[-1].data
    figure = figure_of(lexicon, agg.data, adjective.item) if agg.data in ("avg", "median") else None
    if figure is None or adjective.superlative or figure.table != thing.data:
        return None
    op, values = (num.op, num.values) if isinstance(num, Cmp) else (adjective.op, (num[0],))
    return agg.made("HELD", Held(figure, op, tuple(number(value) for value in values)), *part[1:])


def aggregated_held(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Average churn score over 36: the comparison is with the average, not with each score."""
    made = aggregated(lexicon, [part[0], part[-1]])
    return None if made is None else [made, *part[1:-1]]


def extreme_held(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Lowest credit limit below 5: the comparison is with the lowest one."""
    figure = figure_of(lexicon, "max" if part[0].data == "desc" else "min", part[1].data)
    return part[0].made("MEASURE", figure, part[1]) if figure else None


def measure_compared(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    data = next(one for one in part if one.kind in ("MEASURE", "COUNTED")).data
    figure: Figure = data[0] if isinstance(data, tuple) else data
    cmp: Cmp = next(one for one in part if one.kind == "CMP").data
    if not fits_unit(figure.item, cmp.unit):
        return None
    counted = (part[0], part[-1]) if part[0].kind == "COUNTED" else None
    values = tuple(number(value) for value in cmp.values)
    return part[0].made("HELD", Held(figure, cmp.op, values, counted=counted), *part[1:])


def than_overall(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A decline rate higher than the overall decline rate."""
    figure, other = part[0].data, part[-1].data
    if figure.measure != other.measure or not is_mean(lexicon, figure):
        return None
    op = next(one for one in part if one.kind == "OP").data
    return part[0].made("HELD", Held(figure, op, (), average=True, overall=True), *part[1:])


def measure_of_some(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Whose decline rate on online purchases this year is above 4 %."""
    held = measure_compared(lexicon, [part[0], part[-1]])
    return None if held is None else [held, *part[1:-2]]


def measure_among(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """An average churn score above 37 among Premium customers: the number is not one of customers."""
    place = next(place for place, one in enumerate(part) if one.kind == "CMP")
    is_apart = part[place + 1].first > part[place].last
    held = measure_compared(lexicon, part[: place + 1]) if is_apart and part[0].data.item.unit != "count" else None
    return None if held is None else [held, *part[place + 1 :]]


def more_than_people(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than 30 Frequent Flyers: a value that stands for those who have it."""
    cmp: Cmp = part[0].data
    table = part[1].data.item.table
    people = {one.name for one in lexicon.model.definition.tables if one.x_nl.activity}
    are_people = part[1].text.casefold().endswith("s") and part[1].first == part[0].last  # not: over 50 in Texas
    counts = count_of(lexicon, table) if table in people and are_people else None
    if counts is None or cmp.unit:
        return None
    values = tuple(number(value) for value in cmp.values)
    return part[0].made("HELD", Held(counts, cmp.op, values, (as_cond(part[1]).filter,)), part[1])


def measure_then(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Whose spend in 2025 exceeded 2 million."""
    held = measure_compared(lexicon, [part[0], part[-1]])
    return None if held is None else [held, part[1]]


def more_than_things(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than 5 declined transactions, at least 3 online purchases."""
    cmp: Cmp = part[0].data
    thing = part[-1]
    count = count_of(lexicon, thing.data) if thing.kind == "ENTITY" else thing.data
    if count is None or cmp.unit or (count.item.unit != "count"):
        return None
    conds = [as_cond(one) for one in part[1:-1] if one.kind in ("VALUE", "COND")]
    filters = tuple(cond.filter for cond in conds)
    return part[0].made("HELD", Held(count, cmp.op, tuple(number(v) for v in cmp.values), filters), *part[1:])


def bounded_things(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Over 60 and under 75 transactions; over 60 or under 20 of them."""
    first, last = (more_than_things(lexicon, [part[0].made("CMP", one), *part[1:]]) for one in part[0].data)
    if first is None or last is None:
        return None
    return [first, part[0].made("OR", ""), last] if part[0].kind == "CMPOR" else [first, last]


def more_than_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More transactions than the average customer."""
    op, thing, agg, doer = part[0], part[1], part[-2], part[-1]
    figure = count_of(lexicon, thing.data)
    if figure is None or agg.data != "avg" or table_extension(lexicon.model, doer.data).activity != thing.data:
        return None
    return op.made("HELD", Held(figure, op.data, (), average=True), *part[1:])


def one_against_another(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Online spend exceeds their in-store spend: they spent more online than in the store."""
    first, second = (one for one in part if one.kind == "VALUE")
    measures = [one for one in part if one.kind == "MEASURE"]
    op = next(one for one in part if one.kind == "OP")
    same = first.data.item == second.data.item and all(one.data == measures[0].data for one in measures)
    return [measures[0], op, first, second.made("VS", ""), second] if same else None


def no_things(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """No transactions, without any declined purchases."""
    is_coarse = part[-1].kind == "ENTITY" and not is_fine(lexicon, part[-1].data)
    return None if is_coarse else _none_of(lexicon, part)


def _none_of(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Return the condition that there is none of what is named or measured."""
    count = count_of(lexicon, part[-1].data) if part[-1].kind == "ENTITY" else part[-1].data
    is_sum = count is not None and added_up(lexicon, count.item) is not None and _says_none(part[0])
    if count is None or not (is_sum or count.item.unit == "count"):
        return None
    filters = tuple(as_cond(one).filter for one in part[1:-1] if one.kind in ("VALUE", "COND"))
    return part[0].made("HELD", Held(count, "=", (0,), filters), *part[1:])


def without_things(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Merchants that had no declined transactions: of which there are none, not those that have others."""
    if is_numeric(part[0].data):
        return None
    place = next(place for place, one in enumerate(part) if one.kind in ("NOT", "NEVER"))
    held = _none_of(lexicon, part[place:]) if _says_none(part[place]) else None
    return None if held is None else [*part[:place], held]


def _says_none(no: Chunk) -> bool:
    """Tell whether a negation says that there is none of an amount, not that another one is meant: not spend."""
    return no.kind == "NEVER" or no.text.casefold() in ("no", "with no", "without", "nothing")


def spent_nothing(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Spent nothing."""
    return no_things(lexicon, part[::-1]) if part[-1].text.casefold().endswith("nothing") else None


def no_field(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """No spend in the last 90 days, where a field holds it."""
    item = part[-1].data
    if not lexicon.extensions[item.full_name].days_of or not _says_none(part[0]):
        return None
    return part[0].made("COND", Cond(compare_filter(item, "=", (0,)), item), part[-1])


def not_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In October but not in September: what was done in the first window was not done in the second."""
    no = next(one for one in part if one.kind in ("NOT", "NEVER", "NONE"))
    lacked = Lacked(part[-1].data, anything=no.text.casefold().endswith("nothing"))
    return [part[0], no.made("LACKED", lacked, part[-1])]


def no_such_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In October but no purchase, or nothing in Travel, in September."""
    no = next(one for one in part if one.kind in ("HELD", "COND"))
    if no.kind == "HELD":
        filters = no.data.filters if is_none_of(no.data) else None
    else:
        is_none = no.data.never or (no.data.negated and no.text.casefold().startswith(("no ", "with no ", "without ")))
        filters = (value_filter(no.data.item, no.data.values),) if is_none and no.data.values else None
    return None if filters is None else [part[0], no.made("LACKED", Lacked(part[-1].data, filters), part[-1])]


def first_not_then(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Did not buy in September but did in October."""
    no, times = part[0], [one for one in part if one.kind == "TIME"]
    filters = no.data.filters if no.kind == "HELD" else None
    if no.kind == "HELD" and not is_none_of(no.data):
        return None
    done = next(one for one in part if one.kind in ("BUY", "IS"))
    return [renamed(done, "BUY"), times[1], no.made("LACKED", Lacked(times[0].data, filters), times[0])]


def not_held(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Ignoring states with fewer than 5,000 transactions: those with as many or more are kept."""
    held: Held = part[-1].data
    if held.op not in INVERTED or held.filters:
        return None
    return part[0].made("HELD", replace(held, op=INVERTED[held.op]), *part[1:])


def above_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """An above-average decline rate; "a higher average spend" holds nothing against an average."""
    return None if part[0].text.casefold() in BARE_COMPARATIVES else measure_average(lexicon, part)


def measure_average(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    figure: Figure = next(one for one in part if one.kind == "MEASURE").data
    op = next(one for one in part if one.kind == "OP").data
    times = next((one.data for one in part if one.kind == "TIMES"), 1.0)
    by = tuple(one.data.full_name for one in part if one.kind == "FIELD" and not is_numeric(one.data))
    agg = next(one for one in part if one.kind == "AGG")
    if agg.data not in ("avg", "median"):
        return None
    of = next((one.data for one in part if one.kind == "ENTITY"), "")
    if of and not (is_mean(lexicon, figure) and of == figure.table):
        return None
    said = "overall" if of else agg.text.casefold()
    overall = said.removeprefix("the ").startswith("overall") and not by and is_mean(lexicon, figure)
    held = Held(figure, op, (), average=True, agg=agg.data, times=float(times), by=by, overall=overall)
    return part[0].made("HELD", held, *part[1:])
