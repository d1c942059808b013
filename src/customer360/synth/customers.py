"""The customer file: attributes at account opening; what changed later is in the change feed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from faker.providers.person.en_US import Provider

from customer360.synth.changes import CARD_TYPES
from customer360.synth.draws import CustomerDraws, Ints
from customer360.synth.keys import prefixed
from customer360.synth.population import CITY_NAMES, STATE_CODES, Population
from customer360.synth.segments import DECLINE_TYPES, EMPLOYMENT, SEGMENTS
from customer360.synth.spec import BankSpec

FIRST_NAMES = tuple(sorted(Provider.first_names))
LAST_NAMES = tuple(sorted(Provider.last_names))
EMAIL_DOMAINS = ("example.com", "example.org", "example.net")
CUSTOMER_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("first_name", pa.string()),
        ("last_name", pa.string()),
        ("email", pa.string()),
        ("age", pa.int32()),
        ("state", pa.string()),
        ("city", pa.string()),
        ("employment_status", pa.string()),
        ("card_type", pa.string()),
        ("credit_limit", pa.decimal128(9, 2)),
        ("account_open_date", pa.date32()),
        ("customer_segment", pa.string()),
        ("decline_type", pa.string()),
    ]
)


def customers_table(spec: BankSpec, population: Population) -> pa.Table:
    """Return one row per customer, in the order of their numbers."""
    draws = CustomerDraws(spec.seed, population.number)
    first = _names(FIRST_NAMES, draws.integers("first_name", 0, len(FIRST_NAMES) - 1))
    last = _names(LAST_NAMES, draws.integers("last_name", 0, len(LAST_NAMES) - 1))
    columns = [
        prefixed("CUST", population.number, 8),
        first,
        last,
        _emails(draws, population, first, last),
        pa.array(population.age.astype(np.int32)),
        _names(STATE_CODES, population.state),
        _names(CITY_NAMES, population.city),
        _names(EMPLOYMENT, population.employment),
        _names(CARD_TYPES, population.is_premium.astype(np.int64)),
        pa.array(population.credit_limit).cast(pa.decimal128(19, 0)).cast(pa.decimal128(9, 2)),
        pa.array(population.opened.astype(np.int32), pa.date32()),
        _names([kind.name for kind in SEGMENTS], population.segment),
        _names(DECLINE_TYPES, population.decline_type),
    ]
    return pa.table(columns, schema=CUSTOMER_SCHEMA)


def _emails(draws: CustomerDraws, population: Population, first: pa.Array, last: pa.Array) -> pa.Array:
    """Return addresses on domains reserved for examples; the customer's number makes them unique."""
    domain = _names(EMAIL_DOMAINS, draws.pick("email", (0.6, 0.25, 0.15)))
    local = pc.binary_join_element_wise(pc.utf8_lower(first), pc.utf8_lower(last), ".")
    number = pa.array(population.number).cast(pa.string())
    return pc.binary_join_element_wise(pc.binary_join_element_wise(local, number, ""), domain, "@")


def _names(names: Sequence[str], index: Ints) -> pa.Array:
    """Return the names at positions; a negative position is null."""
    return pa.array(names, pa.string()).take(pa.array(index, mask=index < 0))
