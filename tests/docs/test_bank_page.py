"""docs/bank.md shows what the generated bank measures, and no figure that breaks a promise."""

from __future__ import annotations

import importlib.util
import sys
from math import inf
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _load_measure_bank() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure_bank", ROOT / "scripts" / "measure_bank.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["measure_bank"] = module
    spec.loader.exec_module(module)
    return module


measure_bank = _load_measure_bank()


@pytest.mark.integration
def test_the_page_shows_what_the_bank_measures(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_bank.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.unit
def test_check_tells_that_the_page_is_stale_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure_bank, "PAGE", tmp_path / "bank.md")
    monkeypatch.setattr(measure_bank, "page", lambda: "new\n")
    assert measure_bank.main(["--check"]) == 1
    assert "bank.md is stale" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert measure_bank.main([]) == 0
    assert (tmp_path / "bank.md").read_text() == "new\n"
    assert measure_bank.main(["--check"]) == 0


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("70 % ± 5", (65, 75)),
        ("2 % ± 0.2", (1.8, 2.2)),
        ("$1,500–3,000", (1_500, 3_000)),
        ("at least $5,000", (5_000, inf)),
        ("at most 0.7 ×", (-inf, 0.7)),
        ("about $157", (-inf, inf)),
        ("0", (0, 0)),
    ],
)
def test_what_is_promised_is_read_as_bounds(text: str, bounds: tuple[float, float]) -> None:
    assert measure_bank.read_range(text) == bounds


@pytest.mark.unit
def test_every_promise_has_a_query_of_its_own_or_shares_the_next() -> None:
    heads = [line for line in measure_bank.PROMISES.splitlines() if line and not line.startswith(("#", " "))]
    promises = list(measure_bank.read_promises(measure_bank.PROMISES))
    assert [f"{each.what} | {each.promised} | {each.row}" for each in promises] == heads
    assert len({(each.part, each.what) for each in promises}) == len(promises)


@pytest.mark.unit
def test_a_figure_outside_its_range_is_named() -> None:
    promise = measure_bank.Promise("Spend", "Budget: share", "20–25 %", "S3.72", "select 0.19")
    kept, low = measure_bank.Figure(promise, (20.0,)), measure_bank.Figure(promise, (20.0, 25.1))
    assert measure_bank.broken([kept, low]) == ["Budget: share: promised is 20–25 %, measured 20.0–25.1 %."]
