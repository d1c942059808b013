"""Aggregates of the model as figures: the metric where it has one, a measure of its own where not."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from customer360.ask.grammar.terms import Figure
from customer360.ask.lexicon import Lexicon, counting, is_numeric, table_extension
from customer360.semantic import Condition, Item, Measure, SemanticModel


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


def metric_figure(model: SemanticModel, item: Item) -> Figure:
    """Return a metric of the model as a measure; a formula is asked over the coarsest table that it is made of.

    Its table is empty where it is made of tables side by side, of which no condition would mean the same.
    """
    if item.table:
        return Figure(item.full_name, item.table, item)
    tables = {one.table for one in model.operands(item).values()}
    coarsest = [table for table in tables if all(model.relations.reaches(other, table) for other in tables)]
    return Figure(item.full_name, next(iter(coarsest), ""), item)


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


def added_up(lexicon: Lexicon, metric: Item) -> Item | None:
    """Return the field that a metric is the sum of."""
    named = [name for (agg, name), item in lexicon.aggregates.items() if agg == "sum" and item == metric]
    if not named or not isinstance(metric.expression, exp.Sum):
        return None
    return next(item for item in lexicon.model.items if item.full_name == named[0])


def of_some(lexicon: Lexicon, agg: str, metric: Item) -> Figure | None:
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


def count_of(lexicon: Lexicon, table: str) -> Figure | None:
    """Return the metric that counts the rows of a table."""
    counts = counting(lexicon.model, table)
    return metric_figure(lexicon.model, counts) if counts is not None else None


def size_of(lexicon: Lexicon, table: str) -> Item | None:
    """Return the field that makes one row of a table large, as the amount of a transaction does."""
    name = f"{table}.{table_extension(lexicon.model, table).size_field}"
    return next((one for one in lexicon.model.items if one.full_name == name), None)


def is_fine(lexicon: Lexicon, table: str) -> bool:
    """Tell whether a table's rows say what the rows of another one did."""
    return any(one.x_nl.activity == table for one in lexicon.model.definition.tables)


def is_mean(lexicon: Lexicon, figure: Figure) -> bool:
    """Tell whether a measure is a mean or a rate, which all rows have together as well as each group."""
    means = {item.full_name for (agg, _), item in lexicon.aggregates.items() if agg == "avg"}
    return figure.agg == "avg" or figure.measure in means or figure.item.unit == "percent"


def doers_with(lexicon: Lexicon, table: str, base: Item) -> Measure | None:
    """Return how many rows of a table have a part in a measure: in spend those with approved transactions."""
    doers = doers_in(lexicon, table)
    if doers is None or not isinstance(doers.measure, str) or doers.table != base.table:
        return None
    named = kept_values(lexicon, base)
    if len(named) != 1:
        return Measure(metric=doers.measure)
    item, value = named[0]
    return Measure(metric=doers.measure, where=Condition(field=item.full_name, op="=", value=value))


def kept_tests(item: Item) -> list[exp.EQ]:
    """Return the comparisons that decide which rows an amount is of."""
    return [one.this for one in item.expression.find_all(exp.If) if isinstance(one.this, exp.EQ)]


def kept_values(lexicon: Lexicon, item: Item) -> list[tuple[Item, str]]:
    """Return the fields that decide which rows an amount is of, each with the value that it has in them."""
    known = {one.expression: one for one in lexicon.model.items if one.table == item.table and one.kind == "dimension"}
    return [(known[one.this], one.expression.name) for one in kept_tests(item) if one.this in known]


def doers_in(lexicon: Lexicon, table: str) -> Figure | None:
    """Return the metric that counts the different rows of a table which its activity names."""
    activity = table_extension(lexicon.model, table).activity
    key = lexicon.model.tables[table].primary_key[0]
    for item in lexicon.model.items:
        counted = item.expression.this if isinstance(item.expression, exp.Count) else None
        is_counted = isinstance(counted, exp.Distinct) and counted.expressions[0].name == key
        if item.table == activity and item.kind == "metric" and is_counted:
            return metric_figure(lexicon.model, item)
    return None
