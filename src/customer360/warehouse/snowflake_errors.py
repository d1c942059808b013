"""What Snowflake's errors mean: which pass by themselves, which end a session, and what a person can do about each.

An error is told by its number first, then by the class of its SQLSTATE. The connector itself repeats a lost request
under the same request id, so that a statement never runs twice; here is only what is left when it has given up.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from customer360.errors import AccessRefused, Customer360Error, InvalidQuery, QueryTimeout, Unavailable

HTTP = 290_000
"""The connector adds the HTTP status to this."""

CONNECTION_CLOSED = 250_002
NOT_RENEWED = 252_007
NOT_REACHED = frozenset({250_001, 250_003, 250_005, 251_011, 251_012})
"""A request got no answer; the connector repeats a sign-in once, a statement until its deadline."""
SESSION_LOST = frozenset({CONNECTION_CLOSED, NOT_RENEWED, HTTP + 401, *(390_104, *range(390_110, 390_116))})
"""The session is gone or its tokens ran out: signing in again helps."""
TRANSIENT_HTTP = frozenset({HTTP + 408, HTTP + 429})

NO_WAREHOUSE = 606
OUT_OF_QUOTA = 90_073
CANCELLED = 604
STATEMENT_TIMEOUTS = frozenset({630, 631})

CANNOT_CONNECT_NOW = "57P03"
QUERY_CANCELLED = "57014"

ASK_FOR_LESS = "Ask for less (a filter, fewer groups), raise QUERY_TIMEOUT, or take a larger warehouse."
NO_ANSWER = "Check the network and SNOWFLAKE_ACCOUNT, then https://status.snowflake.com; ask again in a moment."


def loses_session(error: BaseException) -> bool:
    """Tell whether the session that raised this can no longer be used."""
    return _number(error) in SESSION_LOST or gets_no_answer(error)


def is_transient(error: BaseException) -> bool:
    """Tell whether the same again may succeed in a moment.

    A statement that Snowflake refused, wrong credentials and missing rights never do.
    """
    warehouse_wakes = _state(error) == CANNOT_CONNECT_NOW and _number(error) != NO_WAREHOUSE
    return loses_session(error) or warehouse_wakes


def gets_no_answer(error: BaseException) -> bool:
    """Tell whether no answer came, or one that says that the server could not give any."""
    number = _number(error)
    if _kind(error) in {"NonRetryableTlsError", "RevocationCheckError", "ForbiddenError"}:
        return False
    if isinstance(error, OSError):
        return True
    return number in NOT_REACHED or number in TRANSIENT_HTTP or HTTP + 500 <= number < HTTP + 600


@dataclass(frozen=True)
class Meaning:
    """What errors of some numbers, kinds or classes of SQLSTATE mean; the texts name {role}, {user} and {said}."""

    kind: type[Customer360Error]
    says: str
    next_action: str
    code: str | None = None
    numbers: Container[int] = ()
    kinds: Container[str] = ()
    states: tuple[str, ...] = ("none",)

    def fits(self, error: BaseException) -> bool:
        """Tell whether it is what an error means."""
        return _number(error) in self.numbers or _kind(error) in self.kinds or _state(error).startswith(self.states)

    def of(self, error: BaseException, **names: str) -> Customer360Error:
        """Return our error for one of Snowflake's."""
        names["said"] = _said(error)
        return self.kind(self.says.format(**names), code=self.code, next_action=self.next_action.format(**names))


UNTRUSTED = Meaning(
    Unavailable,
    "The certificate of Snowflake is not trusted: {said}",
    "Check what sits between (a proxy that opens TLS) and this machine's certificates and clock.",
    code="tls_refused",
    numbers=range(254_001, 254_021),
    kinds=frozenset({"NonRetryableTlsError", "RevocationCheckError"}),
)
UNREACHABLE = Meaning(Unavailable, "Snowflake did not answer: {said}", NO_ANSWER, code="unreachable")

AT_SIGN_IN = (
    Meaning(
        AccessRefused,
        "Snowflake does not let {user} take the role {role}: {said}",
        "Correct SNOWFLAKE_ROLE, or grant the role.",
        numbers=(390_189,),
    ),
    Meaning(
        AccessRefused,
        "Snowflake refuses the address of this machine: {said}",
        "Have it added to the network policy of the account.",
        numbers=(390_420, 390_422, 390_429),
    ),
    Meaning(
        AccessRefused,
        "Snowflake refuses the key of {user}: {said}",
        "Register the public key of SNOWFLAKE_PRIVATE_KEY_PATH (ALTER USER … SET RSA_PUBLIC_KEY); check "
        "SNOWFLAKE_USER, SNOWFLAKE_ACCOUNT and the clock of this machine.",
        numbers=frozenset({390_144, *range(394_300, 394_310)}),
    ),
    Meaning(
        AccessRefused,
        "Snowflake refuses the token: {said}",
        "Put a new one into SNOWFLAKE_TOKEN or SNOWFLAKE_TOKEN_FILE_PATH.",
        numbers=frozenset({390_303, 390_318, *range(394_400, 394_410)}),
    ),
    Meaning(
        AccessRefused,
        "Snowflake refuses {user}: {said}",
        "Correct SNOWFLAKE_USER and SNOWFLAKE_PASSWORD, or what else the user signs in with.",
        numbers=frozenset({*range(390_000, 391_000), *range(394_000, 396_000)}),
    ),
    Meaning(
        Unavailable,
        "Snowflake knows no such account: {said}",
        "Correct SNOWFLAKE_ACCOUNT.",
        code="account_unknown",
        numbers=(HTTP + 403, HTTP + 404),
        kinds=frozenset({"ForbiddenError"}),
    ),
    UNTRUSTED,
)

OF_A_STATEMENT = (
    Meaning(
        Unavailable,
        "The query was cancelled in Snowflake: {said}",
        "Ask again.",
        code="query_cancelled",
        numbers=(CANCELLED,),
        states=(QUERY_CANCELLED,),
    ),
    Meaning(
        Unavailable,
        "No warehouse runs the query: {said}",
        "Set SNOWFLAKE_WAREHOUSE to one that {role} may use (GRANT USAGE) and that may resume (GRANT OPERATE, "
        "AUTO_RESUME, quota left).",
        code="no_warehouse",
        numbers=(NO_WAREHOUSE, OUT_OF_QUOTA),
        states=(CANNOT_CONNECT_NOW,),
    ),
    Meaning(
        InvalidQuery,
        "Snowflake refuses the statement: {said}",
        "Check the name and SNOWFLAKE_DATABASE, and that {role} may read it.",
        code="object_missing",
        numbers=(2_003, 2_043),
    ),
    Meaning(
        AccessRefused,
        "Snowflake does not let {role} do this: {said}",
        "Grant the right, or set SNOWFLAKE_ROLE to a role that has it.",
        numbers=(3_001,),
        states=("42501",),
    ),
    Meaning(
        InvalidQuery,
        "Snowflake refuses the statement: {said}",
        "Correct the statement.",
        states=("02", "0A", "22", "23", "42", "P0"),
    ),
    Meaning(
        AccessRefused,
        "Snowflake ended the session, and a new one too: {said}",
        "Check whether the user was disabled, and renew the credentials in SNOWFLAKE_….",
        numbers=range(390_000, 391_000),
    ),
    UNTRUSTED,
)


def explained_login(error: BaseException, *, user: str, role: str) -> Customer360Error:
    """Return our error for a sign-in that failed, with the variable to correct."""
    meaning = next((one for one in AT_SIGN_IN if one.fits(error)), UNREACHABLE)
    return meaning.of(error, user=user or "the user", role=role or "that is the default")


def explained_statement(
    error: BaseException, *, role: str, seconds: float, elapsed: float, too_long: str = ASK_FOR_LESS
) -> Customer360Error:
    """Return our error for a statement that failed; ``too_long`` says what to do where time was not enough."""
    cancelled = _number(error) == CANCELLED or _state(error) == QUERY_CANCELLED
    if _number(error) in STATEMENT_TIMEOUTS or (cancelled and elapsed >= seconds):
        return QueryTimeout(
            f"The query ran longer than {seconds:g} seconds and was stopped.",
            next_action=too_long,
        )
    meaning = next((one for one in OF_A_STATEMENT if one.fits(error)), UNREACHABLE)
    return meaning.of(error, role=f"role {role}" if role else "the user's default role")


def _number(error: BaseException) -> int:
    return int(getattr(error, "errno", None) or -1)


def _state(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _kind(error: BaseException) -> str:
    return type(error).__name__


def _said(error: BaseException) -> str:
    """Return the first line of what was said; the rest is the connector's general advice."""
    lines = str(error).strip().splitlines() or [_kind(error)]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
