"""The catalogue of products. All of it semantic queries."""

from __future__ import annotations

from typing import Any

from customer360.errors import NotFound
from customer360.semantic import Reading, SemanticResult, build_query

PRODUCT_FIELDS = (
    "product_id",
    "product_name",
    "product_category",
    "product_type",
    "product_attributes",
    "launch_date",
    "product_end_date",
)


def list_products(
    reading: Reading,
    *,
    category: str | None = None,
    type: str | None = None,
    search: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> SemanticResult:
    """Return the products that fit all filters by their ids, ``limit`` of them after the first ``offset``.

    ``search`` finds a part of the id or name, without regard to case.
    """
    wanted = {"product_category": category, "product_type": type}
    conditions: list[dict[str, Any]] = [
        {"field": name, "op": "=", "value": value} for name, value in wanted.items() if value is not None
    ]
    if search:
        names = ("product_id", "product_name")
        conditions.append({"or": [{"field": _full(name), "op": "contains", "value": search} for name in names]})
    query = build_query(
        fields=[_full(name) for name in PRODUCT_FIELDS],
        filters={"and": conditions} if conditions else None,
        order=[_full("product_id")],
        limit=limit,
        offset=offset,
    )
    return reading.ask(query, keep=True)


def get_product(reading: Reading, product_id: str) -> dict[str, Any]:
    """Return one product by field.

    Raises:
        NotFound: the build has no such product.
    """
    query = build_query(
        fields=[_full(name) for name in PRODUCT_FIELDS],
        filters={"field": _full("product_id"), "op": "=", "value": product_id},
        limit=1,
    )
    rows = reading.ask(query, keep=True).rows()
    if not rows:
        raise NotFound(
            f"There is no product {product_id!r} in build {reading.build.build_id}.",
            code="product_not_found",
            next_action="Search by a part of the id or name: GET /api/products/?search=…",
            details=[{"field": "product_id", "value": product_id, "message": "no such product"}],
        )
    return rows[0]


def _full(name: str) -> str:
    return f"dim_product.{name}"
