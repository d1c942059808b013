"""Rules of values and flags: which field has which of them, or none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.grammar.numbers import leaves_out
from customer360.ask.grammar.terms import Cond, as_cond, value_cond
from customer360.ask.lexicon import Flag, Lexicon, ValueOf
from customer360.ask.words import stems_of
from customer360.semantic import Condition, Negation


def _kind_of_value(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Leisure categories: a field of the same small table behind a value only says what it is a value of."""
    value, field = part[0], part[-1]
    if value.kind != "VALUE" or field.kind != "FIELD" or len(part) != 2:
        return None
    table = field.data.table
    is_small = all(
        one.name != table or not (one.x_nl.activity or one.x_nl.size_field) for one in lexicon.model.definition.tables
    )
    same = value.data.item.table == table and field.text.casefold().endswith("s")
    return value.made("VALUE", value.data, field) if is_small and same else None


def named_value(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """A value beside the name of its field: card type Premium, Texas state, status is not declined."""
    fields = [one for one in part if one.kind == "FIELD"]
    values = [one for one in part if one.kind in ("VALUE", "NAMEDVALUE", "COND")]
    data = values[0].data
    if fields[0].data != data.item:
        return _kind_of_value(lexicon, part)
    if isinstance(data, Cond):
        is_said = bool(data.values) or fields[0].text.casefold() == "aged"
        return part[0].made("COND", data, *part[1:]) if is_said else None
    signs = [one.data for one in part if one.kind == "OP"]
    if any(one not in ("=", "!=") for one in signs):
        return None
    negated = any(one.kind in ("NOT", "BUT") for one in part) != ("!=" in signs)
    return part[0].made(
        "COND" if negated else "VALUE", value_cond(data.item, data.values, negated=True) if negated else data, *part[1:]
    )


def leaving_out(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Excluding customers older than 60, or those whose state is Texas."""
    other = not_cond(lexicon, [part[0], renamed(part[-1], "COND", as_cond(part[-1]))]) if leaves_out(part[0]) else None
    return None if other is None else [*(one for one in part[1:2] if one.kind == "ENTITY"), other]


def set_aside(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Leaving Travel aside: the last word only ends what the first began."""
    return part[0] if part[0].text.casefold().startswith("leaving") else None


def over_all_of(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The lifetime value over the Premium customers, the merchants within Dining: no number follows."""
    return part[0] if part[1].text.casefold() in ("over", "within") else None


def within(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Within the Declining segment: no number follows."""
    return [] if part[0].text.casefold() == "within" else None


def recently(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Recent transactions: since when nobody said; a recency that is called recent is one of customers."""
    value, thing = part
    table = thing.data if thing.kind == "ENTITY" else thing.data.table
    is_time = any(one.kind == "RECENT" for one in lexicon.entries.get(stems_of(value.text), ()))
    return [renamed(value, "VAGUE"), thing] if is_time and table != value.data.item.table else None


def gone_through(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Went through the mobile channel: on it, whatever became of it."""
    return [] if part[0].text.casefold().endswith(" through") else None


def values(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Several values of one field: Texas, Florida or Ohio."""
    named = [one for one in part if one.kind == "VALUE"]
    items = {one.data.item for one in named}
    if len(items) > 1:
        return None
    data = ValueOf(named[0].data.item, tuple(dict.fromkeys(value for one in named for value in one.data.values)))
    if part[0].kind == "BOTH":
        return part[0].made("COND", value_cond(data.item, data.values, separate=True), *part[1:])
    return part[0].made("VALUE", data, *part[1:])


def of_group(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The Leisure group: a value of a field that is itself a group."""
    of, said = part[0].data.item.name, part[1].text.casefold()
    is_group = of.endswith("_group") and said.rstrip("s") == "group"
    is_group = is_group or (of.endswith("_category") and said in ("group", "bucket", "band", "bracket", "class"))
    return part[0].made("VALUE", part[0].data, part[1]) if is_group else None


def other_groups(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """All groups other than Necessities."""
    is_group = of_group(lexicon, [part[-1], part[0]]) is not None
    return list(part[1:]) if is_group else None


def elided_values(lexicon: Lexicon, part: list[Chunk]) -> Chunk | list[Chunk] | None:
    """Medium or high risk: what the last of several values says of them all is left out before."""
    named = [renamed(one, "VALUE") if one.kind == "NAMEDVALUE" else one for one in part]
    return not_value(lexicon, named) if named[0].kind == "NEITHER" else values(lexicon, named)


def not_value(_: Lexicon, part: list[Chunk]) -> list[Chunk]:
    """Neither of some values of one field; those of another one that follow are told apart from them."""
    apart = _each_left_out(part)
    if apart:
        return apart
    values = [place for place, one in enumerate(part) if one.kind == "VALUE"]
    if leaves_out(part[0]) and any(one.kind == "NOT" for one in part[1:]):
        return [part[0].made("TANGLE", "", *part[1:])]  # leaving out Travel and not Hotels: one or both
    item = part[values[0]].data.item
    others = [place for place in values if part[place].data.item != item]
    end = max(place for place in values if place < others[0]) + 1 if others else len(part)
    named = tuple(value for one in part[:end] if one.kind == "VALUE" for value in one.data.values)
    cond = replace(value_cond(item, named, negated=True), never=part[0].kind == "NEVER")
    negated = part[0].made("COND", cond, *part[1:end])
    rest = part[end:]
    if not rest or any(one.kind in ("NOT", "NEVER") for one in rest):
        return [negated, *rest]
    is_either = any(one.kind == "OR" for one in rest)
    is_apart = any(one.last < other.first for one, other in pairwise(rest))
    if (is_apart if leaves_out(part[0]) else is_either) and part[0].kind == "NOT":
        return [part[0].made("TANGLE", "", *part[1:])]  # not Premium or in Ohio; excluding Premium and in Ohio
    both = is_either or part[0].kind == "NEITHER" or leaves_out(part[0])
    return [negated, *rest[:1], part[0], *rest[1:]] if both else [negated, *rest]


def _each_left_out(part: list[Chunk]) -> list[Chunk]:
    """Excluding Necessities and excluding the Online channel: each by a word of its own; nothing where it is not so."""
    kinds = [one.kind for one in part if one.kind not in ("COMMA", "AND")]
    nots, named = ([one for one in part if one.kind == kind] for kind in ("NOT", "VALUE"))
    is_each = len(named) > 1 and kinds == ["NOT", "VALUE"] * len(named)
    if not is_each or not all(leaves_out(one) for one in nots):
        return []
    conds = [value_cond(one.data.item, one.data.values, negated=True) for one in named]
    return [no.made("COND", cond, one) for no, cond, one in zip(nots, conds, named, strict=True)]


def the_one(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The in-store one: a pronoun, and no number."""
    is_pronoun = part[1].text.casefold() in ("one", "ones")
    return part[0].made("VALUE", part[0].data, part[1]) if is_pronoun else None


def which_other(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Which category other than Travel: the categories are asked for, without that one."""
    which, field, value = part[0], part[1], part[-1]
    if field.data != value.data.item:
        return None
    return [which, field, value.made("COND", value_cond(value.data.item, value.data.values, negated=True))]


def left_out(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk]:
    """Travel and Hotels left out: the values of one field that stand right before it."""
    values = [place for place, one in enumerate(part) if one.kind == "VALUE"]
    others = [place for place in values if part[place].data.item != part[values[-1]].data.item]
    first = others[-1] + 1 if others else 0
    named = [one for one in part[first:-1] if one.kind != "COMMA" or first == 0]
    return [*part[:first], *not_value(lexicon, [part[-1], *named])]


def flag(_: Lexicon, part: list[Chunk]) -> Chunk:
    flag: Flag = part[-1].data
    value = flag.value if len(part) == 1 else not flag.value
    return part[0].made(
        "COND", Cond(Condition(field=flag.item.full_name, op="=", value=value), flag.item, (value,)), *part[1:]
    )


def not_cond(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    cond: Cond = part[-1].data
    if not isinstance(cond.filter, Condition):
        return None
    if cond.values and not isinstance(cond.values[0], bool):
        return part[0].made("COND", value_cond(cond.item, cond.values, negated=not cond.negated), *part[1:])
    return part[0].made("COND", Cond(Negation(**{"not": cond.filter}), cond.item, (), negated=True), *part[1:])


def neither(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Neither Premium nor at low risk, of two fields: not the one and not the other."""
    named = [one for one in part if one.kind == "VALUE"]
    first, second, *more = (one.data for one in named)
    if first.item == second.item or any(one.item != second.item for one in more):
        return None
    others = tuple(value for one in (second, *more) for value in one.values)
    return [
        named[0].made("COND", value_cond(first.item, first.values, negated=True)),
        named[1].made("COND", value_cond(second.item, others, negated=True), *named[2:]),
    ]
