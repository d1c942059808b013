"""Good messages for questions that ask for something else than an answer.

Safety does not rest on this: nothing of a question's text ever reaches an engine but values, bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUESTION = 500


@dataclass(frozen=True)
class Refused:
    """Why a question is refused before it is read."""

    reason: str
    say: str


_WRITES = (
    r"delete|remove (?:all|every|customer)|drop (?:(?:the )?\w* ?table|all|every|customer|the table|the database)|"
    r"update|insert|truncate|alter|create|grant|revoke|erase|wipe|modify|overwrite|merge|purge|archive|"
    r"cancel|upgrade|downgrade|reset (?:the|all|every)|rename"
)
_PATTERNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "prompt_injection",
        "A question cannot change the rules by which it is read. Ask about customers and what they spend.",
        (
            r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|previous|above|"
            r"polic|guard|restriction)",
            r"system prompt",
            r"you are now",
            r"act as ",
            r"pretend (?:to be|you)",
            r"jailbreak",
            r"developer mode",
            r"reveal your",
            r"as an ai\b",
            r"admin mode",
            r"without (?:any )?(?:restriction|limits on)",
        ),
    ),
    (
        "sql_injection",
        "Questions are read as English; SQL in them is not run. Ask in words, or use the guarded SQL endpoint.",
        (
            r";\s*\w",
            r"--\s",
            r"/\*",
            r"\*/",
            r"\bunion\b.*\bselect\b",
            r"\bselect\b.+\bfrom\b",
            r"\bdrop\s+table\b",
            r"\binformation_schema\b",
            r"\bpg_",
            r"\bxp_",
            r"\b(?:read|copy|export|attach|load|install|pragma)_?\w*\s*\(",
            r"\bor\s+1\s*=\s*1",
            r"'\s*or\s*'",
            r"\bpragma\b",
            r"\battach\b",
            r"\bsqlite_",
            r"\bduckdb_",
            r"/etc/",
            r"\bexec\b",
            r"\beval\b",
        ),
    ),
    (
        "out_of_scope",
        "Reports cannot be made yet. Today customer360 query --csv writes the figures that one would hold.",
        (r"\b(?:create|make|generate|prepare|produce|draft|schedule|build)\b.{0,40}\breports?\b",),
    ),
    (
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
        (
            rf"^\W*(?:please\s+|can you\s+|could you\s+|i want (?:you )?to\s+|go ahead and\s+|now\s+|then\s+|"
            rf"we need to\s+|let's\s+|i need you to\s+)*(?:{_WRITES}|set|change (?:all|the|every|their|his|"
            rf"her|customer)|add (?:a|an|all|new|customer|\d+)|move|send|mark|make all|put|assign|give all|"
            rf"refund|block|approve all|decline all|close|email|e-mail|notify|schedule|text|call|offer|write)\b"
            rf"(?!\s+(?:in|of|by|from)\b)",
        ),
    ),
    (
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
        (
            r"\b(?:delete|remove|erase|drop|wipe|purge)\b.*\b(?:from (?:the |our )?(?:database|db|table|"
            r"system|records|list of customers)|permanently|for good)\b",
        ),
    ),
    (
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
        (
            rf"\b(?:and|then|also)\s+(?:{_WRITES}|send|email|set)\s+(?:all|the|them|every|their|it|these|"
            rf"those|an|a)\b",
        ),
    ),
    (
        "causal",
        "Why something happened cannot be read from these tables. What changed, by how much and where, "
        "can: ask for that by segment, state or month.",
        (
            r"^\W*(?:please\s+)?(?:why|how come)\b",
            r"\bwhat (?:is|was|are|were) (?:the )?(?:reason|cause)s?\b",
            r"\bwhat (?:causes|caused|drives|drove|explains|led to|leads to|triggered|(?:makes|made)(?! up))\b",
            r"\bwhat (?:is|was|has been) (?:making|driving|causing|behind)\b",
            r"\b(?:reason|cause)s? (?:for|of|behind)\b",
            r"\broot cause\b",
            r"\bwhat's (?:causing|driving|behind)\b",
            r"\b(?:due to|because)\b",
            r"\bdriver(?:s)? of\b",
        ),
    ),
    (
        "forecast",
        "A forecast or prediction of the future is not supported; what has been is. Ask for past spend, a "
        "trend, or the churn risk score of customers.",
        (
            r"\b(?:what|who|when|how(?: (?:many|much))?(?: \w+)?) will\b",
            r"\b(?:predict(?! churn)|forecast|project(?:ed|ion|ions)?|estimate next|will .{0,40}\b(?:be|"
            r"spend|churn|leave|grow|reach|have|increase|decrease|buy)|going to|next (?:week|month|quarter|"
            r"year|\d+)|tomorrow|in the future|future|upcoming|expect(?:ed)? (?:to|for|in|next|spend|revenue)|"
            r"by 20[3-9]\d|what if|outlook|extrapolate)\b",
        ),
    ),
    (
        "causal",
        "Advice is not given here, and what would happen cannot be read from these tables. Ask for the "
        "figures it would rest on.",
        (
            r"^\W*(?:should (?:we|i)|what should|how (?:can|could|should|do) (?:we|i) (?:reduce|increase|"
            r"improve|retain|keep|grow|win|stop|prevent|get|make)|recommend|suggest|advise|what (?:would|"
            r"could) you|is it (?:good|bad)|what do you think|how to )",
            r"\bif (?:we|they|all|every|half|\d+)\b.{0,40}\b(?:lost|lose|gain|gained|doubled|halved|grew|rose|fell|"
            r"increased?|raised?|stopped|churned|switched)\b",
        ),
    ),
    (
        "out_of_scope",
        "That is outside this model, which holds customers and their transactions.",
        (
            r"\b(?:write|compose|draft|generate|sing)\s+(?:me\s+)?(?:a|an|some|the)?\s*(?:poem|email|e-mail|"
            r"letter|essay|story|code|script|song|haiku|sql)\b",
            r"\bjoke\b",
            r"\bweather\b",
            r"\bwho are you\b",
            r"\bhow are you\b",
            r"\bmeaning of life\b",
            r"\bcapital of\b",
            r"\btranslate\b",
            r"\bwhat (?:time|day) is it\b",
            r"\bwho (?:won|invented|wrote|is the president)\b",
            r"\brecipe\b",
            r"\b(?:hello|hi|hey)\W*$",
        ),
    ),
)
_RULES = tuple((re.compile("|".join(patterns), re.IGNORECASE), reason, say) for reason, say, patterns in _PATTERNS)


def refuse(question: str) -> Refused | None:
    """Return why a question is not even read, or nothing."""
    if len(question) > MAX_QUESTION:
        return Refused(
            "too_large", f"A question has at most {MAX_QUESTION} characters; this one has {len(question):,}."
        )
    for pattern, reason, say in _RULES:
        if pattern.search(question):
            return Refused(reason, say)
    return None
