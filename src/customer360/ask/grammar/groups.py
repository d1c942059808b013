"""Rules of groups: by which fields, in which classes."""

from __future__ import annotations

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.grammar.figures import count_of, size_of
from customer360.ask.grammar.terms import WHEN, Bands, Cond, Figure, Groups, compare_filter
from customer360.ask.grammar.values import not_value
from customer360.ask.lexicon import Lexicon, is_numeric
from customer360.semantic import Dimension, Item
from customer360.semantic.query import Grain


def banded(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Age bands under 30, 30 to 44, 45 and over; without a field, by what makes one row large."""
    bands: Bands = part[-1].data
    field = next((one.data for one in part if one.kind == "FIELD"), None)
    kept = [one for one in part if one.kind not in ("BY", "FIELD", "BINS", "COMMA", "BANDS")]
    if field is None:
        field = _size_of(lexicon, kept[0])
    if field is None or not is_numeric(field):
        return None
    bounds = bands.bounds
    if bands.is_above:
        bounds = (*bounds[:-1], bounds[-1] + (1 if field.data_type in ("INTEGER", "BIGINT") else 0.01))
    group = Groups((Dimension(name=field.full_name, bounds=bounds),))
    conds = [part[-1].made("COND", Cond(compare_filter(field, one.op, one.values), field)) for one in bands.within]
    return [*kept, part[-1].made("GROUP", group), *conds]


def distributed_over(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Distribution of Premium customers over card types."""
    return [*part[:-1], renamed(part[-1], "BY", "")] if part[-1].text.casefold() == "over" else None


def distributed_by_number(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Distribution of customers by tenure: the classes of a number."""
    field = part[-1].data
    in_units = part[-1].text.casefold().endswith((" days", " months", " years"))
    return [part[0], part[1], part[-1]] if is_numeric(field) and field.kind == "fact" and not in_units else None


def _size_of(lexicon: Lexicon, counted: Chunk) -> Item | None:
    """Return what makes a row large of those that are named or counted."""
    data = counted.data[0] if counted.kind == "COUNTED" else counted.data
    table = data if counted.kind == "ENTITY" else data.table
    counts = count_of(lexicon, table)
    if isinstance(data, Figure) and (counts is None or data.measure != counts.measure):
        return None
    return size_of(lexicon, table)


def with_group(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Merchant categories with their group: a field of the same table, and no classes of numbers."""
    items = [one for one in lexicon.model.items if one.table == part[0].data.table and one.name.endswith("_group")]
    if len(items) != 1 or part[-1].text.casefold().rstrip("s") != "group":
        return None
    between = Chunk("AND", "", part[1].first, part[1].last, part[1].text)
    return [part[0], between, part[-1].made("FIELD", items[0])]


def by_all_but(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """In every segment other than Declining: by segment, without that one."""
    field, values = part[1], [one for one in part if one.kind == "VALUE"]
    group, _ = dimension_of(lexicon, field.data)
    if group is None or any(one.data.item != field.data for one in values):
        return None
    negated = not_value(lexicon, [next(one for one in part if one.kind in ("NOT", "BUT")), *values])
    return [part[0].made("GROUP", Groups((group,)), field), *negated]


def across(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Across customers says nothing that "customers" does not."""
    told, named = part[0].text.casefold(), part[1].text.casefold()
    is_agent = told == "by" and named.endswith(("s", "people"))
    return renamed(part[1], "ENTITY") if is_agent or told.startswith(("across", "over all", "for all")) else None


def plain_field(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Employment group: the word adds nothing to a field that has no classes."""
    return part[0].made("FIELD", part[0].data, part[1]) if not is_numeric(part[0].data) else None


def grouped(lexicon: Lexicon, part: list[Chunk]) -> Chunk | list[Chunk] | None:
    """By state and card type; in "for each category, the merchant …" the groups end at the comma."""
    commas = [place for place, one in enumerate(part) if one.kind == "COMMA"]
    if commas and part[0].text.casefold().startswith(("for", "in each", "within")):
        made = _group_by(lexicon, part[: commas[0]])
        return [made, *part[commas[0] + 1 :]] if made is not None else None
    made = _group_by(lexicon, part)
    if made is None and commas:
        first = _group_by(lexicon, part[: commas[0]])
        return [first, *part[commas[0] :]] if first is not None else None
    return made


def _group_by(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    dimensions: list[Dimension] = []
    table = ""
    place = 0
    while place < len(part):
        one = part[place]
        after = part[place + 1] if place + 1 < len(part) else None
        if one.kind == "FIELD":
            found, used = dimension_of(lexicon, one.data, after)
            if found is None:
                return None
            dimensions.append(found)
            place += used
        elif one.kind == "ENTITY":
            table = one.data
        else:
            dimensions += _group_named(one)
        place += 1
    if table and dimensions:
        return None
    within = tuple(one.name for one in dimensions) if part[0].text.casefold().startswith("within") else ()
    return part[0].made("GROUP", Groups(tuple(dimensions), table, within), *part[1:])


def _group_named(chunk: Chunk) -> list[Dimension]:
    """Return the group that a grain, the grain of a date or a flag names; none where a chunk is no group."""
    if chunk.kind == "GRAIN":
        return [Dimension(name=WHEN, grain=chunk.data)]
    if chunk.kind == "GRAINED":
        return [Dimension(name=chunk.data[0].full_name, grain=chunk.data[1])]
    return [Dimension(name=chunk.data.item.full_name)] if chunk.kind == "FLAGWORD" else []


def dimension_of(lexicon: Lexicon, item: Item, after: Chunk | None = None) -> tuple[Dimension | None, int]:
    """Return how to group by a field, and how many chunks after it told the classes."""
    if item.kind == "time_dimension":
        grain: Grain = after.data if after and after.kind == "GRAIN" else "day"
        return Dimension(name=item.full_name, grain=grain), 1 if after and after.kind == "GRAIN" else 0
    if after and after.kind == "BINS" and is_numeric(item):
        return Dimension(name=item.full_name, bin=after.data or width_of(lexicon, item)), 1
    if item.kind == "fact":
        return None, 0
    return Dimension(name=item.full_name), 0


def width_of(lexicon: Lexicon, item: Item) -> float:
    """Return the width of the classes into which a field is cut."""
    return lexicon.extensions[item.full_name].bin or 10.0


def bins(_: Lexicon, part: list[Chunk]) -> Chunk:
    width = next((one.data[0] for one in part if one.kind == "NUM"), None)
    return part[0].made("BINS", float(width) if width else 0.0, *part[1:])


def field_bins(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    field = next(one for one in part if one.kind == "FIELD")
    bins = next(one for one in part if one.kind == "BINS")
    if not is_numeric(field.data):
        return None
    dimension = Dimension(name=field.data.full_name, bin=bins.data or width_of(lexicon, field.data))
    return part[0].made("GROUP", Groups((dimension,)), *part[1:])


def each_of(lexicon: Lexicon, part: list[Chunk]) -> Chunk | list[Chunk] | None:
    """In each of Ohio and Texas: the groups of these values alone; across Texas: those in Texas."""
    said = part[0].text.casefold()
    people = {one.name for one in lexicon.model.definition.tables if one.x_nl.activity}
    if said == "across" or (said == "by" and part[1].data.item.table in people and part[1].text.endswith("s")):
        return part[1]  # by the High-Value Travelers: who did it
    said_of_each = "each" in said or "every" in said or said.startswith(("differ", "vary", "varies"))
    is_each = said_of_each and len(part[1].data.values) > 1
    group = Groups((Dimension(name=part[1].data.item.full_name),))
    return [part[0].made("GROUP", group), part[1]] if is_each else None


def developed(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Developed from month to month: what each was is asked for, not by how much it changed."""
    said = part[1].text.casefold().startswith("from ")
    return [part[0], part[1].made("GRAIN", part[1].data)] if said else None


def grain_and_field(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Per month and channel."""
    found, _ = dimension_of(lexicon, part[-1].data)
    if found is None or is_numeric(part[-1].data):
        return None
    return part[0].made("GROUP", Groups((Dimension(name=WHEN, grain=part[0].data), found)), *part[1:])


def total_counted(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """The total number is the number."""
    return part[0].made("COUNTED", part[1].data, part[1]) if part[0].data == "sum" else None


def each_unit(_: Lexicon, part: list[Chunk]) -> Chunk:
    """For every month."""
    return part[0].made("GROUP", Groups((Dimension(name=WHEN, grain=part[1].data),)), part[1])


def groups(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    left, right = part[0].data, part[-1].data
    if left.table or right.table:
        return None
    dimensions = tuple(dict.fromkeys((*left.dimensions, *right.dimensions)))
    return part[0].made("GROUP", Groups(dimensions, "", (*left.within, *right.within)), *part[1:])


def in_all_of(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Buying in every channel: in all of them, or broken down by them; nothing says which."""
    is_every = part[-1].text.casefold().endswith("every")
    return [part[0].made("TANGLE", "", *part[1:])] if is_every else None
