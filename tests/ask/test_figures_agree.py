"""Answers agree with each other as figures must: what is answered at all may be no other question than the one asked.

One or another has as many as both have together, groups add up to the whole, a percentage is one figure in another.
Where a question of a pair is refused there is nothing to compare; each test says how many pairs there must be at least.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

from customer360.ask import Source
from customer360.ask.answering import Answer, Conversation
from tests.ask.reading import none_of

pytestmark = pytest.mark.integration

ROWS_SHOWN = 1000

PEOPLE = (
    "in Texas",
    "with a Premium card",
    "under 25",
    "with more than 60 transactions",
    "with a credit limit above 20,000",
    "who joined in 2024",
    "who made no purchases in October 2025",
    "who bought Travel",
    "at high risk",
    "with an above-average lifetime value",
    "with more than 5 declined transactions",
    "who are Retired",
    "who spent more than 500 in October 2025",
    "not in Ohio",
    "aged 30 to 40",
    "over 30 and under 40",
    "who never bought Hotels",
    "in the Declining segment",
    "with a card type other than Standard",
    "whose last purchase was in September 2025",
    "who used the mobile channel",
    "who bought Travel but not Hotels",
    "who bought both Travel and Hotels in 2025",
    "who shopped online in October 2025 but not in September 2025",
    "with over 40 and under 75 transactions",
)
DONE = (
    "online",
    "that were declined",
    "over 500 dollars",
    "in October 2025",
    "on weekends",
    "on Travel",
    "by Premium customers",
    "from customers under 25",
    "outside Texas",
    "by customers with a lifetime value above 20,000",
    "since October 2025",
    "in Q3 2025",
    "excluding Travel",
    "that were not approved",
)
THE_OTHERS = {
    "in Texas": ("not in Texas", "outside Texas", "who don't live in Texas"),
    "in Texas or Ohio": ("in neither Texas nor Ohio", "outside Texas and Ohio", "excluding Texas and Ohio"),
    "with a Premium card": ("without a Premium card", "whose card is not Premium", "with any card but Premium"),
    "who are Retired": ("who aren't retired", "other than retired ones"),
    "over 40": ("not over 40", "aged 40 or younger", "40 or under", "no older than 40"),
    "at high risk": ("not at high risk", "outside the high risk category"),
    "who joined in 2024": ("who did not join in 2024",),
    "who bought Travel": ("who never bought Travel", "with no Travel purchases", "without any Travel purchases"),
    "who bought Travel or Hotels": ("who bought neither Travel nor Hotels", "who never bought Travel or Hotels"),
    "who shopped online in October 2025": (
        "who did not shop online in October 2025",
        "who made no online purchase in October 2025",
    ),
    "who made a purchase in the last 30 days": (
        "who made no purchase in the last 30 days",
        "who did not purchase anything in the last 30 days",
    ),
    "with a declined transaction": ("with no declines", "who never had a declined transaction"),
    "with more than 60 transactions": ("with at most 60 transactions", "without more than 60 transactions"),
    "who spent more than 5000": ("who spent 5000 or less", "who did not spend more than 5000"),
}
"""Who have something, and those who have not."""
DID_OR_NOT = {
    "who bought Travel": "who never bought Travel",
    "who bought Hotels in 2024": "who did not buy Hotels in 2024",
    "with declined transactions": "with no declined transactions",
    "with more than 20 online transactions": "with at most 20 online transactions",
    "who spent over 5000 in Q3 2025": "who did not spend over 5000 in Q3 2025",
}
"""What people did, and what those did who did not."""
ALL_TIME = (
    ("before October 2025", "since October 2025"),
    ("through June 2025", "after June 2025"),
    ("until the end of 2024", "since the beginning of 2025"),
    ("before 2025-03-01", "from 2025-03-01 onwards"),
    ("on weekdays", "on weekends"),
)
SAME_FIELD = (
    {"in Texas", "not in Ohio"},
    {"in October 2025", "in Q3 2025"},
    {"since October 2025", "in Q3 2025"},
    {"excluding Travel", "on Travel"},
)
"""Of two values of one field "and" lists both."""
BOTH_LEFT_OUT = ("excluding Travel", "online")
"""What is excluded, and another thing: neither is counted."""


class Asked:
    """Asks each question once and keeps what was answered."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.known: dict[tuple[str, ...], Answer] = {}

    def cells(self, *turns: str) -> list[list[object]] | None:
        """Return the rows of an answer to the last of some questions; nothing where it is refused."""
        if turns not in self.known:
            conversation = Conversation.replay(self.source, list(turns[:-1]), suggest=False)
            self.known[turns] = conversation.ask(turns[-1])
        answered = self.known[turns]
        return [list(row) for row in answered.cells()] if answered.status == "answer" and answered.result else None

    def figure(self, *turns: str) -> float | None:
        """Return the one figure of an answer."""
        rows = self.cells(*turns)
        is_one = rows is not None and len(rows) == len(rows[0]) == 1
        return float(str(rows[0][0])) if is_one and rows and rows[0][0] is not None else None

    def total(self, *turns: str) -> float | None:
        """Return the sum of the last column."""
        rows = self.cells(*turns)
        return None if rows is None else sum(float(str(row[-1])) for row in rows if row[-1] is not None)


@pytest.fixture(scope="module")
def asked(source: Source) -> Asked:
    return Asked(source)


def differing(pairs: Iterator[tuple[str, float | None, float | None]], least: int) -> list[str]:
    """Return the pairs of figures that are not the same, of at least so many that could be compared."""
    known = [(text, one, other) for text, one, other in pairs if one is not None and other is not None]
    assert len(known) >= least
    return [f"{text}: {one} {other}" for text, one, other in known if one != pytest.approx(other, rel=1e-6, abs=1e-6)]


def test_one_or_another_has_as_many_as_both_have_together(asked: Asked) -> None:
    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for one, other in permutations(PEOPLE, 2):
            if {one, other} in SAME_FIELD:
                continue
            alone = [asked.figure(f"how many customers {each}") for each in (one, other)]
            both = asked.figure(f"how many customers {one} and {other}")
            known = [each for each in (*alone, both) if each is not None]
            expected = known[0] + known[1] - known[2] if len(known) == 3 else None
            yield f"{one} or {other}", asked.figure(f"how many customers {one} or {other}"), expected

    none_of(differing(pairs(), least=100))


def test_two_conditions_have_no_more_than_either(asked: Asked) -> None:
    more = []
    for nouns, conditions in (("customers", PEOPLE), ("transactions", DONE)):
        for one, other in permutations(conditions, 2):
            both = asked.figure(f"how many {nouns} {one} and {other}")
            alone = [asked.figure(f"how many {nouns} {each}") for each in (one, other)]
            known = [each for each in alone if each is not None]
            is_read_so = {one, other} in SAME_FIELD or (one, other) == BOTH_LEFT_OUT
            if both is not None and len(known) == 2 and both > min(known) and not is_read_so:
                more.append(f"{nouns} {one} and {other}: {both} {known}")
    none_of(more)


@pytest.mark.parametrize("by", ["by segment", "by state", "by card type"])
@pytest.mark.parametrize(
    "measure", ["number of customers", "total spend of customers", "total lifetime value of customers"]
)
def test_groups_of_people_add_up(measure: str, by: str, asked: Asked) -> None:
    pairs = (
        (f"{measure} {one} {by}", asked.total(f"{measure} {one} {by}"), asked.figure(f"{measure} {one}"))
        for one in PEOPLE
    )
    none_of(differing(pairs, least=15))


@pytest.mark.parametrize("by", ["by segment", "by state", "by channel", "by month", "by category", "by weekday"])
def test_groups_of_what_was_done_add_up(by: str, asked: Asked) -> None:
    measure = "number of transactions"
    pairs = (
        (f"{measure} {one} {by}", asked.total(f"{measure} {one} {by}"), asked.figure(f"{measure} {one}"))
        for one in DONE
    )
    none_of(differing(pairs, least=10))


@pytest.mark.parametrize(
    ("part", "condition"),
    [
        ("hold a Premium card", "with a Premium card"),
        ("are in Texas", "in Texas"),
        ("are under 40", "under 40"),
        ("bought Travel", "who bought Travel"),
    ],
)
def test_a_percentage_of_some_is_of_these_alone(part: str, condition: str, asked: Asked) -> None:
    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for one in PEOPLE:
            question = f"what percentage of customers {one} {part}"
            every, some = (
                asked.figure(f"how many customers {one}"),
                asked.figure(f"how many customers {one} and {condition}"),
            )
            if {one, condition} not in SAME_FIELD:
                yield question, asked.figure(question), 100 * some / every if every and some is not None else None

    none_of(differing(pairs(), least=12))


def test_as_many_are_listed_as_are_counted(asked: Asked) -> None:
    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for one in PEOPLE:
            rows, count = asked.cells(f"list customers {one}"), asked.figure(f"how many customers {one}")
            yield one, None if rows is None else len(rows), None if count is None else min(count, ROWS_SHOWN)

    none_of(differing(pairs(), least=20))


@pytest.mark.parametrize("more", ["in Texas", "with a Premium card", "at high risk"])
def test_only_those_are_both(more: str, asked: Asked) -> None:
    pairs = (
        (
            f"{one}, only those {more}",
            asked.figure(f"how many customers {one}", f"only those {more}"),
            asked.figure(f"how many customers {one} and {more}"),
        )
        for one in PEOPLE
        if {one, more} not in SAME_FIELD
    )
    none_of(differing(pairs, least=15))


def test_those_who_have_something_and_those_who_have_not_are_all(asked: Asked) -> None:
    every = asked.figure("how many customers are there")
    assert every

    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for some, others in THE_OTHERS.items():
            known = asked.figure(f"how many customers {some}")
            for one in others:
                rest = asked.figure(f"how many customers {one}")
                yield one, rest, None if known is None else every - known

    none_of(differing(pairs(), least=30))


@pytest.mark.parametrize("measure", ["spend in 2025", "number of transactions in Texas in 2025"])
def test_what_is_of_those_who_did_and_of_those_who_did_not_is_of_all(measure: str, asked: Asked) -> None:
    every = asked.figure(measure)

    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for some, others in DID_OR_NOT.items():
            parts = [asked.figure(f"{measure} of customers {each}") for each in (some, others)]
            yield some, None if None in parts else sum(filter(None, parts)), every

    none_of(differing(pairs(), least=4))


@pytest.mark.parametrize("times", ["", " in 2025", " online in October 2025"])
def test_who_bought_one_and_another_bought_both(times: str, asked: Asked) -> None:
    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for one, other in (("Travel", "Hotels"), ("Dining", "Gas"), ("Grocery", "Books")):
            bought = [asked.figure(f"how many customers bought {each}{times}") for each in (one, other)]
            either = asked.figure(f"how many customers bought {one} or {other}{times}")
            both = asked.figure(f"how many customers bought {one} and {other}{times}")
            known = None if either is None or None in bought else sum(filter(None, bought)) - either
            yield f"{one} and {other}", both, known

    none_of(differing(pairs(), least=3))


@pytest.mark.parametrize("measure", ["total spend", "number of declined transactions", "online spend on Travel"])
def test_two_parts_of_time_are_all_of_it(measure: str, asked: Asked) -> None:
    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for one, other in ALL_TIME:
            parts = [asked.figure(f"{measure} {each}") for each in (one, other)]
            yield f"{one}, {other}", None if None in parts else sum(filter(None, parts)), asked.figure(measure)

    none_of(differing(pairs(), least=5))


@pytest.mark.parametrize("way", ["difference in {} between {} and {}", "how much did {} change from {} to {}"])
def test_a_difference_is_one_figure_less_another(way: str, asked: Asked) -> None:
    windows = ("September 2025", "October 2025"), ("Q2 2025", "Q3 2025"), ("2024", "2025")

    def pairs() -> Iterator[tuple[str, float | None, float | None]]:
        for measure in ("total spend", "number of transactions", "decline rate"):
            for first, last in windows:
                before, after = (asked.figure(f"{measure} in {each}") for each in (first, last))
                question = way.format(measure, first, last)
                rows = asked.cells(question)
                found = float(str(rows[0][2])) if rows and len(rows[0]) > 2 else None
                yield question, found, None if before is None or after is None else after - before

    none_of(differing(pairs(), least=9))
