"""A question as words: folded to one spelling, stemmed, with numbers read; what was typed is kept beside.

Both sides of every comparison, the question and the model's phrases, go through the same stemming, so a stem need not
be a word, only the same one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

NumberUnit = Literal["", "money", "percent"]


@dataclass(frozen=True)
class Word:
    """One word: as typed, in lower case, as a stem; ``number`` where it is one."""

    typed: str
    text: str
    stem: str
    number: float | None = None
    unit: NumberUnit = ""

    @property
    def is_code(self) -> bool:
        """Tell whether it was typed in capitals, as codes are."""
        return self.typed.isupper() and self.typed.isalpha()


_TOKEN = re.compile(
    r"""(?P<date>\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{4})
    |(?P<money>[$£€]\s?)?(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?P<scale>k|mm|mn|m|bn|b)?(?P<percent>\s?%)?(?P<more>\+)?(?![\w])
    |(?P<word>\w+(?:['.]\w+)*(?:(?<=s)'(?!\w))?)
    |(?P<sign><=|>=|!=|<>|[=<>+%&,;:/?!()"-])""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"k": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9}
_SIGNS = {"&": "and", "%": "percent", "<>": "!="}
_CONTRACTIONS = {
    "what's": "what is",
    "who's": "who is",
    "whats": "what is",
    "where's": "where is",
    "how's": "how is",
    "that's": "that is",
    "let's": "let us",
    "i'd": "i would",
    "we've": "we have",
    "i'm": "i am",
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "they've": "they have",
    "they're": "they are",
    "e.g": "for example",
    "u.s": "us",
}
_NEGATED = re.compile(r"(\w+)n['’]?t$")
_NEGATABLE = frozenset(
    {"have", "has", "had", "do", "does", "did", "is", "are", "was", "were", "would", "could", "should"}
)
_SPELLINGS = {
    "favourite": "favorite",
    "traveller": "traveler",
    "travellers": "travelers",
    "travelling": "traveling",
    "centre": "center",
    "programme": "program",
    "behaviour": "behavior",
    "cancelled": "canceled",
    "jewellery": "jewelry",
    "licence": "license",
    "cheque": "check",
    "catalogue": "catalog",
    "organisation": "organization",
    "instore": "in store",
    "ecommerce": "e commerce",
    "vs.": "vs",
    "tops": "exceeds",
    "versus": "vs",
    "pct": "percent",
    "percentages": "percentage",
    "ids": "id",
    "teh": "the",
    "wich": "which",
    "whcih": "which",
    "adn": "and",
    "mny": "many",
    "med": "medium",
    "typ": "type",
    "typs": "types",
    "ppl": "people",
    "grp": "group",
    "grps": "groups",
    "custs": "customers",
    "cust": "customer",
    "txns": "transactions",
    "txn": "transaction",
    "trx": "transaction",
    "trxs": "transactions",
    "tx'ns": "transactions",
    "trans": "transactions",
    "avg": "average",
    "ave": "average",
    "mths": "months",
    "mth": "month",
    "mos": "months",
    "yrs": "years",
    "yr": "year",
    "wk": "week",
    "wks": "weeks",
    "qtr": "quarter",
    "qtrs": "quarters",
    "max": "maximum",
    "min": "minimum",
    "num": "number",
    "nr": "number",
    "trxn": "transaction",
    "trxns": "transactions",
    "txs": "transactions",
    "cnt": "count",
    "cnts": "counts",
    "qty": "count",
    "nbr": "number",
    "chnl": "channel",
    "chnls": "channels",
    "chan": "channel",
    "merch": "merchant",
    "merchs": "merchants",
    "tot": "total",
    "rev": "revenue",
    "prev": "previous",
    "curr": "current",
    "incl": "include",
    "btwn": "between",
    "qtrly": "quarterly",
    "mthly": "monthly",
    "wkly": "weekly",
    "amts": "amounts",
    "pcts": "percent",
    "amt": "amount",
    "acct": "account",
    "accts": "accounts",
    "util": "utilization",
    "cred": "credit",
    "emp": "employment",
    "pop": "period over period",
    "seg": "segment",
    "segs": "segments",
    "cat": "category",
    "cats": "categories",
    "approx": "about",
    "chg": "change",
    "acount": "account",
    "acounts": "accounts",
    "accout": "account",
    "accouts": "accounts",
    "correl": "correlation",
    "corr": "correlation",
    "pctl": "percentile",
    "pctile": "percentile",
    "distrib": "distribution",
    "pls": "please",
    "plz": "please",
    "w/o": "without",
    "w/": "with",
    "thru": "through",
}
_UNITS = {
    name: n
    for n, name in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
_UNITS |= {
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    name: 10 * n
    for n, name in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_POWERS = {"hundred": 100, "thousand": 1000, "grand": 1000, "million": 10**6, "billion": 10**9}
_MONEY_WORDS = frozenset({"dollar", "dollars", "usd", "bucks", "euro", "euros", "eur", "pounds", "gbp"})
_PRONOUN_ONE = frozenset(
    [
        "which",
        "that",
        "this",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "last",
        "next",
        "previous",
        "top",
        "the",
        "each",
        "every",
        "overall",
        "average",
        "total",
    ]
)
_WHOLE = frozenset(
    [
        "status",
        "gas",
        "less",
        "plus",
        "this",
        "has",
        "was",
        "is",
        "does",
        "us",
        "yes",
        "across",
        "always",
        "texas",
        "kansas",
        "arkansas",
        "illinois",
        "massachusetts",
        "sales",
        "business",
        "previous",
        "various",
        "vs",
        "dollars",
        "gas",
        "loss",
        "address",
        "access",
        "process",
        "as",
        "its",
        "his",
        "hers",
        "series",
        "news",
        "species",
        "besides",
        "unless",
        "thus",
        "analysis",
        "basis",
        "los",
        "las",
        "angeles",
        "dallas",
        "minus",
        "bonus",
        "virus",
        "kansas",
        "st",
        "paris",
        "hawaiis",
    ]
)


def read_words(text: str) -> list[Word]:
    """Return the words of a question in order; signs that matter are words, other punctuation is dropped."""
    if text.isupper():
        text = text.lower()  # capitals tell a code only where not everything is in capitals
    words = [word for token in _TOKEN.finditer(_folded(text)) for word in _words_of(token)]
    return join_numbers(words)


def stem(word: str) -> str:
    """Return what a word has in common with its plural and its American or British twin."""
    word = _american(word)
    if len(word) < 4 or word in _WHOLE or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("uses", "sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stems_of(phrase: str) -> tuple[str, ...]:
    """Return the stems of a phrase of the model."""
    return tuple(word.stem for word in read_words(phrase.replace("_", " ")) if word.stem not in (",", "?", ";", ":"))


def _folded(text: str) -> str:
    folded = (
        unicodedata.normalize("NFKC", " ".join(text.split()))
        .replace("’", "'")
        .replace("`", "'")
        .replace("–", "-")
        .replace("—", " - ")
    )
    for pattern, word in _ABBREVIATED:
        folded = pattern.sub(word, folded)
    return re.sub(r"(?<=[A-Za-z0-9])-(?=[A-Za-z])", " ", folded)


_ABBREVIATED = (
    (  # who asks says nothing of what is asked: Finance would like to know
        re.compile(
            r"\b(?:finance|marketing|risk|support|compliance|sales|management|operations|product|audit|accounting)"
            r"(?: team| department| manager)? "
            r"(?:wants?|needs?|would like|(?:is|are) asking for|asks? for)(?: to (?:know|see|have|get))? (?=\w)",
            re.IGNORECASE,
        ),
        "",
    ),
    (re.compile(r"#\s?(?:of\s)?(?=[A-Za-z])", re.IGNORECASE), "number of "),
    (re.compile(r"^nd(?= (?:for|in|by|what|how|on|of|at|only|now)\b)"), "and"),
    (re.compile(r"\bb/w\b", re.IGNORECASE), "between"),
    (re.compile(r"\btx(?= (?:cnts?|counts?|amts?|amounts?|volume|values?)\b)", re.IGNORECASE), "transaction"),
    (
        re.compile(r"(?<=[a-z] )(?<!in )(?<!from )(?<!of )(?<!for )(?<!and )(?<!or )tx\b(?! (?:cust|client|people))"),
        "transactions",
    ),
    (re.compile(r"(?<=number of )tx\b|(?<=count of )tx\b"), "transactions"),
    (re.compile(r"(?<=\bby )mo\b|(?<=\bper )mo\b|(?<=\d )mo\b"), "month"),
    (re.compile(r"\b(last|past|previous) (\d+)\s?(?:d|days?)\b", re.IGNORECASE), r"\1 \2 days"),
    (re.compile(r"\b(last|past|previous) (\d+)\s?(?:w|wks?)\b", re.IGNORECASE), r"\1 \2 weeks"),
    (re.compile(r"\b(last|past|previous) (\d+)\s?(?:mos?|mths?)\b", re.IGNORECASE), r"\1 \2 months"),
    (re.compile(r"\b(break|split|cut) (.{1,40}?) (?:down|up)\b", re.IGNORECASE), r"\1 down \2"),
    (re.compile(r"(?<=\d)\s?x\b", re.IGNORECASE), " times"),
    (re.compile(r"\bw/o\b", re.IGNORECASE), "without"),
    (re.compile(r"\bw/(?=\s|[A-Za-z])", re.IGNORECASE), "with "),
    (re.compile(r"\b(top|bottom|last|first)(\d+)\b", re.IGNORECASE), r"\1 \2"),
    (re.compile(r"(?<=[A-Za-z])-(?= (?:and|or|to)\b)", re.IGNORECASE), ""),
    (re.compile(r"\bper cent\b|(?<=\d )percentage points?\b", re.IGNORECASE), "percent"),
    (re.compile(r"\bno\.\s*of\b", re.IGNORECASE), "number of"),
    (re.compile(r"\bi\.e\.?|\be\.g\.?", re.IGNORECASE), ""),
    (re.compile(r"(?<=\w)'ve\b", re.IGNORECASE), " have"),
    (re.compile(r"(?<=\w)'re\b", re.IGNORECASE), " are"),
    (re.compile(r"(?<=\w)'ll\b", re.IGNORECASE), " will"),
    (re.compile(r"(?<=\w)'d\b", re.IGNORECASE), " would"),
)


def _words_of(token: re.Match[str]) -> list[Word]:
    typed = token[0]
    if token["date"]:
        return [Word(typed, typed, typed)]
    if token["number"] is not None:
        return _number_words(token)
    if token["sign"]:
        text = _SIGNS.get(typed, typed)
        return [Word(typed, text, text)]
    return [Word(typed, text, stem(text)) for text in _expanded(typed.casefold())]


def _number_words(token: re.Match[str]) -> list[Word]:
    value = float(token["number"].replace(",", "")) * _SCALES.get((token["scale"] or "").casefold(), 1)
    unit: NumberUnit = "money" if token["money"] else "percent" if token["percent"] else ""
    text = f"{value:g}" if value < 1e15 else str(value)
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else text
    more = [Word("+", "+", "+")] if token["more"] else []
    return [Word(token[0], text, text, value, unit), *more]


def _expanded(text: str) -> list[str]:
    if text in _CONTRACTIONS:
        return _CONTRACTIONS[text].split()
    negated = _NEGATED.fullmatch(text)
    if negated and negated[1] in _NEGATABLE:
        return [negated[1], "not"]
    text = text.removesuffix("'s").replace("'", "").replace("_", " ")
    return [part for one in text.split() for part in _SPELLINGS.get(one, one).split()]


def _american(word: str) -> str:
    for british, american in (("isation", "ization"), ("ising", "izing"), ("ised", "ized"), ("ise", "ize")):
        if word.endswith(british) and len(word) > len(british) + 3:
            return word.removesuffix(british) + american
    return _SPELLINGS.get(word, word) if " " not in _SPELLINGS.get(word, word) else word


def join_numbers(words: list[Word]) -> list[Word]:
    """Read numbers that were written as words, and money and percent that were written behind a number."""
    joined: list[Word] = []
    place = 0
    while place < len(words):
        value, used = _spelled(words, place)
        if used:
            typed = " ".join(word.typed for word in words[place : place + used])
            joined.append(Word(typed, f"{value:g}" if value < 1e6 else str(int(value)), f"{value:g}", float(value)))
            place += used
            continue
        word = words[place]
        if joined and joined[-1].number is not None and word.text in (*_MONEY_WORDS, "percent"):
            unit: NumberUnit = "percent" if word.text == "percent" else "money"
            last = joined.pop()
            joined.append(Word(f"{last.typed} {word.typed}", last.text, last.stem, last.number, unit))
        else:
            joined.append(word)
        place += 1
    return joined


def _spelled(words: list[Word], place: int) -> tuple[float, int]:
    """Return the number that starts here and how many words it takes; 0 words where none starts."""
    first = words[place]
    before = words[place - 1].text if place else ""
    named = place > 1 and words[place - 2].text in ("the", "that", "this") and before != "other"
    if first.text == "one" and (before in _PRONOUN_ONE or named):
        return 0, 0
    value, used = _small(words, place)
    if first.text in ("a", "an", "half") and place + 1 < len(words) and words[place + 1].text in _POWERS:
        value, used = (0.5 if first.text == "half" else 1), 1
    if first.number is not None:
        value, used = first.number, 1
    if not used:
        return 0, 0
    scaled = False
    while place + used < len(words) and words[place + used].text in _POWERS:
        value, used, scaled = value * _POWERS[words[place + used].text], used + 1, True
        more, taken = _small(words, place + used)
        if taken:
            value, used = value + more, used + taken
    return (0, 0) if first.number is not None and not scaled else (value, used)


def _small(words: list[Word], place: int) -> tuple[float, int]:
    """Return a number below a hundred."""
    text = words[place].text if place < len(words) else ""
    if text in _UNITS:
        return _UNITS[text], 1
    if text not in _TENS:
        return 0, 0
    unit = words[place + 1].text if place + 1 < len(words) else ""
    return (_TENS[text] + _UNITS[unit], 2) if 0 < _UNITS.get(unit, 0) < 10 else (_TENS[text], 1)
