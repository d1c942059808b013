"""Change streams from end to end: a company is built, corrected and built again, and a reader keeps up with it."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from customer360.cli import app, changes
from tests.build.messy import ROWS, write_dataset, write_files

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("changes")]

TABLE = "gold.monthly_customer_spending"
CORRECTED = [line.replace("80.00", "90.00") for line in ROWS["transactions"] if not line.startswith("T2,")]
LATE = "T7,C3,O7,P1,gro,2024-06-29,2024-06-29 10:00:00,5.00,1,purchase,approved,EUR,pos"

# By hand: C1 bought for 50.50 in April, which was a mistake; C2 for 80.00 - 30.00 in June, which was 90.00 - 30.00;
# C3 for 5.00 in June, which came late. What C1 did in other months stays as it was.
EXPECTED = [
    ("DELETE", False, "C1", date(2024, 4, 1), Decimal("50.50"), 1, 0),
    ("DELETE", True, "C2", date(2024, 6, 1), Decimal("50.00"), 2, 0),
    ("INSERT", True, "C2", date(2024, 6, 1), Decimal("60.00"), 2, 0),
    ("INSERT", False, "C3", date(2024, 6, 1), Decimal("5.00"), 1, 0),
]


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def succeed(home: Path, *arguments: str) -> str:
    code, out, err = run(home, *arguments)
    assert code == 0, err
    return out


def look(home: Path, *arguments: str) -> dict[str, Any]:
    """Read the stream without consuming it."""
    report: dict[str, Any] = json.loads(succeed(home, "changes", "read", "spending", "--json", *arguments))
    return report


def refused(home: Path, *arguments: str) -> dict[str, Any]:
    code, out, _ = run(home, "changes", *arguments, "--json")
    error: dict[str, Any] = json.loads(out)
    assert code != 0
    return error


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose stream was created on its first build, and whose second build is published."""
    folder = tmp_path_factory.mktemp("company")
    home, dataset, files = folder / "home", write_dataset(folder / "dataset"), write_files(folder / "files")
    succeed(home, "refresh", str(dataset), "--from", str(files))
    succeed(home, "changes", "create", "spending", "--table", TABLE)
    assert look(home)["rows"] == []
    write_files(files, {"transactions": CORRECTED})
    write_files(files, {"transactions": [LATE]}, part="_late")
    succeed(home, "refresh", str(dataset), "--from", str(files), "--replace")
    return home


@pytest.fixture
def home(company: Path, tmp_path: Path) -> Path:
    """A copy of the company's workspace."""
    return Path(shutil.copytree(company, tmp_path / "company"))


@pytest.mark.contract("S2.19")
def test_a_reader_gets_what_changed_once_and_goes_on_from_there(home: Path, tmp_path: Path) -> None:
    first, second = sorted(path.parent.name for path in (home / "builds").glob("b*/build.json"))
    [listed] = json.loads(succeed(home, "changes", "list", "--json"))
    assert (listed["table"], listed["build_id"], listed["new_changes"]) == (TABLE, first, "possible")

    out = tmp_path / "out" / "changes.parquet"
    report = json.loads(succeed(home, "changes", "read", "spending", "--consume", "--out", str(out), "--json"))
    assert (report["inserted"], report["updated"], report["deleted"]) == (1, 1, 1)
    assert (report["since"], report["build_id"], report["consumed"]) == (first, second, True)
    table = pq.read_table(out)
    assert table.schema.names[:4] == ["_action", "_is_update", "customer_id", "month"]
    assert [tuple(row.values()) for row in table.to_pylist()] == EXPECTED

    [listed] = json.loads(succeed(home, "changes", "list", "--json"))
    assert (listed["build_id"], listed["new_changes"]) == (second, "none")
    again = look(home)
    assert (again["since"], again["rows"]) == (second, [])
    assert (again["inserted"], again["updated"], again["deleted"]) == (0, 0, 0)


def test_looking_changes_nothing_and_shows_what_happened(home: Path) -> None:
    for _ in range(2):
        out = succeed(home, "changes", "read", "spending")
        assert "1 inserted, 1 updated, 1 deleted" in out
        assert "spend 50.0000 → 60.0000" in " ".join(out.split())
        assert "3 of 3 changed rows" in out
    assert "2 of 3 changed rows" in succeed(home, "changes", "read", "spending", "--limit", "2")
    assert [row["_action"] for row in look(home, "--limit", "2")["rows"]] == ["DELETE", "DELETE", "INSERT"]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_text_files_hold_the_same_rows(home: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"changes.{ending}"
    succeed(home, "changes", "read", "spending", "--consume", "--out", str(out))
    text = out.read_text(encoding="utf-8").splitlines()
    rows: list[Any] = list(csv.DictReader(text)) if ending == "csv" else [json.loads(line) for line in text]
    values = [(row["_action"], row["customer_id"], row["month"], Decimal(str(row["spend"]))) for row in rows]
    assert values == [(action, who, str(month), spend) for action, _, who, month, spend, *_ in EXPECTED]
    assert [str(row["_is_update"]).lower() for row in rows] == ["false", "true", "true", "false"]


def test_from_the_start_every_row_is_an_insert(home: Path) -> None:
    succeed(home, "changes", "create", "all", "--table", TABLE, "--from-start")
    report = json.loads(succeed(home, "changes", "read", "all", "--json"))
    assert (report["since"], report["inserted"], report["updated"], report["deleted"]) == (None, 4, 0, 0)


def test_columns_that_only_one_build_has_are_named(home: Path) -> None:
    first = min(home.glob("builds/b*/warehouse.duckdb"))
    with duckdb.connect(str(first)) as connection:
        connection.execute(f"alter table {TABLE} drop column declines; alter table {TABLE} add column mood varchar")
    out = " ".join(succeed(home, "changes", "read", "spending").split())
    assert "Only the published build has declines: null in rows of the earlier one." in out
    assert "Only the earlier build has mood: left out." in out
    assert "1 inserted, 3 updated, 1 deleted" in out


def test_a_file_that_is_there_is_replaced_by_looking_and_kept_from_consuming(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "changes.csv"
    out.write_text("of an earlier reading")
    error = refused(home, "read", "spending", "--consume", "--out", str(out))
    assert (error["code"], out.read_text()) == ("file_exists", "of an earlier reading")
    succeed(home, "changes", "read", "spending", "--out", str(out))
    assert len(out.read_text().splitlines()) == 5
    assert look(home)["updated"] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from customer360 import workspace
from customer360.cli import app, changes

def kill(path):
    if (path.is_dir(), path.name.endswith(".tmp")) == {moment}:
        os.kill(os.getpid(), signal.SIGKILL)

{module}.sync = kill
app(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("module", "moment", "is_there"),
    [("changes", (False, True), False), ("workspace", (False, True), False), ("workspace", (True, False), True)],
    ids=["before it is complete", "before it has its name", "before the offset has moved"],
)
def test_a_reader_that_is_killed_gets_the_same_changes_again(
    home: Path, tmp_path: Path, module: str, moment: tuple[bool, bool], is_there: bool
) -> None:
    out = tmp_path / "changes.csv"
    script = KILLED.format(module=module, moment=moment)
    command = ["--home", str(home), "changes", "read", "spending", "--consume", "--out", str(out)]
    killed = subprocess.run([sys.executable, "-c", script, *command], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert out.exists() == is_there
    out.unlink(missing_ok=True)
    assert look(home)["updated"] == 1
    succeed(home, "changes", "read", "spending", "--consume", "--out", str(out))
    assert len(out.read_text().splitlines()) == 5
    assert look(home)["rows"] == []


def test_a_file_that_cannot_be_written_leaves_the_offset(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = refused(home, "read", "spending", "--consume", "--out", str(tmp_path / "file" / "changes.csv"))
    assert error["status"] == 422
    assert str(tmp_path / "file" / "changes.csv") in error["error"]
    assert look(home)["updated"] == 1


def test_of_two_consumers_at_once_the_second_is_told_and_writes_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one reads, writes and is done while this one has written its last row and not yet finished."""

    def be_overtaken(path: Path) -> None:
        other = ["--home", str(home), "changes", "read", "spending", "--consume", "--out", str(tmp_path / "other.csv")]
        subprocess.run([sys.executable, "-m", "customer360.cli", *other], check=True, capture_output=True)

    monkeypatch.setattr(changes, "sync", be_overtaken)
    error = refused(home, "read", "spending", "--consume", "--out", str(tmp_path / "mine.csv"))
    assert (error["status"], error["code"]) == (409, "stream_moved")
    assert [path.name for path in tmp_path.glob("*.csv")] == ["other.csv"]
    assert not list(tmp_path.glob(".*.tmp"))
    assert look(home)["rows"] == []


def test_a_stream_whose_build_was_pruned_is_stale_until_it_is_reset(home: Path) -> None:
    succeed(home, "builds", "prune", "--keep", "1")
    assert "stale" in succeed(home, "changes", "list")
    error = refused(home, "read", "spending")
    assert (error["status"], error["code"]) == (410, "stream_stale")
    assert "customer360 changes reset spending" in error["next"]
    succeed(home, "changes", "reset", "spending")
    assert look(home)["rows"] == []
    assert json.loads(succeed(home, "changes", "list", "--json"))[0]["new_changes"] == "none"


def test_mistakes_are_answered_with_what_to_do(home: Path, tmp_path: Path) -> None:
    assert "Did you mean 'spending'?" in refused(home, "read", "spendin")["next"]
    assert f"'{TABLE}'" in refused(home, "create", "x", "--table", "gold.monthly_customer_spend")["next"]
    assert refused(home, "create", "spending", "--table", TABLE)["code"] == "stream_exists"
    assert "NAME='my stream'" in refused(home, "create", "my stream", "--table", TABLE)["error"]
    assert "Add --out" in refused(home, "read", "spending", "--consume")["next"]
    assert ".parquet, .csv or .jsonl" in refused(home, "read", "spending", "--out", str(tmp_path / "x.xls"))["next"]
    assert "customer360 load" in refused(tmp_path / "empty", "list")["next"]


def test_a_dropped_stream_is_gone(home: Path) -> None:
    assert json.loads(succeed(home, "changes", "drop", "spending", "--json")) == {"dropped": "spending"}
    assert json.loads(succeed(home, "changes", "list", "--json")) == []
    assert "changes create" in succeed(home, "changes", "list")
    assert refused(home, "drop", "spending")["code"] == "stream_not_found"


@pytest.mark.parametrize("command", ["list", "create", "read", "reset", "drop"])
def test_every_command_shows_an_example(command: str, tmp_path: Path) -> None:
    assert f"Example: customer360 changes {command}" in " ".join(
        succeed(tmp_path, "changes", command, "--help").split()
    )
