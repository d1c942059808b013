"""Whether a question leans on the one before, and what it leans on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from customer360.ask.frame import Frame

_LEANS = re.compile(
    r"^\W*(?:and|from|on|at|to|those|the ones|medium risk|what about|how about|only|"
    r"just|now|instead|by|same|sort|order|make (?:it|that|them)|exclude|excluding|without|"
    r"but|also|leave out|leaving out|ignore|ignoring|skip|skipping|minus|"
    r"ok|okay|for|in|per|split|break|group|then|show (?:it|that|them)|the (?:same|second|"
    r"third|first|top|bottom|one|month|year|week|quarter|most|least|fewest|highest|lowest|smallest|"
    r"largest)|"
    r"as (?:a|percentages?|shares?)|not|except|remove|drop|compare (?:that|it|this|them|both|the two|with|to)|vs|"
    r"versus|top \d+|bottom \d+|"
    r"counting|considering|looking only|"
    r"limit|filter|restrict|of (?:those|them|these)|which of|how many of|list them|who are they|"
    r"within|among|rank|over time|"
    r"running|cumulative|reset|monthly|weekly|daily|quarterly|switch|change|swap|include|add|"
    r"with|last|this|previous|sorted|ascending|descending|what were|flip|reverse|who are|how "
    r"many is|how many are (?:that|those|they)|how many (?:were|are|was|is) (?!there\b)|"
    r"how about|what is (?:that|their|its)|their|so|"
    r"again|expand|narrow|drill|exclude)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(r"^\W*(?:(?:please|(?:can|could|would) you(?: please)?)\W+)+", re.IGNORECASE)
_CHANGES_IT = re.compile(
    r"^\W*(?:(?:and|now|then|so|ok|okay|also) )*(?:break|split|cut|slice|group|sort|order|rank|filter|plot|chart)"
    r" (?:up |down )?(?:that|it|them|this(?! (?:year|month|quarter|week)))\b",
    re.IGNORECASE,
)
_WHOLE_START = re.compile(
    r"^\W*(?:(?:in|for|on|at|to|from|by|with|within|among|of) (?:which|what|each|every|all|how|the)|on average)\b",
    re.IGNORECASE,
)
INSTEAD = re.compile(r"\b(?:instead|rather than)\b", re.IGNORECASE)
_ONLY = re.compile(r"^\W*(?:\w+\W+){1,4}only\W*$", re.IGNORECASE)
_REFERS = re.compile(r"\b(?:their|them|they|those|these|that one|of that|its|it|each of)\b", re.IGNORECASE)
_IS_THAT = re.compile(r"\b(?:is|are|was|were) (?:that|this|those|these)\W*$", re.IGNORECASE)
_PART_OF_IT = re.compile(
    r"\b(?:share|percent|percentage|part|portion|fraction) of (?:that|it)\b(?! (?:day|week|month|quarter|year))",
    re.IGNORECASE,
)
NOUN = re.compile(
    r"\b(?:customers?|clients?|people|transactions?|purchases?|cardholders?|merchants?|states?|"
    r"segments?) (?:who|that|whose|with|spend|spending|in|having)\b",
    re.IGNORECASE,
)


def leans(question: str) -> bool:
    """Tell whether a question starts like one that leans on another."""
    question = _POLITE.sub("", question)
    leaning = _LEANS.match(question) is not None and _WHOLE_START.match(question) is None
    return leaning or refers(question) or INSTEAD.search(question) is not None or _ONLY.search(question) is not None


def changes_it(question: str) -> bool:
    """Tell whether a question asks for what was shown in another way: break that down by state."""
    return _CHANGES_IT.match(_POLITE.sub("", question)) is not None


def refers(question: str) -> bool:
    """Tell whether a question speaks of something by a pronoun."""
    return _IS_THAT.search(question) is not None or (
        _REFERS.search(question) is not None and NOUN.search(question) is None
    )


def asks_part(question: str) -> bool:
    """Tell whether a question asks for a part of something that it only points at: what percentage of that."""
    return _PART_OF_IT.search(question) is not None


@dataclass(frozen=True)
class Context:
    """What a follow-up leans on: the last frame, and the first rows of its answer."""

    frame: Frame
    rows: tuple[dict[str, Any], ...] = ()


LOST = Context(Frame(kind="figures", subject=""))
"""The context after a question that was not understood: nothing to lean on, and no whole question either."""
