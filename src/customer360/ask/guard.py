"""Good messages for questions that ask for something else than an answer. Safety does not rest on this: nothing of a
question's text ever reaches an engine but values, bound."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUESTION = 500


@dataclass(frozen=True)
class Refused:
    """Why a question is refused before it is read."""

    reason: str
    say: str


_WRITES = r"delete|remove (?:all|every|customer)|drop (?:table|all|every|customer|the table|the database)|update|insert|truncate|alter|create|grant|revoke|erase|wipe|modify|overwrite|merge|purge|archive|cancel|upgrade|downgrade|reset (?:the|all|every)|rename"
_RULES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|previous|above|polic|guard|restriction)|system prompt|you are now|act as |pretend (?:to be|you)|jailbreak|developer mode|reveal your|as an ai\b|admin mode|without (?:any )?(?:restriction|limits on)", re.I),
        "prompt_injection",
        "A question cannot change the rules by which it is read. Ask about customers and what they spend.",
    ),
    (
        re.compile(r";\s*\w|--\s|/\*|\*/|\bunion\b.*\bselect\b|\bselect\b.+\bfrom\b|\bdrop\s+table\b|\binformation_schema\b|\bpg_|\bxp_|\b(?:read|copy|export|attach|load|install|pragma)_?\w*\s*\(|\bor\s+1\s*=\s*1|'\s*or\s*'|\bpragma\b|\battach\b|\bsqlite_|\bduckdb_|/etc/|\bexec\b|\beval\b", re.I),
        "sql_injection",
        "Questions are read as English; SQL in them is not run. Ask in words, or use the guarded SQL endpoint.",
    ),
    (
        re.compile(rf"^\W*(?:please\s+|can you\s+|could you\s+|i want (?:you )?to\s+|go ahead and\s+|now\s+|then\s+|we need to\s+|let's\s+|i need you to\s+)*(?:{_WRITES}|set|change (?:all|the|every|their|his|her|customer)|add (?:a|an|all|new|customer|\d+)|move|send|mark|make all|put|assign|give all|refund|block|approve all|decline all|close|email|e-mail|notify|schedule|text|call|offer|write)\b(?!\s+(?:in|of|by|from)\b)", re.I),
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
    ),
    (
        re.compile(r"\b(?:delete|remove|erase|drop|wipe|purge)\b.*\b(?:from (?:the |our )?(?:database|db|table|system|records|list of customers)|permanently|for good)\b", re.I),
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
    ),
    (
        re.compile(rf"\b(?:and|then|also)\s+(?:{_WRITES}|send|email|set)\s+(?:all|the|them|every|their|it|these|those|an|a)\b", re.I),
        "write_operation",
        "Questions only read. Nothing can be changed, sent or deleted here.",
    ),
    (
        re.compile(r"^\W*(?:please\s+)?(?:why|how come)\b|\bwhat (?:is|was|are|were) (?:the )?(?:reason|cause)s?\b|\bwhat (?:causes|caused|drives|drove|explains|led to|leads to|makes)\b|\b(?:reason|cause)s? (?:for|of|behind)\b|\broot cause\b|\bwhat's (?:causing|driving|behind)\b|\b(?:due to|because)\b|\bdriver(?:s)? of\b", re.I),
        "causal",
        "Why something happened cannot be read from these tables. What changed, by how much and where, can: ask for that by segment, state or month.",
    ),
    (
        re.compile(r"\b(?:predict(?! churn)|forecast|project(?:ed|ion|ions)?|estimate next|will .{0,40}\b(?:be|spend|churn|leave|grow|reach|have|increase|decrease|buy)|going to|next (?:week|month|quarter|year|\d+)|tomorrow|in the future|future|upcoming|expect(?:ed)? (?:to|for|in|next|spend|revenue)|by 20[3-9]\d|what if|outlook|extrapolate)\b", re.I),
        "forecast",
        "A forecast or prediction of the future is not supported; what has been is. Ask for past spend, a trend, or the churn risk score of customers.",
    ),
    (
        re.compile(r"^\W*(?:should (?:we|i)|what should|how (?:can|could|should|do) (?:we|i) (?:reduce|increase|improve|retain|keep|grow|win|stop|prevent|get|make)|recommend|suggest|advise|what (?:would|could) you|is it (?:good|bad)|what do you think|how to )", re.I),
        "causal",
        "Advice is not given here, and what would happen cannot be read from these tables. Ask for the figures it would rest on.",
    ),
    (
        re.compile(r"\b(?:write|compose|draft|generate|sing)\s+(?:me\s+)?(?:a|an|some|the)?\s*(?:poem|email|e-mail|letter|essay|story|code|script|song|haiku|sql)\b|\bjoke\b|\bweather\b|\bwho are you\b|\bhow are you\b|\bmeaning of life\b|\bcapital of\b|\btranslate\b|\bwhat (?:time|day) is it\b|\bwho (?:won|invented|wrote|is the president)\b|\brecipe\b|\b(?:hello|hi|hey)\W*$", re.I),
        "out_of_scope",
        "That is outside this model, which holds customers and their transactions.",
    ),
)  # fmt: skip


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
