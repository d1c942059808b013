"""What was done by people who did something else: spend of customers who bought Travel is all that they spent."""

from __future__ import annotations

import pytest

from customer360.ask import Conversation, Engine, Source

pytestmark = pytest.mark.integration

BOUGHT = "spend of customers who bought Travel"


def restated(source: Source, *turns: str) -> str:
    answer = Conversation.replay(source, turns[:-1], suggest=False).ask(turns[-1])
    assert answer.status == "answer", answer.text
    return answer.restatement


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (BOUGHT, "of transactions of customers with transactions whose category is Travel"),
        ("how much did customers who bought Travel spend in 2025", "whose category is Travel, in 2025"),
        ("total spend by customers in Texas who bought Travel", "whose state is Texas and of customers with"),
        ("decline rate of customers with no online purchases", "of customers with no transactions whose channel"),
        ("spend in 2025 of customers who bought Travel in 2024", "whose category is Travel in 2024, in 2025"),
    ],
)
def test_it_is_said_whose_they_are(question: str, said: str, source: Source) -> None:
    assert said in restated(source, question)


def test_those_who_are_something_are_told_by_that_alone(reader: Engine) -> None:
    frame = reader.read("spend of customers who are Premium").frame
    assert frame is not None
    assert not frame.of_whom


@pytest.mark.parametrize(
    "question",
    [
        "spend of customers who bought Travel in 2025",
        "Customers with at least 30 Travel transactions, with the number of transactions",
        "spend last month of customers who spent over 500 the month before",
        "share of spend from customers who bought Travel",
    ],
)
def test_what_may_be_of_the_people_or_of_what_they_did_is_not_answered(question: str, reader: Engine) -> None:
    assert reader.read(question).status != "answer"


def test_a_follow_up_keeps_whose_they_are(source: Source) -> None:
    for more in ("by state", "only Premium", "and the decline rate", "only in 2025", "what share of it is online"):
        assert "of customers with transactions whose category is Travel" in restated(source, BOUGHT, more)


@pytest.mark.parametrize("more", ["and Hotels?", "average age instead", "how many customers is that"])
def test_a_follow_up_that_may_be_meant_of_the_people_is_not_answered(more: str, source: Source) -> None:
    assert Conversation.replay(source, [BOUGHT], suggest=False).ask(more).status != "answer"
