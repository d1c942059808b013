"""A build that scores customers: made in two parts as if in one, its scores shown everywhere and remembered once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.build.pipeline import needs_build, run_build
from customer360.build.scoring import days_ahead
from customer360.churn import Registry
from customer360.customers import explain_churn
from customer360.errors import BuildFailed, NotFound
from customer360.lake import live_batches
from customer360.semantic import Reader, Reading, build_query
from customer360.settings import QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import open_builds
from tests.conftest import EARLIER, ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("scored_bank")]
NOT_SCORED = "select not_scored_reason, count(*) from gold.churn_predictions where model_version is null group by all"


@pytest.fixture
def bank(scored_bank: ScoredBank, tmp_path: Path) -> ScoredBank:
    """A copy of the bank, to change it."""
    return scored_bank.copy(tmp_path / "bank")


@contextmanager
def reading(bank: ScoredBank) -> Iterator[Reading]:
    """Read the published build as the product does."""
    reader = Reader.of(bank.workspace, load(QuerySettings), load(ResourceSettings))
    with closing(reader), reader.pin() as pinned:
        yield pinned


def rows(bank: ScoredBank, build_id: str, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(bank.folder(build_id) / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def results(bank: ScoredBank, build_id: str) -> Counter[tuple[str, str]]:
    """Count what dbt did: node and how it ended."""
    found = json.loads((bank.folder(build_id) / "dbt" / "run_results.json").read_text())["results"]
    return Counter((result["unique_id"], result["status"]) for result in found)


def scored_days(bank: ScoredBank) -> list[str]:
    sources = [manifest.source for manifest in live_batches(bank.workspace)]
    return [source for source in sources if source.startswith("churn_scores/")]


@pytest.mark.contract("X.10")
def test_a_build_in_two_parts_did_all_that_a_build_in_one_did(scored_bank: ScoredBank) -> None:
    one, two = results(scored_bank, scored_bank.unscored), results(scored_bank, scored_bank.published)
    assert two == one
    assert set(two.values()) == {1}
    builds = open_builds(scored_bank.workspace)
    before, after = builds.get(scored_bank.unscored), builds.get(scored_bank.published)
    assert after.tables.keys() == before.tables.keys()
    assert {name: t["primary_key"] for name, t in after.tables.items()} == {
        name: t["primary_key"] for name, t in before.tables.items()
    }
    assert (before.models, after.models) == ({}, {"churn": scored_bank.version, "value": scored_bank.value})
    assert after.durations["score"] > 0
    for table in ("pipeline_steps", "lineage_edges", "data_quality_results"):
        counted = f"select count(*) from monitoring.{table}"
        assert rows(scored_bank, scored_bank.published, counted) == rows(scored_bank, scored_bank.unscored, counted)


def test_no_table_that_scores_pass_through_stays(scored_bank: ScoredBank) -> None:
    schemas = "select distinct table_schema from information_schema.tables"
    for build_id in (scored_bank.unscored, scored_bank.published):
        assert not {"scoring", "bronze"} & {schema for (schema,) in rows(scored_bank, build_id, schemas)}


@pytest.mark.contract("X.10")
def test_before_there_is_a_model_nobody_is_scored_and_it_is_said_why(scored_bank: ScoredBank) -> None:
    found = dict(rows(scored_bank, scored_bank.unscored, NOT_SCORED))
    assert found.keys() == {"No model yet", "Fewer than 5 transactions", "Inactive for 60 days or more"}
    assert sum(found.values()) == 1800
    assert rows(scored_bank, scored_bank.unscored, "select count(*) from gold.churn_insights") == [(0,)]


@pytest.mark.contract("S3.85")
def test_everybody_who_can_be_scored_is_and_the_others_are_flagged(scored_bank: ScoredBank) -> None:
    found = dict(rows(scored_bank, scored_bank.published, NOT_SCORED))
    assert found.keys() == {"Fewer than 5 transactions", "Inactive for 60 days or more"}
    figures = """
        select count(*), min(churn_risk_score), max(churn_risk_score), min(churn_probability), max(churn_probability),
            count(*) filter (churn_risk_category <> case
                when churn_risk_score >= 70 then 'High Risk' when churn_risk_score >= 40 then 'Medium Risk'
                else 'Low Risk' end)
        from gold.churn_predictions where model_version is not null
    """
    [(count, low, high, least, most, misnamed)] = rows(scored_bank, scored_bank.published, figures)
    assert count == 1800 - sum(found.values())
    assert 0 <= low < 40
    assert 70 <= high <= 100
    assert 0 < least < most < 1
    assert misnamed == 0


@pytest.mark.contract("S3.77")
@pytest.mark.contract("X.35")
def test_bands_hold_the_shares_that_the_contract_asks_for(scored_bank: ScoredBank) -> None:
    shares = """
        select churn_risk_category, count(*) / sum(count(*)) over () from gold.churn_predictions
        where model_version is not null group by all
    """
    found = dict(rows(scored_bank, scored_bank.published, shares))
    assert 0.70 <= found["Low Risk"] <= 0.80
    assert 0.15 <= found["Medium Risk"] <= 0.25
    assert 0.05 <= found["High Risk"] <= 0.10


@pytest.mark.contract("S3.89")
def test_reasons_of_everybody_sum_to_the_margin_and_the_margin_is_the_probability(scored_bank: ScoredBank) -> None:
    off = """
        select count(*), max(abs(summed - churn_margin)), max(abs(1 / (1 + exp(-churn_margin)) - churn_probability))
        from gold.churn_predictions
        inner join (select customer_id, sum(contribution) as summed from gold.churn_insights group by 1)
            using (customer_id)
    """
    [(count, sums, probabilities)] = rows(scored_bank, scored_bank.published, off)
    assert count > 1000
    assert max(sums, probabilities) < 1e-9


@pytest.mark.contract("S3.90")
def test_scores_are_in_the_profile_and_in_the_answers_to_questions(scored_bank: ScoredBank) -> None:
    differing = """
        select count(*) from gold.customer_360_profile as shown
        inner join gold.churn_predictions as scored using (customer_id)
        where shown.churn_risk_score is distinct from scored.churn_risk_score
            or shown.churn_probability is distinct from scored.churn_probability
            or shown.churn_risk_category is distinct from scored.churn_risk_category
            or shown.churn_not_scored_reason is distinct from scored.not_scored_reason
    """
    assert rows(scored_bank, scored_bank.published, differing) == [(0,)]
    question = build_query(metrics=["customer_count"], dimensions=["churn_risk_category"])
    with reading(scored_bank) as asked:
        answered = {tuple(row.values()) for row in asked.ask(question).table.to_pylist()}
    counted = "select churn_risk_category, count(*) from gold.churn_predictions group by all"
    assert answered == set(rows(scored_bank, scored_bank.published, counted))


@pytest.mark.contract("S3.89")
@pytest.mark.contract("S3.90")
def test_a_customer_is_explained_with_a_score_or_with_why_there_is_none(scored_bank: ScoredBank) -> None:
    riskiest = "select customer_id from gold.churn_predictions order by churn_risk_score desc nulls last, customer_id"
    idle = (
        "select customer_id from gold.churn_predictions where not_scored_reason like 'Inactive%' order by customer_id"
    )
    [[risky, *_], [away, *_]] = [
        [customer for (customer,) in rows(scored_bank, scored_bank.published, sql)] for sql in (riskiest, idle)
    ]
    with reading(scored_bank) as asked:
        explained, unscored = explain_churn(asked, risky), explain_churn(asked, away)
        with pytest.raises(NotFound):
            explain_churn(asked, "nobody")
    assert (explained.category, explained.score) == ("High Risk", explained.score)
    assert [reason.rank for reason in explained.reasons] == list(range(1, 8))
    assert explained.reasons[0].direction == "raises the risk"
    assert explained.reasons[-1].direction == ""
    assert "likely to leave within 60 days" in explained.headline
    assert unscored.reasons == ()
    assert unscored.headline.endswith("is Not Scored: Inactive for 60 days or more.")
    assert unscored.as_dict()["margin"] is None


@pytest.mark.contract("S3.90")
def test_a_customer_is_told_how_far_the_model_looked_ahead_that_scored_the_build(bank: ScoredBank) -> None:
    path = Registry(bank.workspace).folder / bank.version / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"leaving": {"days": 90, "spend_pct": 30}}))
    assert days_ahead(bank.workspace) == 90
    path = bank.folder(bank.published) / "build.json"
    record = json.loads(path.read_text())
    assert record["churn_days"] == 60
    path.write_text(json.dumps(record | {"churn_days": 90}))
    [[risky]] = rows(bank, bank.published, "select min(customer_id) from gold.churn_predictions where churn_margin > 0")
    with reading(bank) as asked:
        assert explain_churn(asked, risky).headline.endswith("likely to leave within 90 days.")


@pytest.mark.contract("S3.85")
def test_an_earlier_days_scores_are_kept_as_they_were(scored_bank: ScoredBank) -> None:
    columns = "customer_id, model_version, churn_probability, churn_risk_score, churn_risk_category"
    then = f"select {columns} from gold.churn_predictions where model_version is not null order by customer_id"
    history = f"select {columns} from gold.churn_score_history where as_of_date = '{EARLIER}' order by customer_id"
    found = rows(scored_bank, scored_bank.published, history)
    assert len(found) > 1000
    assert found == rows(scored_bank, scored_bank.earlier, then)
    assert scored_days(scored_bank) == ["churn_scores/2025-08-31", "churn_scores/2025-10-31"]


def test_a_build_that_is_gone_back_to_shows_what_it_showed(bank: ScoredBank) -> None:
    builds = open_builds(bank.workspace)
    builds.publish(bank.unscored)
    question = build_query(metrics=["customer_count"], dimensions=["churn_risk_category"])
    with reading(bank) as asked:
        assert [row["churn_risk_category"] for row in asked.ask(question).table.to_pylist()] == ["Not Scored"]
    assert needs_build(bank.workspace)


def test_a_damaged_model_lets_no_build_pass_and_what_is_published_stays(bank: ScoredBank) -> None:
    (Registry(bank.workspace).folder / bank.version / "model.pkl").write_bytes(b"not a model")
    with pytest.raises(BuildFailed, match="checksum differs") as failed:
        run_build(bank.workspace, load(ResourceSettings), load(WorkspaceSettings))
    assert "churn rollback" in failed.value.next_action
    builds = open_builds(bank.workspace)
    assert builds.current_id() == bank.published
    assert builds.records()[0].status == "failed"
    assert not (bank.folder(builds.records()[0].build_id) / "warehouse.duckdb").exists()


@pytest.mark.contract("S3.87")
def test_the_same_scores_of_the_same_day_land_once(bank: ScoredBank) -> None:
    assert not needs_build(bank.workspace)
    before = {manifest.batch_id for manifest in live_batches(bank.workspace)}
    again = run_build(bank.workspace, load(ResourceSettings), load(WorkspaceSettings))
    assert {manifest.batch_id for manifest in live_batches(bank.workspace)} == before
    every = "select * from gold.churn_predictions order by customer_id"
    assert rows(bank, again.build_id, every) == rows(bank, bank.published, every)
    every = "select * from gold.churn_insights order by customer_id, rank"
    assert rows(bank, again.build_id, every) == rows(bank, bank.published, every)


def test_every_buyer_has_an_expected_margin_that_is_the_spend_times_its_rate(scored_bank: ScoredBank) -> None:
    """margin_pct is 20; who never bought has none. Of who has almost surely left, 97.5 % of futures hold nothing."""
    figures = """
        select
            count(*) filter ((expected_spend_next_12_months is null) <> (approved = 0)),
            max(abs(expected_margin_next_12_months - 0.2 * expected_spend_next_12_months)),
            count(*) filter (expected_spend_next_12_months_low > least(
                expected_spend_next_12_months, expected_spend_next_12_months_high)),
            min(probability_alive), max(probability_alive)
        from gold.customer_360_profile
        left join (
            select customer_id, count(*) as approved from gold.fct_transactions
            where status = 'approved' and transaction_type = 'purchase' group by customer_id
        ) using (customer_id)
    """
    [(wrongly_empty, furthest, outside, least, most)] = rows(scored_bank, scored_bank.published, figures)
    assert (wrongly_empty, outside) == (0, 0)
    assert furthest <= Decimal("0.0001")
    assert 0 <= least <= most <= 1
    assert rows(scored_bank, scored_bank.unscored, "select count(*) from gold.customer_value") == [(0,)]
