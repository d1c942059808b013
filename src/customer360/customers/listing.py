"""Lists customers page by page. A cursor carries the build it began on, so that a rebuild never shifts a page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from customer360.customers.profiles import profile_fields, search_filter
from customer360.errors import InvalidCursor
from customer360.semantic import Reader, SemanticResult, build_query

FILTERS = ("region", "country", "state", "customer_type", "card_type", "customer_segment", "recency_status")


@dataclass(frozen=True)
class CustomerPage:
    """One page of customers, by customer id; ``next_cursor`` is ``None`` on the last one."""

    answer: SemanticResult
    currency: str
    rows_available: int
    next_cursor: str | None


def list_customers(
    reader: Reader,
    *,
    filters: Mapping[str, str] | None = None,
    search: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> CustomerPage:
    """Return a page of the customers that fit all filters; every page of a walk reads the same build.

    Raises:
        InvalidCursor: the cursor is not one of this listing, or belongs to other filters.
        Gone: the build that the cursor began on is no longer kept.
    """
    wanted = {name: value for name, value in (filters or {}).items() if value is not None}
    fingerprint = _fingerprint(wanted, search)
    place = _decode(cursor, fingerprint) if cursor else {}
    conditions = [{"field": f"customer_360_profile.{name}", "op": "=", "value": v} for name, v in wanted.items()]
    conditions += [search_filter(search)] if search else []
    after = [{"field": "customer_id", "op": ">", "value": place["after"]}] if place else []
    with reader.pin(place.get("build")) as reading:
        query = build_query(
            fields=profile_fields(reading.model),
            filters={"and": conditions + after} if conditions or after else None,
            order=["customer_id"],
            limit=limit,
        )
        answer, currency = reading.ask(query), reading.figures.currency
        available = place["available"] if place else answer.rows_available
    return CustomerPage(answer, currency, available, _next_cursor(answer, fingerprint, available))


def _next_cursor(answer: SemanticResult, fingerprint: str, available: int) -> str | None:
    if not answer.truncated:
        return None
    last = answer.table.column("customer_id")[-1].as_py()
    place = {"build": answer.build_id, "after": last, "for": fingerprint, "available": available}
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, fingerprint: str) -> dict[str, Any]:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fits = {key: type(place[key]) for key in ("build", "after", "for", "available")}
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise _refused(cursor, "it is not a cursor of this listing") from error
    if fits != {"build": str, "after": str, "for": str, "available": int} or not place["build"].isidentifier():
        raise _refused(cursor, "it is not a cursor of this listing")
    if place["for"] != fingerprint:
        raise _refused(cursor, "it belongs to other filters")
    return dict(place)


def _refused(cursor: str, why: str) -> InvalidCursor:
    return InvalidCursor(
        f"The cursor cannot be used: {why}.",
        next_action="Start again without a cursor and follow next_url.",
        details=[{"field": "cursor", "value": cursor[:80], "message": why}],
    )


def _fingerprint(filters: Mapping[str, str], search: str | None) -> str:
    content = json.dumps([sorted(filters.items()), search or ""])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
