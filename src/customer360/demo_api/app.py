"""The application: lets a request in, decides what it meets, and answers with a page or with the trouble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from customer360.clock import Clock, utc_now
from customer360.demo_api.auth import Gatekeeper
from customer360.demo_api.broken import Nothing, Reset, Truncated, is_gone_within
from customer360.demo_api.lists import Collection, MovingUsers, read_dummyjson
from customer360.demo_api.paging import (
    USER_PAGINGS,
    Page,
    Paging,
    Window,
    read_offset,
    write_offset,
)
from customer360.demo_api.settings import AUTH_KINDS, AuthKind, DemoSettings
from customer360.demo_api.stats import CountRequests, Stats
from customer360.demo_api.trouble import RateLimit, Troubles
from customer360.demo_api.users import Users

Endpoint = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Request, str], Response]

JSON_TYPE = "application/json"
WRONG_BY = 7
"""How many records a wrong total promises too many."""


def create_app(settings: DemoSettings | None = None, *, clock: Clock = utc_now) -> Starlette:
    """Return the demo API; broken connections work where build_server serves it."""
    settings = settings or DemoSettings()
    stats = Stats()
    demo = _Demo(settings, stats, lambda: clock().timestamp())
    app = Starlette(
        routes=[
            Route("/stats", _counted(stats), methods=["GET", "DELETE"]),
            Route("/oauth/token", demo.token, methods=["POST"]),
            Route("/revision", demo.revise, methods=["POST"]),
            *demo.routes("", settings.auth),
            *(route for kind in AUTH_KINDS for route in demo.routes(f"/{kind}", kind)),
        ],
        middleware=[Middleware(CountRequests, stats=stats)],
        exception_handlers={HTTPException: _refusal},
    )
    app.state.stats = stats
    return app


@dataclass(frozen=True)
class _Asked:
    """A page that was asked for: of what, how it is paged, which window, changed since when."""

    collection: Collection
    paging: Paging
    window: Window
    since: np.datetime64 | None


class _Demo:
    """What the endpoints share."""

    def __init__(self, settings: DemoSettings, stats: Stats, now: Callable[[], float]) -> None:
        self._settings, self._stats, self._now = settings, stats, now
        users = Users(seed=settings.seed, messy=settings.messy, revision=settings.revision)
        self._users = MovingUsers(users, settings.users)
        self._lists = read_dummyjson(settings.dummyjson) if settings.dummyjson else {}
        self._gate = Gatekeeper(settings, now)
        self._limit = RateLimit(settings.rate_limit)
        self._troubles = Troubles(settings)

    def routes(self, prefix: str, kind: AuthKind) -> list[Route]:
        """Return all paths under a prefix, which stands for a kind of authentication."""
        found = [
            Route(prefix + path, self._guarded(kind, self._paged(self._users, paging)))
            for path, paging in USER_PAGINGS.items()
        ]
        found.append(Route(prefix + "/api/users/{number:int}", self._guarded(kind, self._one)))
        open_or_asked: AuthKind = kind if prefix else "none"
        for name, records in self._lists.items():
            paging = Paging(read_offset, write_offset(name))
            found.append(Route(f"{prefix}/{name}", self._guarded(open_or_asked, self._paged(records, paging))))
        return found

    async def token(self, request: Request) -> Response:
        """Give an OAuth2 token; this path has no failures of its own."""
        return _json(await self._gate.issue(request), headers={"Cache-Control": "no-store"})

    async def revise(self, request: Request) -> Response:
        """Let a day pass: some users change, with a later ``updated_at``."""
        self._gate.check(request, self._settings.auth)
        self._users.users.revision += 1
        return _json({"revision": self._users.users.revision})

    def _guarded(self, kind: AuthKind, answer: Answer) -> Endpoint:
        """Return an endpoint that lets a request in, then meets it with trouble or an answer."""

        async def endpoint(request: Request) -> Response:
            self._gate.check(request, kind)
            address = f"{request.url.path}?{request.url.query}"
            if not self._limit.admits(self._now()):
                return self._throttled(address)
            if status := self._troubles.permanent_status(address):
                return _json({"error": "This will not change, however often you ask."}, status)
            failure = self._troubles.next_failure(address)
            await asyncio.sleep(self._troubles.delay(address))
            if failure == "hang":
                self._stats.failures[failure] += 1
                if await is_gone_within(request.receive, self._settings.hang_seconds):
                    return Nothing()
            return self._early(failure, address) or answer(request, failure)

        return endpoint

    def _early(self, failure: str, address: str) -> Response | None:
        """Return the answer to a failure that has nothing to do with what was asked for."""
        made: dict[str, Callable[[], Response]] = {
            "error": lambda: _json(
                {"error": "Something went wrong, for a while."}, self._troubles.error_status(address)
            ),
            "throttled": lambda: self._throttled(address),
            "reset": Reset,
            "error_body": lambda: _json({"error": "The database is being restored.", "code": "E_BACKEND"}),
        }
        if failure not in made:
            return None
        self._stats.failures[failure] += 1
        return made[failure]()

    def _throttled(self, address: str) -> Response:
        wait = self._troubles.retry_after(address, self._now())
        return _json({"error": "Too many requests."}, 429, {"Retry-After": wait})

    def _paged(self, collection: Collection, paging: Paging) -> Answer:
        def answer(request: Request, failure: str) -> Response:
            window = paging.read(request.query_params, self._settings.max_page_size)
            asked = _Asked(collection, paging, window, _since(request))
            page = _page(request, asked)
            damaged = _damaged(page, asked, failure)
            if damaged is not page:
                self._stats.failures[failure] += 1
            written = paging.write(damaged)
            return self._sent(_json(written.body, headers=written.headers), failure, collection, len(damaged.records))

        return answer

    def _one(self, request: Request, failure: str) -> Response:
        record = self._users.get(request.path_params["number"])
        if record is None:
            return _json({"error": "There is no such user."}, 404)
        return self._sent(_json({"data": record}), failure, None, 1)

    def _sent(self, whole: Response, failure: str, collection: Collection | None, records: int) -> Response:
        """Return a body as it goes out: whole, and then it counts, or damaged."""
        body = bytes(whole.body)
        if failure in ("truncated", "invalid_json"):
            self._stats.failures[failure] += 1
            is_cut = failure == "truncated"
            return (Truncated if is_cut else Response)(body if is_cut else body[: len(body) // 2], media_type=JSON_TYPE)
        self._stats.records_sent += records
        if collection is self._users:
            self._troubles.move(self._users)
        return whole


def _page(request: Request, asked: _Asked) -> Page:
    total = asked.collection.total(asked.since)
    window = asked.window
    records = asked.collection.slice(window.start, window.stop, asked.since)
    next_start = window.stop if window.stop < total else None
    return Page(window, records, total, next_start, str(request.url.replace(query="")), request.query_params)


def _damaged(page: Page, asked: _Asked, failure: str) -> Page:
    """Return what a failure makes of a page; the page itself where it makes nothing of it."""
    if failure == "duplicate" and page.window.start:
        before = page.window.before
        records = asked.collection.slice(before.start, before.stop, asked.since)
        return replace(page, window=before, records=records, next_start=page.window.start)
    if failure == "wrong_total":
        return replace(page, total=page.total + WRONG_BY)
    if failure == "empty_page" and page.records:
        return replace(page, records=[], next_start=page.window.start)  # who follows comes here again, loses nothing
    return page


def _since(request: Request) -> np.datetime64 | None:
    text = request.query_params.get("updated_since")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(400, "updated_since must be a moment such as 2025-06-01T00:00:00Z.") from error
    in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return np.datetime64(in_utc.replace(tzinfo=None), "s")


def _counted(stats: Stats) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        shown = stats.as_dict()
        if request.method == "DELETE":
            stats.reset()
        return _json(shown)

    return endpoint


async def _refusal(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    return _json({"error": getattr(error, "detail", "")}, status, headers)


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, headers, media_type=JSON_TYPE)
