"""What nobody knows of a customer is drawn by the weights of the contract, whoever else is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from customer360.ingest.api_report import counts_of, nothing_known
from customer360.settings import simulated_weights

pytestmark = pytest.mark.unit

CUSTOMERS = 20_000
EXPORTED = """
create view exported as
select
    range::varchar as customer_id, 'Ada' as first_name, 'Lee' as last_name, 'ada@example.org' as email,
    []::varchar[] as invalid_fields, 100 as data_quality_score
from range(?)
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.register("known", nothing_known())
        yield opened


def export(connection: duckdb.DuckDBPyConnection, customers: int) -> dict[str, dict[str, int]]:
    connection.execute(EXPORTED.replace("?", str(customers)))
    return counts_of(connection)


@pytest.mark.contract("S4.17")
@pytest.mark.contract("S4.18")
@pytest.mark.contract("S4.19")
@pytest.mark.contract("S4.20")
@pytest.mark.contract("S4.21")
def test_values_are_drawn_by_the_weights_of_the_contract(connection: duckdb.DuckDBPyConnection) -> None:
    counts = export(connection, CUSTOMERS)
    assert counts.keys() == {
        "engagement_level",
        "activity_status",
        "acquisition_channel",
        "market_segment",
        "customer_tier",
    }
    for field, weights in simulated_weights().items():
        assert sum(weights.values()) == 100
        shares = {value: 100 * customers / CUSTOMERS for value, customers in counts[field].items()}
        assert shares == {value: pytest.approx(weight, abs=1) for value, weight in weights.items()}, field
