"""The commands for customer value, as somebody at a terminal and a program meet them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from customer360.cli import app
from tests.value.conftest import PAPER_MODEL, cdnow_csv, draw_histories, write_csv

__all__ = ["cdnow_csv"]
pytestmark = pytest.mark.integration

COLUMNS = ["--customer", "customer", "--date", "day", "--amount", "amount"]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["value", *arguments], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def read(*arguments: str) -> dict[str, Any]:
    code, out, _ = run(*arguments, "--json")
    answer: dict[str, Any] = json.loads(out)
    assert (code == 0) is answer.get("ok", True)
    return answer


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Purchases of drawn customers over a year, spread over the days of their membership."""
    drawn = draw_histories(PAPER_MODEL, 1500, weeks=1, seed=9)
    generator, last = np.random.default_rng(9), np.datetime64("2024-12-31")
    lines = []
    for number, (repeats, recency, age) in enumerate(zip(*drawn[:3], strict=True)):
        first, mean = last - int(age * 7), generator.uniform(10, 50)
        days = [first] + [first + max(1, int(recency * 7 * share)) for share in np.linspace(1, 0.3, int(repeats))]
        lines += [f"C{number},{day},{generator.gamma(4, mean / 4):.2f}" for day in days]
    return write_csv(tmp_path_factory.mktemp("shop") / "shop.csv", lines)


def test_a_bare_file_is_evaluated_with_the_figures_of_the_papers(cdnow_csv: Path) -> None:
    window = ["--calibration-end", "1997-09-30", "--holdout-days", "273"]
    answer = read("evaluate", "--transactions", str(cdnow_csv), *COLUMNS, *window)
    estimates = {name: found["estimate"] for name, found in answer["parameters"].items()}
    assert {name: round(value, 3) for name, value in estimates.items() if name in ("r", "alpha", "a", "b")} == {
        "r": 0.243,
        "alpha": 4.414,
        "a": 0.793,
        "b": 2.426,
    }
    assert [round(estimates[name], 2) for name in ("p", "q", "gamma")] == [6.25, 3.74, 15.44]
    assert round(answer["log_likelihood"], 1) == -9582.4
    for found in answer["parameters"].values():
        assert found["interval"][0] < found["estimate"] < found["interval"][1]
    holdout = answer["holdout"]
    assert (holdout["days"], holdout["actual"], len(holdout["deciles"])) == (273, 1882, 10)
    assert holdout["correlation"] == pytest.approx(0.626, abs=5e-4)
    assert holdout["bias"] == pytest.approx(-0.121, abs=5e-4)
    assert (answer["customers"], answer["repeat_customers"], answer["warnings"]) == (2357, 946, [])


def test_a_person_reads_parameters_and_the_holdout(cdnow_csv: Path) -> None:
    window = ["--calibration-end", "1997-09-30", "--holdout-days", "273"]
    code, out, _ = run("evaluate", "--transactions", str(cdnow_csv), *COLUMNS, *window)
    assert code == 0
    for said in ("2,357 customers, 946 of whom came back", "0.2426", "Log-likelihood -9,582.4", "-12.1%"):
        assert said in out


def test_the_customers_worth_most_come_first(shop: Path) -> None:
    answer = read("predict", "--horizon-weeks", "10", "--limit", "3", "--transactions", str(shop), *COLUMNS)
    rows = answer["predictions"]
    assert (answer["returned"], answer["available"], answer["horizon_weeks"]) == (3, 1500, 10)
    assert [row["spend"]["expected"] for row in rows] == sorted((r["spend"]["expected"] for r in rows), reverse=True)
    for row in rows:
        assert row["spend"]["expected"] == pytest.approx(row["purchases"]["expected"] * row["mean_value"])
        assert row["purchases"]["interval"][0] <= row["purchases"]["expected"] <= row["purchases"]["interval"][1]
        assert 0 < row["probability_alive"] <= 1


def test_a_customer_asked_for_is_shown_with_the_same_figures(shop: Path) -> None:
    source = ["--transactions", str(shop), *COLUMNS]
    [best] = read("predict", "--limit", "1", *source)["predictions"]
    assert read("predict", best["customer_id"], *source)["predictions"] == [best]
    assert read("predict", "nobody", *source)["code"] == "customer_not_found"


def test_the_published_build_is_fitted_where_no_file_is_named(
    cdnow_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER360_HOME", str(cdnow_home))
    answer = read("fit", "--calibration-end", "1997-09-30")
    assert (answer["customers"], answer["currency"], answer["source"]) == (23570, "USD", f"build {answer['build_id']}")
    assert round(answer["parameters"]["r"]["estimate"], 2) == 0.25
    code, out, _ = run("predict", "--limit", "2")
    assert (code, "2 of 23,570 customers" in out, "USD" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "--customer", "customer"], "name columns of a file, and there is none"),
        (["fit", "--transactions", "x.csv", "--date", "day"], "needs --customer and --amount"),
        (["fit", "--transactions", "nowhere.csv", *COLUMNS], "There is no file nowhere.csv"),
        (["fit"], "no workspace"),
    ],
)
def test_a_source_that_is_not_there_is_refused(arguments: list[str], said: str) -> None:
    answer = read(*arguments)
    assert said.lower() in answer["error"].lower() or answer["code"] == "nothing_published"
    assert answer["next"]


def test_customers_who_bought_once_are_refused_with_a_sentence(tmp_path: Path) -> None:
    once = write_csv(tmp_path / "once.csv", [f"C{n},2024-01-{n % 28 + 1:02},5" for n in range(300)])
    answer = read("fit", "--transactions", str(once), *COLUMNS)
    assert (answer["status"], answer["code"]) == (422, "not_identified")
    assert answer["error"].startswith("Only 0 of 300 customers bought on a second day")


def test_amounts_that_are_all_nil_are_refused_with_a_sentence(shop: Path, tmp_path: Path) -> None:
    lines = [line.rsplit(",", 1)[0] + ",0" for line in shop.read_text(encoding="utf-8").splitlines()[1:]]
    answer = read("fit", "--transactions", str(write_csv(tmp_path / "free.csv", lines)), *COLUMNS)
    assert (answer["code"], answer["errors"][0]["field"]) == ("not_identified", "amount")


def test_a_company_that_nobody_leaves_is_warned_of(tmp_path: Path) -> None:
    generator, first, lines = np.random.default_rng(3), np.datetime64("2024-01-01"), []
    for number in range(400):
        days = set((generator.random(generator.poisson(generator.gamma(2, 3))) * 300).astype(int))
        mean = generator.uniform(5, 50)
        lines += [f"C{number},{first + int(day)},{generator.gamma(4, mean / 4):.2f}" for day in {0} | days]
    answer = read("fit", "--transactions", str(write_csv(tmp_path / "loyal.csv", lines)), *COLUMNS)
    assert answer["parameters"]["a"] == {"estimate": 0.0, "interval": None}
    assert answer["parameters"]["b"] == {"estimate": None, "interval": None}
    assert "nobody leaving" in answer["warnings"][0]
