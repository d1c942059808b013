"""The transactions of a month, day by day: who buys how often, then every column of every row from one hash.

Rows are in the order of day, customer and slot. A transaction id is the customer's number and the slot within the
window (day times slots per day, plus the count of the day), so it does not depend on any other customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from customer360.synth.behaviour import (
    LARGEST,
    SMALLEST,
    TICKET_TABLE,
    Behaviour,
    expected_transactions,
    in_trouble,
    ticket_factors,
)
from customer360.synth.catalogue import (
    CATEGORIES,
    MERCHANTS_PER_CATEGORY,
    build_merchants,
    category_id,
    merchant_weights,
)
from customer360.synth.changes import DAY_SECONDS, CardHistory
from customer360.synth.draws import GOLDEN, Floats, Ints, Words, as_uniform, hash_numbers, mix64, quantile_table
from customer360.synth.keys import prefixed
from customer360.synth.money import decimals
from customer360.synth.products import CARD_PRODUCTS
from customer360.synth.spec import BankSpec

CHANNELS = ("Online", "In-Store", "Mobile")
STATUSES = ("approved", "declined")
SLOTS_PER_CUSTOMER = 100_000
MAX_SLOTS_PER_DAY = 250
HOUR_WEIGHTS = (0, 0, 0, 0, 0, 0, 1, 3, 5, 6, 7, 8, 10, 9, 8, 8, 9, 10, 10, 9, 7, 5, 3, 1)
TRANSACTION_SCHEMA = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("customer_id", pa.string()),
        ("merchant_name", pa.dictionary(pa.int16(), pa.string())),
        ("merchant_category_id", pa.dictionary(pa.int8(), pa.string())),
        ("transaction_date", pa.date32()),
        ("transaction_at", pa.timestamp("us")),
        ("transaction_amount", pa.decimal128(9, 2)),
        ("channel", pa.dictionary(pa.int8(), pa.string())),
        ("status", pa.dictionary(pa.int8(), pa.string())),
        ("product_id", pa.dictionary(pa.int8(), pa.string())),
    ]
)
_LOW_16, _LOW_12 = np.uint64(0xFFFF), np.uint64(0xFFF)
_TABLE_12 = 1 << 12


@dataclass(frozen=True)
class TransactionModel:
    """Everything a month's transactions are drawn from; shared by threads and never written to."""

    behaviour: Behaviour
    cards: CardHistory
    seed: int
    start: int
    slots: int
    merchants: pa.Array
    category_tables: Ints
    merchant_table: Ints
    ticket_sizes: Floats
    ticket_factors: Floats
    seconds: Ints


@dataclass(frozen=True)
class _Visits:
    """Position of the customer, day and slot within the day of each transaction."""

    customer: Ints
    day: Ints
    slot: Ints


def build_model(spec: BankSpec, behaviour: Behaviour, cards: CardHistory) -> TransactionModel:
    """Return the look-up tables that transactions are drawn by."""
    days = spec.end - spec.start + 1
    return TransactionModel(
        behaviour=behaviour,
        cards=cards,
        seed=spec.seed,
        start=spec.start,
        slots=min(SLOTS_PER_CUSTOMER // days, MAX_SLOTS_PER_DAY),
        merchants=pa.array(build_merchants(spec.seed), pa.string()),
        category_tables=np.stack([_category_table(group) for group in range(4)]),
        merchant_table=quantile_table(merchant_weights(), _TABLE_12),
        ticket_sizes=np.array([category.ticket for category in CATEGORIES]),
        ticket_factors=ticket_factors(),
        seconds=_seconds_of_day(),
    )


def iter_transactions(model: TransactionModel, first_day: int, last_day: int, chunk_rows: int) -> Iterator[pa.Table]:
    """Yield the transactions of a range of days in chunks of whole days of about ``chunk_rows`` rows."""
    pending: list[_Visits] = []
    rows = 0
    for day in range(first_day, last_day + 1):
        visits = _draw_visits(model, day)
        pending.append(visits)
        rows += visits.day.size
        if rows >= chunk_rows or day == last_day:
            yield _to_table(model, _joined(pending))
            pending, rows = [], 0


def _draw_visits(model: TransactionModel, day: int) -> _Visits:
    behaviour = model.behaviour
    counts = poisson_counts(expected_transactions(behaviour, day), _draw_day(model, day))
    counts = np.minimum(counts, model.slots)
    customer = np.repeat(np.arange(counts.size), counts)
    before = np.cumsum(counts) - counts
    slot = np.arange(customer.size) - np.repeat(before, counts)
    return _Visits(customer, np.full(customer.size, day), slot)


def _draw_day(model: TransactionModel, day: int) -> Floats:
    """Return one uniform draw per customer, spread over the seven days of a week.

    Each day's count is Poisson, but a busy day makes a quiet one likely in the same week: habits are steadier than
    chance, and a quarter's spend would otherwise halve or double by luck alone.
    """
    week, weekday = divmod(day, 7)
    word = mix64(model.behaviour.words ^ hash_numbers(model.seed, "visits", np.array([week])))
    stride = (word % np.uint64(6)).astype(np.int64) + 1
    return np.asarray(np.mod(as_uniform(word) + (stride * weekday % 7) / 7.0, 1.0))


def poisson_counts(mean: Floats, uniform: Floats) -> Ints:
    """Return Poisson counts by inversion, one per mean and uniform draw."""
    counts = np.zeros(mean.size, dtype=np.int64)
    chance = np.exp(-mean)
    rows = np.flatnonzero(uniform > chance)
    mean, uniform, chance = mean[rows], uniform[rows], chance[rows]
    reached = chance.copy()
    count = 0
    while rows.size and count < MAX_SLOTS_PER_DAY:
        count += 1
        counts[rows] = count
        chance = chance * (mean / count)
        reached = reached + chance
        more = uniform > reached
        rows, mean, uniform = rows[more], mean[more], uniform[more]
        chance, reached = chance[more], reached[more]
    return counts


def _joined(visits: list[_Visits]) -> _Visits:
    return _Visits(
        np.concatenate([each.customer for each in visits]),
        np.concatenate([each.day for each in visits]),
        np.concatenate([each.slot for each in visits]),
    )


def _to_table(model: TransactionModel, visits: _Visits) -> pa.Table:
    behaviour, customer, day = model.behaviour, visits.customer, visits.day
    number = behaviour.population.number[customer]
    word = mix64(behaviour.words[customer] + (day * 256 + visits.slot).astype(np.uint64) * GOLDEN)
    second, third = mix64(word + GOLDEN), mix64(word - GOLDEN)
    trouble = in_trouble(behaviour.population, customer, day).astype(np.int64)
    category = _draw_categories(model, customer, trouble, word)
    merchant = category * MERCHANTS_PER_CATEGORY + model.merchant_table[_bits(word, 44, _LOW_12)]
    at = day * DAY_SECONDS + model.seconds[_bits(third, 0, _LOW_16)]
    columns = [
        prefixed("TXN", number * SLOTS_PER_CUSTOMER + (day - model.start) * model.slots + visits.slot, 10),
        prefixed("CUST", number, 8),
        _coded(merchant.astype(np.int16), model.merchants),
        _coded(category.astype(np.int8), [category_id(index) for index in range(len(CATEGORIES))]),
        pa.array(day.astype(np.int32), pa.date32()),
        pa.array(at * 1_000_000, pa.timestamp("us")),
        _draw_amounts(model, customer, trouble, category, second),
        _coded(_draw_channels(behaviour, customer, second), CHANNELS),
        _coded((_high(third) < behaviour.decline_chance[trouble, customer]).astype(np.int8), STATUSES),
        _coded(_cards_at(model.cards, customer, at), CARD_PRODUCTS),
    ]
    return pa.table(columns, schema=TRANSACTION_SCHEMA)


def _draw_categories(model: TransactionModel, customer: Ints, trouble: Ints, word: Words) -> Ints:
    edges = model.behaviour.group_edges[trouble, customer]
    share = (word & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    group = (share >= edges[:, 0]).astype(np.int64)
    group += share >= edges[:, 1]
    group += share >= edges[:, 2]
    return np.asarray(model.category_tables[group, _bits(word, 32, _LOW_12)])


def _draw_amounts(model: TransactionModel, customer: Ints, trouble: Ints, category: Ints, word: Words) -> pa.Array:
    price = model.behaviour.price[trouble, customer] * model.ticket_sizes[category]
    amount = np.clip(price * model.ticket_factors[_bits(word, 0, _LOW_16)], SMALLEST, LARGEST)
    return decimals(np.rint(amount * 100).astype(np.int64), pa.decimal128(9, 2))


def _draw_channels(behaviour: Behaviour, customer: Ints, word: Words) -> Ints:
    share = _high(word)
    channel = (share >= behaviour.online[customer]).astype(np.int8)
    channel += share >= behaviour.not_mobile[customer]
    return np.asarray(channel)


def _cards_at(cards: CardHistory, customer: Ints, at: Ints) -> Ints:
    changed = at >= cards.changed_at[customer]
    return np.where(changed, cards.is_premium[customer], cards.was_premium[customer]).astype(np.int8)


def _coded(codes: Ints, names: object) -> pa.DictionaryArray:
    values = names if isinstance(names, pa.Array) else pa.array(names, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes), values)


def _bits(word: Words, shift: int, mask: np.uint64) -> Ints:
    return ((word >> np.uint64(shift)) & mask).astype(np.int64)


def _high(word: Words) -> Floats:
    return np.asarray((word >> np.uint64(32)).astype(np.float64) * 2.0**-32)


def _category_table(group: int) -> Ints:
    members = np.array([index for index, category in enumerate(CATEGORIES) if category.group == group])
    weights = [CATEGORIES[index].weight for index in members]
    return np.asarray(members[quantile_table(weights, _TABLE_12)])


def _seconds_of_day() -> Ints:
    """Return the quantiles of the time of day: shops are busy at noon and in the evening, none sell from 0 to 6."""
    edges = np.concatenate([[0.0], np.cumsum(np.array(HOUR_WEIGHTS, dtype=np.float64)) / sum(HOUR_WEIGHTS)])
    midpoints = (np.arange(TICKET_TABLE) + 0.5) / TICKET_TABLE
    return np.asarray(np.floor(np.interp(midpoints, edges[6:], np.arange(6, 25) * 3600.0)), dtype=np.int64)
