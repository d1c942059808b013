"""Rules of measures: aggregates, counts, percentiles, correlations."""

from __future__ import annotations

from dataclasses import replace

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.grammar.figures import (
    added_up,
    count_of,
    figure_of,
    is_mean,
    kept_values,
    metric_figure,
    of_some,
    size_of,
)
from customer360.ask.grammar.terms import Figure, value_cond
from customer360.ask.lexicon import Lexicon, is_numeric
from customer360.ask.words import stems_of
from customer360.semantic import Item, Measure


def percent_change(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """The change in percent, or the percentage growth of a measure."""
    if "percent" not in part[0].text.casefold():
        return None
    return [*part[1:-1], part[-1].made("CHANGE", part[-1].data, part[0])]


def quartiles(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    item = part[-1].data
    figures = [figure_of(lexicon, "percentile", item, percentile=at) for at in (25, 50, 75)]
    return [part[0].made("MEASURE", figure, *part[1:]) for figure in figures] if all(figures) else None


def several(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
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


def counted_named(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """How many weekend transactions, where the condition's own name ends with what is counted."""
    last = stems_of(part[-1].text)[-1:]
    table = next((one.data for one in lexicon.entries.get(last, ()) if one.kind == "ENTITY"), None)
    count = count_of(lexicon, table) if table else None
    return None if count is None else [part[0].made("COUNTED", (count, table, False)), part[-1]]


def counted_value(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Number of Premium cards: of the customers who have one."""
    value = part[-1]
    table = next((one.name for one in lexicon.model.definition.tables if one.x_nl.activity), "")
    count = count_of(lexicon, table) if table else None
    if count is None or not lexicon.model.relations.reaches(table, value.data.item.table):
        return None
    return [part[0].made("COUNTED", (count, table, False)), value]


def metric(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    figure = metric_figure(lexicon.model, part[0].data)
    return renamed(part[0], "MEASURE", figure) if figure.table else None


def aggregated(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """An aggregate of a field: average credit limit, total of lifetime value."""
    field = next(one for one in part if one.kind == "FIELD")
    aggs = [one.data for one in part if one.kind == "AGG"]
    if len(aggs) > 1 or field.text.casefold().startswith("of "):
        return None  # "of the credit line" is said of a percentage
    figure = figure_of(lexicon, aggs[0], field.data)
    return part[0].made("MEASURE", figure, *part[1:]) if figure else None


def aggregated_both(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Average lifetime value and age: of either."""
    agg, first, link, second = part
    if not (is_numeric(first.data) and is_numeric(second.data)):
        return None
    made = [aggregated(lexicon, [agg, first]), aggregated(lexicon, [agg, second])]
    return [made[0], link, made[1]] if made[0] and made[1] else None


def and_of(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Average age and credit limit: of either, where the first is a mean of the same table."""
    measure, link, field = part
    figure: Figure = measure.data
    found = [agg for (agg, _), metric in lexicon.aggregates.items() if metric == figure.item]
    agg = figure.agg or (found[0] if found else "")
    second = figure_of(lexicon, agg, field.data) if agg in ("avg", "median") and is_numeric(field.data) else None
    if second is None or second.table != figure.table:
        return None
    return [measure, link, field.made("MEASURE", second)]


def aggregated_metric(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
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
    is_per_each = " per " in part[-1].text.casefold() and not added
    if agg == "avg" and (figure.item.unit in ("percent", "score") or is_per_each):
        return part[0].made("MEASURE", figure, *part[1:])
    found = figure_of(lexicon, agg, added) if added else of_some(lexicon, agg, figure.item)
    return part[0].made("MEASURE", replace(found, of=figure.item), *part[1:]) if found else None


def counted(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
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


def divided(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Total spend divided by the number of customers, transactions per transacting customer; no mean of each."""
    said = part[1].text.casefold()
    is_mean_of_each = said == "per" and part[0].kind == "MEASURE" and is_mean(lexicon, part[0].data)
    return [part[1].made("RATIO", ""), part[0]] if said in ("divided by", "per") and not is_mean_of_each else None


def counted_people(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """How many Frequent Flyers had no declined transaction: people by a value of theirs, and not transactions."""
    doers = {one.name for one in lexicon.model.definition.tables if one.x_nl.activity}
    table = part[1].data.item.table
    cond = next((one for one in part if one.kind == "COND"), None)
    is_never = cond is None or cond.data.never
    counts = count_of(lexicon, table) if table in doers and is_never else None
    return [part[0].made("COUNTED", (counts, table, False)), *part[1:]] if counts else None


def people_without(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """High-Value Travelers who made no mobile purchase: people by a value of theirs, and not purchases."""
    value, cond, thing = part[0], part[-2], part[-1]
    doer = next((one for one in lexicon.model.definition.tables if one.name == value.data.item.table), None)
    if doer is None or not doer.x_nl.activity or doer.x_nl.activity != thing.data or not cond.data.never:
        return None
    people = Chunk("ENTITY", doer.name, value.first, value.first, value.text)
    return [people, *part]


def did_spend(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Who spent on Travel, how many customers spent in October: that they did, and not how much."""
    verb = part[-1]
    verbs = {stems_of(one) for one in lexicon.extensions[verb.data.full_name].verb_phrases}
    counts = part[0].kind != "METRIC" or part[0].data.unit == "count"
    if not counts or stems_of(verb.text) not in verbs:
        return None
    kept = [value_cond(item, (value,)) for item, value in kept_values(lexicon, verb.data)]
    return [*part[:-1], renamed(verb, "BUY", ""), *(renamed(verb, "COND", one) for one in kept)]


def those_spending(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Customers spending on Travel are those who do; customer spending is what they spent."""
    people, verb = part[-2:]
    is_many = people.text.casefold().endswith("s") and verb.text.casefold() == "spending"
    return did_spend(lexicon, part) if is_many else None


def of_amount(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """The 90th percentile of the amount of transactions: of what makes one of them large."""
    item = size_of(lexicon, part[-1].data)
    return [part[0], part[1].made("FIELD", item), *part[2:]] if item is not None else None


def counted_some(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """How many Premium customers: the conditions stand on their own."""
    made = counted(lexicon, [*(one for one in part if one.kind in ("COUNT", "DISTINCT")), part[-1]])
    return None if made is None else [made, *(one for one in part[1:-1] if one.kind in ("VALUE", "COND"))]


def counted_measure(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Number of declined transactions, where that is a metric already."""
    figure: Figure = part[-1].data
    return part[0].made("MEASURE", figure, *part[1:]) if figure.item.unit == "count" and not figure.agg else None


def percentile(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    at = next((one.data for one in part if one.kind in ("NTHPCT", "QUARTILE")), None)
    at = at if at is not None else next(one.data[0] for one in part if one.kind == "NUM")
    of = part[-1]
    item = of.data if of.kind == "FIELD" else added_up(lexicon, of.data.item)
    if item is None or not 0 <= at <= 100:
        return None
    figure = figure_of(lexicon, "percentile", item, percentile=at)
    return part[0].made("MEASURE", figure, *part[1:]) if figure else None


def percentiles(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    made = [percentile(lexicon, [part[0].made("NTHPCT", at), part[1]]) for at in part[0].data]
    found = [one for one in made if one is not None]
    return found if len(found) == len(made) else None


def correlated(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
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
