"""Sends alerts to a webhook: each at least once, and once more when it is resolved.

What could not be sent goes with the next delivery. The header ``Idempotency-Key`` is the same each time the same news
is sent, so that a receiver can tell a repeat. The webhook's address is a secret: no message and no log line holds it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from customer360.clock import Clock, utc_now
from customer360.settings import AlertSettings
from customer360.store import Alert, Store, list_undelivered, mark_delivered

TRIES = 3
LONGEST_WAIT = 30
"""Seconds after the first try in which the others begin; where Retry-After asks for more, the next delivery tries."""
BACKOFF = wait_exponential_jitter(max=8)

Sleep = Callable[[float], None]

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes every address


@dataclass(frozen=True)
class Delivery:
    """What became of the alerts that were to be sent; ``fault`` says why some are left."""

    sent: int = 0
    left: int = 0
    fault: str = ""


def deliver_alerts(
    store: Store, settings: AlertSettings, clock: Clock = utc_now, *, sleep: Sleep = time.sleep
) -> Delivery:
    """Post every alert that the webhook was not told of as it is now; nothing is sent where no webhook is set.

    An alert that the webhook refuses does not keep the others back; a webhook that does not work is left alone.
    """
    address, seen_at = settings.webhook.get_secret_value(), clock().astimezone(UTC).replace(tzinfo=None)
    alerts = list_undelivered(store) if address else []
    if not alerts:
        return Delivery()
    sent, fault = 0, ""
    with httpx.Client(timeout=settings.timeout_seconds) as client:
        for alert in alerts:
            try:
                answer = _retrying(clock, sleep)(_post, client, address, alert)
            except httpx.TransportError as error:
                fault = f"the webhook does not answer ({error})"
                break
            if answer.is_success:
                mark_delivered(store, alert, seen_at)
                sent += 1
                continue
            fault = f"the webhook answered {answer.status_code}"
            if _may_pass(answer):
                break
    return Delivery(sent, len(alerts) - sent, fault)


def describe_alert(alert: Alert) -> dict[str, Any]:
    """Return an alert as the webhook and ``--json`` have it; what is known of its subject is in ``detail``."""
    detail = dict(alert.detail)
    return {
        "alert_id": alert.alert_id,
        "dataset": detail.pop("dataset"),
        "build_id": detail.pop("build_id", None),
        "severity": alert.severity,
        "component": alert.component,
        "subject": alert.subject,
        "message": alert.message,
        "next": detail.pop("next", ""),
        "raised_at": _utc_text(alert.raised_at),
        "resolved": alert.resolved_at is not None,
        "resolved_at": _utc_text(alert.resolved_at),
        "detail": detail,
    }


def _post(client: httpx.Client, address: str, alert: Alert) -> httpx.Response:
    """Send one alert and return the answer; its body says nothing to us and is not read."""
    news = describe_alert(alert)
    state = "resolved" if news["resolved"] else "raised"
    key = f"{news['dataset']}-{alert.alert_id}-{alert.raised_at:%Y%m%dT%H%M%S%f}-{state}"
    with client.stream("POST", address, json=news, headers={"Idempotency-Key": key}) as answer:
        return answer


def _retrying(clock: Clock, sleep: Sleep) -> Retrying:
    """Return what tries again where that may help; its last word is the last answer, or the last error."""
    return Retrying(
        retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(_may_pass),
        wait=lambda state: _pause(state, clock),
        stop=stop_after_attempt(TRIES) | stop_before_delay(LONGEST_WAIT),
        sleep=sleep,
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )


def _may_pass(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error


def _pause(state: RetryCallState, clock: Clock) -> float:
    """Return the seconds to wait: those that the answer asks for, else longer after each try."""
    asked = None
    if state.outcome and not state.outcome.failed:
        asked = _retry_after(state.outcome.result(), clock())
    return BACKOFF(state) if asked is None else asked


def _retry_after(answer: httpx.Response, now: datetime) -> float | None:
    """Return the seconds in the header Retry-After, which holds a number or a date; ``None`` without either."""
    value: str = answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value).astimezone(UTC) - now).total_seconds())
    except ValueError:
        return None


def _utc_text(moment: datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='seconds')}Z" if moment else None
