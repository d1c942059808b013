"""What the demo API can be told: its users, who may read them and how much goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

AuthKind = Literal["none", "header", "query", "bearer", "basic", "oauth2"]
AUTH_KINDS: tuple[AuthKind, ...] = get_args(AuthKind)

Share = Annotated[float, Field(ge=0, le=1)]

FAILURES = (
    "error",
    "throttled",
    "reset",
    "truncated",
    "invalid_json",
    "error_body",
    "duplicate",
    "hang",
    "wrong_total",
    "empty_page",
)
"""A call meets at most one of these, so their shares are shares of all calls and add up."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trouble(_Frozen):
    """The share of calls that meet each kind of trouble; without arguments nothing goes wrong."""

    error: Share = Field(default=0, description="500 or 503")
    throttled: Share = Field(default=0, description="429 with Retry-After")
    reset: Share = Field(default=0, description="the connection is reset before an answer")
    truncated: Share = Field(default=0, description="less is sent than Content-Length says")
    invalid_json: Share = Field(default=0, description="200 with half a JSON document")
    error_body: Share = Field(default=0, description="200 with an error in the body")
    duplicate: Share = Field(default=0, description="the page before is sent again")
    hang: Share = Field(default=0, description="nothing is sent for hang_seconds")
    wrong_total: Share = Field(default=0, description="the total is too large")
    empty_page: Share = Field(default=0, description="a page without records that is not the last")
    permanent: Share = Field(default=0, description="share of addresses that answer 403, 404, 410 or 422 for good")
    delay: Share = Field(default=0, description="share of answers that take up to delay_seconds longer")
    moving: Share = Field(
        default=0, description="after a page, a user moves between front and end: offsets shift, the total not"
    )
    inserted: Share = Field(default=0, description="after a page, a new user is put in front")
    removed: Share = Field(default=0, description="after a page, the first user is gone for good")

    @model_validator(mode="after")
    def _fits_in_one(self) -> Self:
        if sum(self.shares) > 1:
            raise ValueError(f"the shares of {', '.join(FAILURES)} are more than 1 together")
        return self

    @property
    def shares(self) -> list[float]:
        """Return the shares of the failures that exclude each other, in the order of ``FAILURES``."""
        return [getattr(self, name) for name in FAILURES]


USUAL_TROUBLE = Trouble(
    error=0.2,
    throttled=0.03,
    reset=0.01,
    truncated=0.02,
    invalid_json=0.01,
    error_body=0.01,
    duplicate=0.02,
    delay=0.1,
    moving=0.02,
)


class DemoSettings(_Frozen):
    """Everything the demo API depends on besides the requests."""

    seed: int = Field(default=42, ge=0, lt=2**63)
    users: int = Field(default=12, ge=0, le=100_000_000)
    messy: Share = 0
    revision: int = Field(default=0, ge=0, le=1000)
    api_key: str = Field(default="reqres-free-v1", min_length=1)
    auth: AuthKind = "header"
    token_seconds: int = Field(default=3600, ge=1)
    max_page_size: int = Field(default=1000, ge=1)
    rate_limit: int = Field(default=0, ge=0)
    trouble: Trouble = USUAL_TROUBLE
    failures_in_a_row: int = Field(default=3, ge=0)
    moves_at_most: int = Field(default=3, ge=0)
    delay_seconds: float = Field(default=0.3, ge=0)
    hang_seconds: float = Field(default=60, ge=0)
    retry_after: int = Field(default=1, ge=0)
    retry_after_form: Literal["seconds", "date", "either"] = "either"
    dummyjson: Path | None = None
