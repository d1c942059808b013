"""The kinds of authentication. The API key is the secret of each: key, token, password or client secret."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

from customer360.demo_api.draws import key_of
from customer360.demo_api.settings import AuthKind, DemoSettings

USER = "demo"
"""User of basic authentication and client id of OAuth2."""


class Gatekeeper:
    """Lets requests in by the kind of authentication of their path, and keeps the OAuth2 tokens it gave."""

    def __init__(self, settings: DemoSettings, now: Callable[[], float]) -> None:
        self._settings, self._now = settings, now
        self._expiries: dict[str, float] = {}
        self._issued = 0

    def check(self, request: Request, kind: AuthKind) -> None:
        """Raise 401 unless the request brings what its kind asks for."""
        checks: dict[AuthKind, Callable[[Request], bool]] = {
            "none": lambda _: True,
            "header": lambda r: self._is_secret(r.headers.get("x-api-key", "")),
            "query": lambda r: self._is_secret(r.query_params.get("api_key", "")),
            "bearer": lambda r: self._is_secret(_credentials(r, "bearer")),
            "basic": lambda r: _basic(r) == (USER, self._settings.api_key),
            "oauth2": lambda r: self._is_valid_token(_credentials(r, "bearer")),
        }
        if not checks[kind](request):
            raise HTTPException(401, _REFUSALS[kind], {"WWW-Authenticate": _CHALLENGES.get(kind, "ApiKey")})

    async def issue(self, request: Request) -> dict[str, Any]:
        """Give a token for client credentials, sent in the body or as basic authentication."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            raise HTTPException(400, "unsupported_grant_type")
        client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if client != USER or not self._is_secret(secret):
            raise HTTPException(401, "invalid_client", {"WWW-Authenticate": "Basic"})
        return {
            "access_token": self._new_token(),
            "token_type": "Bearer",
            "expires_in": self._settings.token_seconds,
        }

    def _new_token(self) -> str:
        now = self._now()
        self._expiries = {token: expiry for token, expiry in self._expiries.items() if expiry > now}
        self._issued += 1
        token = f"{key_of(self._settings.seed, 'token', self._issued):016x}"
        self._expiries[token] = now + self._settings.token_seconds
        return token

    def _is_valid_token(self, token: str) -> bool:
        return self._expiries.get(token, 0) > self._now()

    def _is_secret(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._settings.api_key.encode())


_REFUSALS: dict[AuthKind, str] = {
    "header": "Missing or wrong API key: send it in the header x-api-key.",
    "query": "Missing or wrong API key: send it as the parameter api_key.",
    "bearer": "Missing or wrong bearer token.",
    "basic": "Missing or wrong user or password.",
    "oauth2": "The token is missing, unknown or has expired: ask POST /oauth/token for one.",
}
_CHALLENGES: dict[AuthKind, str] = {
    "bearer": "Bearer",
    "basic": "Basic",
    "oauth2": 'Bearer error="invalid_token"',
}


def _credentials(request: Request, scheme: str) -> str:
    given, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials if given.lower() == scheme else ""


def _basic(request: Request) -> tuple[str, str] | None:
    try:
        text = base64.b64decode(_credentials(request, "basic"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None
