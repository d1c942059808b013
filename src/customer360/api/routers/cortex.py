"""Cortex Analyst's REST API, answered from this machine: the same paths, shapes and errors, so that its clients work.

The errors of these paths have the shape of that API, not ours; docs/decisions/0030 says why.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse

from customer360.api.errors import RETRY_AFTER_SECONDS
from customer360.api.service import RunningService, Service
from customer360.ask.cortex_answers import Answerer
from customer360.ask.cortex_client import CortexAnalyst
from customer360.ask.cortex_wire import (
    ErrorResponse,
    SendFeedbackRequest,
    SendMessageRequest,
    SendMessageResponse,
    encode,
    failing,
    iter_events,
    opening,
)
from customer360.errors import Customer360Error
from customer360.settings import CortexSettings
from customer360.store import Store, write_feedback

log = logging.getLogger(__name__)

REQUEST_ID = "X-Snowflake-Request-ID"
TOKEN_TYPES = frozenset({"KEYPAIR_JWT", "OAUTH", "PROGRAMMATIC_ACCESS_TOKEN"})
LARGEST_BODY = 4 * 2**20
ALLOWED = {"message": "POST", "feedback": "POST"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Refused(HTTPException):
    """A request that ends with an error of the wire."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.code = code


class LimitedRequest(Request):
    """A request whose body is read only as far as it may be long."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            read = bytearray()
            async for piece in self.stream():
                read += piece
                if len(read) > LARGEST_BODY:
                    raise Refused(400, "request_too_large", f"A request has at most {LARGEST_BODY:,} bytes.")
            self._body = bytes(read)
        return self._body


class CortexRoute(APIRoute):
    """Gives every answer an id, and every error the shape that Cortex Analyst's has."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            request.state.request_id = request_id = str(uuid.uuid4())
            try:
                response = await handle(LimitedRequest(request.scope, request.receive))
            except Exception as error:  # noqa: BLE001  (this is where HTTP ends)
                response = _failed(_refusal(error), request_id)
            response.headers[REQUEST_ID] = request_id
            return response

        return answer


router = APIRouter(route_class=CortexRoute)
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse} for status in (400, 401, 404, 405, 429, 500, 503, 504)
}


def check_headers(
    authorization: Annotated[
        str | None, Header(description='Bearer <token>, or Snowflake Token="..."; its form is checked')
    ] = None,
    token_type: Annotated[
        str | None,
        Header(
            alias="X-Snowflake-Authorization-Token-Type",
            description="KEYPAIR_JWT, OAUTH or PROGRAMMATIC_ACCESS_TOKEN",
        ),
    ] = None,
) -> None:
    """Refuse headers that Snowflake would not understand either; the token itself opens nothing here."""
    scheme, _, token = (authorization or "").partition(" ")
    if authorization is not None and (scheme.casefold() not in ("bearer", "snowflake") or not token.strip()):
        raise Refused(401, "invalid_authorization", 'Authorization is "Bearer <token>" or "Snowflake Token=...".')
    if token_type is not None and token_type.upper() not in TOKEN_TYPES:
        named = ", ".join(sorted(TOKEN_TYPES))
        raise Refused(401, "invalid_token_type", f"X-Snowflake-Authorization-Token-Type is one of {named}.")


def get_request_id(request: Request) -> str:
    """Return the id that this request was given."""
    request_id: str = request.state.request_id
    return request_id


class Cortex:
    """What the paths share: Cortex Analyst itself, where the settings say that it is asked."""

    def __init__(self, settings: CortexSettings) -> None:
        self.order = settings.ask
        self.other = CortexAnalyst(settings) if settings.ask != "off" else None


def get_cortex(request: Request) -> Cortex:
    """Return what these paths share in the running service."""
    shared: Cortex = request.app.state.cortex
    return shared


SharedCortex = Annotated[Cortex, Depends(get_cortex)]
RequestId = Annotated[str, Depends(get_request_id)]
HEADERS = [Depends(check_headers)]


@router.post(
    "/message",
    summary="Ask a question as Cortex Analyst is asked",
    response_model=SendMessageResponse,
    responses=ERRORS,
    dependencies=HEADERS,
)
async def send_message(
    service: RunningService, cortex: SharedCortex, request_id: RequestId, body: SendMessageRequest
) -> Response:
    """Wire-compatible with Snowflake's Cortex Analyst; the statement is returned and not run.

    With `stream` the answer comes as server-sent events. What the API has no place for is in `response_metadata`
    under `customer360`.
    """
    if body.stream:
        await service.gate.run(_check, service, body)
        return StreamingResponse(_events(service, cortex, body, request_id), media_type="text/event-stream")
    answer = await service.gate.run(_answer, service, cortex, body, request_id)
    return JSONResponse(answer.model_dump(mode="json"))


@router.post(
    "/feedback",
    summary="Say whether an answer was good",
    response_class=Response,
    responses=ERRORS,
    dependencies=HEADERS,
)
async def send_feedback(service: RunningService, body: SendFeedbackRequest) -> Response:
    """Kept in the operational store with the id of the request that it is about; the answer is empty."""
    await service.gate.run(_keep, service, body)
    return Response(status_code=200)


@router.api_route("/{path:path}", methods=METHODS, include_in_schema=False)
async def refuse_others(path: str) -> Response:
    """Refuse other paths and methods in the shape of this API."""
    if path in ALLOWED:
        raise Refused(405, "method_not_allowed", f"{path} takes {ALLOWED[path]}.", {"Allow": ALLOWED[path]})
    raise Refused(404, "no_such_path", f"There is {' and '.join(ALLOWED)} here, and no {path[:100]}.")


def _check(service: Service, body: SendMessageRequest) -> None:
    """Refuse what can be refused before a stream begins."""
    with service.reader.pin() as reading:
        Answerer(reading, service.engines).models(body)


def _answer(service: Service, cortex: Cortex, body: SendMessageRequest, request_id: str) -> SendMessageResponse:
    with service.reader.pin() as reading:
        return Answerer(reading, service.engines, cortex.other, cortex.order).answer(body, request_id)


async def _events(service: Service, cortex: Cortex, body: SendMessageRequest, request_id: str) -> AsyncIterator[str]:
    yield encode(opening(request_id))
    try:
        answer = await service.gate.run(_answer, service, cortex, body, request_id)
        events = iter_events(answer)
    except Exception as error:  # noqa: BLE001  (the status is sent: the stream itself says what went wrong)
        refused = _refusal(error)
        events = failing(_error(refused, request_id))
    for event in events:
        yield encode(event)


def _keep(service: Service, body: SendFeedbackRequest) -> None:
    store = Store.beside(service.workspace.store)
    try:
        write_feedback(store, body.request_id, positive=body.positive, message=body.feedback_message or "")
    finally:
        store.close()


def _refusal(error: Exception) -> Refused:
    """Return what an error is on this wire."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, RequestValidationError):
        return Refused(400, "invalid_request", _fault(error))
    if isinstance(error, HTTPException):
        return Refused(error.status_code, "invalid_request", f"{error.detail}.")
    if isinstance(error, Customer360Error):
        status = {"queue_full": 429}.get(error.code, 400 if error.status == 422 else error.status)
        headers = {"Retry-After": RETRY_AFTER_SECONDS} if status in (429, 503) else None
        return Refused(status, error.code, f"{error.message} {error.next_action}".strip(), headers)
    log.error("unexpected error", exc_info=error)
    return Refused(500, "internal_error", "Something went wrong on our side. The service's log has the details.")


def _fault(error: RequestValidationError) -> str:
    """Return the first fault of a request as a sentence."""
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return "The body is not JSON."
    where = ".".join(str(part) for part in fault["loc"] if part != "body")
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


def _failed(refused: Refused, request_id: str) -> JSONResponse:
    return JSONResponse(_error(refused, request_id).model_dump(), refused.status_code, refused.headers)


def _error(refused: Refused, request_id: str) -> ErrorResponse:
    code = refused.code
    return ErrorResponse(message=refused.detail, code=code, error_code=code, request_id=request_id)
