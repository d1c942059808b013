"""The bank from the command line: the scales, formats and refusals its users meet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.cli import app

pytestmark = pytest.mark.integration
SMALL = ("--customers", "120", "--transactions", "3000", "--months", "2")


def generate(out: Path, *arguments: str) -> tuple[int, str, str]:
    """Run ``customer360 generate`` in this process; returns exit code, standard output and standard error."""
    result = CliRunner().invoke(app, ["generate", "--out", str(out), *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.contract("S3.105")
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_the_same_seed_gives_the_same_files_and_another_gives_others(tmp_path: Path, file_format: str) -> None:
    asked = (*SMALL, "--format", file_format)
    for name, seed in (("first", "7"), ("again", "7"), ("other", "8")):
        assert generate(tmp_path / name, *asked, "--seed", seed)[0] == 0
    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "again")
    assert first[f"customers.{file_format}"] != contents(tmp_path / "other")[f"customers.{file_format}"]


@pytest.mark.contract("S3.105")
def test_as_many_customers_come_as_were_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    code, said, _ = generate(out, *SMALL, "--format", "csv")
    assert code == 0
    assert "Wrote 7 files" in said
    assert f"customer360 load bank --from {out}" in said.replace("\n", "")
    customers = (out / "customers.csv").read_text(encoding="utf-8").splitlines()
    assert len(customers) == 121
    assert customers[-1].startswith("CUST00000120,")


def test_json_names_the_files_and_their_rows(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    answer: dict[str, Any] = json.loads(generate(out, *SMALL, "--format", "csv", "--json")[1])
    assert answer["folder"] == str(out)
    assert sorted(answer["files"]) == sorted(str(path) for path in out.iterdir())
    assert answer["rows"]["customers.csv"] == 120
    assert answer["rows"].keys() == contents(out).keys()


def test_parquet_is_what_comes_unasked(tmp_path: Path) -> None:
    assert generate(tmp_path / "bank", *SMALL)[0] == 0
    assert {path.suffix for path in (tmp_path / "bank").iterdir()} == {".parquet"}


def test_an_unknown_format_is_answered_with_what_was_meant(tmp_path: Path) -> None:
    code, _, err = generate(tmp_path / "bank", *SMALL, "--format", "cvs")
    assert code == 2
    assert "Did you mean 'csv'" in err


def test_the_other_format_does_not_go_into_the_same_folder(tmp_path: Path) -> None:
    generate(tmp_path, *SMALL)
    code, _, err = generate(tmp_path, *SMALL, "--format", "csv")
    assert code == 4
    assert "empty folder" in err


@pytest.mark.contract("S3.105")
def test_a_scale_that_does_not_fit_the_disk_is_refused_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 10**8))
    out = tmp_path / "bank"
    code, _, err = generate(out, "--scale", "full", "--format", "csv")
    assert code == 6
    assert "needs about 7.7 GB as csv files" in " ".join(err.split())
    assert "0.5 GB free" in " ".join(err.split())
    assert "--format parquet" in err
    answer = json.loads(generate(out, "--scale", "full", "--json")[1])
    assert answer["code"] == "disk_full"
    assert not out.exists()
