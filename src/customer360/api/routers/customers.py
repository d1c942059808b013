"""Customers: a list, and one by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from customer360.api.answers import ChurnAnswer, CustomerAnswer, CustomerListAnswer, RowsAnswer, rows_answer
from customer360.api.errors import ErrorAnswer
from customer360.api.service import RunningService, Service
from customer360.customers import (
    CustomerPage,
    explain_churn,
    get_customer,
    latest_transactions,
    list_customers,
    list_identities,
    list_versions,
    monthly_spending,
)
from customer360.products import list_holdings
from customer360.semantic import SemanticResult, json_value

router = APIRouter()

CustomerId = Annotated[str, Path(max_length=200)]
Text = Annotated[str | None, Field(max_length=200)]


class CustomerFilters(BaseModel):
    """Attributes that a listed customer has; all of them together."""

    region: Text = None
    country: Text = None
    state: Text = None
    customer_type: Text = None
    card_type: Text = None
    customer_segment: Text = None
    recency_status: Text = None


class CustomerListing(CustomerFilters):
    """Which customers, and which page of them."""

    search: Annotated[str | None, Field(max_length=200, description="Part of an id, name or e-mail")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[str | None, Field(max_length=2000, description="next of the page before")] = None


@router.get("/", summary="List customers", responses={400: {"model": ErrorAnswer}, 410: {"model": ErrorAnswer}})
@router.get("", include_in_schema=False)
async def list_all(
    request: Request, service: RunningService, listing: Annotated[CustomerListing, Query()]
) -> CustomerListAnswer:
    page = await service.gate.run(
        list_customers,
        service.reader,
        filters=listing.model_dump(include=set(CustomerFilters.model_fields), exclude_none=True),
        search=listing.search,
        limit=listing.limit,
        cursor=listing.cursor,
    )
    return _page(request, page)


@router.get("/{customer_id}", summary="One customer", responses={404: {"model": ErrorAnswer}})
async def read_one(service: RunningService, customer_id: CustomerId) -> CustomerAnswer:
    return await service.gate.run(_customer, service, customer_id)


@router.get("/{customer_id}/products", summary="What a customer holds", responses={404: {"model": ErrorAnswer}})
async def read_products(
    service: RunningService,
    customer_id: CustomerId,
    include_historical: Annotated[bool, Query(description="Also what the customer no longer holds")] = False,
) -> RowsAnswer:
    return await service.gate.run(_rows, service, customer_id, list_holdings, include_ended=include_historical)


@router.get(
    "/{customer_id}/transactions", summary="A customer's latest transactions", responses={404: {"model": ErrorAnswer}}
)
async def read_transactions(
    service: RunningService, customer_id: CustomerId, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> RowsAnswer:
    return await service.gate.run(_transactions, service, customer_id, limit)


@router.get("/{customer_id}/monthly", summary="A customer's spend by month", responses={404: {"model": ErrorAnswer}})
async def read_months(service: RunningService, customer_id: CustomerId) -> RowsAnswer:
    return await service.gate.run(_rows, service, customer_id, monthly_spending)


@router.get(
    "/{customer_id}/versions",
    summary="How the attributes with a history were, and from when to when",
    responses={404: {"model": ErrorAnswer}},
)
async def read_versions(service: RunningService, customer_id: CustomerId) -> RowsAnswer:
    return await service.gate.run(_rows, service, customer_id, list_versions)


@router.get(
    "/{customer_id}/identities",
    summary="The ids by which each system knows a customer",
    responses={404: {"model": ErrorAnswer}},
)
async def read_identities(service: RunningService, customer_id: CustomerId) -> RowsAnswer:
    return await service.gate.run(_rows, service, customer_id, list_identities)


@router.get(
    "/{customer_id}/churn",
    summary="How likely a customer is to leave, and why",
    responses={404: {"model": ErrorAnswer}},
)
async def read_churn(service: RunningService, customer_id: CustomerId) -> ChurnAnswer:
    return await service.gate.run(_churn, service, customer_id)


def _churn(service: Service, customer_id: str) -> ChurnAnswer:
    with service.reader.pin() as reading:
        return ChurnAnswer.model_validate(explain_churn(reading, customer_id).as_dict())


def _rows(service: Service, customer_id: str, ask: Callable[..., SemanticResult], **options: Any) -> RowsAnswer:
    """Ask one thing of a customer that the build knows."""
    with service.reader.pin() as reading:
        profile = get_customer(reading, customer_id)
        return rows_answer(reading, ask(reading, profile.customer_id, **options))


def _transactions(service: Service, customer_id: str, limit: int) -> RowsAnswer:
    with service.reader.pin() as reading:
        return rows_answer(reading, latest_transactions(reading, get_customer(reading, customer_id), limit=limit))


def _customer(service: Service, customer_id: str) -> CustomerAnswer:
    with service.reader.pin() as reading:
        profile = get_customer(reading, customer_id)
        return CustomerAnswer(
            build_id=reading.build.build_id,
            as_of_date=reading.record.as_of.isoformat(),
            currency=reading.figures.currency,
            customer={name: json_value(value) for name, value in profile.values.items()},
        )


def _page(request: Request, page: CustomerPage) -> CustomerListAnswer:
    answer = page.answer
    next_url = None
    if page.next_cursor:
        parameters: dict[str, Any] = {**request.query_params, "cursor": page.next_cursor}
        next_url = f"{request.url.replace(query=urlencode(parameters))}"
    return CustomerListAnswer(
        build_id=answer.build_id,
        as_of_date=answer.as_of_date.isoformat(),
        rows_returned=answer.rows_returned,
        rows_available=page.rows_available,
        truncated=page.next_cursor is not None,
        currency=page.currency,
        rows=answer.rows(),
        next=page.next_cursor,
        next_url=next_url,
    )
