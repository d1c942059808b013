"""Whether the model in use still fits: customers who changed, scores against outcomes, and outcomes it never knew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer360.build.models import measure_drift
from customer360.churn import Drift
from customer360.churn.drift import Outcome
from tests.conftest import EARLIER, ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.87"), pytest.mark.xdist_group("scored_bank")]


@pytest.fixture(scope="module")
def steady(scored_bank: ScoredBank) -> Drift:
    return measure_drift(scored_bank.workspace)


@pytest.fixture
def bank(scored_bank: ScoredBank, tmp_path: Path) -> ScoredBank:
    """A copy of the bank, to change it."""
    return scored_bank.copy(tmp_path / "bank")


def change(bank: ScoredBank, statement: str) -> None:
    with duckdb.connect(str(bank.folder(bank.published) / "warehouse.duckdb")) as connection:
        connection.execute(statement)


def change_record(bank: ScoredBank, **fields: object) -> None:
    """Let the registry say something else of the model in use."""
    path = bank.workspace.models / "churn" / bank.version / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_the_customers_learnt_from_are_those_of_today(steady: Drift, scored_bank: ScoredBank) -> None:
    assert (steady.model_version, steady.build_id) == (scored_bank.version, scored_bank.published)
    assert steady.reasons == ()
    assert list(steady.indexes.values()) == sorted(steady.indexes.values(), reverse=True)
    assert len(steady.indexes) > 35
    assert [steady.word(index) for index in (0.09, 0.1, 0.25)] == ["steady", "moved", "another population"]
    assert json.loads(json.dumps(steady.as_dict()))["retrain"] is False


def test_scores_of_an_earlier_day_are_held_against_what_became_of_the_customers(
    steady: Drift, scored_bank: ScoredBank
) -> None:
    """They were landed by the build as of that day; what happened is counted here by hand from the facts."""
    [outcome] = steady.outcomes
    assert outcome.as_of_date == EARLIER
    by_hand = """
        with scored as (select customer_id from gold.churn_score_history where as_of_date = date '2025-08-31'),
        facts as (select customer_id, transaction_date as day, transaction_amount as amount from gold.fct_transactions),
        figures as (
            select scored.customer_id,
                coalesce(sum(amount) filter (day > date '2025-08-31' and day <= date '2025-10-30'), 0) as after,
                count(day) filter (day > date '2025-08-31' and day <= date '2025-10-30') as times,
                coalesce(sum(amount) filter (
                    day <= date '2025-08-31' - 60 and day > date '2025-08-31' - 360), 0) as baseline,
                coalesce(sum(amount) filter (day <= date '2025-08-31' and day > date '2025-08-31' - 60), 0) as recent,
                least((date_diff('day', min(day), date '2025-08-31') + 30) // 30, 12) as months
            from scored inner join facts using (customer_id) group by 1
        ),
        usual as (
            select *, case when months > 2 then baseline / (months - 2) else recent / months end as monthly from figures
        )
        select count(*), avg((times = 0 or (monthly > 0 and after / 2 < 0.3 * monthly))::int) from usual
    """
    with duckdb.connect(
        str(scored_bank.folder(scored_bank.published) / "warehouse.duckdb"), read_only=True
    ) as connection:
        [(rows, rate)] = connection.execute(by_hand).fetchall()
    assert outcome.rows == rows
    assert outcome.rate == pytest.approx(rate, abs=2 / rows)
    assert 0.6 < outcome.auc < 1
    assert 0.3 * rate < outcome.mean_probability < 3 * rate


def test_another_population_asks_for_another_model(bank: ScoredBank) -> None:
    for name in ("spend_month_1", "spend_month_2", "spend_month_3", "lifetime_value", "transaction_count", "age"):
        change(bank, f"update gold.churn_features set {name} = 3 * {name} + 10 where split = 'score'")
    found = measure_drift(bank.workspace)
    assert any("features come from another population" in reason for reason in found.reasons)
    assert found.as_dict()["retrain"] is True
    assert {"spend_month_1", "age"} <= {name for name, index in found.indexes.items() if index > 0.25}


def test_scores_that_are_spread_otherwise_ask_for_another_model(bank: ScoredBank) -> None:
    """Only those at risk came back from a campaign, say."""
    change(
        bank,
        "delete from gold.churn_features where split = 'score' and customer_id in "
        "(select customer_id from gold.churn_predictions where churn_risk_score < 30)",
    )
    assert any("spread otherwise" in reason for reason in measure_drift(bank.workspace).reasons)


def test_outcomes_it_was_not_judged_on_ask_for_another_model(bank: ScoredBank) -> None:
    change_record(bank, cutoff_date="2025-07-03")
    [reason] = measure_drift(bank.workspace).reasons
    assert reason == "Outcomes are known up to 2025-09-01; it was judged on those of 2025-07-03."


def test_a_model_that_learnt_by_other_rules_asks_for_another(bank: ScoredBank) -> None:
    change_record(bank, leaving={"days": 90, "spend_pct": 40})
    [reason] = measure_drift(bank.workspace).reasons
    assert reason == (
        "It learnt by other rules: 90 days and 40 % of the usual spend, "
        "and the build goes by 60 days and 30 % of the usual spend."
    )


def test_scores_that_told_apart_fewer_than_on_the_holdout_ask_for_another_model(bank: ScoredBank) -> None:
    metrics: Mapping[str, object] = {"auc": {"estimate": 0.999, "interval": [0.999, 0.999]}}
    change_record(bank, metrics=metrics)
    [reason] = measure_drift(bank.workspace).reasons
    assert reason.startswith(f"Of the customers scored as of {EARLIER} it told apart fewer: AUC 0.")


def test_scores_that_are_too_new_have_no_outcome(bank: ScoredBank) -> None:
    change(bank, "update gold.churn_score_history set as_of_date = date '2025-10-01'")
    assert measure_drift(bank.workspace).outcomes == ()


def test_an_outcome_is_told_as_programs_read_it(steady: Drift) -> None:
    told = replace(steady, outcomes=(Outcome(date(2025, 8, 31), 10, 0.1, 0.2, 0.7),)).as_dict()["outcomes"]
    assert told == [{"as_of_date": "2025-08-31", "rows": 10, "mean_probability": 0.1, "rate": 0.2, "auc": 0.7}]
