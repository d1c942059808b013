"""The commands for rows that cannot be used, as somebody at a terminal and a program meet them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from customer360.cli import app
from customer360.lake import read_manifests
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

B6 = "5ae1c9012932dd86"
"""The id of the transaction whose customer nobody knows."""


def run(workspace: Workspace, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    words = ["--home", str(workspace.home), "quarantine", *arguments]
    result = CliRunner().invoke(app, words, input=stdin, env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def read(workspace: Workspace, *arguments: str, stdin: str = "") -> dict[str, Any]:
    code, out, _ = run(workspace, *arguments, "--json", stdin=stdin)
    answer: dict[str, Any] = json.loads(out)
    assert (code == 0) is answer.get("ok", True)
    return answer


def test_the_list_counts_by_table_and_rule_and_shows_the_first_rows(messy: Workspace) -> None:
    answer = read(messy, "list", "--limit", "3")
    assert (answer["states"], answer["returned"], answer["available"]) == ({"quarantined": 27}, 3, 27)
    assert {"table_name": "transactions", "reason_code": "customer_known", "rows": 1} in answer["quarantined"]
    assert sum(counted["rows"] for counted in answer["quarantined"]) == 28, "B2 breaks two rules"
    code, out, _ = run(messy, "list", "--limit", "3")
    assert (code, "27 quarantined" in out, "3 of 27 rows" in out) == (0, True, True)


def test_the_list_is_narrowed_by_table_rule_and_state(messy: Workspace) -> None:
    answer = read(messy, "list", "--table", "transactions", "--reason", "customer_known")
    assert [(row["reject_id"], row["record_key"], row["source_line"]) for row in answer["rejects"]] == [(B6, "B6", 15)]
    assert answer["quarantined"] == [{"table_name": "transactions", "reason_code": "customer_known", "rows": 1}]
    assert read(messy, "list", "--reason", "type", "--limit", "1")["available"] == 3
    assert read(messy, "list", "--state", "replayed")["rejects"] == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--table", "transaction"], "transactions"),
        (["--reason", "customer_unknown"], "customer_known"),
        (["--state", "quarantine"], "quarantined"),
    ],
)
def test_a_filter_that_nothing_is_called_is_refused(messy: Workspace, arguments: list[str], hint: str) -> None:
    code, _, err = run(messy, "list", *arguments)
    assert (code, f"'{hint}'" in err) == (2, True)


def test_a_row_is_shown_with_what_it_breaks_where_it_came_from_and_how_to_correct_it(messy: Workspace) -> None:
    answer = read(messy, "show", B6)
    assert answer["values"]["customer_id"] == "C99"
    assert (answer["reason_code"], answer["reject_reason"]) == ("customer_known", "customer_id is not a known customer")
    assert Path(answer["kept_file"]).read_text(encoding="utf-8").splitlines()[14].startswith("B6,C99,")
    assert answer["replay"] == f"customer360 quarantine replay {B6} --set customer_id=C99"
    _, out, _ = run(messy, "show", B6)
    for said in ("From transactions.csv, line 15", "It breaks customer_known", answer["replay"]):
        assert said in out


def test_a_value_that_did_not_fit_is_shown_as_it_was_received(messy: Workspace) -> None:
    [row] = [row for row in read(messy, "list", "--reason", "type")["rejects"] if row["record_key"] == "B5"]
    assert read(messy, "show", row["reject_id"])["values"]["quantity"] == "many"


def test_a_row_that_is_not_there_is_not_found(messy: Workspace) -> None:
    code, _, err = run(messy, "show", "0" * 16)
    assert (code, "quarantine list" in err) == (3, True)


def test_a_corrected_row_waits_for_the_next_build(company: Workspace) -> None:
    code, out, _ = run(company, "replay", B6, "--set", "customer_id=C1", "--set", "channel=Online")
    assert (code, "1 of transactions" in out, "customer360 build" in out) == (0, True, True)
    answer = read(company, "list", "--reason", "customer_known", "--table", "transactions")
    [row] = answer["rejects"]
    assert (row["state"], row["awaits_build"]) == ("quarantined", True)
    assert answer["unread_batches"] == [row["replayed_by_batch_id"]]
    _, out, _ = run(company, "list", "--reason", "customer_known", "--table", "transactions")
    assert "awaits a build" in out
    assert "1 batch has landed that no build has read yet" in out
    _, out, _ = run(company, "show", B6)
    assert ("awaits a build" in out, "quarantine replay" in out) == (True, False)
    code, _, err = run(company, "replay", B6, "--set", "customer_id=C2")
    assert (code, row["replayed_by_batch_id"] in err) == (4, True)


@pytest.mark.parametrize("given", ["-", "file"])
def test_many_rows_are_corrected_at_once(company: Workspace, tmp_path: Path, given: str) -> None:
    rejects = read(company, "list", "--table", "customer_products")["rejects"]
    lines = "".join(
        json.dumps({"reject_id": row["reject_id"], "set": {"balance": 10 + place}}) + "\n"
        for place, row in enumerate(rejects)
    )
    file = tmp_path / "corrections.jsonl"
    file.write_text(lines, encoding="utf-8")
    answer = read(company, "replay", "--from", "-" if given == "-" else str(file), stdin=lines)
    assert answer["rows"] == {"customer_products": len(rejects)}
    assert answer["batch_id"] in {manifest.batch_id for manifest in read_manifests(company)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([B6], "either a row with --set, or --from"),
        (["--set", "customer_id=C1"], "either a row with --set, or --from"),
        ([B6, "--from", "-"], "either a row with --set, or --from"),
        (["--from", "nowhere.jsonl"], "cannot be read"),
        (["--from", "-"], "No row is to be corrected"),
        ([B6, "--set", "customer_id"], "sets nothing"),
        ([B6, "--set", "customer=C1"], "Did you mean 'customer_id'"),
        ([B6, "--set", "quantity=lots"], "'lots' is no INTEGER"),
    ],
)
def test_what_cannot_be_replayed_is_said_with_what_to_do(company: Workspace, arguments: list[str], said: str) -> None:
    code, _, err = run(company, "replay", *arguments)
    assert (code, said in err, "Next:" in err) == (2, True, True)
    assert not [manifest for manifest in read_manifests(company) if manifest.is_correction]


def test_nothing_is_listed_before_a_build_is_published(tmp_path: Path) -> None:
    code, _, err = run(Workspace(tmp_path / "empty"), "list")
    assert (code, "Nothing is published yet" in err) == (6, True)


def test_a_build_of_an_older_version_is_to_be_built_again(company: Workspace) -> None:
    builds = open_builds(company)
    with duckdb.connect(str(builds.folder(builds.current_id()) / "warehouse.duckdb")) as connection:
        connection.execute("alter table silver.rejects drop column reject_id")
    code, _, err = run(company, "list")
    assert (code, "customer360 build" in err, "older version" in err) == (4, True, True)
