"""Which products a customer holds or held."""

from __future__ import annotations

from typing import Any

from customer360.semantic import Reading, SemanticResult, build_query

HOLDING_FIELDS = (
    "held_product_id",
    "held_product_name",
    "held_product_category",
    "held_product_type",
    "relationship_type",
    "holding_start_date",
    "holding_end_date",
    "holding_balance",
    "is_active_holding",
)


def list_holdings(reading: Reading, customer_id: str, *, include_ended: bool = True) -> SemanticResult:
    """Return what a customer holds, the oldest first; ``include_ended`` adds what the customer no longer holds."""
    conditions: list[dict[str, Any]] = [{"field": "holder_id", "op": "=", "value": customer_id}]
    if not include_ended:
        conditions.append({"field": "is_active_holding", "op": "=", "value": True})
    query = build_query(
        fields=list(HOLDING_FIELDS),
        filters={"and": conditions},
        order=["holding_start_date", "held_product_id"],
    )
    return reading.ask(query)
