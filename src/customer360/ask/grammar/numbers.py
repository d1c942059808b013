"""Rules of numbers: comparisons, bounds, lengths of time, ordinals."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.grammar.terms import INVERTED, Bands, Cmp, Duration
from customer360.ask.lexicon import Lexicon, is_numeric


def compared(_: Lexicon, part: list[Chunk]) -> Chunk:
    op, num = part[0], part[-1]
    return op.made("CMP", Cmp(op.data, (num.data[0],), num.data[1]), *part[1:])


def multiple(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """1.5 times the average, as twice is; but not five times on average."""
    number, unit, *of = part
    is_often = of[-1].kind == "AGG" and of[-1].text.casefold().startswith("on ")
    is_of_value = of[-1].kind == "FIELD" and not is_numeric(of[-1].data)
    return None if is_often or is_of_value or number.data[1] else [number.made("TIMES", number.data[0], unit), *of]


def cutoff(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """What puts a customer in the top 10 %, the cutoff for it: the 90th percentile."""
    top, number = (next(one for one in part if one.kind == kind) for kind in ("TOP", "NUM"))
    field = next(one for one in part if one.kind in ("FIELD", "METRIC"))
    share, unit = number.data
    is_within = part[0].kind != "WHAT" or {"in", "be"} & set(part[-3].text.casefold().split())
    if unit != "percent" or not is_within:
        return None
    at = 100 - share if top.data == "desc" else share
    return [top.made("NTHPCT", at, *(one for one in part if one not in (top, field))), field]


def below_zero(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Below -50 %: a sign, and no range."""
    op, sign, num = part
    if sign.text != "-" or sign.last != num.first:
        return None
    return op.made("CMP", Cmp(op.data, (-num.data[0],), num.data[1]), sign, num)


def or_more(_: Lexicon, part: list[Chunk]) -> Chunk:
    num, more = part
    return num.made("CMP", Cmp(more.data, (num.data[0],), num.data[1]), more)


def and_over(_: Lexicon, part: list[Chunk]) -> list[Chunk]:
    """And over 50, or over 50: not "50 and over"."""
    more, num = part
    link, *rest = more.text.split(" ", 1)
    bound = replace(more, first=more.first + len(rest), text=(rest or [link])[0])
    cmp = bound.made("CMP", Cmp(more.data.rstrip("="), (num.data[0],), num.data[1]), num)
    return [*(Chunk(link.upper(), "", more.first, bound.first, link) for _ in rest), cmp]


def from_to(_: Lexicon, part: list[Chunk]) -> Chunk:
    numbers = [one.data for one in part if one.kind == "NUM"]
    unit = numbers[0][1] or numbers[1][1]
    return part[0].made("CMP", Cmp("between", (numbers[0][0], numbers[1][0]), unit), *part[1:])


def not_compared(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    cmp: Cmp = part[-1].data
    if cmp.op not in INVERTED:
        return None
    return part[0].made("CMP", replace(cmp, op=INVERTED[cmp.op]), *part[1:])


def leaving_out(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Excluding customers under 30: those that are left."""
    other = not_compared(lexicon, [part[0], part[-1]]) if leaves_out(part[0]) else None
    return None if other is None else [part[1], other]


def leaves_out(no: Chunk) -> bool:
    """Tell whether a negation says that some are left out of what is asked."""
    return no.text.casefold().startswith(("exclud", "excl", "except", "leav", "ignor", "omit", "not counting", "minus"))


def two_bounds(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Over 100 but under 500."""
    low, high = part[0].data, part[-1].data
    if {low.op[:1], high.op[:1]} != {">", "<"}:
        return None
    return part[0].made("CMPS", (low, high), *part[1:])


def either_bound(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Under 25 or over 70."""
    first, last = (one.data for one in part if one.kind == "CMP")
    if {first.op[:1], last.op[:1]} != {">", "<"}:
        return None
    return part[0].made("CMPOR", (first, last), *part[1:])


def bands(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Under 30, 30 to 44, 45 and over: classes that follow each other without a gap."""
    listed: list[Cmp] = [one.data for one in part if one.kind == "CMP"]
    lows = [cmp.values[0] for cmp in listed if cmp.op in (">", ">=", "between")]
    highs = [cmp.values[-1] for cmp in listed if cmp.op in ("<", "<=", "between")]
    opens, ends = listed[0].op in ("<", "<="), listed[-1].op in (">", ">=")
    if opens:
        lows = [0.0, *lows]
    closed = all(cmp.op == "between" for cmp in listed[1:-1]) and (opens or listed[0].op == "between")
    if not closed or not (ends or listed[-1].op == "between") or len(lows) != len(listed):
        return None
    follows = all(0 <= low - high <= 1 for high, low in zip(highs, lows[1:], strict=False))
    if not follows or any(high <= low for low, high in pairwise(lows)):
        return None
    from_ = [] if opens else [Cmp(">=", (lows[0],), listed[0].unit)]
    to = [] if ends else [Cmp("<=", (highs[-1],), listed[-1].unit)]
    is_above = listed[-1].op == ">" and listed[-2].op == "between" and lows[-1] == highs[-1]
    return part[0].made("BANDS", Bands(tuple(lows), (*from_, *to), is_above), *part[1:])


def ordinals(_: Lexicon, part: list[Chunk]) -> Chunk:
    """25th, 50th and 75th percentile."""
    return part[0].made("NTHPCTS", tuple(one.data for one in part if one.kind in ("NTHNUM", "NTH")), *part[1:])


def places(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """p25, p50 and p75; lower quartile, median and upper quartile."""
    named = [one for one in part if one.kind in ("NTHPCT", "QUARTILE", "AGG")]
    medians = [one for one in named if one.kind == "AGG"]
    if len(medians) > 1 or any(one.data != "median" for one in medians) or len(named) == len(medians):
        return None
    return part[0].made("NTHPCTS", tuple(50 if one in medians else one.data for one in named), *part[1:])


def ordinal(_: Lexicon, part: list[Chunk]) -> Chunk:
    return part[0].made("NTHPCT", part[0].data, part[1])


def and_so_on(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Decades (20-29, 30-39 and so on): classes of which a few are listed, all as wide as the first."""
    listed: list[Cmp] = [one.data for one in part if one.kind == "CMP"]
    if any(cmp.op != "between" for cmp in listed):
        return None
    lows, widths = [cmp.values[0] for cmp in listed], {cmp.values[1] - cmp.values[0] + 1 for cmp in listed}
    said = part[0].data or next(iter(widths))
    if widths != {said} or any(high - low != said for low, high in pairwise(lows)):
        return None
    return part[0].made("BINS", float(said), *part[1:])


def quarter_of(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """The top quartile of customers: the first 25 percent of them."""
    said, at = part[0], part[0].data
    if not is_part(said):
        return None
    end = "desc" if at > 50 else "asc"
    return [said.made("TOP", end), said.made("NUM", (float(min(at, 100 - at)), "percent"))]


def is_part(said: Chunk) -> bool:
    """Tell whether a quartile is named as those who are in it, and not as the figure at its bound."""
    return said.text.casefold().startswith(("top ", "bottom ", "highest ", "lowest "))


def duration(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """More than 60 days, under a year."""
    first, unit = part[0], part[-1]
    if first.kind == "CMP":
        cmp: Cmp = first.data
        if cmp.op == "between" or cmp.unit:
            return None
        return first.made("DURATION", Duration(cmp.op, cmp.values[0], unit.data), unit)
    if first.kind == "NUM":
        return None if first.data[1] else first.made("DURATION", Duration("=", first.data[0], unit.data), unit)
    if not unit.text.casefold().startswith(("a ", "one ")):
        return None
    return first.made("DURATION", Duration(first.data, 1, unit.data), unit)
