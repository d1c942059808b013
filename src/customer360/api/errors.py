"""One JSON shape for every error, whoever raises it: ours, FastAPI's validation, or Starlette's routing."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from customer360.errors import Customer360Error

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "1"


class ErrorDetailAnswer(BaseModel):
    """One fault of a request."""

    field: str
    value: Any = None
    message: str


class ErrorAnswer(BaseModel):
    """Every error of the service."""

    ok: bool = False
    status: int
    code: str
    error: str
    next: str
    errors: list[ErrorDetailAnswer]


def install(app: FastAPI) -> None:
    """Let the app answer every error in this shape."""
    app.add_exception_handler(Customer360Error, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Customer360Error)  # noqa: S101  (registered for this class only)
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if error.status == 503 else None
    return JSONResponse(_jsonable(error.as_dict()), error.status, headers)


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [
        {
            "field": ".".join(str(part) for part in fault["loc"]),
            "value": fault.get("input"),
            "message": fault["msg"],
        }
        for fault in error.errors()
    ]
    first = faults[0]
    message = f"{first['field']}: {first['message']}."
    return _answer(422, "invalid_request", message, "See /docs for what each field takes.", faults=faults)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    message = f"{request.method} {request.url.path}: {error.detail}."
    code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return _answer(error.status_code, code, message, "See /docs for what there is.", headers=error.headers)


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return _answer(500, "internal_error", "Something went wrong on our side.", "The service's log has the details.")


def _answer(
    status: int,
    code: str,
    message: str,
    next_action: str,
    *,
    faults: list[dict[str, Any]] | None = None,
    headers: Any = None,
) -> JSONResponse:
    content = {
        "ok": False,
        "status": status,
        "code": code,
        "error": message,
        "next": next_action,
        "errors": faults or [],
    }
    return JSONResponse(_jsonable(content), status, headers)


def _jsonable(content: dict[str, Any]) -> Any:
    content["errors"] = [
        fault | {"value": _short(fault.get("value"))} if "value" in fault else fault for fault in content["errors"]
    ]
    return content


def _short(value: Any) -> Any:
    """Return a value of a request as it may be shown: plain, and not longer than a line."""
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)[:200]
