"""The files of infra/snowflake/ml: what sqlglot can parse, what a model is given, and on DuckDB what needs no model.

No account ever ran them and no emulator can. Where a statement asks the model for a probability, these tests put a
column of that probability in its place; training itself, the model's own reports and grants are only read as text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import sqlglot
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sqlglot import exp

from customer360.churn.checks import TOO_GOOD
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, project_files
from customer360.warehouse.deployment import values_of
from customer360.warehouse.migrations import HEADER, VARIABLE, VARIABLES, Statement, read_migrations, render, split

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.78"), pytest.mark.contract("X.11")]

FOLDER = project_files("infra/snowflake") / "ml"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
VALUES = values_of(SnowflakeSettings.model_construct(), SnowflakeSetupSettings.model_construct())
PROCEDURES = "06_procedures"
SCRIPTING = {"DECLARE", "BEGIN", "END", "IF", "RAISE", "RETURN", "LET"}
"""Words that begin a statement of Snowflake Scripting, which is no SQL."""

REPORTS = "TRAINING_LOGS|(GLOBAL_)?EVALUATION_METRICS|THRESHOLD_METRICS|CONFUSION_MATRIX|FEATURE_IMPORTANCE"
AS_COMMANDS = (
    r"create or replace snowflake\.ml\.classification ML\.CHURN_MODEL\( .*",
    r"grant snowflake\.ml\.classification role ML\.CHURN_MODEL!mladmin to role [A-Z_]+",
    rf"call ML\.CHURN_MODEL!SHOW_({REPORTS})\(\)",
    r"call ML\.REFRESH_CHURN_PREDICTIONS\(\) into :refreshed",
    r"create task if not exists ML\.\w+ .*",
)
"""What sqlglot takes as a whole: training, the model's role, what it says of itself, calls and tasks."""

BARRED = {"churn_reason", "decline_type", "seed_segment", "split", "cutoff_date", "customer_id", "eligibility"}
GIVEN = {"age": "INTEGER", "state": "VARCHAR", "card_type": "VARCHAR", "credit_limit": "DOUBLE", "risk": "DOUBLE"}
"""Features of the tables below; the stand-in for the model answers with ``risk``."""

MEDIUM, HIGH = 40, 70
MEDIUM_SHARE, HIGH_SHARE = 0.75, 0.925
"""The contract's bands (S3.77) and the shares of the training population below them (X.35)."""


def _statements(name: str) -> list[Statement]:
    return split(render(FILES[name], VALUES, where=name))


def _inner(procedure: str) -> list[Statement]:
    """Return the SQL statements in the body of a procedure."""
    [text] = [s.text for s in _statements(PROCEDURES) if f"procedure ML.{procedure}(" in s.text]
    declared, _, body = text.split("$$")[1].partition("\nbegin\n")
    assert declared.strip().startswith("declare")
    return [s for s in split(body) if s.words[0] not in SCRIPTING and s.words[1] != ":="]


def _every() -> Iterator[Any]:
    for name in FILES:
        for statement in _statements(name):
            yield pytest.param(statement, id=f"{name}:{statement.line}")
    for procedure in ("REFRESH_CHURN_PREDICTIONS", "RETRAIN_CHURN_MODEL"):
        for number, statement in enumerate(_inner(procedure)):
            yield pytest.param(statement, id=f"{procedure}:{number}")


def _plain(sql: str) -> str:
    """Return a statement without comments, layout and semicolon."""
    return " ".join(re.sub(r"--.*", "", sql).split()).rstrip("; ")


def _making(file: str, name: str) -> str:
    """Return the statement of a file that makes a table or view."""
    [found] = [s.text for s in _statements(file) if re.search(rf"^create .* ML\.{name}\b", s.text, re.MULTILINE)]
    return found


# Heads


def test_the_files_are_those_of_the_contract_in_order() -> None:
    assert list(FILES) == [
        "01_create_churn_labels",
        "02_create_training_features",
        "03_train_churn_model",
        "04_validate_model_performance",
        "05_apply_predictions",
        PROCEDURES,
    ]


@pytest.mark.parametrize("name", FILES)
def test_each_file_says_that_nobody_ran_it_and_where_its_syntax_is_from(name: str) -> None:
    head = FILES[name].partition("\nuse database &{database};\n")[0]
    found = HEADER.match(FILES[name])
    assert found
    assert found["emulator"] == "parsed only"
    assert found["role"] == "SYSADMIN"
    assert "Never executed: no account was ever used." in head
    assert re.search(r"^-- https://docs\.snowflake\.com/en/\S+$", head, re.MULTILINE)
    assert all(line.startswith("-- ") for line in head.splitlines())
    assert set(VARIABLE.findall(FILES[name])) <= VARIABLES.keys()


def test_no_deployment_runs_them() -> None:
    assert not any("ML." in migration.text for migration in read_migrations())


# Syntax


@pytest.mark.parametrize("statement", list(_every()))
def test_every_statement_parses(statement: Statement, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, "sqlglot"):
        tree = sqlglot.parse_one(statement.text.rstrip().rstrip(";"), dialect="snowflake")
    if isinstance(tree, exp.Command):
        assert any(re.fullmatch(form, _plain(statement.text)) for form in AS_COMMANDS), statement.text


@pytest.mark.parametrize("name", FILES)
def test_every_statement_may_run_twice(name: str) -> None:
    again = (
        r"create or replace (table|view|procedure|snowflake\.ml\.classification) |create (schema|task) if not exists |"
        r"grant |use database |select |call ML\.CHURN_MODEL!SHOW_"
    )
    for statement in _statements(name):
        assert re.match(again, _plain(statement.text)), statement.text


@pytest.mark.parametrize("name", FILES)
def test_what_is_replaced_keeps_its_grants(name: str) -> None:
    assert len(re.findall(r"or replace (?:view|table) ML\.\w+ copy grants\b", FILES[name])) == len(
        re.findall(r"or replace (?:view|table) ", FILES[name])
    )


def test_people_may_read_and_ask_the_model_and_nothing_else() -> None:
    granted = {" ".join(g.split()) for g in re.findall(r"^ *(grant [^;]+)", "\n".join(FILES.values()), re.MULTILINE)}
    assert {g.rpartition(" to ")[2] for g in granted} == {"role &{role_scientist}"}
    for grant in granted:
        assert re.match(
            r"grant (usage on schema ML|select on (view|table) ML\.\w+|"
            r"snowflake\.ml\.classification role ML\.CHURN_MODEL!mladmin) to",
            grant,
        )


# What the model is given


def test_the_model_is_trained_on_the_training_view_for_the_label() -> None:
    [training] = [s.text for s in _statements("03_train_churn_model") if "snowflake.ml.classification ML" in s.text]
    assert _plain(training) == (
        "create or replace snowflake.ml.classification ML.CHURN_MODEL( "
        "INPUT_DATA => system$reference('VIEW', 'ML.TRAINING_DATA'), "
        "TARGET_COLNAME => 'CHURNED', "
        "CONFIG_OBJECT => {'evaluate': true, 'on_error': 'ABORT'} ) "
        "comment = 'Who leaves in the months after a cutoff, from what was known at it'"
    )


def _predictions() -> Iterator[tuple[str, str, set[str]]]:
    """Yield, of each question to the model: the table it makes, the view it reads and the columns it leaves out."""
    for name in ("03_train_churn_model", "04_validate_model_performance", "05_apply_predictions"):
        for statement in _statements(name):
            if "!PREDICT" in statement.text:
                tree = sqlglot.parse_one(statement.text, dialect="snowflake")
                asked = tree.find(exp.ModelAttribute)
                assert asked
                select = asked.find_ancestor(exp.Select)
                assert select
                assert asked.this.sql() == "ML.CHURN_MODEL"
                [argument] = asked.expression.expressions
                assert argument.this.name == "INPUT_DATA"
                [star] = argument.expression.expressions
                left_out = {column.name for column in star.args["except_"]}
                yield tree.this.sql(), select.args["from_"].this.sql(), left_out


def test_the_model_is_asked_with_features_alone(gold: duckdb.DuckDBPyConnection) -> None:
    asked = {made: (view, left_out) for made, view, left_out in _predictions()}
    assert asked.keys() == {"ML.TRAINING_PREDICTIONS", "ML.HOLDOUT_PREDICTIONS", "ML.CUSTOMER_PROBABILITIES"}
    _make_views(gold)
    for view, left_out in asked.values():
        columns = {row[0] for row in gold.execute(f"describe {view}").fetchall()}
        assert left_out <= columns
        assert columns - left_out == set(GIVEN), view
        assert not (columns - left_out) & BARRED


def test_the_training_view_has_features_and_label_of_eligible_rows_to_learn_from(
    gold: duckdb.DuckDBPyConnection,
) -> None:
    _make_views(gold)
    columns = [row[0] for row in gold.execute("describe ML.TRAINING_DATA").fetchall()]
    assert columns == [*GIVEN, "churned"]
    assert gold.execute("select count(*) from ML.TRAINING_DATA").fetchone() == (80,)
    assert gold.execute("select count(*), count(distinct cutoff_date) from ML.HOLDOUT_DATA").fetchone() == (40, 1)
    assert gold.execute("select count(*) from ML.CUSTOMERS_TO_SCORE").fetchone() == (40,)
    assert gold.execute("select count(*), count(distinct eligibility) from ML.CHURN_LABELS").fetchone() == (120, 1)


def test_a_barred_column_in_the_training_view_is_named(gold: duckdb.DuckDBPyConnection) -> None:
    _make_views(gold)
    unfit = "select lower(column_name) from ML.UNFIT_COLUMNS where reason = 'barred' order by 1"
    assert gold.execute(unfit).fetchall() == []
    named = ", ".join(f"1 as {name}" for name in sorted(BARRED))
    gold.execute(f"create or replace view ML.TRAINING_DATA as select {named}, true as churned")
    assert {row[0] for row in gold.execute(unfit).fetchall()} == BARRED


def test_a_type_that_the_function_refuses_is_named(gold: duckdb.DuckDBPyConnection) -> None:
    _make_views(gold)
    gold.execute("create or replace view ML.TRAINING_DATA as select date '2026-01-01' as opened, true as churned")
    assert gold.execute("select column_name, reason from ML.UNFIT_COLUMNS").fetchall() == [
        ("opened", "of a type that the function refuses: DATE")
    ]


# On DuckDB


def _on_duckdb(sql: str) -> str:
    """Translate a statement; where it asks the model, a column stands in for the answer."""
    tree = sqlglot.parse_one(sql.rstrip().rstrip(";"), dialect="snowflake")
    for asked in list(tree.find_all(exp.ModelAttribute)):
        asked.replace(
            sqlglot.parse_one(
                "{'class': 'True', 'logs': null, 'probability': {'False': 1 - risk, 'True': risk}}", dialect="snowflake"
            )
        )
    for found in list(tree.find_all(exp.GetIgnoreCase)):
        key = exp.Literal.string(found.expression.name.capitalize())
        found.replace(exp.Bracket(this=found.this.copy(), expressions=[key]))
    for ignored in list(tree.find_all(exp.CopyGrantsProperty, exp.SchemaCommentProperty)):
        ignored.pop()
    return tree.sql("duckdb")


def _make(connection: duckdb.DuckDBPyConnection, file: str, *names: str) -> None:
    for name in names:
        connection.execute(_on_duckdb(_making(file, name)))


def _make_views(connection: duckdb.DuckDBPyConnection) -> None:
    _make(connection, "01_create_churn_labels", "CHURN_LABELS")
    names = ("TRAINING_DATA", "HOLDOUT_DATA", "CUSTOMERS_TO_SCORE", "UNFIT_COLUMNS")
    _make(connection, "02_create_training_features", *names)


@pytest.fixture
def ml() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema ML; create schema GOLD")
        yield connection


@pytest.fixture
def gold(ml: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """50 customers at three past cutoffs and at the date of the build; ten of them were never eligible."""
    features = "cast(18 + n as integer) as age, 'CA' as state, 'Standard' as card_type, 1000.0 * n as credit_limit"
    ml.execute(f"""
        create table GOLD.CHURN_FEATURES as
        select
            'C' || n as customer_id,
            date '2026-06-30' - cast(60 * k as integer) as cutoff_date,
            case when n % 5 = 0 then 'Fewer than 5 transactions' else 'Eligible' end as eligibility,
            {features},
            cast((n * 37 + k) % 101 as double) / 101 as risk
        from range(50) as customers(n), range(4) as cutoffs(k);
        create table GOLD.CHURN_LABELS as
        select customer_id, cutoff_date, eligibility, risk > 0.8 as churned, 'No transaction' as churn_reason,
            10.0 as baseline_spend, 0.0 as recent_spend, 61 as days_inactive
        from GOLD.CHURN_FEATURES where cutoff_date < date '2026-06-30';
        create table GOLD.ML_TRAINING_DATA as
        select features.* exclude (eligibility), labels.churned,
            case when features.cutoff_date = date '2026-05-01' then 'holdout' else 'train' end as split
        from GOLD.CHURN_FEATURES as features
        join GOLD.CHURN_LABELS as labels using (customer_id, cutoff_date)
    """)
    return ml


def test_from_the_tables_of_a_build_to_the_scores_of_all_its_customers(gold: duckdb.DuckDBPyConnection) -> None:
    _make_views(gold)
    _make(gold, "03_train_churn_model", "TRAINING_PREDICTIONS", "CHURN_SCORE_SCALE")
    _make(gold, "04_validate_model_performance", "HOLDOUT_PREDICTIONS", "HOLDOUT_METRICS")
    _make(gold, "05_apply_predictions", "CUSTOMER_PROBABILITIES", "CHURN_PREDICTIONS")
    rows = gold.execute(
        "select customer_id, as_of_date::varchar, churn_probability, churn_risk_score, churn_risk_category, "
        "not_scored_reason, model_version is null from ML.CHURN_PREDICTIONS"
    ).fetchall()
    assert len({row[0] for row in rows}) == len(rows) == 50
    assert {row[1] for row in rows} == {"2026-06-30"}
    not_scored = [row for row in rows if row[4] == "Not Scored"]
    assert {row[2:] for row in not_scored} == {(None, None, "Not Scored", "Fewer than 5 transactions", True)}
    assert len(not_scored) == 10
    scored = [row for row in rows if row[4] != "Not Scored"]
    assert all(0 <= row[3] <= 100 and row[5:] == (None, False) for row in scored)
    assert {row[4] for row in scored} == {"Low Risk", "Medium Risk", "High Risk"}


def test_an_eligible_customer_without_a_probability_is_not_scored(gold: duckdb.DuckDBPyConnection) -> None:
    _make_views(gold)
    _make(gold, "03_train_churn_model", "TRAINING_PREDICTIONS", "CHURN_SCORE_SCALE")
    gold.execute("create table ML.CUSTOMER_PROBABILITIES (customer_id varchar, churn_probability double)")
    _make(gold, "05_apply_predictions", "CHURN_PREDICTIONS")
    assert gold.execute(
        "select churn_risk_category, not_scored_reason, count(*) from ML.CHURN_PREDICTIONS group by all order by 3"
    ).fetchall() == [
        ("Not Scored", "Fewer than 5 transactions", 10),
        ("Not Scored", "The model gave no probability", 40),
    ]


# Figures


def _measure(
    ml: duckdb.DuckDBPyConnection, train: tuple[Any, Any], holdout: tuple[Any, Any]
) -> dict[str, float | bool | str | None]:
    for name, (left, probability) in (("TRAINING_PREDICTIONS", train), ("HOLDOUT_PREDICTIONS", holdout)):
        ml.execute(f"create or replace table ML.{name} (churned boolean, churn_probability double)")
        ml.executemany(
            f"insert into ML.{name} values (?, ?)",
            [[bool(a), None if b is None else float(b)] for a, b in zip(left, probability, strict=True)],
        )
    _make(ml, "04_validate_model_performance", "HOLDOUT_METRICS")
    found = ml.execute("select * from ML.HOLDOUT_METRICS")
    names = [column[0] for column in found.description]
    [row] = found.fetchall()
    return dict(zip(names, row, strict=True))


def _draw(seed: int, rows: int, digits: int) -> tuple[Any, Any]:
    """Return who left and a probability that tells a part of it; few digits make many ties."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 6, rows), digits)
    return rng.random(rows) < probability * 0.8 + 0.01, probability


@pytest.mark.contract("S3.84")
@pytest.mark.parametrize(("seed", "digits"), [(1, 9), (2, 2), (3, 1)])
def test_the_figures_are_those_of_scikit_learn(ml: duckdb.DuckDBPyConnection, seed: int, digits: int) -> None:
    train, (left, probability) = _draw(seed, 600, digits), _draw(seed + 10, 400, digits)
    precision, recall, thresholds = precision_recall_curve(*train)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-300)
    found = _measure(ml, train, (left, probability))
    threshold = found["threshold"]
    assert isinstance(threshold, float)
    assert f1[list(thresholds).index(threshold)] == pytest.approx(f1.max(), abs=1e-12)
    called = probability >= threshold
    expected = {
        "customers": 400,
        "leavers": left.sum(),
        "auc": roc_auc_score(left, probability),
        "f1_at_threshold": f1_score(left, called),
        "precision_at_threshold": precision_score(left, called),
        "recall_at_threshold": recall_score(left, called),
        "brier": brier_score_loss(left, probability),
        "mean_probability": probability.mean(),
        "churn_rate": left.mean(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert found["is_usable"] is True
    assert found["verdict"] == "No sign of a leak"


@pytest.mark.contract("S3.84")
def test_an_auc_above_the_limit_is_a_leak_until_shown_otherwise(ml: duckdb.DuckDBPyConnection) -> None:
    left = np.arange(200) >= 190
    found = _measure(ml, (left, left * 0.9), (left, left * 0.9))
    assert found["auc"] == found["f1_at_threshold"] == 1.0
    assert found["is_usable"] is False
    assert str(found["verdict"]).startswith("A leak until shown otherwise")


def test_the_limit_of_the_auc_is_that_of_churn_evaluate() -> None:
    assert re.findall(r"\b0\.9\d+\b", _plain(_making("04_validate_model_performance", "HOLDOUT_METRICS"))) == [
        f"{TOO_GOOD}"
    ]
    assert f"AUC above {TOO_GOOD} is a leak until shown otherwise" in FILES["04_validate_model_performance"]


@pytest.mark.parametrize(
    ("left", "probability"),
    [([False] * 4, [0.1, 0.2, 0.3, 0.4]), ([True] * 2, [0.1, 0.2]), ([True, False], [None] * 2)],
)
def test_without_an_auc_nothing_is_usable(
    ml: duckdb.DuckDBPyConnection, left: list[bool], probability: list[float | None]
) -> None:
    found = _measure(ml, _draw(1, 100, 3), (left, probability))
    assert found["auc"] is None
    assert found["is_usable"] is False
    assert str(found["verdict"]).startswith("No AUC")


# Scores


def test_the_bands_stand_in_one_place_and_are_those_of_the_contract(ml: duckdb.DuckDBPyConnection) -> None:
    population = np.random.default_rng(5).beta(1, 20, 4_000)
    ml.execute("create table ML.TRAINING_PREDICTIONS (churned boolean, churn_probability double)")
    ml.executemany("insert into ML.TRAINING_PREDICTIONS values (false, ?)", [[float(p)] for p in population])
    _make(ml, "03_train_churn_model", "CHURN_SCORE_SCALE")
    marks = ml.execute("select * exclude (model_version) from ML.CHURN_SCORE_SCALE").fetchone()
    shares = np.quantile(population, [MEDIUM_SHARE, HIGH_SHARE])
    assert marks == pytest.approx((MEDIUM, HIGH, *shares), rel=1e-12)
    elsewhere = [_plain(text) for name, text in FILES.items() if name not in ("03_train_churn_model", PROCEDURES)]
    assert not any(re.search(r"\b(40|70|0\.75|0\.925|75|92\.5)\b", text) for text in elsewhere)


def _score(
    ml: duckdb.DuckDBPyConnection, probabilities: list[float], *, medium: float = 0.04, high: float = 0.1
) -> list[tuple[float, str]]:
    """Return score and category of customers with these probabilities, at a scale with these marks."""
    ml.execute(f"""
        create or replace table ML.CHURN_SCORE_SCALE as
        select 'x' as model_version, {MEDIUM} as medium_from_score, {HIGH} as high_from_score,
            cast({medium!r} as double) as medium_from_probability, cast({high!r} as double) as high_from_probability;
        create or replace table ML.CUSTOMER_PROBABILITIES (customer_id integer, churn_probability double);
        create or replace table GOLD.CHURN_FEATURES (customer_id integer, cutoff_date date, eligibility varchar)
    """)
    ml.executemany("insert into ML.CUSTOMER_PROBABILITIES values (?, ?)", list(map(list, enumerate(probabilities))))
    ml.execute("""
        insert into GOLD.CHURN_FEATURES
        select customer_id, date '2026-06-30', 'Eligible' from ML.CUSTOMER_PROBABILITIES
    """)
    _make(ml, "05_apply_predictions", "CHURN_PREDICTIONS")
    return ml.execute(
        "select churn_risk_score, churn_risk_category from ML.CHURN_PREDICTIONS order by customer_id"
    ).fetchall()


def test_scores_run_from_0_to_100_and_rise_with_the_probability(ml: duckdb.DuckDBPyConnection) -> None:
    scored = _score(ml, sorted({*np.linspace(0, 1, 401).tolist(), 0.04, 0.1, 1e-9, 1 - 1e-9}))
    scores = [score for score, _ in scored]
    assert (scores[0], scores[-1]) == (0, 100)
    assert all(low < high for low, high in pairwise(scores))
    places = [["Low Risk", "Medium Risk", "High Risk"].index(category) for _, category in scored]
    assert places == sorted(places)


def test_the_bands_begin_at_40_and_at_70(ml: duckdb.DuckDBPyConnection) -> None:
    below, above = 0.04 * 39.5 / 40, 0.04 + 0.06 * 29.5 / 30
    scored = _score(ml, [below, 0.04, above, 0.1])
    assert [score for score, _ in scored] == pytest.approx([39.5, 40, 69.5, 70])
    assert [category for _, category in scored] == ["Low Risk", "Medium Risk", "Medium Risk", "High Risk"]
    assert (scored[1][0], scored[3][0]) == (40, 70)


@pytest.mark.parametrize(("medium", "high"), [(0.0, 0.0), (0.0, 0.1), (0.5, 0.5), (0.3, 1.0), (1.0, 1.0)])
def test_marks_that_fall_together_still_give_scores_in_order(
    ml: duckdb.DuckDBPyConnection, medium: float, high: float
) -> None:
    scores = [score for score, _ in _score(ml, [0.0, 0.1, 0.3, 0.5, 0.99, 1.0], medium=medium, high=high)]
    assert all(0 <= score <= 100 for score in scores)
    assert scores == sorted(scores)


# Procedures and tasks


def test_the_procedures_run_the_statements_of_the_files() -> None:
    files = {_plain(s.text) for name in FILES if name != PROCEDURES for s in _statements(name)}
    own = {
        "REFRESH_CHURN_PREDICTIONS": [],
        "RETRAIN_CHURN_MODEL": [
            "truncate table if exists ML.HOLDOUT_PREDICTIONS",
            "call ML.REFRESH_CHURN_PREDICTIONS() into :refreshed",
        ],
    }
    for procedure, expected in own.items():
        inner = [_plain(statement.text) for statement in _inner(procedure)]
        assert [text for text in inner if text not in files] == expected
    asking = [text for text in files if "!PREDICT" in text or "CHURN_MODEL(" in text or "SCORE_SCALE copy" in text]
    retraining = [_plain(s.text) for p in own for s in _inner(p)]
    assert all(text in retraining for text in asking)


def test_a_training_that_is_cut_off_leaves_nothing_usable() -> None:
    inner = [_plain(statement.text) for statement in _inner("RETRAIN_CHURN_MODEL")]
    order = [
        next(place for place, text in enumerate(inner) if text.startswith(start))
        for start in (
            "truncate table if exists ML.HOLDOUT_PREDICTIONS",
            "create or replace snowflake.ml.classification ML.CHURN_MODEL",
            "create or replace table ML.CHURN_SCORE_SCALE",
            "create or replace table ML.HOLDOUT_PREDICTIONS",
            "call ML.REFRESH_CHURN_PREDICTIONS()",
        )
    ]
    assert order == sorted(order)


def test_neither_procedure_goes_on_with_what_must_not_be() -> None:
    refresh, retrain = (
        _plain(s.text) for s in _statements(PROCEDURES) if s.words[:4] == ("CREATE", "OR", "REPLACE", "PROCEDURE")
    )
    stop = (
        "usable := (select count_if(is_usable) from ML.HOLDOUT_METRICS); if (usable = 0) then raise not_usable; end if;"
    )
    assert refresh.index(stop) < refresh.index("create or replace table")
    stop = "unfit := (select count(*) from ML.UNFIT_COLUMNS); if (unfit > 0) then raise unfit_columns; end if;"
    assert retrain.index(stop) < retrain.index("truncate") < retrain.index("snowflake.ml.classification ML")
    assert "execute as caller" in refresh
    assert "execute as caller" in retrain


def test_a_task_for_each_is_made_and_none_is_resumed() -> None:
    text = FILES[PROCEDURES]
    tasks = re.findall(
        r"create task if not exists ML\.(\w+)\n.*\n +schedule = 'using cron ([^']+)'\n.*\n +as\n +call ML\.(\w+)\(\);",
        text,
    )
    assert tasks == [
        ("RETRAIN_CHURN_MODEL_TASK", "0 4 1 * * UTC", "RETRAIN_CHURN_MODEL"),
        ("REFRESH_CHURN_PREDICTIONS_TASK", "0 6 * * * UTC", "REFRESH_CHURN_PREDICTIONS"),
    ]
    assert not re.search(r"\b(resume|execute task)\b", _plain(text))


# The page


def test_the_page_names_each_file_and_says_that_none_was_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "snowflake.md").read_text(encoding="utf-8")
    [section] = [part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith("Snowflake's own ML")]
    assert re.findall(r"^\| `(\w+)\.sql` \|", section, re.MULTILINE) == list(FILES)
    assert "None of it was ever run on Snowflake" in section
