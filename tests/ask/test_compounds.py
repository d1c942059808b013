"""Nouns before nouns say whose or of what the last one is: customer transactions are transactions."""

from __future__ import annotations

import pytest

from customer360.ask import Engine

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("compound", "meant"),
    [
        ("number of customer transactions", "number of transactions"),
        ("number of Texas customers' transactions", "number of transactions of customers in Texas"),
        ("number of Texas customers’ transactions", "number of transactions of customers in Texas"),
        ("how many Texas customer transactions", "number of transactions of customers in Texas"),
        ("number of customer online purchases", "number of online purchases"),
        ("biggest customer purchase", "biggest purchase"),
        ("total customer transactions in 2025", "total transactions in 2025"),
        ("how many customer states are there", "how many states are there"),
        ("count of customers' merchants", "count of merchants"),
        ("how many customer accounts do we have", "how many accounts do we have"),
    ],
)
def test_the_last_noun_is_what_is_asked_for(compound: str, meant: str, reader: Engine) -> None:
    read, wanted = reader.read(compound), reader.read(meant)
    assert wanted.query is not None, wanted.message
    assert read.query == wanted.query, read.message


@pytest.mark.parametrize(
    ("question", "grouped"),
    [("each customer's transactions", "total_transactions"), ("top 10 customers' transactions", "total_transactions")],
)
def test_a_noun_that_says_which_of_them_keeps_its_meaning(question: str, grouped: str, reader: Engine) -> None:
    query = reader.read(question).query
    assert query is not None
    assert any(str(one).endswith(grouped) for one in query.fields)


@pytest.mark.parametrize(
    "question",
    [
        "how many customers transactions",
        "how many customers purchases in Travel",
        "number of merchant transactions",
        "number of merchants' transactions",
    ],
)
def test_a_compound_that_may_be_either_is_not_answered(question: str, reader: Engine) -> None:
    assert reader.read(question).status != "answer"
