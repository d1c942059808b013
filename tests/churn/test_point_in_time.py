"""Features of a real build do not change when what came later does; where one does, it is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer360.churn.features import FEATURES
from customer360.churn.point_in_time import RUN_RESULTS, FeatureSql, Shuffle
from customer360.churn.training_data import label_days
from customer360.errors import Conflict
from customer360.warehouse import open_builds
from customer360.warehouse.builds import OpenBuild
from tests.conftest import EARLIER, ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.contract("X.9"), pytest.mark.xdist_group("scored_bank")]
HOLDOUT = date(2025, 9, 1)
SAME_DAY = """
update gold.ml_training_data as learnt set days_since_last_transaction = (
    select datediff('day', max(transaction_date), date '2025-10-31') from gold.fct_transactions as done
    where done.customer_id = learnt.customer_id
)
"""


@dataclass(frozen=True)
class Copy:
    """A copy of the build that a model learnt from, to plant leaks in."""

    bank: ScoredBank

    @property
    def folder(self) -> Path:
        return self.bank.folder(self.bank.unscored)

    def change(self, statement: str) -> None:
        """Change the build's tables."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as connection:
            connection.execute(statement)

    def change_sql(self, model: str, old: str, new: str) -> None:
        """Change the SQL that dbt ran."""
        path = self.folder / RUN_RESULTS
        results = json.loads(path.read_text())
        [node] = [node for node in results["results"] if node["unique_id"].endswith(f".{model}")]
        assert old in node["compiled_code"]
        node["compiled_code"] = node["compiled_code"].replace(old, new)
        path.write_text(json.dumps(results))

    def shuffle(self, cutoff: date = HOLDOUT) -> Shuffle:
        with opened(self.bank, self.bank.unscored) as build:
            return FeatureSql(build, self.folder).shuffle_after(cutoff)


@contextmanager
def opened(bank: ScoredBank, build_id: str) -> Iterator[OpenBuild]:
    with closing(open_builds(bank.workspace)) as builds, builds.pin(build_id) as build:
        yield build


@pytest.fixture
def copy(scored_bank: ScoredBank, tmp_path: Path) -> Copy:
    return Copy(scored_bank.copy(tmp_path / "home"))


@pytest.mark.contract("S3.80")
@pytest.mark.parametrize("cutoff", [HOLDOUT, date(2025, 7, 3)])
def test_nothing_that_came_later_is_in_a_feature(scored_bank: ScoredBank, cutoff: date) -> None:
    found = Copy(scored_bank).shuffle(cutoff)
    assert dict(found.changed) == {}
    assert found.changed_labels > 500
    assert found.passed


def test_recency_as_of_the_same_day_as_the_label_is_found(copy: Copy) -> None:
    copy.change(SAME_DAY)
    found = copy.shuffle()
    assert found.changed.keys() == {"days_since_last_transaction"}
    assert not found.passed


def test_an_attribute_made_of_each_customers_outcome_is_found(copy: Copy) -> None:
    copy.change("""
        update gold.ml_training_data as learnt set credit_limit = (
            select avg(churned::int) from gold.churn_labels as known where known.customer_id = learnt.customer_id
        )
    """)
    assert copy.shuffle().changed.keys() == {"credit_limit"}


def test_a_join_with_the_future_is_found(copy: Copy) -> None:
    copy.change("""
        update gold.ml_training_data as learnt set spend_month_1 = (
            select coalesce(sum(transaction_amount), 0) from gold.fct_transactions as done
            where done.customer_id = learnt.customer_id
            and done.transaction_date between learnt.cutoff_date + 1 and learnt.cutoff_date + 30
        )
    """)
    assert copy.shuffle().changed.keys() == {"spend_month_1"}


def test_sql_that_reads_a_month_ahead_is_found_with_all_that_is_made_of_it(copy: Copy) -> None:
    """The tables are as they were; what dbt ran would have looked ahead."""
    copy.change_sql(
        "int_churn_history", "months_back >= cutoffs.months_after", "months_back >= cutoffs.months_after - 1"
    )
    found = copy.shuffle()
    assert {"transaction_count", "lifetime_value", "days_since_last_transaction"} <= found.changed.keys()


def test_attributes_stated_after_the_cutoff_are_found(copy: Copy) -> None:
    copy.change("""
        update gold.ml_training_data as learnt set card_type = (
            select card_type from gold.dim_customer as now
            where now.customer_id = learnt.customer_id and now.is_current
        )
    """)
    assert copy.shuffle().changed.keys() == {"card_type"}


def test_rows_that_the_sql_would_not_give_are_found(copy: Copy) -> None:
    copy.change("update gold.ml_training_data set customer_id = 'nobody' where customer_id in "
                "(select min(customer_id) from gold.ml_training_data)")  # fmt: skip
    found = copy.shuffle()
    assert "missing_rows" in found.changed


def test_a_shuffling_that_changes_nothing_proves_nothing() -> None:
    assert not Shuffle(HOLDOUT, {}, 0).passed


def test_a_build_without_its_dbt_artifacts_is_refused_with_what_to_do(copy: Copy) -> None:
    (copy.folder / RUN_RESULTS).unlink()
    with pytest.raises(Conflict) as refused:
        copy.shuffle()
    assert (refused.value.code, "--anew" in refused.value.next_action) == ("artifacts_missing", True)


@pytest.mark.contract("S3.81")
def test_outcomes_after_a_day_are_those_of_the_labels(scored_bank: ScoredBank) -> None:
    """What became of customers after the holdout, asked as of that day, is what churn_labels says of it."""
    with opened(scored_bank, scored_bank.published) as build:
        days = label_days(build)
        became = FeatureSql(build, scored_bank.folder(scored_bank.published)).outcomes(HOLDOUT, days)
        labels = build.warehouse.query(
            f"select customer_id, eligibility, churned from gold.churn_labels where cutoff_date = '{HOLDOUT}'"
        )
    assert days == 60
    assert became.num_rows == labels.num_rows > 1000
    assert became.sort_by("customer_id").equals(labels.sort_by("customer_id"))


def test_outcomes_of_a_day_between_cutoffs_are_known_too(scored_bank: ScoredBank) -> None:
    with opened(scored_bank, scored_bank.published) as build:
        became = FeatureSql(build, scored_bank.folder(scored_bank.published)).outcomes(EARLIER, 60).to_pylist()
    eligible = [row["churned"] for row in became if row["eligibility"] == "Eligible"]
    assert 0.01 < sum(eligible) / len(eligible) < 0.15


def test_the_shuffle_covers_every_feature(scored_bank: ScoredBank) -> None:
    with opened(scored_bank, scored_bank.published) as build:
        [names] = (
            build.warehouse.query(
                "select list(column_name) from information_schema.columns where table_name = 'ml_training_data'"
            )
            .column(0)
            .to_pylist()
        )
    keys = {"customer_id", "cutoff_date", "split", "customer_segment", "churned"}
    assert set(names) - keys == {feature.name for feature in FEATURES}
