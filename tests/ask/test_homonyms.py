"""Names of people, places and shops are words too: they make a question ambiguous at most, and never another one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from faker.providers.person.en_US import Provider

from customer360.ask import Conversation, Engine, Source
from customer360.ask.guide import Guide
from customer360.semantic import Condition, load_model
from customer360.synth.catalogue import build_merchants
from customer360.synth.population import CITY_NAMES
from tests.ask.given import Record
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

PROFILE = "customer_360_profile"
NAMES = {
    f"{PROFILE}.last_name": tuple(Provider.last_names),
    f"{PROFILE}.first_name": tuple(Provider.first_names),
    f"{PROFILE}.city": CITY_NAMES,
    "fct_transactions.merchant_name": tuple(build_merchants(7)),
}
"""Values as a bank of this size has them: Best, Young, Weeks, Mobile, New York, the Toll Group."""


@pytest.fixture(scope="module")
def whole(reader: Engine) -> Engine:
    """The engine of the small bank, had it all that the model knows of."""
    return Engine(
        load_model(ROOT / "semantic" / "customer_analytics.yaml"), reader.values, reader.newest, reader.oldest
    )


@pytest.fixture(scope="module")
def crowded(whole: Engine) -> Engine:
    """The same engine, had that bank as many people, places and shops as a real one."""
    named = {name: (*whole.values.get(name, ()), *names) for name, names in NAMES.items()}
    values = {**whole.values, **{name: tuple(dict.fromkeys(known)) for name, known in named.items()}}
    return Engine(whole.model, values, whole.newest, whole.oldest)


@pytest.fixture(scope="module")
def crowd(source: Source, crowded: Engine) -> Source:
    """The small bank, read by that engine."""
    return replace(source, guide=Guide(crowded))


def filters(engine: Engine, question: str) -> list[tuple[str, object]]:
    read = engine.read(question)
    assert read.frame is not None, read.message
    own = [one for one in read.frame.filters if isinstance(one, Condition)]
    return [(one.field.rpartition(".")[2], one.value or one.values) for one in own]


@pytest.mark.parametrize(
    ("question", "field", "value"),
    [
        ("How many customers live in the state of New York?", "state", "NY"),
        ("customers in the city of New York", "city", "New York"),
        ("How many customers live in New York city?", "city", "New York"),
        ("customers in New York or Florida", "state", ("NY", "FL")),
        ("Compare spend in Houston and New York", "city", ("Houston", "New York")),
        ("total mobile spend", "channel", "Mobile"),
        ("how many transactions were made on mobile", "channel", "Mobile"),
        ("customers with last name Young", "last_name", "Young"),
    ],
)
def test_what_stands_beside_a_name_says_what_it_is_of(
    question: str, field: str, value: object, crowded: Engine
) -> None:
    assert filters(crowded, question) == [(field, value)]


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ("How many Premium cardholders over 50 live in New York?", [("state", "NY"), ("city", "New York")]),
        ("Total spend in Mobile", [("city", "Mobile"), ("channel", "Mobile")]),
    ],
)
def test_what_nothing_tells_apart_is_asked_back_with_a_question_for_each(
    question: str, fields: list[tuple[str, str]], crowd: Source
) -> None:
    answer = Conversation(crowd).ask(question)
    assert (answer.status, answer.reason) == ("clarify", "ambiguous_term")
    found = [filters(crowd.engine, one.question) for one in answer.options]
    assert sorted(one for each in found for one in each if one in fields) == sorted(fields)
    assert all(name in answer.text for name, _ in fields)


def test_what_would_be_tangled_either_way_is_asked_back_too(crowded: Engine) -> None:
    read = crowded.read("Number of customers in New York over 50")
    assert (read.status, read.reason) == ("clarify", "ambiguous_term")


def test_a_place_in_capitals_is_not_taken_for_how_something_was_bought(crowded: Engine) -> None:
    assert crowded.read("Total spend in Mobile").status == "clarify"
    assert filters(crowded, "Total spend in mobile") == [("channel", "Mobile")]


@pytest.mark.parametrize("question", ["best customers", "show me our best customers", "which state is best"])
def test_a_word_is_no_name_of_somebody(question: str, crowded: Engine) -> None:
    assert crowded.read(question).reason == "missing_measure"


def test_a_slip_is_mended_to_a_word_before_a_name(crowded: Engine) -> None:
    slips = "totl spnd on grocry by chanel for hgh risk custmers"
    assert dict(crowded.read(slips).corrections) == {
        "totl": "total",
        "spnd": "spend",
        "grocry": "grocery",
        "chanel": "channel",
        "hgh": "high",
        "custmers": "customers",
    }


def test_a_place_without_customers_is_no_name_that_is_nearly_the_same(reader: Engine) -> None:
    state, city = f"{PROFILE}.state", f"{PROFILE}.city"
    values = {**reader.values, state: ("CA", "TX"), city: ("Vernon",)}
    small = Engine(reader.model, values, reader.newest, reader.oldest)
    read = small.read("How many customers live in Vermont?")
    assert (read.status, read.reason, read.corrections) == ("refuse", "no_such_value", ())
    assert "Vermont" in read.message
    assert "state" in read.message


def test_no_question_becomes_another_one(whole: Engine, crowded: Engine, asked: list[Record]) -> None:
    questions = [one["question"] for one in asked][::4]
    changed = {}
    for question in questions:
        before, after = whole.read(question), crowded.read(question)
        if after.reason != "ambiguous_term" and (after.query, after.frame) != (before.query, before.frame):
            changed[question] = after.message
    assert changed == {}
    assert len(questions) > 300


READ = """
import sys
from pathlib import Path
from tests.ask.given import open_bank
with open_bank(Path(sys.argv[1])) as source:
    for stems, entries in source.engine.lexicon.entries.items():
        print(stems, [(one.kind, repr(one.data), one.rank) for one in entries])
    for question in sys.stdin.read().splitlines():
        print(source.engine.read(question))
"""


def test_the_order_of_sets_decides_nothing(small_database: Path, asked: list[Record]) -> None:
    questions = "\n".join(one["question"] for one in asked[::40])
    root = Path(__file__).parents[2]

    def read(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", READ, str(small_database)]
        done = subprocess.run(command, input=questions, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    first = read("1")
    assert len(first.splitlines()) > 1_000
    assert read("2") == first
