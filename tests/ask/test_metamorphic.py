"""Asking the same thing otherwise gives the same query: other words, letters, order, manners; a slip gives no other."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from customer360.ask import Engine
from customer360.ask.lexicon import Entry
from customer360.ask.segment import find_candidates
from customer360.ask.words import read_words
from customer360.semantic import Item
from tests.ask.given import Record
from tests.ask.reading import none_of, reading_of

pytestmark = pytest.mark.integration

CODE = re.compile(r"\b[A-Z]{2,3}\b")
MANY = re.compile(r"(?:monthly average spend|per customer|states|identifiers|decline|increase|decrease|drop|fall)\b")
"""Synonyms in the plural ask for several, and words of change say more than the name of a field."""
MOST_SILENT = 0.03
BARE = (
    "transactions before 2025",
    "mobile transactions last week",
    "declined transactions year to date",
    "transactions on weekends in October",
    "year to date declined transactions, online excluded",
)
"""Read as a number where it stands alone, and as a list after "show me"."""
POLITE = (
    "Please tell me: {}",
    "Can you tell me {}",
    "Could you please show me {}",
    "I would like to know {}",
    "Hi, {}",
    "{} please",
    "{}, thanks",
)
UK = {
    "utilization": "utilisation",
    "traveler": "traveller",
    "favorite": "favourite",
    "center": "centre",
}
FILTERS = (
    "in Texas or Ohio",
    "with a Premium card",
    "older than 40",
    "with lifetime value above 5,000",
    "with a churn risk score under 60",
    "who are retired",
)
SUBJECTS = ("number of customers", "average credit limit of customers", "list customers", "median age of customers")

REWORDED = {
    "customers in Texas sorted by lifetime value descending": (
        "customers in Texas, highest lifetime value first",
        "customers in Texas order by lifetime_value desc",
        "customers in Texas by lifetime value descending",
        "customers in Texas ordered by lifetime value, largest first",
        "customers in Texas in descending order of lifetime value",
        "rank customers in Texas by lifetime value",
        "customers in Texas sorted by total spend",
    ),
    "customers with churn score over 60 sorted by churn score descending": (
        "customers with churn score over 60, highest score first",
        "customers with churn score over 60 sorted by score",
        "customers with churn score over 60, riskiest first",
        "customers with churn score over 60, highest first",
        "customers with churn score over 60 ranked by churn risk, worst first",
        "customers with churn score over 60 from riskiest to safest",
    ),
    "customers in Texas sorted by age descending": (
        "customers in Texas, oldest first",
        "rank customers in Texas by age",
    ),
    "total spend by month sorted by month descending": (
        "total spend by month, newest first",
        "total spend by month order by date desc",
    ),
    "total spend by state sorted by total spend ascending": (
        "total spend by state, lowest first",
        "total spend by state, worst first",
        "total spend by state ordered by total spend, smallest first",
    ),
    "transactions over 900 in October 2025 sorted by transaction date descending": (
        "transactions over 900 in October 2025, newest first",
        "show the newest transactions over 900 in October 2025 first",
    ),
    "average credit limit by state for states with at least 3 customers, highest first": (
        "state, avg credit limit for states with at least 3 customers, order by avg credit limit desc",
        "avg credit limit for states with at least 3 customers sorted by average credit limit",
    ),
    "how many customers have medium risk or high risk": (
        "how many customers are medium or high risk",
        "how many high- or medium-risk customers are there",
        "how many customers with medium or high churn risk",
    ),
    "how many customers are neither high risk nor medium risk": (
        "how many customers are neither high nor medium risk",
    ),
    "total spend by category group for approved Mobile transactions": (
        "total spend by category group where status = approved and channel = Mobile",
        "total spend by category group where status = 'approved' and channel = 'Mobile'",
    ),
    "number of customers with a Premium card, not in Texas": (
        "number of customers where card_type = 'Premium' and state != 'TX'",
        "number of customers where card type = Premium and state <> TX",
    ),
    "average lifetime value by year opened": (
        "avg lifetime value by account open year",
        "average lifetime value by year of account opening",
        "average lifetime value per signup year",
        "average lifetime value for each opening year",
    ),
    "number of customers by month opened": ("customers by opening month", "number of customers by signup month"),
    "number of transactions by month since January 2025 without declined": (
        "total transactions by month since Jan 2025 excl. declined",
        "total transactions per month since January 2025 excluding declined",
    ),
    "number of transactions by channel in the last 60 days": (
        "txn cnt by chnl last 60 days",
        "# of txns by chan last 60d",
        "tx cnt by channel, past 60 days",
        "trxn qty by chnl last 60 days",
    ),
    "customers with lifetime value between 5k and 10k in Texas": ("custs w/ ltv b/w 5k and 10k in TX",),
    "average transaction amount by month in the last 6 months": ("avg txn amt per mo last 6 mos",),
    "share of customers by churn risk category for Premium customers": (
        "churn risk split in percent for Premium cardholders",
        "churn risk category mix for Premium customers",
        "percentage of customers by churn risk category for Premium cardholders",
    ),
    "percentage of customers in Texas who are at high risk, by segment": (
        "percentage of high risk customers by segment in Texas",
    ),
    "how many customers had a declined transaction in October 2025 but no declined transaction in September 2025": (
        "how many customers had a declined transaction in October 2025 but none in September 2025",
        "how many customers had a declined transaction in October 2025 but not in September 2025",
    ),
    "how many customers bought in October 2025 but not in September 2025": (
        "how many customers bought in October 2025 but did not buy in September 2025",
        "how many customers bought in October 2025 but nothing in September 2025",
        "how many customers made a purchase in October 2025 but no purchase in September 2025",
        "how many customers did not buy in September 2025 but did in October 2025",
    ),
    "number of customers by segment with no spend in October 2025": (
        "customers with no spend at all in October 2025, by segment",
        "number of customers by segment who spent nothing in October 2025",
        "number of customers by segment without any spend in October 2025",
    ),
    "states whose average lifetime value exceeds the overall average": (
        "states whose average lifetime value is above the overall average",
        "states with an above-average lifetime value",
    ),
    "which day had the most transactions": (
        "On which date did we see the most transactions?",
        "on what day were the most transactions made",
        "busiest day",
    ),
    "when did customer CUST00000012 last transact": (
        "When did CUST00000012 last buy?",
        "on which date did customer CUST00000012 last make a purchase",
    ),
}
"""Questions and others that mean the same."""


def lower_first(question: str) -> str:
    return question[:1].lower() + question[1:] if question[1:2].islower() else question


def other_case(question: str) -> Iterator[str]:
    if not CODE.search(question):
        yield question.lower()
    yield question[:1].upper() + question[1:]


def other_punctuation(question: str) -> Iterator[str]:
    bare = question.rstrip("?.! ")
    yield from (bare, f"{bare}?", f"{bare}.", f"{bare}!", f"  {bare} ?", bare.replace(" ", "  "))


def other_manners(question: str) -> Iterator[str]:
    bare = lower_first(question.rstrip("?.! "))
    if bare in BARE:
        return
    yield from (form.format(bare) for form in POLITE)


def other_country(question: str) -> Iterator[str]:
    for american, british in UK.items():
        for old, new in ((american, british), (british, american)):
            if re.search(rf"\b{old}", question, re.IGNORECASE):
                yield re.sub(rf"\b{old}", new, question, flags=re.IGNORECASE)
    if re.search(r"\bpercent\b", question):
        yield re.sub(r"\bpercent\b", "per cent", question)


def other_number(question: str) -> Iterator[str]:
    """Yield it with the group in the other number: "by state" as "by states"."""
    match = re.search(
        r"\b(by|per) ((?:merchant |card |customer )?(?:state|channel|segment|city|category|merchant|status|age))\b",
        question,
    )
    if match and match[1] == "by":
        plural = f"{match[2][:-1]}ies" if match[2].endswith("y") else f"{match[2]}s"
        yield question[: match.start(2)] + plural + question[match.end(2) :]


def other_sign(question: str) -> Iterator[str]:
    if re.search(r"\d percent\b", question):
        yield re.sub(r"(\d) percent\b", r"\1%", question)
    if re.search(r"\d%", question):
        yield re.sub(r"(\d)%", r"\1 percent", question)


WAYS: tuple[Callable[[str], Iterator[str]], ...] = (
    other_case,
    other_punctuation,
    other_manners,
    other_country,
    other_number,
    other_sign,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_same_question_in_another_form_has_the_same_query(
    way: Callable[[str], Iterator[str]], reader: Engine, asked: list[Record]
) -> None:
    faults = []
    for record in asked:
        expected = reading_of(reader, record["question"])
        faults += [
            f"{changed} -> {read}"
            for changed in way(record["question"])
            if expected and (read := reading_of(reader, changed)) != expected
        ]
    none_of(faults)


@pytest.mark.parametrize("question", REWORDED)
def test_another_wording_has_the_same_query(question: str, reader: Engine) -> None:
    expected = reading_of(reader, question)
    assert expected
    none_of([f"{other} -> {read}" for other in REWORDED[question] if (read := reading_of(reader, other)) != expected])


def test_shouting_never_changes_what_is_meant(reader: Engine, asked: list[Record]) -> None:
    """In capitals "IN" may be Indiana, so a question may be asked back, but it never becomes another one."""
    faults = []
    for record in asked:
        expected = reading_of(reader, record["question"])
        read = reading_of(reader, record["question"].upper())
        if expected and read and read != expected:
            faults.append(f"{record['question'].upper()} -> {read}")
    none_of(faults)


def named_items(reader: Engine, question: str) -> Iterator[tuple[str, Item]]:
    """Yield the phrases of a question that name one field or one metric."""
    for candidate in find_candidates(read_words(question), reader.lexicon, reader.newest):
        meant = [entry for entry in candidate.entries if entry.kind in ("FIELD", "METRIC")]
        plain = len(meant) == len(candidate.entries) == 1 and candidate.text in question
        if plain and tuple(word.stem for word in read_words(candidate.text)) in written(meant[0].data):
            yield candidate.text, meant[0].data


def written(item: Item) -> set[tuple[str, ...]]:
    """Return the stems of an item's own name and synonyms, without the verbs for it."""
    return {tuple(word.stem for word in read_words(one)) for one in (item.name, *item.synonyms)}


def synonyms_of(reader: Engine, item: Item) -> list[str]:
    """Return the phrases that mean an item and nothing else, verbs excepted."""
    known = {entry.kind for entry in reader.lexicon.find(tuple(read_words(item.name)))}
    named = [item.name.replace("_", " "), *item.synonyms] if known else [*item.synonyms]
    return [one for one in named if _means(reader.lexicon.find(tuple(read_words(one))), item)]


MISSPELT = ("misspelling", "misspelling_abbreviation", "abbreviation")
"""Categories in which a name may be the rest of a misspelt one."""


def _means(entries: list[Entry], item: Item) -> bool:
    return len(entries) == 1 and entries[0].data == item


def test_a_synonym_of_the_model_means_the_same(reader: Engine, asked: list[Record]) -> None:
    """It never means anything else; a few do not fit the sentence that they are put into, and are not answered."""
    chance, faults, silent, tried = random.Random(7), [], [], 0
    for record in asked:
        question = record["question"]
        skipped = record["category"] in MISSPELT or FALLS.search(question)
        expected = "" if skipped else reading_of(reader, question)
        for phrase, item in named_items(reader, question) if expected else ():
            others = [one for one in synonyms_of(reader, item) if one not in phrase and not MANY.search(one)]
            for other in chance.sample(others, min(2, len(others))):
                changed = re.sub(rf"\b{re.escape(phrase)}\b", other, question, count=1)
                read, tried = reading_of(reader, changed), tried + 1
                if not read:
                    silent.append(f"not answered: {changed} (was: {phrase})")
                elif read != expected and changed not in ALIKE:
                    faults.append(f"{changed} (was: {phrase}) -> {read}")
    none_of(faults)
    if len(silent) > MOST_SILENT * tried:
        none_of(silent)


FALLS = re.compile(r"\b(?:drop|fall|decrease)\b", re.IGNORECASE)
"""Turns a change around: its synonyms that do not are of the same field, and mean another question."""
ALIKE = (
    "avg approved amount by customer segment",
    "Give me the five merchants with the highest approved spend last month",
    "average approved amount per month, last 6 months",
    "daily purchase value of declined transactions, October 2025",
)
"""Read as another query that gives the same: of approved ones, or of what was approved."""


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_order_of_conditions_does_not_matter(subject: str, reader: Engine) -> None:
    faults = []
    for chosen in permutations(FILTERS, 3):
        expected = reading_of(reader, f"{subject} {' '.join(sorted(chosen))}")
        read = reading_of(reader, f"{subject} {' '.join(chosen)}")
        if not read or read != expected:
            faults.append(f"{subject} {' '.join(chosen)} -> {read}")
    none_of(faults)


def slips(question: str, chance: random.Random) -> Iterator[str]:
    """Yield the question with one letter wrong in a long word: doubled, missing, swapped or another."""
    for match in re.finditer(r"\b[A-Za-z]{7,}\b", question):
        word, place = match[0], chance.randrange(1, len(match[0]) - 1)
        letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
        ways = (
            word[:place] + word[place] + word[place:],
            word[:place] + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
            word[:place] + letter + word[place + 1 :],
        )
        yield question[: match.start()] + chance.choice(ways) + question[match.end() :]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("What persent of total spend is online?", "What percent of total spend is online?"),
        ("when was the first transsaction", "when was the first transaction"),
        ("number of approved transactiogs by state", "number of approved transactions by state"),
        ("how many hgh risk customesr", "how many high risk customers"),
        ("ttl spend in Texas", "total spend in Texas"),
    ],
)
def test_a_slip_is_taken_for_the_word_it_can_only_be(slip: str, meant: str, reader: Engine) -> None:
    assert reading_of(reader, slip) == reading_of(reader, meant) != ""


def test_one_slip_never_makes_another_question(reader: Engine, asked: list[Record]) -> None:
    chance, faults, tried, read_right = random.Random(11), [], 0, 0
    for record in asked:
        expected = reading_of(reader, record["question"])
        for changed in slips(record["question"], chance) if expected else ():
            read = reading_of(reader, changed)
            tried += 1
            read_right += read == expected
            if read and read != expected:
                faults.append(f"{changed} (was: {record['question']}) -> {read}")
    none_of(faults)
    assert read_right / tried > 0.8
