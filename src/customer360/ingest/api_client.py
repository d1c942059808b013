"""Asks a REST API politely: at its own pace, again where that may help, and counting everything.

dlt's REST client makes the requests, signs them and knows how pages follow each other. How often and when a request is
tried again is ours: 1, 2, 4 seconds and a little more after a failure, as long as the server says after a 429, which
has tries of its own.
"""

from __future__ import annotations

import email.utils
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from dlt.common import jsonpath
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests.session import Session
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    SinglePagePaginator,
)
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from urllib3.exceptions import NameResolutionError, NewConnectionError

from customer360.errors import AccessRefused, SourceRefused, Unavailable
from customer360.ingest.api_json import read_document
from customer360.ingest.api_log import HIDDEN, LOGGER
from customer360.ingest.api_sources import (
    ApiKey,
    ApiSource,
    Basic,
    Bearer,
    ClientCredentials,
    Cursors,
    Endpoint,
    LinkHeader,
    NextAddress,
    Offsets,
    PageNumbers,
    Paging,
)

MOST_THROTTLED = 20
"""How many times in a row a 429 is waited for."""
LONGEST_WAIT_SECONDS = 120.0
"""More than this is not waited for, whatever a server asks."""
JITTER_SECONDS = 0.25
TRIED_AGAIN = frozenset({408, 425, *range(500, 600)})
THROTTLED = 429
_PLAIN = re.compile(r"\d{1,12}|\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?")

Sleep = Callable[[float], None]


class _Failed(Exception):
    """A request that may be tried again; ``wait`` is how long the server wants to be left alone."""

    def __init__(self, reason: str, *, throttled: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.throttled, self.wait = throttled, wait


@dataclass
class _Tried:
    """How often one request failed so far; 429s are counted apart."""

    failed: int = 0
    throttled: int = 0

    def note(self, failure: _Failed) -> None:
        if failure.throttled:
            self.throttled += 1
        else:
            self.failed += 1

    def is_over(self, most: int) -> bool:
        return self.failed > most or self.throttled > MOST_THROTTLED


def _tried(state: RetryCallState) -> _Tried:
    """Return how often the request of ``ApiClient._try`` failed."""
    found: _Tried = state.args[-1]
    return found


@dataclass
class Counts:
    """What was asked and what came of it, over all threads."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    """Reason of each request that got no usable answer, such as ``503``, ``timeout`` or ``no JSON``."""
    seconds: float = 0.0
    """Time that requests took, waits between them not counted."""

    def __post_init__(self) -> None:
        self._guard = threading.Lock()

    def add(self, seconds: float, failure: _Failed | None) -> None:
        with self._guard:
            self.requests += 1
            self.seconds += seconds
            if failure:
                self.failures[str(failure)] = self.failures.get(str(failure), 0) + 1
                self.throttled += failure.throttled

    def add_retry(self) -> None:
        with self._guard:
            self.retries += 1


class Pace:
    """Lets requests begin at least so far apart, whichever thread makes them.

    The distance counts from when the one before really began: two that are close because the first was late would be
    one too many for a server that counts exactly.
    """

    def __init__(self, per_second: float, sleep: Sleep) -> None:
        self._distance = 1 / per_second
        self._next = 0.0
        self._turn = threading.Lock()
        self._sleep = sleep

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._turn:
            early = self._next - time.monotonic()
            if early > 0:
                self._sleep(early)
            self._next = time.monotonic() + self._distance


@dataclass(frozen=True)
class Page:
    """Records as they came, and where the next page is: ``None`` behind the last."""

    records: list[Any]
    following: Position | None


@dataclass(frozen=True)
class Answer:
    """One page that was asked by its number; how many pages and records there are, where the API says it."""

    records: list[Any]
    pages: int | None
    count: int | None


@dataclass(frozen=True)
class Position:
    """Where reading goes on: an address or a path, with its parameters."""

    path: str
    params: dict[str, Any]


class ApiClient:
    """Asks one source; several threads may."""

    def __init__(self, source: ApiSource, address: str, *, sleep: Sleep | None = None, seed: int = 42) -> None:
        """Make nothing yet but the signature.

        Raises:
            InvalidSetting: a variable with a secret is empty.
        """
        self.source, self.address = source, address
        self.counts = Counts()
        self._sleep, self._random = sleep or time.sleep, random.Random(seed)  # noqa: S311  (jitter)
        self._pace = Pace(source.requests_per_second, self._sleep)
        self._retrying = self._build_retrying()
        session = _session(source)
        self._once = session.send
        session.send = self._send  # type: ignore[method-assign] # as dlt's own client of requests does
        auth = _signature(source, address, session)
        self._client = RESTClient(base_url=address, auth=auth, session=session, config=RuntimeConfiguration())

    def start(self, endpoint: Endpoint) -> Position:
        """Return where an endpoint's first page is."""
        paging, params = endpoint.paging, dict(endpoint.params)
        match paging:
            case PageNumbers():
                params[paging.param] = paging.first
            case Offsets():
                params |= {paging.param: 0, paging.size_param: paging.size}
        return Position(endpoint.path, params)

    def read_page(self, endpoint: Endpoint, position: Position) -> Answer:
        """Return the page at a position.

        Raises:
            Unavailable: no usable answer came, however often it was tried.
            AccessRefused: the server refuses the credentials.
            SourceRefused: the server refuses the request, and would again.
        """
        check = _Check(endpoint)
        response = self._client.get(position.path, position.params, hooks={"response": [check]})
        document = response.json()
        pages = getattr(endpoint.paging, "pages", "")
        return Answer(check.records, _number(pages, document), _number(endpoint.count, document))

    def follow(self, endpoint: Endpoint, position: Position) -> Iterator[Page]:
        """Yield the pages from a position on, each naming the next; for the same errors as ``read_page``."""
        check = _Check(endpoint)
        pages = self._client.paginate(
            position.path,
            params=position.params,
            paginator=_paginator(endpoint.paging),
            data_selector="$",
            hooks={"response": [check]},
        )
        for page in pages:
            asked: Any = page.request
            following = Position(asked.url, dict(asked.params or {})) if page.paginator.has_next_page else None
            yield Page(check.records, following)

    def _build_retrying(self) -> Retrying:
        """Return what tries again; one for all requests, since each keeps its last answer until it is collected."""
        return Retrying(
            retry=retry_if_exception_type(_Failed),
            stop=lambda state: _tried(state).is_over(self.source.max_retries),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._note_retry,
            reraise=True,
        )

    def _send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request until a usable answer comes or none is to be expected."""
        try:
            return self._retrying(self._try, request, options, _Tried())
        except _Failed as failure:
            raise Unavailable(
                f"{self.source.name}: {_host(request)}{request.path_url.split('?')[0]} gave no usable answer in "
                f"{self.source.max_retries + 1} tries: {failure}.",
                code="source_unavailable",
                next_action="Run the command again: it goes on where this run stopped. For a slow server raise "
                "timeout_seconds or max_retries in source.yml; for a strict one lower requests_per_second.",
            ) from failure

    def _note_retry(self, state: RetryCallState) -> None:
        self.counts.add_retry()
        request, tried = state.args[0], _tried(state)
        waits = state.next_action.sleep if state.next_action else 0.0
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, _Failed) and failure.throttled:
            LOGGER.warning("throttled: %s, 429, asks again in %.1f s", self._shown(request), waits)
        else:
            most = self.source.max_retries
            shown = self._shown(request)
            LOGGER.warning("retry: %s, %s, try %d of %d in %.1f s", shown, failure, tried.failed + 1, most + 1, waits)

    def _shown(self, request: requests.PreparedRequest) -> str:
        """Return a request as the log shows it: of its parameters, only numbers and dates have values there."""
        path, _, query = request.path_url.partition("?")
        key = self.source.auth.name if isinstance(self.source.auth, ApiKey) else ""
        shown = [
            f"{name}={value if name != key and _PLAIN.fullmatch(value) else HIDDEN}" for name, value in parse_qsl(query)
        ]
        return f"{request.method} {path}{'?' if shown else ''}{'&'.join(shown)}"

    def _try(self, request: requests.PreparedRequest, options: dict[str, Any], tried: _Tried) -> requests.Response:
        self._pace.wait()
        started, failure, status = time.monotonic(), None, "refused"
        try:
            response = self._usable(request, options)
            status = str(response.status_code)
            return response
        except _Failed as error:
            failure, status = error, str(error)
            tried.note(error)
            raise
        finally:
            seconds = time.monotonic() - started
            self.counts.add(seconds, failure)
            if LOGGER.isEnabledFor(logging.DEBUG):
                LOGGER.debug("request: %s, %s in %.0f ms", self._shown(request), status, 1000 * seconds)

    def _usable(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        try:
            response: requests.Response = self._once(request, **options)  # type: ignore[no-untyped-call]
        except requests.Timeout as error:
            raise _Failed("timeout") from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise _Failed(_why_lost(error)) from error
        except requests.exceptions.ContentDecodingError as error:
            raise _Failed("truncated") from error
        status = response.status_code
        if status == THROTTLED:
            raise _Failed("429", throttled=True, wait=_retry_after(response))
        if status in TRIED_AGAIN:
            raise _Failed(str(status), wait=_retry_after(response))
        if status >= HTTPStatus.BAD_REQUEST:
            raise self._refused(request, response)
        return response

    def _refused(self, request: requests.PreparedRequest, response: requests.Response) -> Exception:
        path = request.path_url.split("?")[0]
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            names = " and ".join(self.source.variables) or "auth in source.yml"
            return AccessRefused(
                f"{self.source.name} refuses the credentials for {path} ({response.status_code}).",
                next_action=f"Check {names}.",
            )
        return SourceRefused(
            f"{self.source.name}: {path} is refused with {response.status_code} {response.reason}.",
            code="request_refused",
            next_action="Correct path and params in source.yml, or the base address.",
        )

    def _wait(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.wait if isinstance(failure, _Failed) else None
        if asked is not None:
            return min(asked, LONGEST_WAIT_SECONDS)
        seconds: float = 2 ** max(0, _tried(state).failed - 1) + self._random.uniform(0, JITTER_SECONDS)
        return seconds


class _Check:
    """Called with each answer while it can still be tried again: keeps its records, or says that it has none."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.records: list[Any] = []

    def __call__(self, response: requests.Response, *_: Any, **__: Any) -> None:
        if not response.ok:
            return
        try:
            document = read_document(response.content)
        except ValueError as error:
            raise _Failed("no JSON") from error
        found = [document] if self._endpoint.records == "$" else jsonpath.find_values(self._endpoint.records, document)
        if len(found) != 1 or not isinstance(found[0], list):
            raise _Failed("no records")
        self.records = found[0]
        response.json = lambda **_: document  # type: ignore[method-assign] # it is parsed once


def _number(path: str, document: Any) -> int | None:
    """Return the whole number at a JSONPath; nothing where there is none."""
    found = jsonpath.find_values(path, document) if path else []
    return int(found[0]) if found and str(found[0]).isdigit() else None


def _session(source: ApiSource) -> Session:
    session = Session(timeout=source.timeout_seconds, raise_for_status=False)
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=source.concurrency)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers["User-Agent"] = "customer360"
    return session


def _paginator(paging: Paging) -> BasePaginator:
    match paging:
        case Cursors():
            return JSONResponseCursorPaginator(cursor_path=paging.path, cursor_param=paging.param)
        case LinkHeader():
            return HeaderLinkPaginator()
        case NextAddress():
            return JSONLinkPaginator(paging.path)
    return SinglePagePaginator()


def _host(request: requests.PreparedRequest) -> str:
    """Return host and port, without a password that stands before them."""
    return urlsplit(str(request.url)).netloc.rpartition("@")[2]


def _why_lost(error: requests.RequestException) -> str:
    """Return in a few words why there was no connection, or why it did not last."""
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed"
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError):
        return "name not found"
    if isinstance(reason, NewConnectionError) and isinstance(reason.__cause__, ConnectionRefusedError):
        return "connection refused"
    return "connection lost"


def _retry_after(response: requests.Response) -> float | None:
    """Return how long the server wants to be left alone: it says seconds, or a date."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _signature(source: ApiSource, address: str, session: Session) -> Any:
    auth = source.auth
    match auth:
        case ApiKey():
            key = source.secret(auth.variable, address)
            return APIKeyAuth(name=auth.name, api_key=key, location=auth.place)
        case Bearer():
            return BearerTokenAuth(token=source.secret(auth.variable, address))
        case Basic():
            return HttpBasicAuth(
                source.secret(auth.user_variable, address), source.secret(auth.password_variable, address)
            )
        case ClientCredentials():
            return OAuth2ClientCredentials(
                access_token_url=f"{address}{auth.token_path}",
                client_id=source.secret(auth.id_variable, address),
                client_secret=source.secret(auth.secret_variable, address),
                session=session,
            )
    return None
