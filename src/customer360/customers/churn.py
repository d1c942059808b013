"""Why a customer has the churn score it has, or none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from customer360.customers.profiles import CustomerProfile, get_customer, is_customer
from customer360.semantic import Reading, build_query
from customer360.warehouse import BuildRecord

REASON_FIELDS = ("reason_rank", "reason_feature", "reason_contribution", "reason_text")
NOT_REASONS = ("all other features", "the average customer")
"""What the last two rows of a customer are, which make contributions sum to the log-odds."""


@dataclass(frozen=True)
class Reason:
    """What one feature adds to the log-odds that a customer leaves."""

    rank: int
    feature: str
    contribution: float
    text: str

    @property
    def direction(self) -> str:
        """Which way it moves the risk."""
        if self.feature in NOT_REASONS:
            return ""
        return "raises the risk" if self.contribution > 0 else "lowers the risk"


@dataclass(frozen=True)
class ChurnExplanation:
    """A customer's score with its reasons; they sum to ``margin``. Without a score there is the reason for that."""

    customer_id: str
    name: str
    category: str
    probability: float | None
    score: int | None
    not_scored_reason: str | None
    reasons: tuple[Reason, ...]
    build_id: str
    as_of_date: str
    within_days: int = BuildRecord.churn_days
    """How far the model that gave the score looks ahead."""

    @property
    def margin(self) -> float:
        """The calibrated log-odds to leave."""
        return sum(reason.contribution for reason in self.reasons)

    @property
    def headline(self) -> str:
        """The score in one sentence."""
        if self.probability is None:
            return f"{self.name} is Not Scored: {self.not_scored_reason or 'no model yet'}."
        likely = f"{self.probability:.1%} likely to leave within {self.within_days} days"
        return f"{self.name}: {self.category}, score {self.score} of 100, {likely}."

    def as_dict(self) -> dict[str, Any]:
        """Return it as programs read it."""
        fields = {name: value for name, value in asdict(self).items() if name != "reasons"}
        reasons = [asdict(reason) | {"direction": reason.direction} for reason in self.reasons]
        return {"ok": True} | fields | {"margin": self.margin if self.reasons else None, "reasons": reasons}


def explain_churn(reading: Reading, customer_id: str) -> ChurnExplanation:
    """Return the churn score of a customer with its reasons.

    Raises:
        NotFound: the build has no such customer.
    """
    return explain_profile(reading, get_customer(reading, customer_id))


def explain_profile(reading: Reading, profile: CustomerProfile) -> ChurnExplanation:
    """Return the churn score of a customer whose profile was read already, with its reasons."""
    values = profile.values
    return ChurnExplanation(
        customer_id=profile.customer_id,
        name=profile.name,
        category=values["churn_risk_category"],
        probability=values["churn_probability"],
        score=values["churn_risk_score"],
        not_scored_reason=values.get("churn_not_scored_reason"),
        reasons=_list_reasons(reading, profile.customer_id) if values["churn_probability"] is not None else (),
        build_id=reading.record.build_id,
        as_of_date=reading.record.as_of.isoformat(),
        within_days=reading.record.churn_days,
    )


def _list_reasons(reading: Reading, customer_id: str) -> tuple[Reason, ...]:
    query = build_query(fields=list(REASON_FIELDS), filters=is_customer(customer_id), order=["reason_rank"])
    return tuple(Reason(*row.values()) for row in reading.ask(query).table.to_pylist())
