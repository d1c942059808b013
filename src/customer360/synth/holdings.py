"""What customers hold besides what they buy: their card at each date, and the products they took to it.

The card follows from the card history, so both say the same on every day: the old card is held until the day before
the change, the new one from the day of the change on. Every other product is held once or never, from a day after
account opening. What is owed on a loan falls by the same amount every day; what is owed on a card is not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from customer360.synth.changes import DAY_SECONDS, CardHistory
from customer360.synth.draws import CustomerDraws, Floats, Ints
from customer360.synth.keys import prefixed
from customer360.synth.money import decimals
from customer360.synth.offers import GIVING_UP, LEAST_DAYS, LEAVERS_CANCEL, MOST_DAYS, OFFERS, Offer
from customer360.synth.population import NEVER, Population
from customer360.synth.products import CARD_PRODUCTS, PRODUCTS
from customer360.synth.spec import EPOCH, BankSpec

RELATIONSHIPS = ("owner", "joint", "authorised_user")
OWNER, JOINT, AUTHORISED_USER = range(3)
NO_AMOUNT = -1
DAYS_PER_MONTH = 30.4375
HOLDING_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("product_id", pa.string()),
        ("relationship_type", pa.string()),
        ("start_date", pa.date32()),
        ("end_date", pa.date32()),
        ("balance", pa.decimal128(12, 2)),
    ]
)
_PRODUCT_IDS = tuple(PRODUCTS)
_POSITION = {product_id: position for position, product_id in enumerate(_PRODUCT_IDS)}


@dataclass(frozen=True)
class _Holdings:
    """Holdings of the customers at ``rows``, all of one product; ``last`` is :data:`NEVER` while it is held."""

    product_id: str
    rows: Ints
    relationship: Ints
    start: Ints
    last: Ints
    cents: Ints


@dataclass(frozen=True)
class _Window:
    """First and last day on which each customer may start, and the last on which they may hold."""

    first: Ints
    last: Ints
    until: Ints


def holdings_table(spec: BankSpec, population: Population, cards: CardHistory) -> pa.Table:
    """Return one row per time a customer held a product, by customer, first day and product."""
    draws = CustomerDraws(spec.seed, population.number)
    taken = [_draw_holdings(draws, spec, population, cards, offer) for offer in OFFERS]
    return _to_table(population, [*_card_holdings(population, cards), *taken])


def _card_holdings(people: Population, cards: CardHistory) -> list[_Holdings]:
    everyone = np.arange(people.number.size)
    changes = cards.was_premium != cards.is_premium
    changed_on = cards.changed_at // DAY_SECONDS
    until = np.where(changes, changed_on - 1, NEVER)
    found = []
    for card_type, product_id in enumerate(CARD_PRODUCTS):
        at_first = everyone[cards.was_premium == bool(card_type)]
        later = everyone[changes & (cards.is_premium == bool(card_type))]
        found += [
            _card(product_id, at_first, people.opened[at_first], until[at_first]),
            _card(product_id, later, changed_on[later], np.full(later.size, NEVER)),
        ]
    return found


def _card(product_id: str, rows: Ints, start: Ints, last: Ints) -> _Holdings:
    return _Holdings(product_id, rows, np.full(rows.size, OWNER), start, last, np.full(rows.size, NO_AMOUNT))


def _draw_holdings(
    draws: CustomerDraws, spec: BankSpec, people: Population, cards: CardHistory, offer: Offer
) -> _Holdings:
    stream = f"holding/{offer.product_id}"
    window = _window(spec, people, cards, offer)
    room = window.last - window.first + 1
    start = window.first + np.floor(room * draws.uniform(f"{stream}/start") ** 1.5).astype(np.int64)
    term = _draw_terms(draws, stream, offer)
    last = np.minimum(np.minimum(start + term - 1, window.until), _draw_giving_up(draws, stream, people, offer, start))
    last = np.where(last < spec.end, last, NEVER)
    rows = np.flatnonzero(draws.chance(f"{stream}/takes", _chances(people, cards, offer)) & (room > 0))
    return _Holdings(
        product_id=offer.product_id,
        rows=rows,
        relationship=_draw_relationships(draws, stream, people, offer)[rows],
        start=start[rows],
        last=last[rows],
        cents=_draw_amounts(draws, stream, offer, left=1.0 - (spec.end - start) / term, last=last)[rows],
    )


def _window(spec: BankSpec, people: Population, cards: CardHistory, offer: Offer) -> _Window:
    product = PRODUCTS[offer.product_id]
    retired = product.end_date(spec.as_of)
    first = np.maximum(people.opened + 1, (product.launch_date(spec.as_of) - EPOCH).days)
    last = np.minimum(people.lifecycle.leave, spec.end) - 1
    if retired:
        last = np.minimum(last, (retired - EPOCH).days)
    if not offer.needs_premium:
        return _Window(first, last, np.full(last.size, NEVER))
    changed_on = cards.changed_at // DAY_SECONDS
    until = np.where(cards.is_premium, NEVER, changed_on - 1)
    return _Window(np.where(cards.was_premium, first, np.maximum(first, changed_on)), np.minimum(last, until), until)


def _chances(people: Population, cards: CardHistory, offer: Offer) -> Floats:
    """Return each customer's chance to take the product; who is outside its ages has none."""
    by_card = np.array([offer.standard, offer.premium])
    chance = by_card[(cards.was_premium | cards.is_premium).astype(np.int64), people.segment]
    return np.where((people.age >= offer.ages[0]) & (people.age <= offer.ages[1]), chance, 0.0)


def _draw_terms(draws: CustomerDraws, stream: str, offer: Offer) -> Ints:
    """Return the term of a loan in days, whole half years; of anything else, for ever."""
    if offer.months is None:
        return np.full(draws.numbers.size, NEVER)
    shortest, longest = offer.months
    halves = draws.integers(f"{stream}/term", shortest // 6, longest // 6)
    return np.asarray(np.rint(halves * 6 * DAYS_PER_MONTH), dtype=np.int64)


def _draw_giving_up(draws: CustomerDraws, stream: str, people: Population, offer: Offer, start: Ints) -> Ints:
    """Return the last day of who gives the product up: by choice, or because they leave; loans are not left behind."""
    share = offer.given_up * np.array(GIVING_UP)[people.segment]
    by_choice = start + draws.integers(f"{stream}/days", LEAST_DAYS, MOST_DAYS)
    last = np.where(draws.chance(f"{stream}/gives_up", share), by_choice, NEVER)
    if offer.months:
        return last
    cancelled = people.lifecycle.leave + draws.integers(f"{stream}/cancelled", 0, 30)
    return np.where(draws.chance(f"{stream}/cancels", LEAVERS_CANCEL), np.minimum(last, cancelled), last)


def _draw_relationships(draws: CustomerDraws, stream: str, people: Population, offer: Offer) -> Ints:
    kind = np.where(draws.chance(f"{stream}/joint", offer.joint), JOINT, OWNER)
    return np.where(people.age < offer.user_below, AUTHORISED_USER, kind)


def _draw_amounts(draws: CustomerDraws, stream: str, offer: Offer, *, left: Floats, last: Ints) -> Ints:
    """Return what is owed or insured today in cents; nothing is once the product is not held any more."""
    if offer.amount is None:
        return np.full(last.size, NO_AMOUNT)
    lowest, highest, step = offer.amount
    steps = np.floor(((highest - lowest) // step + 1) * draws.uniform(f"{stream}/amount") ** 1.5)
    share = left if offer.months else 1.0
    cents = np.rint((lowest + steps * step) * 100 * share).astype(np.int64)
    return np.where(last == NEVER, np.maximum(cents, 1), NO_AMOUNT)


def _to_table(people: Population, holdings: list[_Holdings]) -> pa.Table:
    rows = np.concatenate([held.rows for held in holdings])
    start = np.concatenate([held.start for held in holdings])
    product = np.concatenate([np.full(held.rows.size, _POSITION[held.product_id]) for held in holdings])
    order = np.lexsort((product, start, rows))
    relationship = np.concatenate([held.relationship for held in holdings])[order]
    last = np.concatenate([held.last for held in holdings])[order]
    columns = [
        prefixed("CUST", people.number[rows[order]], 8),
        pa.array(_PRODUCT_IDS, pa.string()).take(pa.array(product[order])),
        pa.array(RELATIONSHIPS, pa.string()).take(pa.array(relationship)),
        pa.array(start[order].astype(np.int32), pa.date32()),
        pa.array(last.astype(np.int32), pa.int32(), mask=last == NEVER).cast(pa.date32()),
        decimals(np.concatenate([held.cents for held in holdings])[order], pa.decimal128(12, 2)),
    ]
    return pa.table(columns, schema=HOLDING_SCHEMA)
