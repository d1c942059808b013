"""What changes after account opening: the dated change feed, and the card a customer holds at any moment.

A customer has up to three slots for credit limit and card changes, in order of time, so values chain by construction:
a limit change, a card change (which moves the limit too), another limit change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from customer360.synth import segments
from customer360.synth.draws import Bools, CustomerDraws, Floats, Ints
from customer360.synth.keys import prefixed
from customer360.synth.population import CITY_NAMES, STATE_CODES, Population, draw_cities, trouble_day
from customer360.synth.segments import EMPLOYMENT, of_segment
from customer360.synth.spec import BankSpec

DAY_SECONDS = 86_400
CARD_TYPES = ("Standard", "Premium")
JOB_CHANGE, MOVE = 0.05, 0.06
CHANGE_SCHEMA = pa.schema(
    [
        ("change_id", pa.string()),
        ("customer_id", pa.string()),
        ("effective_at", pa.timestamp("us")),
        ("attribute", pa.string()),
        ("old_value", pa.string()),
        ("new_value", pa.string()),
    ]
)


@dataclass(frozen=True)
class CardHistory:
    """Whether a customer pays with a premium card before and from ``changed_at`` (seconds since 1970, local)."""

    was_premium: Bools
    is_premium: Bools
    changed_at: Ints


@dataclass(frozen=True)
class Changes:
    """The change feed as a table, one row per changed attribute, and the card history it tells."""

    table: pa.Table
    cards: CardHistory


@dataclass(frozen=True)
class _Event:
    """One attribute of the customers at ``rows`` that goes from ``old`` to ``new`` at ``at``."""

    slot: int
    attribute: str
    rows: Ints
    at: Ints
    old: pa.Array
    new: pa.Array


def build_changes(spec: BankSpec, population: Population) -> Changes:
    """Return every change between account opening and ``as_of``, sorted by customer and moment."""
    draws = CustomerDraws(spec.seed, population.number)
    card_events, cards = _card_and_limit_events(draws, spec, population)
    events = [
        *card_events,
        _employment_event(draws, spec, population),
        *_move_events(draws, spec, population),
    ]
    return Changes(_to_table(population, events), cards)


def _card_and_limit_events(
    draws: CustomerDraws, spec: BankSpec, people: Population
) -> tuple[list[_Event], CardHistory]:
    moments = [_moment(draws, spec, people, slot) for slot in range(3)]
    premium_after = _cards_after(draws, people)
    first = _stepped_limits(draws, people, people.credit_limit, "limit/first")
    factor = np.where(premium_after & ~people.is_premium, 1.3, np.where(premium_after, 1.0, 0.75))
    second = np.where(premium_after != people.is_premium, _rounded_limits(first * factor), first)
    third = _stepped_limits(draws, people, second, "limit/second")
    changed = np.flatnonzero(premium_after != people.is_premium)
    card = _Event(
        2,
        "card_type",
        changed,
        moments[1][changed],
        _names(CARD_TYPES, people.is_premium[changed].astype(np.int64)),
        _names(CARD_TYPES, premium_after[changed].astype(np.int64)),
    )
    limits = [people.credit_limit, first, second, third]
    steps = [_limit_event(slot, moments[step], limits[step : step + 2]) for step, slot in enumerate((1, 3, 4))]
    return [steps[0], card, *steps[1:]], CardHistory(people.is_premium, premium_after, moments[1])


def _moment(draws: CustomerDraws, spec: BankSpec, people: Population, slot: int) -> Ints:
    """Return a moment in the slot's part of the account's life, in the slot's hours: later slots are later."""
    low, high = ((0.10, 0.38), (0.40, 0.68), (0.70, 0.97))[slot]
    life = (spec.end - people.opened - 2).astype(np.float64)
    day = people.opened + 1 + np.floor(life * draws.between(f"moment/{slot}", low, high)).astype(np.int64)
    hour = draws.integers(f"moment/{slot}/second", 0, 3 * 3600 - 1)
    return np.asarray(day * DAY_SECONDS + (9 + 3 * slot) * 3600 + hour)


def _cards_after(draws: CustomerDraws, people: Population) -> Bools:
    upgrades = ~people.is_premium & draws.chance("upgrade", of_segment(people.segment, lambda kind: kind.upgrade))
    downgrades = people.is_premium & draws.chance("downgrade", of_segment(people.segment, lambda kind: kind.downgrade))
    return np.asarray((people.is_premium | upgrades) & ~downgrades)


def _stepped_limits(draws: CustomerDraws, people: Population, limit: Ints, stream: str) -> Ints:
    changes = draws.chance(stream, 0.55 * of_segment(people.segment, lambda kind: kind.limit_change))
    rises = draws.chance(f"{stream}/rises", of_segment(people.segment, lambda kind: kind.limit_rise))
    size = draws.between(f"{stream}/size", 0.12, 0.35)
    stepped = _rounded_limits(limit * np.where(rises, 1.0 + size, 1.0 - size))
    return np.where(changes, stepped, limit)


def _rounded_limits(limit: Floats | Ints) -> Ints:
    return np.asarray(np.clip(np.rint(limit / 1000), 5, 50) * 1000, dtype=np.int64)


def _limit_event(slot: int, at: Ints, limits: Sequence[Ints]) -> _Event:
    before, after = limits
    rows = np.flatnonzero(before != after)
    return _Event(slot, "credit_limit", rows, at[rows], _as_text(before[rows]), _as_text(after[rows]))


def _employment_event(draws: CustomerDraws, spec: BankSpec, people: Population) -> _Event:
    """Return job changes, and the job losses that Declining customers of that kind decline for."""
    loses = people.decline_type == segments.JOB_LOSS
    drawn = draws.pick("job/new", (0.5, 0.2, 0.2, 0.0, 0.1))
    after = np.where(draws.chance("job", JOB_CHANGE) & (people.employment != segments.RETIRED), drawn, -1)
    after = np.where(loses, np.where(draws.chance("job/lost", 0.8), segments.UNEMPLOYED, segments.PART_TIME), after)
    after = np.where(after == segments.UNEMPLOYED, after, np.where(loses, _fewer_hours(people.employment), after))
    at = np.where(loses, _near_trouble(draws, spec, people, "job/day"), _moment(draws, spec, people, 1))
    rows = np.flatnonzero((after >= 0) & (after != people.employment))
    return _Event(
        5,
        "employment_status",
        rows,
        at[rows],
        _names(EMPLOYMENT, people.employment[rows]),
        _names(EMPLOYMENT, after[rows]),
    )


def _fewer_hours(employment: Ints) -> Ints:
    return np.where(employment == segments.PART_TIME, segments.UNEMPLOYED, segments.PART_TIME)


def _move_events(draws: CustomerDraws, spec: BankSpec, people: Population) -> list[_Event]:
    """Return moves: a new city, and in most cases a new state at the same moment."""
    relocates = people.decline_type == segments.RELOCATION
    moves = relocates | draws.chance("move", MOVE)
    leaves_state = relocates | draws.chance("move/state", 0.6)
    jump = draws.integers("move/new_state", 1, len(STATE_CODES) - 1)
    state = np.where(leaves_state, (people.state + jump) % len(STATE_CODES), people.state)
    city = draw_cities(draws, "move/city", state)
    at = np.where(relocates, _near_trouble(draws, spec, people, "move/day"), _moment(draws, spec, people, 2))
    pairs = (
        (6, "state", STATE_CODES, people.state, state),
        (7, "city", CITY_NAMES, people.city, city),
    )
    return [
        _move_event(slot, name, names, moves=moves, at=at, old=old, new=new) for slot, name, names, old, new in pairs
    ]


def _move_event(
    slot: int, attribute: str, names: Sequence[str], *, moves: Bools, at: Ints, old: Ints, new: Ints
) -> _Event:
    rows = np.flatnonzero(moves & (old != new))
    return _Event(slot, attribute, rows, at[rows], _names(names, old[rows]), _names(names, new[rows]))


def _near_trouble(draws: CustomerDraws, spec: BankSpec, people: Population, stream: str) -> Ints:
    """Return a moment up to three weeks before a decline starts, inside the account's life."""
    day = trouble_day(people.lifecycle) - draws.integers(stream, 1, 21)
    day = np.clip(day, people.opened + 1, spec.end - 1)
    return np.asarray(day * DAY_SECONDS + draws.integers(f"{stream}/second", 9 * 3600, 18 * 3600 - 1))


def _names(names: Sequence[str], index: Ints) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(index))


def _as_text(values: Ints) -> pa.Array:
    return pa.array(values).cast(pa.string())


def _to_table(people: Population, events: Sequence[_Event]) -> pa.Table:
    rows = np.concatenate([event.rows for event in events])
    at = np.concatenate([event.at for event in events])
    slot = np.concatenate([np.full(event.rows.size, event.slot) for event in events])
    order = np.lexsort((slot, at, people.number[rows]))
    attribute = pa.chunked_array([pa.array([event.attribute], pa.string()).take(_zeros(event)) for event in events])
    number = people.number[rows][order]
    columns = [
        prefixed("CHG", number * 10 + slot[order], 9),
        prefixed("CUST", number, 8),
        pa.array(at[order] * 1_000_000, pa.timestamp("us")),
        attribute.take(pa.array(order)),
        pa.chunked_array([event.old for event in events]).take(pa.array(order)),
        pa.chunked_array([event.new for event in events]).take(pa.array(order)),
    ]
    return pa.table(columns, schema=CHANGE_SCHEMA)


def _zeros(event: _Event) -> pa.Array:
    return pa.array(np.zeros(event.rows.size, dtype=np.int64))
