"""Whatever is typed: no exception, and what is answered is one SELECT in which nothing of the question stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import sqlglot
from sqlglot import exp

from customer360.ask import Engine
from customer360.ask.vocabulary import phrases
from customer360.semantic import compile_query
from tests.ask.given import Record
from tests.ask.reading import none_of

pytestmark = pytest.mark.integration

STRINGS = 10_000
SQL = (
    "'; drop table gold.fct_transactions; --",
    "' or 1=1 --",
    "union all select * from information_schema.tables",
    "select password from users",
    "/* comment */",
    "read_csv('/etc/passwd')",
    'attach "x.db"',
    "copy fct_transactions to 'out.csv'",
    "); delete from customer_360_profile; (",
    "$$", "?", "$1", ":name", "{{ ref('x') }}", "%s", "\\", "\\x00",
)  # fmt: skip
ODD = (
    "🙂", "💸💸", "'", '"', "''''", "“”", "\x00", "\x1b[31m", "\r\n", "\t", "\u202e", "\u200b", "é", "ß", "İ", "ﬁ", "½",
    "²", "٣", "１２", "—", "…", "((((", "))))", "[", "]", "%", "#", "@", "~", "1e309", "99999999999999999999", "-5",
    "0", "0.0.0", "2025-13-45", "31/31/2025", "$", "€5k", "1,000,", "10%%", "NaN", "inf",
)  # fmt: skip


@dataclass(frozen=True)
class Typist:
    """Types strings, from words that mean something to letters that mean nothing."""

    words: Sequence[str]
    questions: Sequence[str]

    def known_words(self, chance: random.Random) -> str:
        return " ".join(chance.choice(self.words) for _ in range(chance.randint(1, 9)))

    def letters(self, chance: random.Random) -> str:
        return "".join(chr(chance.randrange(1, 0x2FFF)) for _ in range(chance.randint(1, 40)))

    def anything(self, chance: random.Random) -> str:
        points = [chance.choice(((0, 0xD800), (0xE000, 0x110000))) for _ in range(chance.randint(1, 30))]
        return "".join(chr(chance.randrange(*span)) for span in points)

    def attack(self, chance: random.Random) -> str:
        return f"{chance.choice(self.questions)} {chance.choice(SQL)} {chance.choice(self.words)}"

    def odd(self, chance: random.Random) -> str:
        return " ".join(
            chance.choice((chance.choice(self.words), chance.choice(ODD))) for _ in range(chance.randint(1, 8))
        )

    def cut(self, chance: random.Random) -> str:
        question = chance.choice(self.questions)
        first, last = sorted(chance.randrange(len(question) + 1) for _ in range(2))
        return question[:first] + chance.choice((*ODD, *SQL, "")) + question[last:]

    def shuffled(self, chance: random.Random) -> str:
        parts = chance.choice(self.questions).split()
        chance.shuffle(parts)
        return " ".join(parts)

    def long(self, chance: random.Random) -> str:
        return chance.choice(("a", "spend by ", "('", "🙂 ", "not ")) * chance.randint(50, 2000)

    def ways(self) -> list[Callable[[random.Random], str]]:
        often = [self.known_words] * 3 + [self.cut] * 2
        return [*often, self.odd, self.shuffled, self.attack, self.letters, self.anything, self.long]


def typist(reader: Engine, asked: list[Record]) -> Typist:
    """Return one who knows the words of the grammar, the model and the build."""
    grammar = [" ".join(stems) for stems, _, _ in phrases()]
    names = [name for item in reader.model.items for name in (item.name, *item.synonyms)]
    values = [value for known in reader.values.values() for value in known[:40]]
    others = ["5", "10", "1000", "in March", "last month", "2025", "by", "of"]
    return Typist((*grammar, *names, *names, *values, *values, *others), [record["question"] for record in asked])


def fault_of(reader: Engine, question: str) -> str:
    """Return what is wrong with how a string was taken, or nothing."""
    try:
        read = reader.read(question)
        compiled = compile_query(reader.model, read.query, "duckdb") if read.query else None
    except Exception as error:  # noqa: BLE001 - every exception is a fault to be listed with its question
        return f"{question!r}: {error!r}"
    if compiled is None:
        return ""
    statements = sqlglot.parse(compiled.sql, dialect="duckdb")
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        return f"{question!r}: not one SELECT: {compiled.sql}"
    stands = {literal.this for literal in statements[0].find_all(exp.Literal) if literal.is_string} - known_literals(
        reader
    )
    return f"{question!r}: text in the SQL: {stands}" if stands else ""


def known_literals(reader: Engine) -> set[str]:
    """Return the strings that the model's own expressions hold, and those that the compiler writes."""
    own = {literal.this for item in reader.model.items for literal in item.expression.find_all(exp.Literal)}
    return own | {"", "NaN", "day", "week", "month", "quarter", "year", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}


def test_a_flag_that_is_compared_with_a_number_does_no_harm(reader: Engine) -> None:
    typed = "had a transaction topped made any purchase ID transact no more than discretionary categories"
    assert not fault_of(reader, f"{typed} portfolio utilization rate")


def test_ten_thousand_strings_do_no_harm(reader: Engine, asked: list[Record]) -> None:
    chance, ways = random.Random(360), typist(reader, asked).ways()
    faults = []
    for number in range(STRINGS):
        typed = ways[number % len(ways)](chance)
        if fault := fault_of(reader, typed):
            faults.append(fault)
    none_of(faults)
