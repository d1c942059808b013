"""The forms of a question: which one it is, and what goes into its slots.

Invariant: every chunk is taken by a slot, or there is no frame: ``Slots.finish`` holds that.
"""

from __future__ import annotations

from collections.abc import Sequence

from customer360.ask.chunks import Chunk
from customer360.ask.forms.among import OfTheFirst
from customer360.ask.forms.base import main_table
from customer360.ask.forms.compared import Compared
from customer360.ask.forms.implied import Implied
from customer360.ask.forms.plain import Plain
from customer360.ask.forms.ranked import Ranked
from customer360.ask.forms.shares import Shares, holds_share
from customer360.ask.frame import Frame
from customer360.ask.lexicon import Lexicon
from customer360.ask.ordering import is_percent
from customer360.ask.slots import NotUnderstood, Slots
from customer360.semantic import Condition, Measure, Relative

__all__ = ["main_table", "read_frame"]

_LINKS = ("IS", "AND", "COMMA", "BUY", "FROM", "TO", "BETWEEN", "THEIR", "BOTH", "BUT", "EITHER", "WHICH", "WHO")
_COMPARING = ("RATIO", "DIFF", "COMPARE", "VS", "CHANGE", "PERIODS", "YEARAGO", "BEFORE")
_RANKING = ("TOP", "SUP", "RECENT", "GOOD", "NTH")


def read_frame(lexicon: Lexicon, chunks: Sequence[Chunk]) -> Frame:
    """Return the frame of a whole question.

    Raises:
        NotUnderstood: something is left over or missing.
    """
    slots = Slots(lexicon, list(chunks))
    _ask_by_what(slots)
    OfTheFirst(slots).apply()
    Implied(slots).apply()
    changed = any(one.kind == "FIELD" and lexicon.extensions[one.data.full_name].change_of for one in slots.chunks)
    if changed or slots.has("CHANGE", "PERIODS") or (slots.has("COMPARE", "VS") and slots.has("TIME")):
        slots.chunks = [one for one in slots.chunks if not _is_in_percent(one)]
    frame = _form_of(slots).build()
    if frame.comparison is not None and len(frame.measures) > 1:
        raise NotUnderstood("two measures set against each other")
    if any(isinstance(one, Measure) and one.agg == "corr" for one in frame.measures):
        slots.take("CORR")
    if slots.in_money and frame.rank is not None and is_percent(lexicon, frame.rank.by):
        raise NotUnderstood("in dollars")
    slots.take(*_LINKS)
    slots.finish()
    return _with_held(frame).assume(*slots.assumptions)


def _ask_by_what(slots: Slots) -> None:
    """Refuse to say whether Georgia does better than Florida, where nothing says by which measure."""
    better = next((one for one in slots.chunks if one.text.casefold() in ("better than", "worse than")), None)
    if better is not None and not slots.has("MEASURE", "COUNTED", "COUNTEDFIELD", "FIELD", "NUM", "CMP", "HELD"):
        raise NotUnderstood(better.text, "missing_measure")


def _with_held(frame: Frame) -> Frame:
    """Return a frame of groups that shows every metric which they are held against."""
    if frame.kind != "figures" or not frame.groups or frame.summary or frame.comparison or frame.part:
        return frame
    known = {str(one) for one in frame.measures}
    held = [one.field for one in frame.having if isinstance(one, Condition | Relative) and "." in one.field]
    more = tuple(dict.fromkeys(name for name in held if name not in known))
    return frame.model_copy(update={"measures": (*frame.measures, *more)}) if more else frame


def _form_of(slots: Slots) -> Plain | Shares | Compared | Ranked:
    if (slots.has("SHARE") and not slots.has("RATIO")) or holds_share(slots):
        return Shares(slots)
    if slots.has(*_COMPARING) or _asks_which_is_more(slots) or _names_time_before(slots):
        return Compared(slots)
    if _ends_with_top(slots):
        return Plain(slots)
    superlative = any(one.kind == "ADJ" and one.data.superlative for one in slots.chunks)
    return Ranked(slots) if superlative or slots.has(*_RANKING) else Plain(slots)


def _is_in_percent(chunk: Chunk) -> bool:
    """Tell whether a chunk only says how a change is shown, which is in percent anyway."""
    said = chunk.text.casefold()
    return chunk.kind == "SHARE" and (said in ("%", "percent", "pct") or said.startswith(("in percent", "as ")))


def _ends_with_top(slots: Slots) -> bool:
    """Tell whether "top 10" stands behind a whole question by groups, and says only how many are wanted."""
    top = next((one for one in slots.chunks if one.kind == "TOP"), None)
    if top is None or slots.chunks[-1].kind != "NUM":
        return False
    before = [one for one in slots.chunks if one.last <= top.first]
    kinds = {one.kind for one in before}
    return len(before) == len(slots.chunks) - 2 and bool(kinds & {"MEASURE", "COUNTED"} and kinds & {"GROUP", "GRAIN"})


def _names_time_before(slots: Slots) -> bool:
    """Tell whether a measure is asked for in a window and in the one before that, too."""
    times = [one for one in slots.chunks if one.kind == "TIME"]
    return (
        len(times) == 2 and times[1].text.casefold().endswith("before that") and not slots.has("NOT", "NEVER", "LACKED")
    )


def _asks_which_is_more(slots: Slots) -> bool:
    """Tell whether one of two named things is asked for: which spends more, Premium or Standard?"""
    lone = [one for one in slots.chunks if one.kind == "OP"]
    lists = [one for one in slots.chunks if one.kind == "VALUE" and len(one.data.values) == 2]
    flags = [one for one in slots.chunks if one.kind == "COND" and one.data.item.data_type == "BOOLEAN"]
    lists += flags if len(flags) == 2 else []
    return bool(lone and lists) and not slots.has("NUM", "CMP")
