"""A client as simple as one can be: it follows each kind of paging and asks again at most three times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

RETRIES = 3
Records = list[dict[str, Any]]
IsFine = Callable[[httpx.Response], bool]


@dataclass
class Patient:
    """Asks again where an answer is not fine; counts what it saw."""

    client: httpx.Client
    requests: int = 0
    statuses: list[int] = field(default_factory=list)
    broken: int = 0

    def get(self, address: str, is_fine: IsFine = lambda _: True) -> httpx.Response:
        """Return the first fine answer of four."""
        for _ in range(1 + RETRIES):
            self.requests += 1
            try:
                response = self.client.get(address)
            except httpx.TransportError:
                self.broken += 1
                continue
            self.statuses.append(response.status_code)
            if response.status_code == 200 and is_whole(response) and is_fine(response):
                return response
        raise AssertionError(f"{address} failed {1 + RETRIES} times")


def is_whole(response: httpx.Response) -> bool:
    """Tell whether a body is JSON, and records rather than an error."""
    try:
        body = response.json()
    except ValueError:
        return False
    return isinstance(body, list) or "error" not in body


def says(name: str, place: int) -> IsFine:
    """Return what tells whether a page says that it is the one that was asked for."""
    return lambda response: bool(response.json()[name] == place)


def by_page(patient: Patient, path: str = "/api/users", size: int = 6) -> Iterator[Records]:
    """Yield the pages of /api/users; a page that says it is another is asked for again."""
    page, pages = 1, 1
    while page <= pages:
        body = patient.get(f"{path}?page={page}&per_page={size}", says("page", page)).json()
        pages = body["total_pages"]
        yield body["data"]
        page += 1


def by_offset(patient: Patient, path: str = "/offset", size: int = 6) -> Iterator[Records]:
    """Yield the pages of /offset."""
    offset, total = 0, 1
    while offset < total:
        body = patient.get(f"{path}?limit={size}&offset={offset}", says("skip", offset)).json()
        total = body["total"]
        yield body["users"]
        offset += size


def by_cursor(patient: Patient, path: str = "/cursor", size: int = 6) -> Iterator[Records]:
    """Yield the pages of /cursor."""
    cursor: str | None = ""
    while cursor is not None:
        body = patient.get(f"{path}?limit={size}&cursor={cursor}").json()
        cursor = body["next_cursor"]
        yield body["items"]


def by_link(patient: Patient, path: str = "/link", size: int = 6) -> Iterator[Records]:
    """Yield the pages of /link."""
    address: str | None = f"{path}?per_page={size}"
    while address:
        response = patient.get(address)
        address = response.links.get("next", {}).get("url")
        yield response.json()


def by_next(patient: Patient, path: str = "/next", size: int = 6) -> Iterator[Records]:
    """Yield the pages of /next."""
    address: str | None = f"{path}?per_page={size}"
    while address:
        body = patient.get(address).json()
        address = body["next"]
        yield body["results"]


READERS: dict[str, Callable[..., Iterator[Records]]] = {
    "page": by_page,
    "offset": by_offset,
    "cursor": by_cursor,
    "link": by_link,
    "next": by_next,
}
