"""Who the customers are at account opening, and how the level of their spending moves over time.

Everything here is a function of (seed, as_of, window, customer number); arrays hold one value per customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customer360.synth import segments
from customer360.synth.draws import Bools, CustomerDraws, Floats, Ints
from customer360.synth.places import STATES
from customer360.synth.segments import SEGMENTS, of_segment
from customer360.synth.spec import BankSpec

NEVER = 10**6
"""A day far after any window: of customers who never leave, drift or recover."""

LEAVING_PER_MONTH = 0.006
"""Share of customers outside Declining and New & Growing who leave in a month, until 170 days before the end."""

RECENT_DAYS = 170
DIP_SHARE = 0.03
STATE_CODES = tuple(STATES)
CITY_NAMES = tuple(sorted({city for _, cities in STATES.values() for city in cities}))
_CITY_INDEX = {city: index for index, city in enumerate(CITY_NAMES)}


@dataclass(frozen=True)
class Lifecycle:
    """How often a customer buys: fully until ``onset``, down to ``floor`` over ``ramp`` days, never from ``leave`` on.

    ``recover`` ends a dip; ``growth`` is the exponential rate per day of New & Growing, 1 at the end.
    """

    onset: Ints
    ramp: Floats
    floor: Floats
    recover: Ints
    leave: Ints
    growth: Floats
    trend: Floats


@dataclass(frozen=True)
class Population:
    """The customers of a bank at account opening; names and categories are positions in their lists."""

    number: Ints
    segment: Ints
    age: Ints
    state: Ints
    city: Ints
    employment: Ints
    is_premium: Bools
    credit_limit: Ints
    opened: Ints
    decline_type: Ints
    lifecycle: Lifecycle


def build_population(spec: BankSpec, *, size: int | None = None) -> Population:
    """Return customers 1 to ``size``; of the specification, ``customers`` only says how many."""
    number = np.arange(1, (size or spec.customers) + 1, dtype=np.int64)
    draws = CustomerDraws(spec.seed, number)
    segment = draws.pick_evenly("segment", segments.shares())
    age = _draw_ages(draws, segment)
    opened = _draw_openings(draws, segment, spec.end)
    decline_type = _draw_decline_types(draws, segment)
    is_premium = draws.chance("premium", of_segment(segment, lambda kind: kind.premium))
    state = draws.pick("state", [weight for weight, _ in STATES.values()])
    return Population(
        number=number,
        segment=segment,
        age=age,
        state=state,
        city=draw_cities(draws, "city", state),
        employment=_draw_employment(draws, segment, age, decline_type),
        is_premium=is_premium,
        credit_limit=_draw_credit_limits(draws, segment, is_premium),
        opened=opened,
        decline_type=decline_type,
        lifecycle=_draw_lifecycle(draws, spec, segment, opened, is_premium),
    )


def draw_cities(draws: CustomerDraws, stream: str, state: Ints) -> Ints:
    """Return a city of each customer's state, the first ones more often."""
    cities = [places for _, places in STATES.values()]
    table = np.zeros((len(cities), max(map(len, cities))), dtype=np.int64)
    for row, names in enumerate(cities):
        table[row, : len(names)] = [_CITY_INDEX[name] for name in names]
    size = np.array([len(names) for names in cities])[state]
    position = np.floor(size * draws.uniform(stream) ** 1.6).astype(np.int64)
    return np.asarray(table[state, position])


def _draw_ages(draws: CustomerDraws, segment: Ints) -> Ints:
    low = of_segment(segment, lambda kind: kind.ages[0])
    high = of_segment(segment, lambda kind: kind.ages[1])
    skewed = draws.uniform("age") ** of_segment(segment, lambda kind: kind.ages[2])
    return np.asarray(np.floor(low + (high - low + 1) * skewed), dtype=np.int64)


def _draw_openings(draws: CustomerDraws, segment: Ints, end: int) -> Ints:
    youngest = of_segment(segment, lambda kind: kind.account_days[0]).astype(np.int64)
    oldest = of_segment(segment, lambda kind: kind.account_days[1]).astype(np.int64)
    return end - draws.integers("account_days", youngest, oldest)


def _draw_decline_types(draws: CustomerDraws, segment: Ints) -> Ints:
    reason = draws.pick("decline_type", segments.DECLINE_SHARES)
    return np.where(segment == segments.DECLINING, reason, -1)


def _draw_employment(draws: CustomerDraws, segment: Ints, age: Ints, decline_type: Ints) -> Ints:
    """Return employment at opening: nobody retires under 50, most have from 67, who loses a job has one."""
    edges = np.cumsum(np.array([kind.employment for kind in SEGMENTS]), axis=1)[segment, :4]
    status = (draws.uniform("employment")[:, np.newaxis] >= edges).sum(axis=1)
    status = np.where((status == segments.RETIRED) & (age < 50), segments.FULL_TIME, status)
    status = np.where((age >= 67) & draws.chance("retired", 0.7), segments.RETIRED, status)
    has_job = status <= segments.SELF_EMPLOYED
    return np.where((decline_type == segments.JOB_LOSS) & ~has_job, segments.FULL_TIME, status).astype(np.int64)


def _draw_credit_limits(draws: CustomerDraws, segment: Ints, is_premium: Bools) -> Ints:
    low = of_segment(segment, lambda kind: kind.limits[0])
    high = of_segment(segment, lambda kind: kind.limits[1])
    lift = np.where(is_premium, 1.25, 1.0)
    thousands = np.floor(draws.between("credit_limit", low, high + 1) * lift)
    return np.asarray(np.clip(thousands, 5, 50) * 1000, dtype=np.int64)


def _draw_lifecycle(draws: CustomerDraws, spec: BankSpec, segment: Ints, opened: Ints, is_premium: Bools) -> Lifecycle:
    dip = _draw_dips(draws, spec)
    leaving = _draw_leaving(draws, spec, opened, is_premium)
    declining = _draw_decline(draws, spec)
    leaves = leaving.leave < NEVER
    chosen = _choose(segment == segments.DECLINING, declining, _choose(leaves, leaving, dip))
    is_new = segment == segments.NEW
    growth = np.log(draws.between("growth", 1.55, 1.9)) / 30.0
    return Lifecycle(
        onset=np.where(is_new, NEVER, chosen.onset),
        ramp=chosen.ramp,
        floor=chosen.floor,
        recover=chosen.recover,
        leave=np.where(is_new, NEVER, chosen.leave),
        growth=np.where(is_new, growth, 0.0),
        trend=np.where(is_new, 0.0, 0.08 * np.clip(draws.normal("trend"), -2, 2) / 365.0),
    )


@dataclass(frozen=True)
class _Course:
    onset: Ints
    ramp: Floats
    floor: Floats
    recover: Ints
    leave: Ints


def _choose(condition: Bools, first: _Course, second: _Course) -> _Course:
    return _Course(
        onset=np.where(condition, first.onset, second.onset),
        ramp=np.where(condition, first.ramp, second.ramp),
        floor=np.where(condition, first.floor, second.floor),
        recover=np.where(condition, first.recover, second.recover),
        leave=np.where(condition, first.leave, second.leave),
    )


def _draw_dips(draws: CustomerDraws, spec: BankSpec) -> _Course:
    """Return quiet periods that pass: false alarms for whoever predicts leaving."""
    onset = draws.integers("dip/onset", spec.start + 30, max(spec.end - 30, spec.start + 30))
    dips = draws.chance("dip", DIP_SHARE)
    return _Course(
        onset=np.where(dips, onset, NEVER),
        ramp=np.full(onset.size, 20.0),
        floor=draws.between("dip/floor", 0.3, 0.6),
        recover=onset + draws.integers("dip/days", 40, 90),
        leave=np.full(onset.size, NEVER),
    )


def _draw_leaving(draws: CustomerDraws, spec: BankSpec, opened: Ints, is_premium: Bools) -> _Course:
    """Return who leaves before the last 170 days: standard cards and young accounts more, a third without warning."""
    tenure = np.where(spec.end - opened < 600, 1.3, 0.85)
    probability = LEAVING_PER_MONTH * spec.months * np.where(is_premium, 0.75, 1.15) * tenure
    leave = draws.integers("leave/day", spec.start + 60, max(spec.end - RECENT_DAYS, spec.start + 60))
    leaves = draws.chance("leave", probability) & (leave > opened + 75) & (leave <= spec.end - RECENT_DAYS)
    drift = draws.integers("leave/drift", 45, 110)
    drifts = draws.chance("leave/drifts", 0.65)
    return _Course(
        onset=np.where(leaves & drifts, leave - drift, NEVER),
        ramp=drift.astype(np.float64),
        floor=draws.between("leave/floor", 0.1, 0.45),
        recover=np.full(opened.size, NEVER),
        leave=np.where(leaves, leave, NEVER),
    )


def _draw_decline(draws: CustomerDraws, spec: BankSpec) -> _Course:
    """Return the courses of Declining: 45 % settle lower, 10 % fall deep, 29 % drift away, 16 % stop at once."""
    course = draws.pick("decline/course", (0.45, 0.10, 0.29, 0.16))
    stays, drifts, stops = course <= 1, course == 2, course == 3
    settle_onset = spec.end - draws.integers("decline/onset", 95, 122)
    drift_leave = spec.end - draws.integers("decline/leave", 20, 160)
    stop_leave = spec.end - draws.integers("decline/stop", 34, 160)
    drift = draws.integers("decline/drift", 45, 75)
    floor = np.where(course == 0, draws.between("decline/floor", 0.38, 0.56), draws.between("decline/deep", 0.08, 0.25))
    return _Course(
        onset=np.where(stays, settle_onset, np.where(drifts, drift_leave - drift, NEVER)),
        ramp=np.where(stays, draws.between("decline/ramp", 20.0, 40.0), drift.astype(np.float64)),
        floor=floor,
        recover=np.full(course.size, NEVER),
        leave=np.where(drifts, drift_leave, np.where(stops, stop_leave, NEVER)),
    )


def trouble_day(lifecycle: Lifecycle) -> Ints:
    """Return the day on which a customer's decline starts, or the one they leave on without warning."""
    return np.minimum(lifecycle.onset, lifecycle.leave)
