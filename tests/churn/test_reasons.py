"""What is said of a customer: the features that weigh most first, each with its value and what is usual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from customer360.churn.features import FEATURES, get_feature
from customer360.churn.fitted import FittedModel
from customer360.churn.reasons import MEAN, MOST_REASONS, OTHERS, Typical, learn_typical, list_reasons
from customer360.churn.rules import Leaving
from customer360.churn.scores import score_customers
from customer360.churn.table import Column
from tests.churn.drawn import draw_table, replaced

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.89")]
COLUMNS = {
    "days_since_last_transaction": Column("days_since_last_transaction", "number", np.array([45.0, 3.0])),
    "spend_change_pct": Column("spend_change_pct", "number", np.array([np.nan, 12.4])),
    "credit_limit": Column("credit_limit", "number", np.array([12_500.0, 900.0])),
    "state": Column("state", "category", np.array([1.0, 0.0]), ("CA", "NY")),
    "is_declining": Column("is_declining", "number", np.array([1.0, 0.0])),
    "account_tenure_months": Column("account_tenure_months", "number", np.array([30.0, 1.0])),
    "transaction_count": Column("transaction_count", "number", np.array([1234.0, 7.0])),
}
NAMES = tuple(COLUMNS)
TYPICAL = {name: Typical(10.0) for name in NAMES} | {"state": Typical(np.nan, "CA")}


def reasons_of(contributions: list[list[float]]) -> pa.Table:
    return list_reasons(np.array(contributions), NAMES, COLUMNS, TYPICAL, pa.array(["A", "B"]), days=60)


def test_the_most_weighty_come_first_whichever_way_they_push_and_the_rest_is_summed() -> None:
    found = reasons_of([[0.1, 0.2, -3.0, 0.4, 2.0, 0.01, 0.02, -1.5], [0.0] * 7 + [-1.5]])
    first = [row for row in found.to_pylist() if row["customer_id"] == "A"]
    assert [row["rank"] for row in first] == list(range(1, MOST_REASONS + 3))
    assert [row["feature"] for row in first[:5]] == [
        *("credit_limit", "is_declining", "state"),
        *("spend_change_pct", "days_since_last_transaction"),
    ]
    assert (first[5]["feature"], first[5]["contribution"]) == (OTHERS, pytest.approx(0.03))
    assert (first[6]["feature"], first[6]["contribution"]) == (MEAN, -1.5)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("days_since_last_transaction", ("last transaction: 45 days ago (usual: 10 days ago)",) * 1 + ("3 days ago",)),
        ("spend_change_pct", ("not known", "+12 % (usual: +10 %)")),
        ("credit_limit", ("12,500 (usual: 10)", "900")),
        ("state", ("state: NY", "state: CA")),
        ("is_declining", ("segment Declining", "not in segment Declining")),
        ("account_tenure_months", ("30 months", "1 months")),
        ("transaction_count", ("1,234 (usual: 10)", "7")),
    ],
)
def test_a_value_is_said_in_words_with_what_is_usual(name: str, said: tuple[str, str]) -> None:
    contributions = [[float(other == name) for other in NAMES] + [0.0]] * 2
    texts = [row["text"] for row in reasons_of(contributions).to_pylist() if row["rank"] == 1]
    assert all(part in text for part, text in zip(said, texts, strict=True)), texts


def test_what_is_usual_is_the_median_or_the_most_frequent_level_of_the_rows_learnt_from() -> None:
    columns = {
        "age": Column("age", "number", np.array([20.0, 30.0, np.nan, 90.0])),
        "state": Column("state", "category", np.array([0.0, 1.0, 1.0, 0.0]), ("CA", "NY")),
    }
    found = learn_typical([get_feature("age"), get_feature("state")], columns, np.array([0, 1, 2]))
    assert (found["age"].number, found["state"].level) == (25.0, "NY")


def test_who_was_away_for_long_is_told_so_first_and_it_raises_the_risk(fitted: FittedModel) -> None:
    """Of one customer in two guises: seen yesterday, and 59 days ago."""
    table = draw_table(1, cutoffs=draw_table(1)["cutoff_date"].to_pylist()[:1])
    for name in ("spend_change_pct",):
        table = replaced(table, name, [0.0])
    guises = pa.concat_tables([replaced(table, "days_since_last_transaction", [days]) for days in (1, 59)])
    guises = replaced(guises, "customer_id", ["seen", "away"])
    scored, reasons = score_customers(fitted, "v1", guises)
    margins = dict(zip(scored["customer_id"].to_pylist(), scored["churn_margin"].to_pylist(), strict=True))
    assert margins["away"] > margins["seen"] + 0.5
    said = {row["customer_id"]: row for row in reasons.to_pylist() if row["feature"] == "days_since_last_transaction"}
    assert said["away"]["contribution"] > 0 > said["seen"]["contribution"]
    assert said["away"]["rank"] == 1
    assert said["away"]["text"].startswith("last transaction: 59 days ago (usual: ")


def test_every_feature_has_words_for_its_values() -> None:
    for feature in FEATURES:
        levels = ("x",) if feature.kind == "category" else ()
        column = Column(feature.name, "category" if levels else "number", np.array([0.0, np.nan]), levels)
        typical = {feature.name: Typical(1.0, "x")}
        found = list_reasons(np.ones((2, 2)), [feature.name], {feature.name: column}, typical, pa.array("AB"), days=60)
        assert found["text"][0].as_py().removeprefix("not in ").startswith(feature.say(60))


def test_words_follow_how_far_the_model_looks_ahead(fitted: FittedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "spend_to_baseline_pct"
    columns, typical = {name: Column(name, "number", np.array([40.0]))}, {name: Typical(100.0)}
    found = list_reasons(np.ones((1, 2)), [name], columns, typical, pa.array("A"), days=90)
    assert found["text"][0].as_py() == "spend of 90 days against the usual: 40 % (usual: 100 %)"
    monkeypatch.setattr("customer360.churn.reasons.MOST_REASONS", len(FEATURES))
    far = replace(fitted, leaving=Leaving(90, 40))
    near, farther = (score_customers(model, "v1", draw_table(30))[1]["text"].to_pylist() for model in (fitted, far))
    assert farther == [text.replace("spend of 60 days", "spend of 90 days") for text in near]
    assert farther != near
