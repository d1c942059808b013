"""customer360 semantic: the model in other formats, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from customer360.cli.semantic import Target
from customer360.semantic.exporting import Format
from tests.cli.test_commands import run

pytestmark = pytest.mark.integration

SMALL = Path(__file__).parents[1] / "semantic" / "exporting" / "small.yaml"


def test_the_command_knows_every_format_there_is() -> None:
    assert [target.value for target in Target] == [target.value for target in Format]


@pytest.mark.parametrize("target", Format)
def test_an_export_goes_to_standard_output_and_its_losses_do_not(target: Format) -> None:
    code, out, err = run("semantic", "export", "--format", target.value, "--model", str(SMALL))
    assert code == 0
    assert "small_model" in out
    assert "do not get there" not in out
    assert "do not get there" in err
    assert "x_nl.verb_phrases" in err
    assert "tables.customers.dimensions.tier" not in err


def test_every_loss_can_be_listed_by_its_place() -> None:
    _, _, err = run("semantic", "export", "--format", "snowflake", "--losses", "--model", str(SMALL))
    assert "tables.customers.filters.broken" in err.replace("\n", "")


def test_an_export_goes_to_a_file_where_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    code, out, _ = run(
        *("semantic", "export", "--format", "snowflake", "--model", str(SMALL), "--output", str(path)),
        *("--database", "ELSEWHERE"),
    )
    assert code == 0
    assert "small_model as snowflake" in out
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {table["base_table"]["database"] for table in content["tables"]} == {"ELSEWHERE"}


def test_json_gives_text_and_losses() -> None:
    _, out, err = run("semantic", "export", "--format", "ossie", "--json", "--model", str(SMALL))
    answer = json.loads(out)
    assert (answer["format"], answer["model"], err) == ("ossie", "small_model", "")
    assert yaml.safe_load(answer["text"])["version"] == "0.2.0.dev0"
    assert {"path", "feature", "reason"} == answer["losses"][0].keys()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "model.yaml"
    code, _, err = run("semantic", "export", "--format", "ossie", "--model", str(SMALL), "--output", str(path))
    assert code == 2
    assert "cannot be written" in err


def test_a_sound_model_is_counted() -> None:
    code, out, _ = run("semantic", "check", str(SMALL), "--json")
    assert code == 0
    answer = json.loads(out)
    answer.pop("questions")
    assert answer == {
        "ok": True,
        "name": "small_model",
        "tables": 2,
        "dimensions": 5,
        "time_dimensions": 1,
        "facts": 2,
        "metrics": 8,
        "derived_metrics": 2,
        "relationships": 1,
        "verified_queries": 2,
    }
    _, out, _ = run("semantic", "check", str(SMALL))
    assert "small_model is sound" in out


def test_what_is_wrong_with_a_model_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(SMALL.read_text(encoding="utf-8").replace("synonyms: [level]", "synonymz: [level]"))
    code, _, err = run("semantic", "check", str(path))
    assert code == 2
    assert "synonymz" in err
    assert "unknown keys are refused" in err
    code, out, _ = run("semantic", "check", str(path), "--json")
    assert code == 2
    assert json.loads(out)["code"] == "invalid_definition"


def test_a_phrase_that_means_two_things_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(SMALL.read_text(encoding="utf-8").replace("synonyms: [level]", "synonyms: [customer count]"))
    found = {}
    for file in (SMALL, path):
        code, out, _ = run("semantic", "check", str(file), "--json")
        assert code == 0
        found[file] = {(one["severity"], one["code"], one["subject"]) for one in json.loads(out)["questions"]}
    assert found[path] - found[SMALL] == {("fault", "two_targets", "customer count")}
    _, out, _ = run("semantic", "check", str(path))
    assert "may be read in two ways" in out


def test_without_a_file_the_published_model_is_meant(online_retail_home: Path) -> None:
    code, out, _ = run("semantic", "check", "--json", home=online_retail_home)
    answer = json.loads(out)
    assert (code, answer["name"]) == (0, "customer_analytics_semantic_model")
    code, out, _ = run("semantic", "export", "--format", "semantic-view", home=online_retail_home)
    assert code == 0
    assert out.startswith("CREATE OR REPLACE SEMANTIC VIEW customer_analytics_semantic_model")


@pytest.mark.contract("S2.42")
def test_a_model_of_the_published_build_is_meant_by_its_name(small_bank_home: Path) -> None:
    code, out, _ = run("semantic", "check", "operations", "--json", home=small_bank_home)
    answer = json.loads(out)
    assert (code, answer["name"]) == (0, "operations_semantic_model")
    code, out, _ = run("semantic", "export", "--format", "semantic-view", "--model", "operations", home=small_bank_home)
    assert code == 0
    assert out.startswith("CREATE OR REPLACE SEMANTIC VIEW operations_semantic_model")
    code, _, err = run("semantic", "check", "nope", home=small_bank_home)
    assert (code, "There are customer_analytics and operations." in err) == (2, True)


def test_without_a_file_and_a_build_one_is_told_what_to_do(tmp_path: Path) -> None:
    code, _, err = run("semantic", "check", home=tmp_path)
    assert code != 0
    assert "customer360 load" in err
