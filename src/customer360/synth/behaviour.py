"""How often customers buy, what for and for how much, calibrated to the monthly spend of their segment.

The price level and the division over groups are solved against tickets as they are drawn, clipped at 5 and 500, so
the expected spend and its shares are those of the segment at any density. Where a customer would need a mean ticket
near 500 (few transactions, high spend), spend stays below its target.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from customer360.synth import segments
from customer360.synth.catalogue import CATEGORIES, LEISURE, NECESSITIES
from customer360.synth.draws import Bools, CustomerDraws, Floats, Ints, Words, normal_quantiles
from customer360.synth.population import NEVER, Population, build_population
from customer360.synth.segments import SEGMENTS, of_segment
from customer360.synth.spec import EPOCH, BankSpec

SMALLEST, LARGEST = 5.0, 500.0
TICKET_SPREAD = 0.40
"""Standard deviation of the logarithm of a ticket around its category's size."""

TICKET_TABLE = 1 << 16
DAYS_PER_MONTH = 30.4375
PILOT_CUSTOMERS = 10_000
MONTH_FACTORS = (0.90, 0.91, 0.96, 0.98, 1.00, 1.01, 1.02, 1.00, 0.98, 1.00, 1.13, 1.25)
WEEKDAY_FACTORS = (0.90, 0.90, 0.94, 0.98, 1.14, 1.20, 0.94)
DECLINED, DECLINED_IN_TROUBLE, DECLINED_DECLINING = 0.0175, 0.035, 0.06


@dataclass(frozen=True)
class Behaviour:
    """Parameters of each customer's transactions; where there are two rows, the second holds from ``onset`` on.

    ``group_edges`` are the inner edges, within (0, 1), of the groups leisure, necessities, other, travel.
    """

    population: Population
    words: Words
    rate: Floats
    price: Floats
    group_edges: Floats
    decline_chance: Floats
    online: Floats
    not_mobile: Floats
    end: int


def build_behaviour(spec: BankSpec, population: Population) -> Behaviour:
    """Return how the population transacts at the density of the specification."""
    draws = CustomerDraws(spec.seed, population.number)
    spend = _draw_spend(draws, population)
    frequency = _monthly_frequency(draws, population, spend) * _frequency_scale(spec)
    divide = _draw_divide(draws, population)
    table = _TicketTable.build()
    calm = table.solve(spend / frequency, divide)
    troubled = table.solve(0.95 * spend / frequency, _divide_in_trouble(population, divide))
    lean = draws.between("channel/online", -0.12, 0.12)
    return Behaviour(
        population=population,
        words=draws.words("transaction"),
        rate=frequency / DAYS_PER_MONTH,
        price=np.stack([calm[0], troubled[0]]),
        group_edges=np.stack([calm[1], troubled[1]]),
        decline_chance=_decline_chances(population),
        online=0.40 + lean,
        not_mobile=0.80 + draws.between("channel/mobile", -0.08, 0.08),
        end=spec.end,
    )


def expected_transactions(behaviour: Behaviour, day: int) -> Floats:
    """Return the expected number of transactions of each customer on a day."""
    population = behaviour.population
    return behaviour.rate * (day_factor(day) * level(population, day, behaviour.end))


def level(population: Population, day: int, end: int) -> Floats:
    """Return each customer's activity on a day, 1 at the normal level and 0 before opening and after leaving."""
    life, opened = population.lifecycle, population.opened
    drop = np.clip((day - life.onset) / life.ramp, 0.0, 1.0) * (1.0 - life.floor)
    drop[day >= life.recover] = 0.0
    settled_in = np.clip(0.5 + (day - opened) / 90.0, 0.5, 1.0)
    settled_in[life.growth > 0] = 1.0
    activity = (1.0 - drop) * settled_in * np.exp((life.growth + life.trend) * (day - end))
    activity[(day < opened) | (day >= life.leave)] = 0.0
    return np.asarray(activity)


def in_trouble(population: Population, customer: Ints, day: Ints) -> Bools:
    """Return whether each customer of a list is past the onset of a decline, and not recovered, on its day."""
    life = population.lifecycle
    return np.asarray((day >= life.onset[customer]) & (day < life.recover[customer]))


def day_factor(day: int) -> float:
    """Return the season and weekday factor of a day; the mean over a year is 1."""
    moment = EPOCH + timedelta(days=day)
    return month_factor(day) * WEEKDAY_FACTORS[moment.weekday()] * 7 / sum(WEEKDAY_FACTORS)


def month_factor(day: int) -> float:
    """Return the season's factor of a day: up in November and December, down in January and February."""
    return MONTH_FACTORS[(EPOCH + timedelta(days=day)).month - 1] * 12 / sum(MONTH_FACTORS)


def ticket_factors() -> Floats:
    """Return the quantiles of a ticket around its expected size, as a table for draws by look-up."""
    return np.asarray(np.exp(TICKET_SPREAD * normal_quantiles(TICKET_TABLE) - TICKET_SPREAD**2 / 2))


def _draw_spend(draws: CustomerDraws, population: Population) -> Floats:
    low = of_segment(population.segment, lambda kind: kind.spend[0])
    high = of_segment(population.segment, lambda kind: kind.spend[1])
    power = of_segment(population.segment, lambda kind: kind.spend[2])
    return low + (high - low) * draws.uniform("spend") ** power


def _monthly_frequency(draws: CustomerDraws, population: Population, spend: Floats) -> Floats:
    """Return relative frequencies: who spends more buys more often, and so do some others."""
    typical = of_segment(population.segment, lambda kind: kind.spend[0] * 0.6 + kind.spend[1] * 0.4)
    weight = of_segment(population.segment, lambda kind: kind.frequency)
    return weight * (spend / typical) ** 0.6 * np.exp(0.15 * np.clip(draws.normal("frequency"), -2, 2))


def _frequency_scale(spec: BankSpec) -> float:
    """Return what relative frequencies are multiplied with to reach the density, from a pilot of fixed size."""
    pilot = build_population(spec, size=PILOT_CUSTOMERS)
    draws = CustomerDraws(spec.seed, pilot.number)
    frequency = _monthly_frequency(draws, pilot, _draw_spend(draws, pilot))
    step = 5 if spec.months > 2 else 1
    days = range(spec.start + step // 2, spec.end + 1, step)
    activity = np.mean([float(np.mean(frequency * level(pilot, day, spec.end))) * month_factor(day) for day in days])
    whole = (spec.end - spec.start + 1) / DAYS_PER_MONTH
    return float(spec.density * spec.months / (activity * whole))


def _draw_divide(draws: CustomerDraws, population: Population) -> Floats:
    """Return each customer's shares of spend on the four groups, spread around those of the segment."""
    shares = np.array([kind.divide for kind in SEGMENTS])[population.segment]
    spread = [np.exp(0.18 * np.clip(draws.normal(f"divide/{group}"), -2, 2)) for group in range(4)]
    return _normalised(shares * np.stack(spread, axis=1))


def _divide_in_trouble(population: Population, divide: Floats) -> Floats:
    """Return the shares after the onset: who lost a job buys necessities, others give up leisure and travel."""
    weights = np.tile(np.array([0.85, 1.15, 1.0, 0.8]), (population.number.size, 1))
    weights[population.decline_type == segments.JOB_LOSS] = (0.5, 1.6, 0.8, 0.3)
    weights[population.decline_type == segments.LIFESTYLE, LEISURE] = 0.6
    weights[population.decline_type == segments.LIFESTYLE, NECESSITIES] = 1.2
    return _normalised(divide * weights)


def _normalised(shares: Floats) -> Floats:
    total = shares[:, 0] + shares[:, 1] + shares[:, 2] + shares[:, 3]
    return np.asarray(shares / total[:, np.newaxis])


def _decline_chances(population: Population) -> Floats:
    """Return the chance of a declined attempt before and after the onset; Declining have more throughout."""
    declining = population.segment == segments.DECLINING
    calm = np.where(declining, 0.5 * (DECLINED + DECLINED_DECLINING), DECLINED)
    troubled = np.where(declining, DECLINED_DECLINING, DECLINED_IN_TROUBLE)
    sudden = declining & (population.lifecycle.onset == NEVER)
    return np.stack([np.where(sudden, DECLINED_DECLINING, calm), troubled])


@dataclass(frozen=True)
class _TicketTable:
    """The mean clipped ticket of each group over a grid of price levels."""

    log_price: Floats
    mean_ticket: Floats

    @classmethod
    def build(cls) -> _TicketTable:
        log_price = np.linspace(np.log(0.5), np.log(5000.0), 300)
        factors = ticket_factors().reshape(-1, 256).mean(axis=1)
        mean_ticket = np.zeros((4, log_price.size))
        weight = np.zeros(4)
        for category in CATEGORIES:
            tickets = np.exp(log_price)[:, np.newaxis] * (category.ticket * factors)
            mean_ticket[category.group] += category.weight * np.clip(tickets, SMALLEST, LARGEST).mean(axis=1)
            weight[category.group] += category.weight
        return cls(log_price, mean_ticket / weight[:, np.newaxis])

    def solve(self, ticket: Floats, divide: Floats) -> tuple[Floats, Floats]:
        """Return price levels at which the mean ticket is ``ticket``, and the edges that divide spend as asked."""
        low = np.full(ticket.size, self.log_price[0])
        high = np.full(ticket.size, self.log_price[-1])
        for _ in range(24):
            middle = (low + high) / 2
            too_cheap = 1.0 / self._needed(middle, divide)[3] < ticket
            low, high = np.where(too_cheap, middle, low), np.where(too_cheap, high, middle)
        needed = self._needed(low, divide)
        return np.exp(low), np.asarray((needed[:3] / needed[3]).T)

    def _needed(self, log_price: Floats, divide: Floats) -> Floats:
        """Return, cumulated over groups, transactions needed to spend one dollar divided as asked."""
        each = [divide[:, group] / np.interp(log_price, self.log_price, self.mean_ticket[group]) for group in range(4)]
        return np.cumsum(np.stack(each), axis=0)
