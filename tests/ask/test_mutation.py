"""A question that is changed means something else or nothing: no word is ever left out in silence.

A word that nothing explains, or a value that does not exist, stops the answer; a "not", a value, a number, a day or a
group more must be in the query, or there is no query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from customer360.ask import Engine
from customer360.ask.lexicon import ValueOf
from customer360.ask.segment import find_candidates
from customer360.ask.words import read_words
from tests.ask.given import Record
from tests.ask.reading import none_of, reading_of, same_as

pytestmark = pytest.mark.integration

NOUNS = ("umbrella", "giraffe", "violin", "carrot", "lantern", "saddle", "garden", "bridge", "kitchen", "doctor")
INVENTED = ("flurble", "zorptik", "quandrix", "blimsy", "wuzzelk")
ADJECTIVES = ("purple", "divorced", "bilingual", "vegetarian", "nocturnal", "suspicious", "handsome", "left-handed")
NOWHERE = ("Narnia", "Wakanda", "Platinum", "Bitcoin", "Sharktown", "Kryptonite", "Toronto", "Plumbing")
NEGATIONS = ("not", "never", "without", "except", "non")
DENIED = re.compile(
    r"\b(?:not|never|no|except|neither|without|outside|excluding|excl|leaving|other than|but)\b", re.IGNORECASE
)
SAID = {
    "by weekday": re.compile(r"weekday|days? of (?:the )?week", re.IGNORECASE),
    "median": re.compile(r"\bmed(?:ia|ai)n\b", re.IGNORECASE),
    "share of": re.compile(r"share|portion|percent|pct|%|fraction|^split", re.IGNORECASE),
    "in Ohio": re.compile(r"\b(?:Ohio|OH)\b", re.IGNORECASE),
    "Retired": re.compile(r"\bretired\b", re.IGNORECASE),
    "Mobile": re.compile(r"\bmobile\b", re.IGNORECASE),
}
"""Where it is said already, be it with a slip, saying it twice is not saying more."""
IMPLIED = ("approved", "went through", "ID")
"""Spend is of approved transactions, and rows come with their ids, said or not."""
MORE = (
    "in March 2024",
    "Retired",
    "in Ohio",
    "Mobile",
    "for Dining",
    "median",
    "top 7",
    "by weekday",
    "over 4321",
    "share of",
)


def replaced(question: str, value: str, new: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", new, question, count=1)


def places(question: str) -> Iterator[int]:
    """Yield three places between words: after the first, in the middle, at the end."""
    gaps = [match.start() for match in re.finditer(r"\s+", question)]
    end = len(question.rstrip("?.! "))
    yield from sorted({gaps[0] if gaps else end, gaps[len(gaps) // 2] if gaps else end, end})


def with_word(question: str, place: int, word: str) -> str:
    return f"{question[:place]} {word}{question[place:]}"


def answers(reader: Engine, questions: Sequence[str]) -> list[str]:
    """Return what is answered, with how it was read."""
    read = [(question, reader.read(question)) for question in questions]
    return [f"{question} -> {same_as(one.query)}" for question, one in read if one.status == "answer" and one.query]


def unchanged(reader: Engine, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return the changed questions that have the query of the question they were made of."""
    originals = {question: reading_of(reader, question) for question in {pair[0] for pair in pairs}}
    read = [(changed, originals[question], reading_of(reader, changed)) for question, changed in pairs]
    return [f"{changed} -> {after}" for changed, before, after in read if after and after == before]


def values_in(reader: Engine, question: str) -> list[str]:
    """Return the words of a question that name values, as they were typed."""
    candidates = find_candidates(read_words(question), reader.lexicon, reader.newest)
    named = [one.text for one in candidates if any(isinstance(entry.data, ValueOf) for entry in one.entries)]
    return [text for text in dict.fromkeys(named) if text in question]


@pytest.mark.parametrize("words", [NOUNS, INVENTED, ADJECTIVES], ids=["nouns", "invented", "adjectives"])
def test_a_word_that_nothing_explains_stops_the_answer(
    words: tuple[str, ...], reader: Engine, asked: list[Record]
) -> None:
    changed = [
        with_word(record["question"], place, words[(number + turn) % len(words)])
        for number, record in enumerate(asked[::2])
        for turn, place in enumerate(places(record["question"]))
    ]
    none_of(answers(reader, changed))


def test_a_value_that_does_not_exist_stops_the_answer(reader: Engine, asked: list[Record]) -> None:
    changed = [
        record["question"].replace(value, NOWHERE[(number + turn) % len(NOWHERE)])
        for number, record in enumerate(asked)
        for turn, value in enumerate(values_in(reader, record["question"]))
    ]
    assert len(changed) > 100
    none_of(answers(reader, changed))


@pytest.mark.parametrize("negation", NEGATIONS)
def test_a_negation_is_never_passed_over(negation: str, reader: Engine, asked: list[Record]) -> None:
    pairs = [
        (
            record["question"],
            replaced(record["question"], value, f"{negation} {value}"),
        )
        for record in asked[NEGATIONS.index(negation) % 2 :: 2]
        if not DENIED.search(record["question"])
        for value in values_in(reader, record["question"])
    ]
    none_of(unchanged(reader, [pair for pair in pairs if pair[0] != pair[1]]))


@pytest.mark.parametrize("more", MORE)
def test_what_is_said_more_is_never_passed_over(more: str, reader: Engine, asked: list[Record]) -> None:
    chosen = asked[MORE.index(more) % 4 :: 4]
    said = SAID.get(more)
    pairs = [
        (record["question"], with_word(record["question"], place, more))
        for record in chosen
        if not (said and said.search(record["question"]))
        for place in places(record["question"])
    ]
    none_of(unchanged(reader, pairs))


def test_no_word_of_a_value_can_be_left_out_unnoticed(reader: Engine, asked: list[Record]) -> None:
    pairs = [
        (record["question"], replaced(record["question"], value, ""))
        for record in asked
        if not record["category"].startswith("misspelling")
        for value in values_in(reader, record["question"])
        if value not in IMPLIED
    ]
    none_of(unchanged(reader, [pair for pair in pairs if pair[0] != pair[1]]))


@pytest.mark.parametrize(
    ("question", "lost"),
    [
        ("how many states have at least 100 customers by weekday", "by weekday"),
        ("how many states have at least 100 customers by channel", "by channel"),
    ],
)
def test_groups_of_a_number_of_groups_are_not_passed_over(question: str, lost: str, reader: Engine) -> None:
    none_of(unchanged(reader, [(question.replace(f" {lost}", ""), question)]))


@pytest.mark.parametrize(
    "question",
    [
        "how many customers bought Travel in August 2025 but nothing in September 2025",
        "customers with no purchases in Travel but purchases in Dining in October 2025",
        "customers in Texas sorted by credit limit and age",
        "customers in Texas, highest first",
        "top 5 states by total spend, lowest first",
        "average credit limit by segment for states with at least 3 customers",
        "which customers last transacted in 2024",
        "when did Premium customers last transact",
    ],
)
def test_what_would_need_more_than_is_said_is_not_answered(question: str, reader: Engine) -> None:
    assert reader.read(question).status != "answer"
