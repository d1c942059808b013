"""Training and promotion over a published build: what is better is promoted, what is not stays where it is."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb
import pytest

from customer360.build.models import measure_drift, run_promotion, run_training
from customer360.churn import Registry, read_customers_to_score, render_card, score_customers
from customer360.errors import Conflict, InvalidInput, NotFound
from customer360.store import Store
from customer360.warehouse import open_builds
from tests.conftest import ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("scored_bank"), pytest.mark.usefixtures("quick")]


@pytest.fixture
def bank(scored_bank: ScoredBank, tmp_path: Path) -> ScoredBank:
    """A copy of the bank, to change it."""
    return scored_bank.copy(tmp_path / "bank")


def change(bank: ScoredBank, *statements: str) -> None:
    """Change the tables of the published build, as no build would."""
    with duckdb.connect(str(bank.folder(bank.published) / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.contract("S3.83")
@pytest.mark.contract("S3.84")
def test_a_model_is_judged_on_a_cutoff_later_than_all_it_learnt_from(scored_bank: ScoredBank) -> None:
    trained = scored_bank.trained
    assert (trained["status"], trained["promoted"]) == ("champion", True)
    assert trained["learnt_cutoffs"] == ["2025-05-04", "2025-07-03"]
    assert trained["cutoff_date"] == "2025-09-01"
    assert trained["gate"]["passed"]
    assert trained["gate"]["future_shuffled"]["changed_features"] == {}
    assert trained["gate"]["future_shuffled"]["changed_labels"] > 1000
    assert {"auc", "pr_auc", "f1", "precision", "recall", "brier"} <= trained["metrics"].keys()
    assert trained["metrics"]["auc"]["estimate"] > trained["baselines"]["one_column"]["auc"]["estimate"]


@pytest.mark.contract("S3.84")
def test_the_card_says_what_counted_as_leaving_where_the_model_learnt(scored_bank: ScoredBank) -> None:
    trained = scored_bank.trained
    assert trained["leaving"] == {"days": 60, "spend_pct": 30}
    assert Registry(scored_bank.workspace).get(scored_bank.version).leaving == trained["leaving"]
    assert "no transaction for 60 days, or less than 30 % of the usual spend" in render_card(trained)
    other = render_card(trained | {"leaving": {"days": 90, "spend_pct": 40}})
    assert "% of whom left within 90 days" in other
    assert "no transaction for 90 days, or less than 40 % of the usual spend" in other
    assert "60 days" not in other


@pytest.mark.contract("X.9")
def test_figures_are_those_of_an_honest_model(scored_bank: ScoredBank) -> None:
    """Nobody can tell all leavers: an F1 or an AUC of 1 would be a leak."""
    metrics = scored_bank.trained["metrics"]
    assert 0.6 < metrics["auc"]["interval"][0] < metrics["auc"]["interval"][1] < 0.99
    assert 0.2 < metrics["f1"]["estimate"] < 0.8


@pytest.mark.contract("S3.83")
@pytest.mark.contract("S3.88")
def test_the_same_model_again_is_within_noise_and_not_promoted(bank: ScoredBank) -> None:
    """And it is the same model: at a seed it gives the same probabilities to the last bit."""
    registry = Registry(bank.workspace)
    again = run_training(bank.workspace, seed=42)
    assert again is not None
    version = again.trained.record.version
    assert not again.promoted
    assert "within noise" in again.trained.comparison.reason
    assert again.as_dict()["status"] == "candidate"
    assert registry.champion().version == bank.version
    with closing(open_builds(bank.workspace)) as builds, builds.pin(bank.published) as build:
        customers = read_customers_to_score(build.warehouse)
    one, other = (score_customers(registry.load(kept), "v", customers) for kept in (bank.version, version))
    assert one[0].equals(other[0])
    assert one[1].equals(other[1])
    with pytest.raises(Conflict) as refused:
        run_promotion(bank.workspace, version)
    assert (refused.value.code, "--force" in refused.value.next_action) == ("not_better", True)
    assert run_promotion(bank.workspace, version, force=True).version == version
    assert registry.champion().before == (bank.version,)
    assert [run.kind for run in Store.beside(bank.workspace.store).list_runs(10)][::-1] == ["train", "promote"]


@pytest.mark.contract("S3.84")
@pytest.mark.contract("X.9")
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("alter table gold.ml_training_data add column churn_reason varchar", "churn_reason"),
        ("alter table gold.ml_training_data add column spend_next_60_days double", "spend_next_60_days"),
        ("alter table gold.ml_training_data add column account_id varchar", "account_id"),
        ("alter table gold.ml_training_data drop column age", "age"),
        ("delete from gold.ml_training_data where split = 'holdout' and churned", "held out, 0 left"),
        ("delete from gold.ml_training_data where split = 'train' and not churned", "to learn from, 0 stayed"),
        ("delete from gold.ml_training_data where split = 'train'", "only 2025-09-01"),
        ("delete from gold.ml_training_data where customer_id > 'CUST00000300'", "left; a model needs at least 30"),
        ("update gold.ml_training_data set cutoff_date = cutoff_date + 365", "not known yet"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_and_nothing_is_kept(
    bank: ScoredBank, statement: str, named: str
) -> None:
    change(bank, statement)
    before = sorted(Registry(bank.workspace).folder.rglob("*"))
    with pytest.raises(InvalidInput) as refused:
        run_training(bank.workspace, seed=42)
    assert named in refused.value.message
    assert refused.value.next_action
    assert refused.value.details
    assert sorted(Registry(bank.workspace).folder.rglob("*")) == before
    [run] = Store.beside(bank.workspace.store).list_runs(10)
    assert (run.kind, run.status) == ("train", "failed")


def test_a_build_of_a_version_without_models_is_refused_with_what_to_do(bank: ScoredBank) -> None:
    path = bank.folder(bank.published) / "build.json"
    record = json.loads(path.read_text())
    del record["tables"]["gold.ml_training_data"]
    path.write_text(json.dumps(record))
    for ask in (partial(run_training, bank.workspace, seed=42), partial(measure_drift, bank.workspace)):
        with pytest.raises(Conflict, match=r"has no gold\.ml_training_data") as refused:
            ask()
        assert (refused.value.code, "customer360 build" in refused.value.next_action) == ("build_outdated", True)


@pytest.mark.contract("S3.88")
@pytest.mark.contract("X.9")
def test_a_leaking_model_is_kept_as_refused_and_cannot_be_promoted(bank: ScoredBank) -> None:
    """It looks splendid: the spend of the month after the cutoff stands in for that of the month before."""
    change(
        bank,
        """
        update gold.ml_training_data as learnt set spend_month_1 = (
            select coalesce(sum(transaction_amount), 0) from gold.fct_transactions as done
            where done.customer_id = learnt.customer_id
            and done.transaction_date between learnt.cutoff_date + 1 and learnt.cutoff_date + 30
        )
        """,
    )
    training = run_training(bank.workspace, seed=42)
    assert training is not None
    assert not training.promoted
    record = training.trained.record
    assert record.metrics["auc"]["estimate"] > bank.trained["metrics"]["auc"]["estimate"] + 0.05
    assert any(reason.startswith("spend_month_1 changes when") for reason in record.refused_because)
    with pytest.raises(Conflict) as refused:
        run_promotion(bank.workspace, record.version, force=True)
    assert (refused.value.code, "spend_month_1" in refused.value.message) == ("model_refused", True)
    assert Registry(bank.workspace).champion().version == bank.version
    assert "Not to be published: spend_month_1" in training.card.read_text()


def test_a_version_that_is_not_there_cannot_be_promoted(scored_bank: ScoredBank) -> None:
    with pytest.raises(NotFound):
        run_promotion(scored_bank.workspace, "churn_nobody")


@pytest.mark.contract("S3.87")
def test_training_if_needed_trains_nothing_while_nothing_asks_for_it(
    scored_bank: ScoredBank,
) -> None:
    assert measure_drift(scored_bank.workspace).reasons == ()
    assert run_training(scored_bank.workspace, seed=42, if_needed=True) is None
    assert [record.version for record in Registry(scored_bank.workspace).list()] == [scored_bank.version]
