"""Corrects words that no dictionary knows to words of the model or of the grammar, and never any others.

A word of English that means nothing to the model must not become a word that does: that is how wrong answers are made.
So words that a general dictionary holds are left alone, and whoever said them is told that they were not understood.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from customer360.ask.lexicon import Entry, Lexicon
from customer360.ask.words import Word, join_numbers, stem

COMMON = 400
"""How often a word must occur in the dictionary's texts to be left alone."""
DATE_WORDS = frozenset(
    {name.casefold() for name in calendar.month_name if name}
    | {
        "yesterday",
        "today",
        "january",
        "quarter",
        "month",
        "week",
        "year",
        "day",
        "last",
        "since",
        "between",
        "before",
        "after",
        "during",
        "half",
    }
)


def edits_allowed(length: int) -> int:
    """Return how many letters of a word may be wrong."""
    return 0 if length <= 3 else 1 if length <= 6 else 2


FEW_VALUES = 60
"""How many values a field may have that are no names of its own: as many as there are states."""
_NOT_MEANT = ("FILL", "MISSING", "AMBIGUOUS")


class Speller:
    """Corrects the words of questions against one lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._known = frozenset(lexicon.vocabulary()) | DATE_WORDS
        meant = lexicon.vocabulary(without=_NOT_MEANT)
        links = meant - lexicon.vocabulary(without=(*_NOT_MEANT, "IS"))
        self._only_asking = meant - lexicon.vocabulary(without=(*_NOT_MEANT, "LIST", "WHAT", "IS"))
        self._pairs = frozenset(_pairs_in_names(lexicon))
        # "stand" in the place of "standard" would say nothing
        corrigible = (meant - {one for one in links if len(one) > 4}) | DATE_WORDS
        self._targets = sorted(one for one in corrigible if len(one) > 2 and one.isalpha())
        self._names = meant - set(_words_of_the_model(lexicon))
        self._meant = [one for one in self._targets if one not in self._only_asking]

    def correct(self, words: list[Word]) -> tuple[list[Word], list[tuple[str, str]]]:
        """Return the words with the misspelt ones corrected, and what was corrected to what."""
        corrected, told = [], []
        for place, word in enumerate(words):
            around = (words[place - 1].stem if place else "", words[place + 1].stem if place + 1 < len(words) else "")
            found = self._correction(word, around)
            if found is None:
                corrected.append(word)
            else:
                written = _in_number_of(found, word.text)
                corrected.append(Word(written, written, found))
                told.append((word.typed, written))
        return (join_numbers(corrected) if told else corrected), told

    def _correction(self, word: Word, around: tuple[str, str]) -> str | None:
        if word.number is not None or word.stem in self._known or not word.text.isalpha() or word.typed.isdigit():
            return None
        if len(word.text) < 3 or is_english(word.text):
            return None
        if len(word.text) == 3:
            return self._with_vowels(word.text) or self._with_vowels(word.text.removesuffix("s"))
        texts = dict.fromkeys((word.stem, stem(word.text)))
        found = (self._nearest(text, around, targets) for targets in (self._meant, self._targets) for text in texts)
        return next((one for one in found if one is not None), None)

    def _with_vowels(self, text: str) -> str | None:
        """Return the only word that a few letters are without its vowels: hgh, ttl, dys."""
        found = [one for one in self._targets if _consonants(one) == text and len(one) <= len(text) + 2]
        found = self._no_names(found)
        return found[0] if len(found) == 1 and len(text) > 1 else None

    def _nearest(self, text: str, around: tuple[str, str], targets: list[str]) -> str | None:
        allowed = edits_allowed(len(text))
        best: list[str] = []
        least = allowed + 1
        for target in targets:
            if abs(len(target) - len(text)) > allowed or not _alike(target, text):
                continue
            distance = int(OSA.distance(text, target, score_cutoff=allowed))
            if distance < least:
                best, least = [target], distance
            elif distance == least and distance <= allowed:
                best.append(target)
        best = self._no_names(best)
        return best[0] if len(best) == 1 else self._preferred(best, text, around, least)

    def _no_names(self, found: list[str]) -> list[str]:
        """Return words without those of names alone, unless there are no others: totl is total, not the Toll House."""
        return [one for one in found if one not in self._names] or found

    def _preferred(self, best: list[str], text: str, around: tuple[str, str], distance: int) -> str | None:
        """Return the one of several as near that has the same letters, ends alike or makes a name with a neighbour."""
        before, after = around
        same = [one for one in best if one[0] == text[0] and sorted(one) == sorted(text)]
        beside = [one for one in best if (before, one) in self._pairs or (one, after) in self._pairs]
        ends = [one for one in best if distance == 1 and one[0] == text[0] and one[-2:] == text[-2:]]
        return next((found[0] for found in (same, ends, beside) if len(found) == 1), None)


_LINKS = frozenset({"in", "of", "the", "to", "on", "for", "by", "a", "an", "and", "at", "per"})


def _words_of_the_model(lexicon: Lexicon) -> Iterator[str]:
    """Yield the words that are more than a part of one of many names: of people, merchants or cities."""
    for stems, entries in lexicon.entries.items():
        if any(one.kind not in _NOT_MEANT and not _is_name(lexicon, one) for one in entries):
            yield from stems


def _is_name(lexicon: Lexicon, entry: Entry) -> bool:
    if entry.kind not in ("VALUE", "NAMEDVALUE"):
        return False
    return len(lexicon.values.get(entry.data.item.full_name, ())) > FEW_VALUES


def _pairs_in_names(lexicon: Lexicon) -> Iterator[tuple[str, str]]:
    """Yield the words that stand beside each other in the names of what a model has."""
    for stems, entries in lexicon.entries.items():
        if any(one.kind in ("FIELD", "METRIC", "VALUE", "ENTITY", "FLAG") for one in entries):
            yield from (pair for pair in pairwise(stems) if not _LINKS & set(pair))


def _in_number_of(found: str, typed: str) -> str:
    """Return a word in the plural where the misspelt one ended like one: a customer is not what customers are."""
    several = f"{found[:-1]}ies" if found.endswith("y") else f"{found}s"
    further = OSA.distance(typed, several) - OSA.distance(typed, found)
    is_plural = typed.endswith("s") or further < 0 or (further == 0 and sorted(typed) == sorted(several))
    return several if is_plural and not found.endswith("s") else found


def _alike(target: str, text: str) -> bool:
    """Tell whether two words start with the same letter, or have the same consonants."""
    return target[0] == text[0] or _consonants(target) == _consonants(text) or sorted(target) == sorted(text)


def _consonants(word: str) -> str:
    return "".join(letter for letter in word if letter not in "aeiou")


def is_english(word: str) -> bool:
    """Tell whether a general dictionary of English holds a word."""
    return _dictionary().get(word, 0) >= COMMON


@lru_cache(maxsize=1)
def _dictionary() -> Mapping[str, int]:
    from spellchecker import SpellChecker  # noqa: PLC0415 - read when the first unknown word comes

    return dict(SpellChecker(language="en").word_frequency.dictionary)
