"""Rules of days: how long ago something was, or since when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.dates import Window
from customer360.ask.frame import within
from customer360.ask.grammar.figures import is_fine
from customer360.ask.grammar.numbers import leaves_out
from customer360.ask.grammar.terms import LONGEST_MONTHS, Cond, Duration, Lacked, compare_filter
from customer360.ask.lexicon import Lexicon, date_of
from customer360.semantic import Condition, Item, Negation


def field_duration(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Tenure over 2 years: the field's own unit decides."""
    field, duration = part[0].data, part[-1].data
    if field.unit not in ("days", "months", "years"):
        return None
    in_units = {"days": duration.days, "months": duration.months, "years": lambda: duration.months() / 12}
    cond = Cond(compare_filter(field, duration.op, (in_units[field.unit](),)), field)
    return part[0].made("COND", cond, *part[1:])


def quiet(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Inactive for more than 60 days, no purchase in over a month."""
    item = item_named(lexicon, lambda one: one.unit == "days" and one.kind == "fact")
    duration: Duration = part[-1].data
    if item is None or duration.op not in (">", ">=", "=", "<", "<="):
        return None
    if part[0].kind == "VALUE" and "Inactive" not in part[0].data.values:
        return None
    op = ">=" if duration.op == "=" else duration.op
    return part[0].made("COND", Cond(compare_filter(item, op, (duration.days(),)), item), *part[1:])


def with_us(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """With us for more than 2 years."""
    item = item_named(lexicon, lambda one: one.unit == "months" and one.kind == "fact")
    if item is None:
        return None
    duration: Duration = part[-1].data
    op = ">=" if duration.op == "=" else duration.op
    return part[0].made("COND", Cond(compare_filter(item, op, (duration.months(),)), item), *part[1:])


def first_or_last(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Made their first purchase in 2025: bought then and never before; the last one: and never since."""
    recent, thing = (next(one for one in part if one.kind == kind) for kind in ("RECENT", "ENTITY"))
    window: Window = part[-1].data
    if not is_fine(lexicon, thing.data) or window.start is None or window.end is None:
        return None
    done = [*(one for one in part[:1] if one.kind == "WHO"), thing.made("BUY", ""), part[-1]]
    if recent.data == "asc":
        other = Window(end=window.start - timedelta(days=1), label=f"before {window.start:%-d %B %Y}")
    elif window.end < lexicon.newest:
        other = Window(start=window.end + timedelta(days=1), label=f"after {window.end:%-d %B %Y}")
    else:
        return done
    return [*done, recent.made("LACKED", Lacked(other), thing)]


def active_then(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Active in October: with a purchase then, whatever they are today."""
    return renamed(part[0], "BUY", "") if part[0].text.casefold() == "active" else None


def _opening(lexicon: Lexicon) -> Item | None:
    """Return the date on which those who do things began to."""
    for table in lexicon.model.definition.tables:
        name = date_of(lexicon.model, table.name)
        if table.x_nl.activity and table.x_nl.default_time_dimension:
            return next(one for one in lexicon.model.items if one.full_name == name)
    return None


def not_opened(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Excluding customers who opened their account in 2025."""
    cond, people = never_opened(lexicon, [part[0], *part[2:]]), part[1]
    if cond is None or people.data != cond.data.item.table or not leaves_out(part[0]):
        return None
    return [people, cond]


def never_opened(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Did not open their account in 2025."""
    item = _opening(lexicon)
    if item is None:
        return None
    tree = Negation.model_validate({"not": within(item.full_name, part[-1].data)})
    return part[0].made("COND", Cond(tree, item), *part[1:])


def opened_ago(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Opened more than 2 years ago: before that day."""
    item, duration = _opening(lexicon), part[-1].data
    if item is None or duration.op == "=" or duration.months() > LONGEST_MONTHS:
        return None
    op = {">": "<", ">=": "<=", "<": ">", "<=": ">="}.get(duration.op, "=")
    tree = Condition.model_validate({"field": item.full_name, "op": op, "value": duration.before(lexicon.newest)})
    return part[0].made("COND", Cond(tree, item), *part[1:])


def item_named(lexicon: Lexicon, fits: Callable[[Item], bool]) -> Item | None:
    asked = (
        one
        for one in lexicon.model.items
        if one.full_name in lexicon.extensions and lexicon.extensions[one.full_name].asked
    )
    return next((one for one in asked if fits(one)), None)
