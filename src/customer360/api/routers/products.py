"""Products: a list, and one by its id."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from customer360.api.answers import ProductAnswer, RowsAnswer, rows_answer
from customer360.api.errors import ErrorAnswer
from customer360.api.service import RunningService, Service
from customer360.products import get_product, list_products

router = APIRouter()

Text = Annotated[str | None, Field(max_length=200)]


class ProductListing(BaseModel):
    """Which products, and which of them to leave out before the first."""

    category: Text = None
    type: Text = None
    search: Annotated[str | None, Field(max_length=200, description="Part of an id or name")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


@router.get("/", summary="List products")
@router.get("", include_in_schema=False)
async def list_all(service: RunningService, listing: Annotated[ProductListing, Query()]) -> RowsAnswer:
    return await service.gate.run(_products, service, listing)


@router.get("/{product_id}", summary="One product", responses={404: {"model": ErrorAnswer}})
async def read_one(service: RunningService, product_id: Annotated[str, Path(max_length=200)]) -> ProductAnswer:
    return await service.gate.run(_product, service, product_id)


def _products(service: Service, listing: ProductListing) -> RowsAnswer:
    with service.reader.pin() as reading:
        answer = rows_answer(reading, list_products(reading, **listing.model_dump()))
        return answer.model_copy(update={"rows": [_opened(row) for row in answer.rows]})


def _product(service: Service, product_id: str) -> ProductAnswer:
    with service.reader.pin() as reading:
        return ProductAnswer(
            build_id=reading.build.build_id,
            as_of_date=reading.record.as_of.isoformat(),
            product=_opened(get_product(reading, product_id)),
        )


def _opened(product: dict[str, Any]) -> dict[str, Any]:
    """Return a product with its attributes as an object rather than as text."""
    attributes = product["product_attributes"]
    return product | {"product_attributes": json.loads(attributes) if attributes else {}}
