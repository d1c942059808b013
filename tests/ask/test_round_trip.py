"""What is said in plain English is read back as exactly the query it was said from, thousands of times.

Each template writes a question and, on its own, the query that the question means. Whatever is read must be that query;
what is not read is counted, and there may be little of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from customer360.ask import Engine
from customer360.semantic import Item, Kind, build_query
from tests.ask.reading import none_of, reading_of, same_as

pytestmark = pytest.mark.integration

MOST_ABSTAINED = 0.02
"""Share of a template's questions that may go unanswered."""
PROFILE, FACTS, CATEGORY = "customer_360_profile", "fct_transactions", "dim_merchant_category"
SPEND, COUNT, CUSTOMERS = f"{FACTS}.total_spend", f"{FACTS}.transaction_count", f"{PROFILE}.customer_count"
DAY = f"{FACTS}.transaction_date"
Query = dict[str, Any]
Case = tuple[str, Query]

MEASURES = {
    "total spend": SPEND,
    "number of transactions": COUNT,
    "declines": f"{FACTS}.declined_transaction_count",
    "decline rate": f"{FACTS}.decline_rate",
    "approval rate": f"{FACTS}.approval_rate",
    "average transaction amount": f"{FACTS}.avg_transaction_amount",
    "maximum transaction amount": f"{FACTS}.max_transaction_amount",
    "number of customers": CUSTOMERS,
    "average age": f"{PROFILE}.avg_age",
    "average lifetime value": f"{PROFILE}.avg_lifetime_value",
    "total lifetime value": f"{PROFILE}.total_lifetime_value",
    "median lifetime value": f"{PROFILE}.median_lifetime_value",
    "maximum lifetime value": f"{PROFILE}.max_lifetime_value",
    "average credit limit": f"{PROFILE}.avg_credit_limit",
    "average churn risk score": f"{PROFILE}.avg_churn_risk_score",
    "average monthly spend": f"{PROFILE}.avg_customer_monthly_spend",
    "average credit utilization": f"{PROFILE}.avg_credit_utilization_pct",
    "average travel spend percent": f"{PROFILE}.avg_travel_spend_pct",
    "average days since last transaction": f"{PROFILE}.avg_days_since_last_transaction",
    "average spend change": f"{PROFILE}.avg_spend_change_pct",
    "median age": {"agg": "median", "field": f"{PROFILE}.age"},
    "maximum age": {"agg": "max", "field": f"{PROFILE}.age"},
    "minimum credit limit": {"agg": "min", "field": f"{PROFILE}.credit_limit"},
    "median monthly spend": {"agg": "median", "field": f"{PROFILE}.avg_monthly_spend"},
    "median tenure": {"agg": "median", "field": "customer_segments.tenure_months"},
    "90th percentile of lifetime value": {"agg": "percentile", "field": f"{PROFILE}.lifetime_value", "percentile": 90},
    "standard deviation of age": {"agg": "stddev", "field": f"{PROFILE}.age"},
}
OF_APPROVED = (f"{FACTS}.avg_transaction_amount", f"{FACTS}.max_transaction_amount")
"""By status, and of declined transactions, the amounts that were asked for are meant: see the test of those."""
ADDITIVE = ("total spend", "number of transactions", "number of customers", "total lifetime value")
GROUPS = {
    "state": f"{PROFILE}.state",
    "city": f"{PROFILE}.city",
    "employment status": f"{PROFILE}.employment_status",
    "card type": f"{PROFILE}.card_type",
    "customer segment": f"{PROFILE}.customer_segment",
    "churn risk category": f"{PROFILE}.churn_risk_category",
    "recency status": f"{PROFILE}.recency_status",
    "channel": f"{FACTS}.channel",
    "transaction status": f"{FACTS}.status",
    "day of the week": f"{FACTS}.transaction_weekday",
    "merchant": f"{FACTS}.merchant_name",
    "merchant category": f"{CATEGORY}.category_name",
    "category group": f"{CATEGORY}.category_group",
}
PLURALS = {"city": "cities", "employment status": "employment statuses", "merchant category": "merchant categories"}
PLURALS |= {"churn risk category": "churn risk categories", "recency status": "recency statuses"}
PLURALS |= {"transaction status": "transaction statuses", "day of the week": "days of the week"}


def same(*values: str) -> tuple[tuple[str, str], ...]:
    """Return values that are said as they are stored."""
    return tuple((value, value) for value in values)


VALUES: Mapping[str, tuple[tuple[str, str], ...]] = {
    f"{PROFILE}.state": (("Texas", "TX"), ("New York", "NY"), ("CA", "CA"), ("Ohio", "OH"), ("Georgia", "GA")),
    f"{PROFILE}.city": same("Austin", "Springfield", "Salem"),
    f"{PROFILE}.employment_status": same("Retired", "Self-Employed", "Part-Time"),
    f"{PROFILE}.card_type": same("Premium", "Standard"),
    f"{PROFILE}.customer_segment": same("Budget-Conscious", "New & Growing", "High-Value Travelers", "Declining"),
    f"{PROFILE}.churn_risk_category": same("High Risk", "Low Risk", "Medium Risk"),
    f"{PROFILE}.recency_status": same("Inactive", "Active"),
    f"{FACTS}.channel": same("Online", "In-Store", "Mobile"),
    f"{FACTS}.status": same("declined", "approved"),
    f"{FACTS}.transaction_weekday": same("Monday", "Saturday"),
    f"{FACTS}.merchant_name": same("Merchant A1", "Merchant K3"),
    f"{CATEGORY}.category_name": same("Travel", "Dining", "Home Improvement", "Grocery"),
    f"{CATEGORY}.category_group": same("Leisure", "Necessities"),
}
AMOUNTS = {
    "lifetime value": (f"{PROFILE}.lifetime_value", (5000, 12500)),
    "credit limit": (f"{PROFILE}.credit_limit", (10000, 25000)),
    "churn risk score": (f"{PROFILE}.churn_risk_score", (40, 70)),
    "age": (f"{PROFILE}.age", (30, 45)),
    "monthly spend": (f"{PROFILE}.avg_monthly_spend", (250, 1000)),
    "days since last transaction": (f"{PROFILE}.days_since_last_transaction", (14, 60)),
    "credit utilization": (f"{PROFILE}.credit_utilization_pct", (20, 80)),
    "spend last 90 days": (f"{PROFILE}.spend_last_90_days", (1000, 4000)),
    "tenure": ("customer_segments.tenure_months", (12, 36)),
}
OPERATORS = {
    "above {}": ">",
    "over {}": ">",
    "more than {}": ">",
    "at least {}": ">=",
    "of {} or more": ">=",
    "below {}": "<",
    "under {}": "<",
    "less than {}": "<",
    "at most {}": "<=",
    "of {} or less": "<=",
}
WINDOWS = {
    "in March 2025": ("2025-03-01", "2025-03-31"),
    "in March": ("2025-03-01", "2025-03-31"),
    "in December": ("2024-12-01", "2024-12-31"),
    "in 2024": ("2024-01-01", "2024-12-31"),
    "in 2025": ("2025-01-01", "2025-12-31"),
    "during Q1 2025": ("2025-01-01", "2025-03-31"),
    "in the second quarter of 2025": ("2025-04-01", "2025-06-30"),
    "in Q4": ("2025-10-01", "2025-12-31"),
    "in H1 2025": ("2025-01-01", "2025-06-30"),
    "in the first half of 2025": ("2025-01-01", "2025-06-30"),
    "in the last 30 days": ("2025-10-20", "2025-11-18"),
    "over the past 90 days": ("2025-08-21", "2025-11-18"),
    "in the last 7 days": ("2025-11-12", "2025-11-18"),
    "in the last 2 weeks": ("2025-11-05", "2025-11-18"),
    "in the last 3 months": ("2025-08-19", "2025-11-18"),
    "in the past year": ("2024-11-19", "2025-11-18"),
    "last month": ("2025-10-01", "2025-10-31"),
    "last week": ("2025-11-10", "2025-11-16"),
    "last quarter": ("2025-07-01", "2025-09-30"),
    "last year": ("2024-01-01", "2024-12-31"),
    "this month": ("2025-11-01", "2025-11-18"),
    "this quarter": ("2025-10-01", "2025-11-18"),
    "this year": ("2025-01-01", "2025-11-18"),
    "this week": ("2025-11-17", "2025-11-18"),
    "year to date": ("2025-01-01", "2025-11-18"),
    "month to date": ("2025-11-01", "2025-11-18"),
    "yesterday": ("2025-11-17", "2025-11-17"),
    "today": ("2025-11-18", "2025-11-18"),
    "on 2025-02-01": ("2025-02-01", "2025-02-01"),
    "on 4 July 2025": ("2025-07-04", "2025-07-04"),
    "on July 4, 2025": ("2025-07-04", "2025-07-04"),
    "on October 31st": ("2025-10-31", "2025-10-31"),
    "from 2025-02-01 to 2025-02-28": ("2025-02-01", "2025-02-28"),
    "between January and March 2025": ("2025-01-01", "2025-03-31"),
    "between 1 May 2025 and 15 May 2025": ("2025-05-01", "2025-05-15"),
    "from June to August 2025": ("2025-06-01", "2025-08-31"),
    "since June": ("2025-06-01", "2025-11-18"),
    "since 2025-09-01": ("2025-09-01", "2025-11-18"),
    "in the last 2 full months": ("2025-09-01", "2025-10-31"),
}
OPEN_WINDOWS = {
    "before 2025": ("<=", "2024-12-31"),
    "before March 2025": ("<=", "2025-02-28"),
    "after June 2025": (">=", "2025-07-01"),
    "until March 2025": ("<=", "2025-03-31"),
}
SORTS_OF_CUSTOMERS = (
    ("customers in Texas", f"{PROFILE}.state", "TX"),
    ("Premium customers", f"{PROFILE}.card_type", "Premium"),
    ("retired customers", f"{PROFILE}.employment_status", "Retired"),
    ("high risk customers", f"{PROFILE}.churn_risk_category", "High Risk"),
    ("inactive customers", f"{PROFILE}.recency_status", "Inactive"),
    ("customers in the Declining segment", f"{PROFILE}.customer_segment", "Declining"),
)
SORTS_OF_TRANSACTIONS = (
    ("online purchases", f"{FACTS}.channel", "Online"),
    ("declined transactions", f"{FACTS}.status", "declined"),
    ("Dining purchases", f"{CATEGORY}.category_name", "Dining"),
)
GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Maker:
    """Writes questions and their queries; what goes with what, it takes from the relations of the model."""

    reader: Engine
    chance: random.Random

    def reaches(self, measure: Any, name: str) -> bool:
        table = table_of(measure)
        start = PROFILE if table == "customer_segments" else table  # one row of it for each customer
        return bool(self.reader.model.relations.reaches(start, name.rpartition(".")[0]))

    def groups_of(self, measure: Any) -> list[tuple[str, str]]:
        return [
            (phrase, name)
            for phrase, name in GROUPS.items()
            if self.reaches(measure, name) and not (measure in OF_APPROVED and name == f"{FACTS}.status")
        ]

    def values_of(self, measure: Any) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
        """Yield the phrase, the name and the values of what a measure can be restricted to."""
        for phrase, name in self.groups_of(measure):
            yield phrase, name, VALUES[name]


def table_of(measure: Any) -> str:
    """Return the table of a metric, or of the field that is aggregated."""
    return str(measure if isinstance(measure, str) else measure["field"]).rpartition(".")[0]


def name_of(measure: Any) -> str:
    """Return what a query sorts by."""
    if isinstance(measure, str):
        return measure
    prefix = f"p{measure['percentile']}" if measure["agg"] == "percentile" else measure["agg"]
    return f"{prefix}_{measure['field'].rpartition('.')[2]}"


def plural(phrase: str) -> str:
    return PLURALS.get(phrase, f"{phrase}s")


def within(first: str, last: str, field: str = DAY) -> Query:
    return {"field": field, "op": "between", "values": [date.fromisoformat(first), date.fromisoformat(last)]}


def equal(name: str, value: Any, op: str = "=") -> Query:
    return {"field": name, "op": op, "value": value}


def both(*parts: Query) -> Query:
    return parts[0] if len(parts) == 1 else {"and": list(parts)}


def every_measure_by_every_group(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        yield f"What is the {said}?", {"metrics": [measure]}
        for phrase, name in make.groups_of(measure):
            query = {"metrics": [measure], "dimensions": [name]}
            yield f"{said} by {phrase}", query
            yield f"Show me the {said} for each {phrase}", query
            yield f"What is the {said} per {phrase}?", query


def two_groups(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        groups = make.groups_of(measure)
        for _ in range(3):
            (first, one), (second, other) = make.chance.sample(groups, 2)
            yield f"{said} by {first} and {second}", {"metrics": [measure], "dimensions": [one, other]}


def values(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        for phrase, name, known in make.values_of(measure):
            word, value = make.chance.choice(known)
            yield f"{said} where {phrase} is {word}", {"metrics": [measure], "filters": equal(name, value)}


def values_left_out(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        for phrase, name, known in make.values_of(measure):
            word, value = make.chance.choice(known)
            yield f"{said} where {phrase} is not {word}", {"metrics": [measure], "filters": equal(name, value, "!=")}


def lists_of_values(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        for phrase, name, known in make.values_of(measure):
            (word, value), (other, second) = make.chance.sample(known, 2)
            listed = {"field": name, "op": "in", "values": [value, second]}
            yield f"{said} where {phrase} is {word} or {other}", {"metrics": [measure], "filters": listed}
            barred = {**listed, "op": "not_in"}
            yield f"{said} where {phrase} is neither {word} nor {other}", {"metrics": [measure], "filters": barred}


def values_in_passing(make: Maker) -> Iterator[Case]:
    """Values as people say them, without the name of their field."""
    for said, measure in MEASURES.items():
        for whom, name, value in SORTS_OF_CUSTOMERS:
            asked = said.replace("customers", whom) if "customers" in said else f"{said} of {whom}"
            yield asked, {"metrics": [measure], "filters": equal(name, value)}
    for what, name, value in SORTS_OF_TRANSACTIONS:
        yield f"number of {what}", {"metrics": [COUNT], "filters": equal(name, value)}
        yield (
            f"how many {what} were there in May 2025",
            {"metrics": [COUNT], "filters": both(equal(name, value), within("2025-05-01", "2025-05-31"))},
        )


def amounts(make: Maker) -> Iterator[Case]:
    for said in ("number of customers", "average age", "total lifetime value", "median monthly spend"):
        measure = MEASURES[said]
        asked = said if "customers" in said else f"{said} of customers"
        for phrase, (name, given) in AMOUNTS.items():
            for words, op in OPERATORS.items():
                number = make.chance.choice(given)
                yield (
                    f"{asked} with {phrase} {words.format(f'{number:,}')}",
                    {"metrics": [measure], "filters": equal(name, number, op)},
                )
            between = {"field": name, "op": "between", "values": list(given)}
            yield f"{asked} with {phrase} between {given[0]} and {given[1]}", {"metrics": [measure], "filters": between}


def windows(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        if table_of(measure) == FACTS:
            for when, days in WINDOWS.items():
                yield f"{said} {when}", {"metrics": [measure], "filters": within(*days)}
            for when, (op, day) in OPEN_WINDOWS.items():
                yield f"{said} {when}", {"metrics": [measure], "filters": equal(DAY, date.fromisoformat(day), op)}


def openings(make: Maker) -> Iterator[Case]:
    for when, days in WINDOWS.items():
        opened = within(*days, field=f"{PROFILE}.account_open_date")
        yield f"number of customers who opened an account {when}", {"metrics": [CUSTOMERS], "filters": opened}
        yield (
            f"average credit limit of customers who joined {when}",
            {"metrics": [MEASURES["average credit limit"]], "filters": opened},
        )


def trends(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        if table_of(measure) == FACTS:
            for grain in GRAINS:
                when, days = make.chance.choice(list(WINDOWS.items()))
                yield f"{said} by {grain}", {"metrics": [measure], "dimensions": [f"{DAY}:{grain}"]}
                yield (
                    f"{said} per {grain} {when}",
                    {"metrics": [measure], "dimensions": [f"{DAY}:{grain}"], "filters": within(*days)},
                )


def running_totals(make: Maker) -> Iterator[Case]:
    for said in ("total spend", "number of transactions"):
        for grain in ("day", "week", "month", "quarter"):
            measure = MEASURES[said]
            grouped = {"dimensions": [f"{DAY}:{grain}"]}
            yield (
                f"running total of {said} by {grain}",
                {**grouped, "metrics": [measure, {"metric": measure, "show": "running_total"}]},
            )


def ranks(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        for phrase, name in make.groups_of(measure):
            number = make.chance.randint(2, 15)
            first = {"metrics": [measure], "dimensions": [name], "order": [f"-{name_of(measure)}"]}
            last = {**first, "order": [name_of(measure)]}
            yield f"top {number} {plural(phrase)} by {said}", {**first, "limit": number}
            yield f"bottom {number} {plural(phrase)} by {said}", {**last, "limit": number}
            yield f"Which {phrase} has the highest {said}?", {**first, "limit": 1}
            yield f"Which {phrase} has the lowest {said}?", {**last, "limit": 1}


def top_customers(make: Maker) -> Iterator[Case]:
    for phrase, (name, _) in AMOUNTS.items():
        number = make.chance.randint(2, 30)
        listed = {"fields": [f"{PROFILE}.customer_id", f"{PROFILE}.full_name", name], "limit": number}
        yield f"top {number} customers by {phrase}", {**listed, "order": [f"-{name}"]}
        yield f"the {number} customers with the highest {phrase}", {**listed, "order": [f"-{name}"]}
        yield f"the {number} customers with the lowest {phrase}", {**listed, "order": [name]}


def shares(make: Maker) -> Iterator[Case]:
    for said in ADDITIVE:
        measure = MEASURES[said]
        for phrase, name in make.groups_of(measure):
            shown = {"metrics": [measure, {"metric": measure, "show": "share"}], "dimensions": [name]}
            yield f"share of {said.removeprefix('number of ')} by {phrase}", shown
            yield f"what percentage of {said.removeprefix('number of ')} does each {phrase} have", shown


def percentages(make: Maker) -> Iterator[Case]:
    for said, measure in (("customers", CUSTOMERS), ("transactions", COUNT)):
        for phrase, name, known in make.values_of(measure):
            for word, value in known[:3]:
                yield (
                    f"what percentage of {said} have {phrase} {word}",
                    {"metrics": [percent(measure, equal(name, value))]},
                )
                for group, by in make.chance.sample(make.groups_of(measure), 2):
                    if by != name:
                        yield (
                            f"percentage of {said} with {phrase} {word} by {group}",
                            {"metrics": [percent(measure, equal(name, value))], "dimensions": [by]},
                        )


def percent(measure: str, part: Query) -> Query:
    return {
        "op": "percent",
        "left": {"metric": measure, "where": part},
        "right": {"metric": measure},
        "as": "percentage",
    }


def groups_with(make: Maker) -> Iterator[Case]:
    for said, measure in MEASURES.items():
        for phrase, name in make.groups_of(measure) if "percentile" not in said else ():
            words, op = make.chance.choice(list(OPERATORS.items()))
            number = make.chance.choice((5, 20, 45))
            held = {"metrics": [measure], "dimensions": [name], "having": equal(name_of(measure), number, op)}
            yield f"{plural(phrase)} with {said} {words.format(number)}", held
            yield (
                f"which {plural(phrase)} have {said} above {number}",
                {**held, "having": equal(name_of(measure), number, ">")},
            )


def did(*conditions: Query) -> Query:
    return {"not": {"not": both(*conditions)}}


def buyers(make: Maker) -> Iterator[Case]:
    for word, value in VALUES[f"{CATEGORY}.category_name"]:
        bought = equal(f"{CATEGORY}.category_name", value)
        yield f"how many customers bought {word}", {"metrics": [CUSTOMERS], "filters": did(bought)}
        yield f"how many customers never bought {word}", {"metrics": [CUSTOMERS], "filters": {"not": bought}}
        for when, days in make.chance.sample(list(WINDOWS.items()), 12):
            inside = both(bought, within(*days))
            yield f"number of customers who bought {word} {when}", {"metrics": [CUSTOMERS], "filters": did(inside)}
            yield (
                f"number of customers who did not buy {word} {when}",
                {"metrics": [CUSTOMERS], "filters": {"not": inside}},
            )
    for when, days in WINDOWS.items():
        yield f"how many customers made a purchase {when}", {"metrics": [CUSTOMERS], "filters": did(within(*days))}


def leaves_out(measure: Any, values: Mapping[str, str]) -> bool:
    """Tell whether a measure of approved amounts is asked of declined transactions."""
    return name_of(measure).endswith(("_spend", "_amount")) and values.get(f"{FACTS}.status") == "declined"


def everything_at_once(make: Maker) -> Iterator[Case]:
    """A measure of transactions by a group, of some customers, for some values, in a window, the first few."""
    for _ in range(120):
        said = make.chance.choice([one for one, measure in MEASURES.items() if table_of(measure) == FACTS])
        measure = MEASURES[said]
        (phrase, name), (kind, field), (other, third) = make.chance.sample(make.groups_of(measure), 3)
        (word, value), (more, fourth) = make.chance.choice(VALUES[field]), make.chance.choice(VALUES[third])
        when, days = make.chance.choice(list(WINDOWS.items()))
        query = {"metrics": [measure], "dimensions": [name]}
        where = both(equal(field, value), equal(third, fourth), within(*days))
        if not leaves_out(measure, {field: value, third: fourth}):
            yield f"{said} by {phrase} where {kind} is {word} and {other} is {more} {when}", {**query, "filters": where}
        number = make.chance.randint(2, 9)
        ranked = {
            **query,
            "order": [f"-{name_of(measure)}"],
            "limit": number,
            "filters": both(equal(field, value), within(*days)),
        }
        if not leaves_out(measure, {field: value}):
            yield f"top {number} {plural(phrase)} by {said} {when} where {kind} is {word}", ranked


TEMPLATES: Sequence[Callable[[Maker], Iterator[Case]]] = (
    every_measure_by_every_group,
    two_groups,
    values,
    values_left_out,
    lists_of_values,
    values_in_passing,
    amounts,
    windows,
    openings,
    trends,
    running_totals,
    ranks,
    top_customers,
    shares,
    percentages,
    groups_with,
    buyers,
    everything_at_once,
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.__name__)
def test_what_is_said_from_a_query_is_read_as_that_query(
    template: Callable[[Maker], Iterator[Case]], reader: Engine
) -> None:
    other, silent, count = [], [], 0
    for question, parts in template(Maker(reader, random.Random(20251118))):
        count += 1
        meant, read = same_as(build_query(parts)), reading_of(reader, question)
        if not read:
            silent.append(question)
        elif read != meant:
            other.append(f"{question}\n  is read as {read}\n  and means   {meant}")
    none_of(other)
    if len(silent) > MOST_ABSTAINED * count:
        none_of([f"not answered, of {count}: {question}" for question in silent])


def test_every_metric_that_may_be_asked_is_read_by_its_name(reader: Engine) -> None:
    faults = []
    for item in reader.model.list_items({Kind.METRIC, Kind.DERIVED}):
        if reader.lexicon.extensions[item.full_name].asked and not is_hidden(item):
            for name in {item.name.replace("_", " "), *item.synonyms} - NOT_IN_THE_SINGULAR:
                meant = same_as(build_query(metrics=[item.full_name]))
                if (read := reading_of(reader, f"what is the {name}")) != meant:
                    faults.append(f"{name} -> {read}")
    none_of(faults)


@pytest.mark.parametrize("agg", ["avg", "max", "min", "sum", "median", "stddev"])
@pytest.mark.parametrize("of", ["of declined transactions", "where status is declined", "by status"])
def test_amounts_by_what_decides_them_are_those_that_were_asked_for(agg: str, of: str, reader: Engine) -> None:
    said = {"avg": "average", "max": "maximum", "min": "minimum", "sum": "total", "stddev": "standard deviation of"}
    words = f"{said.get(agg, agg)} transaction amount {of}"
    read = reader.read(words)
    assert read.query, words
    assert "attempted_amount" in str(read.query.metrics), words
    assert any("asked for" in one for one in read.frame.assumptions) if read.frame else False


NOT_IN_THE_SINGULAR = {"customer numbers"}


def is_hidden(item: Item) -> bool:
    """Tell whether a metric is not told by its name alone: dates and counts of fixed filters have other readings."""
    return item.data_type == "DATE"


@pytest.mark.parametrize("words", ["at least", "at most"])
def test_groups_may_be_held_to_a_percentile(words: str, reader: Engine) -> None:
    held = {"field": "p90_lifetime_value", "op": ">=" if words == "at least" else "<=", "value": 5}
    measure = MEASURES["90th percentile of lifetime value"]
    meant = same_as(build_query(metrics=[measure], dimensions=[GROUPS["customer segment"]], having=held))
    read = reading_of(reader, f"customer segments with 90th percentile of lifetime value {words} 5")
    assert read in ("", meant)


def test_the_lowest_of_customers_is_a_figure(reader: Engine) -> None:
    least = {"agg": "min", "field": f"{PROFILE}.credit_limit"}
    meant = same_as(build_query(metrics=[least], filters=equal(f"{PROFILE}.state", "TX")))
    assert reading_of(reader, "lowest credit limit of customers in Texas") in ("", meant)
