"""The kinds of paging: how each is asked for a window of records, and how it writes one down."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from customer360.demo_api.users import Record

SUPPORT = {"url": "https://reqres.in", "text": "The users are those of reqres.in; this server is a demo."}
Params = Mapping[str, str]


@dataclass(frozen=True)
class Window:
    """Records ``start`` up to ``start + size``."""

    start: int
    size: int

    @property
    def stop(self) -> int:
        """Return the position behind the window."""
        return self.start + self.size

    @property
    def before(self) -> Window:
        """Return the window of the page before."""
        return Window(max(0, self.start - self.size), self.size)


@dataclass(frozen=True)
class Page:
    """What is written down: a window, its records, the total, and the start of the next page where there is one."""

    window: Window
    records: list[Record]
    total: int
    next_start: int | None
    address: str
    """Address of the collection, without parameters."""
    params: Params


@dataclass(frozen=True)
class Written:
    """A body to be sent as JSON, and the headers that belong to it."""

    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Paging:
    """One kind: reads parameters into a window, writes a page."""

    read: Callable[[Params, int], Window]
    write: Callable[[Page], Written]


def whole(params: Params, name: str, default: int, *, least: int) -> int:
    """Return a parameter that is a whole number; anything else is the caller's fault."""
    text = params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) >= least):
        raise HTTPException(400, f"{name} must be a whole number from {least}, not {text[:40]!r}.")
    return int(text)


def read_page(params: Params, largest: int) -> Window:
    """Read ``page`` and ``per_page``."""
    size = min(largest, whole(params, "per_page", 6, least=1))
    return Window((whole(params, "page", 1, least=1) - 1) * size, size)


def read_offset(params: Params, largest: int) -> Window:
    """Read ``limit`` and ``offset``, which DummyJSON calls skip; a limit of 0 means all, there as here."""
    limit = whole(params, "limit", 30, least=0) or largest
    return Window(whole(params, "offset" if "offset" in params else "skip", 0, least=0), min(largest, limit))


def read_cursor(params: Params, largest: int) -> Window:
    """Read ``cursor`` and ``limit``."""
    text = params.get("cursor", "")
    try:
        start = int(base64.urlsafe_b64decode(text).removeprefix(b"after:")) if text else 0
    except (binascii.Error, ValueError) as error:
        raise HTTPException(400, "cursor is not one of this server's.") from error
    return Window(max(0, start), min(largest, whole(params, "limit", 6, least=1)))


def write_page(page: Page) -> Written:
    """Write what reqres.in writes."""
    size = page.window.size
    shown = {"page": page.window.start // size + 1, "per_page": size}
    totals = {"total": page.total, "total_pages": ceil(page.total / size)}
    return Written(shown | totals | {"data": page.records, "support": SUPPORT})


def write_offset(name: str) -> Callable[[Page], Written]:
    """Return what writes as DummyJSON does, with the records under a name."""

    def write(page: Page) -> Written:
        place = {"total": page.total, "skip": page.window.start, "limit": page.window.size}
        return Written({name: page.records} | place)

    return write


def write_cursor(page: Page) -> Written:
    """Write items with the cursor of the next page; it says nothing to the client but where to go on."""
    following = None
    if page.next_start is not None:
        following = base64.urlsafe_b64encode(f"after:{page.next_start}".encode()).decode()
    return Written({"items": page.records, "next_cursor": following})


def write_link(page: Page) -> Written:
    """Write a bare list; the next page is in the Link header (RFC 8288)."""
    last = max(0, ceil(page.total / page.window.size) - 1) * page.window.size
    targets = {"first": 0, "last": last} if page.next_start is None else {"next": page.next_start, "last": last}
    links = (f'<{_address(page, start)}>; rel="{relation}"' for relation, start in targets.items())
    return Written(page.records, {"Link": ", ".join(links), "X-Total-Count": str(page.total)})


def write_next(page: Page) -> Written:
    """Write results with the absolute address of the next page."""
    following = None if page.next_start is None else _address(page, page.next_start)
    return Written({"count": page.total, "next": following, "results": page.records})


def _address(page: Page, start: int) -> str:
    """Return where a page is; a key that came in the query is not repeated."""
    kept = {name: value for name, value in page.params.items() if name not in ("page", "per_page", "api_key")}
    place = {"page": start // page.window.size + 1, "per_page": page.window.size}
    return f"{page.address}?{urlencode(kept | place)}"


BY_PAGE = Paging(read_page, write_page)
USER_PAGINGS = {
    "/api/users": BY_PAGE,
    "/offset": Paging(read_offset, write_offset("users")),
    "/cursor": Paging(read_cursor, write_cursor),
    "/link": Paging(read_page, write_link),
    "/next": Paging(read_page, write_next),
}
