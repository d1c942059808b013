"""One customer: the profile, its history, the spending and the latest transactions. All of it semantic queries."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from customer360.errors import NotFound
from customer360.semantic import (
    ROW_KINDS,
    Condition,
    Reading,
    SemanticModel,
    SemanticQuery,
    SemanticResult,
    build_query,
)

PROFILE = "customer_360_profile"
IDENTITIES = "customer_xref"
HIDDEN = ("search_text",)
TRANSACTION_FIELDS = (
    "transaction_date",
    "transaction_at",
    "transaction_id",
    "order_id",
    "product_name",
    "category_name",
    "merchant_name",
    "quantity",
    "transaction_amount",
    "attempted_amount",
    "transaction_type",
    "status",
    "channel",
)
IDENTITY_FIELDS = ("identity_source", "source_customer_id", "match_rule", "match_confidence")
VERSION_FIELDS = ("version_number", "valid_from", "valid_to")
SEARCH_FIELDS = ("customer_id", "full_name", "email")
MOST_SHOWN = 1_000


@dataclass(frozen=True)
class CustomerProfile:
    """One customer's profile: ``values`` by field, as they are in the build."""

    customer_id: str
    values: dict[str, Any]
    answer: SemanticResult

    @property
    def name(self) -> str:
        """How to address the customer where there is room for one name."""
        return str(self.values.get("full_name") or f"Customer {self.customer_id}")


@dataclass(frozen=True)
class CustomerHistory:
    """One customer's profile, and the versions of the attributes with a history, oldest first."""

    profile: CustomerProfile
    versions: SemanticResult


def profile_fields(model: SemanticModel) -> list[str]:
    """Return the fields of a profile, as the model lists them."""
    items = model.list_items(ROW_KINDS, table=PROFILE)
    return [item.full_name for item in items if item.name not in HIDDEN]


def get_customer(reading: Reading, customer_id: str) -> CustomerProfile:
    """Return the profile of one customer, by its id or by one that only one source behind an API gave.

    Raises:
        NotFound: the build has no such customer.
    """
    answer = reading.ask(_profile_query(reading.model, customer_id))
    if not answer.rows_returned:
        customer_id = _find_by_source_id(reading, customer_id)
        answer = reading.ask(_profile_query(reading.model, customer_id))
    return _profile_of(answer, customer_id)


def get_history(reading: Reading, customer_id: str) -> CustomerHistory:
    """Return the profile of one customer with its versions, read by one statement: each version has its customer.

    Raises:
        NotFound: the build has no such customer.
    """
    names, versions = profile_fields(reading.model), _version_fields(reading)
    query = build_query(fields=[*names, *versions], filters=is_customer(customer_id), order=["version_number"])
    answer = reading.ask(query)
    if not answer.rows_returned:
        return get_history(reading, _find_by_source_id(reading, customer_id))
    profile = _columns(answer, 0, len(names))
    first = replace(profile, table=profile.table.slice(0, 1), rows_available=min(1, answer.rows_available))
    return CustomerHistory(_profile_of(first, customer_id), _columns(answer, len(names), len(names) + len(versions)))


def list_identities(reading: Reading, customer_id: str) -> SemanticResult:
    """Return the ids by which each system knows a customer, and how sure that is."""
    order = ["identity_source", "source_customer_id"]
    return reading.ask(build_query(fields=list(IDENTITY_FIELDS), filters=is_customer(customer_id), order=order))


def _find_by_source_id(reading: Reading, source_id: str) -> str:
    """Return the customer that a source gave this id, where that is one."""
    found = _list_by_source_id(reading, source_id) if IDENTITIES in reading.model.tables else []
    if len(found) == 1:
        return found[0]
    search = "Search by a part of the id, name or e-mail: GET /api/customers/?search=…"
    raise NotFound(
        f"There is no customer {source_id!r} in build {reading.record.build_id}.",
        code="customer_not_found",
        next_action=f"Several sources have that id. Ask for one of {', '.join(found)}." if found else search,
        details=[{"field": "customer_id", "value": source_id, "message": "no such customer"}],
    )


def _list_by_source_id(reading: Reading, source_id: str) -> list[str]:
    field = f"{PROFILE}.customer_id"
    known_as = {"field": f"{IDENTITIES}.source_customer_id", "op": "=", "value": source_id}
    answer = reading.ask(build_query(fields=[field, "identity_source"], filters=known_as, order=[field], limit=20))
    return list(dict.fromkeys(answer.table[0].to_pylist()))


def _profile_of(answer: SemanticResult, customer_id: str) -> CustomerProfile:
    return CustomerProfile(customer_id, answer.table.to_pylist()[0], answer)


def _columns(answer: SemanticResult, start: int, stop: int) -> SemanticResult:
    """Return some columns of an answer."""
    return replace(answer, columns=answer.columns[start:stop], table=answer.table.select(range(start, stop)))


def find_customers(reading: Reading, text: str, *, limit: int = 20) -> SemanticResult:
    """Return the customers whose id, name or e-mail contains ``text``, largest lifetime value first.

    Case and accents make no difference; every character stands for itself.
    """
    query = build_query(
        fields=["customer_id", "full_name", "email", "customer_360_profile.country", "lifetime_value"],
        filters=search_filter(text),
        order=["-lifetime_value", "customer_id"],
        limit=limit,
    )
    return reading.ask(query, keep=True)


def list_search_fields(reading: Reading) -> list[str]:
    """Return which of id, name and e-mail address this build's customers have, so that a search can find them."""
    return [name for name in SEARCH_FIELDS if reading.ask(_any_with(name), keep=True).rows_returned]


def latest_transactions(reading: Reading, customer: CustomerProfile, *, limit: int = MOST_SHOWN) -> SemanticResult:
    """Return a customer's newest transactions first; the answer says how many there are in all, as the profile does."""
    query = build_query(
        fields=list(TRANSACTION_FIELDS),
        filters=is_customer(customer.customer_id),
        order=["-transaction_date", "-transaction_at", "-transaction_id"],
        limit=limit,
    )
    return reading.ask(query, rows_available=customer.values["total_transactions"])


def monthly_spending(reading: Reading, customer_id: str) -> SemanticResult:
    """Return a customer's net spend and transactions by month, oldest first."""
    query = build_query(
        metrics=["total_spend", "transaction_count"],
        dimensions=["transaction_date:month"],
        filters=is_customer(customer_id),
        order=["transaction_date:month"],
        limit=1_200,
    )
    return reading.ask(query)


def list_versions(reading: Reading, customer_id: str) -> SemanticResult:
    """Return the versions of a customer's type 2 attributes, oldest first."""
    return reading.ask(
        build_query(fields=_version_fields(reading), filters=is_customer(customer_id), order=["version_number"])
    )


def _version_fields(reading: Reading) -> list[str]:
    return [*VERSION_FIELDS, *(f"version_{name}" for name in reading.record.dataset["type_2_attributes"])]


def search_filter(text: str) -> dict[str, Any]:
    """Return the filter that finds ``text`` in ids, names and e-mail addresses."""
    decomposed = unicodedata.normalize("NFKD", text.strip().lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return {"field": "search_text", "op": "contains", "value": plain}


def _any_with(name: str) -> SemanticQuery:
    field = f"{PROFILE}.{name}"
    return build_query(fields=[field], filters={"field": field, "op": "is_not_null"}, limit=1)


def is_customer(customer_id: str) -> dict[str, Any]:
    """Return the filter for one customer."""
    return {"field": "customer_360_profile.customer_id", "op": "=", "value": customer_id}


def _profile_query(model: SemanticModel, customer_id: str) -> SemanticQuery:
    return _any_profile(model).model_copy(update={"filters": Condition.model_validate(is_customer(customer_id))})


@lru_cache(maxsize=4)
def _any_profile(model: SemanticModel) -> SemanticQuery:
    return build_query(fields=profile_fields(model), limit=1)
