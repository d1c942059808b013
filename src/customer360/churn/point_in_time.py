"""Holds the features to their promise: whatever happens after a cutoff, no feature of that cutoff changes.

A build keeps the SQL that dbt ran. Here it runs once more, as one query, with everything that happened after the cutoff
dealt out anew; a feature that comes out otherwise has looked ahead. The same query with another as-of date tells what
became of customers after any day, by the one definition of leaving that there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import sqlglot
from sqlglot import exp

from customer360.churn.features import FEATURES
from customer360.errors import Conflict
from customer360.warehouse import OpenBuild

RUN_RESULTS = Path("dbt") / "run_results.json"
FEATURE_MODEL, LABEL_MODEL, TRAINING_MODEL = "churn_features", "churn_labels", "ml_training_data"
MODELS = ("int_customer_months", "int_churn_cutoffs", "int_churn_history", FEATURE_MODEL, LABEL_MODEL)
"""The models between what happened and what a churn model reads, each after those it reads."""

SHUFFLES = {
    "fct_transactions": """
        select customer_id, merchant_category_key, transaction_date, transaction_amount, status, transaction_type
        from {relation}
        where transaction_date <= {cutoff}
        union all
        select
            coalesce(lead(customer_id) over ({dealt}), first_value(customer_id) over ({dealt})) as customer_id,
            merchant_category_key,
            transaction_date,
            2 * coalesce(lag(transaction_amount) over ({dealt}), 0) + 1 as transaction_amount,
            status,
            transaction_type
        from {relation}
        where transaction_date > {cutoff}
    """,
    "int_customer_history": """
        select {columns} from {relation}
        where effective_at < {next_day}
        union all
        select {shuffled_columns} from {relation}
        where effective_at >= {next_day}
    """,
    "fct_customer_products": """
        select customer_id, start_date, case when end_date <= {cutoff} then end_date end as end_date
        from {relation}
        where start_date <= {cutoff}
    """,
}
"""What takes the place of each relation that happens in time: what is later than the cutoff is dealt out anew."""
STATED = (
    "age", "country", "state", "employment_status", "customer_type", "card_type", "credit_limit", "account_open_date",
)  # fmt: skip
CHANGED = """
select
    {changes},
    sum(case when again.customer_id is null then 1 else 0 end) as missing_rows,
    (
        select count(*)
        from {labels} as kept
        inner join again_churn_labels as again
            on kept.customer_id = again.customer_id and kept.cutoff_date = again.cutoff_date
        where kept.cutoff_date = {cutoff} and kept.recent_spend <> again.recent_spend
    ) as changed_labels
from {learnt} as kept
left join again_churn_features as again
    on kept.customer_id = again.customer_id and kept.cutoff_date = again.cutoff_date
where kept.cutoff_date <= {cutoff}
"""
OUTCOMES = "select customer_id, eligibility, churned from again_churn_labels where cutoff_date = {cutoff}"


@dataclass(frozen=True)
class Shuffle:
    """What came of dealing out anew everything after ``cutoff``."""

    cutoff: date
    changed: Mapping[str, int]
    """Rows of each feature that changed; empty where the features keep their promise."""
    changed_labels: int
    """Customers whose later spend changed: none would mean that nothing was dealt."""

    @property
    def passed(self) -> bool:
        return not self.changed and self.changed_labels > 0


class FeatureSql:
    """The SQL of a build's features and labels, read from what dbt left of it."""

    def __init__(self, build: OpenBuild, folder: Path) -> None:
        self._build = build
        self._dialect = build.warehouse.dialect
        self._models = {name: sqlglot.parse_one(sql, read=self._dialect) for name, sql in _read(folder).items()}

    def shuffle_after(self, cutoff: date) -> Shuffle:
        """Deal out anew what happened after a cutoff, and return what changed of what a model learns from up to it."""
        changes = ", ".join(
            f"sum(case when kept.{feature.name} is distinct from again.{feature.name} then 1 else 0 end) "
            f"as {feature.name}"
            for feature in FEATURES
        )
        learnt, labels = (f"gold{self._build.schema_suffix}.{name}" for name in (TRAINING_MODEL, LABEL_MODEL))
        question = CHANGED.format(changes=changes, learnt=learnt, labels=labels, cutoff=_day(cutoff))
        [row] = self._ask(question, MODELS, shuffled=self._shuffled(cutoff)).to_pylist()
        found = {name.lower(): int(count or 0) for name, count in row.items()}
        changed_labels = found.pop("changed_labels")
        return Shuffle(cutoff, {name: count for name, count in found.items() if count}, changed_labels)

    def outcomes(self, cutoff: date, days: int) -> pa.Table:
        """Return customer_id, eligibility and churned of every customer, ``days`` after any day."""
        wanted = [name for name in MODELS if name != FEATURE_MODEL]
        as_of = cutoff + timedelta(days=days)
        return self._ask(OUTCOMES.format(cutoff=_day(cutoff)), wanted, as_of=as_of)

    def _ask(
        self,
        question: str,
        wanted: Sequence[str],
        *,
        shuffled: Mapping[str, exp.Expr] = MappingProxyType({}),
        as_of: date | None = None,
    ) -> pa.Table:
        """Ask a question of models that are made once more, each under the name ``again_<model>``."""
        models = {name: self._inline(self._models[name], shuffled, as_of) for name in wanted}
        query = sqlglot.parse_one(question, read=self._dialect).assert_is(exp.Select)
        for name, part in (dict(shuffled) | models).items():
            query = query.with_(_own(name), as_=part, dialect=self._dialect, copy=False)
        return self._build.warehouse.query(query.sql(dialect=self._dialect))

    def _shuffled(self, cutoff: date) -> dict[str, exp.Expr]:
        return {
            name: sqlglot.parse_one(_shuffle(name, self._relation(name), cutoff), read=self._dialect)
            for name in SHUFFLES
        }

    def _relation(self, name: str) -> str:
        found = next(
            table
            for model in self._models.values()
            for table in model.find_all(exp.Table)
            if table.name.lower() == name
        )
        return exp.table_(found.name, db=found.db).sql(dialect=self._dialect)

    def _inline(self, model: exp.Expr, tables: Mapping[str, exp.Expr], as_of: date | None) -> exp.Expr:
        """Return a model that reads what stands in the same query instead of the build's tables."""
        return model.transform(lambda node: self._replace(node, tables, as_of))

    def _replace(self, node: exp.Expr, tables: Mapping[str, exp.Expr], as_of: date | None) -> exp.Expr:
        if isinstance(node, exp.Table) and node.db:
            name = node.name.lower()
            own = name in MODELS or name in tables
            table = exp.table_(_own(name)) if own else exp.table_(node.name, db=node.db)
            table.set("alias", node.args.get("alias"))
            return table
        if as_of and isinstance(node, exp.Literal) and node.this == self._build.record.as_of_date:
            return exp.Literal.string(as_of.isoformat())
        return node


def _read(folder: Path) -> dict[str, str]:
    try:
        results = json.loads((folder / RUN_RESULTS).read_text(encoding="utf-8"))["results"]
    except OSError as error:
        raise Conflict(
            f"The build's dbt artifacts are not in {folder.name}.",
            code="artifacts_missing",
            next_action="Build again: customer360 build --anew.",
        ) from error
    compiled = {result["unique_id"].split(".")[-1]: result["compiled_code"] for result in results}
    return {name: compiled[name] for name in MODELS}


def _own(name: str) -> str:
    return f"again_{name}"


def _day(day: date) -> str:
    return f"cast('{day.isoformat()}' as date)"


def _shuffle(name: str, relation: str, cutoff: date) -> str:
    shuffled = [f"lag({column}) over (order by md5(customer_id), effective_at) as {column}" for column in STATED]
    return SHUFFLES[name].format(
        relation=relation,
        dealt="order by md5(transaction_id)",
        cutoff=_day(cutoff),
        next_day=_day(cutoff + timedelta(days=1)),
        columns=", ".join(("customer_id", "effective_at", *STATED)),
        shuffled_columns=", ".join(("customer_id", "effective_at", *shuffled)),
    )
