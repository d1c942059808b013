"""customer360 semantic: the model in other formats, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import yaml

from customer360.cli.semantic import SourceFormat, Target
from customer360.semantic.exporting import Format
from customer360.semantic.importing import SourceFormat as Source
from customer360.settings import semantic_model_file
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


# Importing

IMPORTED = Path(__file__).parents[1] / "semantic" / "importing"
SHOP = IMPORTED / "shop.yaml"


def test_the_command_knows_every_format_that_can_be_read() -> None:
    assert [source.value for source in SourceFormat] == [source.value for source in Source]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The online shop as a DuckDB file."""
    path = tmp_path / "online.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((IMPORTED / "shop.sql").read_text(encoding="utf-8"))
    return path


@pytest.mark.parametrize("name", ["shop.yaml", "semantic_manifest.json"])
def test_a_model_of_another_tool_is_imported_checked_and_asked(name: str, shop: Path, tmp_path: Path) -> None:
    model = tmp_path / "my_model.yaml"
    code, out, err = run(*("semantic", "import", str(IMPORTED / name), "--database", str(shop), "--output", str(model)))
    assert code == 0
    assert "customer360 ask" in out
    assert "of the file are not in the model as they were" in err
    code, out, _ = run("semantic", "check", str(model))
    assert (code, "is sound" in out) == (0, True)
    code, out, err = run("ask", "how many orders are there", "--model", str(model), "--database", str(shop), "--json")
    assert (code, err) == (0, "")
    assert list(json.loads(out)["rows"][0].values()) == [500]


def test_an_import_goes_to_standard_output_and_its_losses_do_not() -> None:
    code, out, err = run("semantic", "import", str(SHOP))
    assert code == 0
    assert yaml.safe_load(out)["name"] == "online_shop"
    assert out.startswith("# From shop.yaml (snowflake).")
    assert "--losses names each place" in err
    _, _, err = run("semantic", "import", str(SHOP), "--losses")
    assert "tables.SHOPPERS.dimensions.INITIALS" in err.replace("\n", "")


def test_json_of_an_import_gives_text_and_losses() -> None:
    _, out, err = run("semantic", "import", str(SHOP), "--json")
    answer = json.loads(out)
    assert (answer["format"], answer["model"], err) == ("snowflake", "online_shop", "")
    assert {"path", "feature", "reason"} == answer["losses"][0].keys()


def test_an_import_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    model, bad = tmp_path / "my_model.yaml", tmp_path / "bad.yaml"
    model.write_text("precious", encoding="utf-8")
    bad.write_text("tables: []", encoding="utf-8")
    code, _, err = run("semantic", "import", str(bad), "--output", str(model))
    assert code == 2
    assert "it has no tables" in err
    assert model.read_text(encoding="utf-8") == "precious"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["bad.yaml", "my_model.yaml"]
    code, _, err = run("semantic", "import", str(SHOP), "--output", str(tmp_path / "none" / "model.yaml"))
    assert (code, "cannot be written" in err) == (2, True)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    code, _, err = run("semantic", "import", str(tmp_path / "none.yaml"))
    assert (code, "none.yaml does not exist" in err.replace("\n", "")) == (3, True)
    code, _, err = run("semantic", "import", str(SHOP), "--database", str(tmp_path / "none.duckdb"))
    assert (code, "none.duckdb does not exist" in err.replace("\n", "")) == (3, True)


def test_a_published_build_is_asked_by_the_model_of_a_file_that_fits_it(small_bank_home: Path, tmp_path: Path) -> None:
    own, exported, model = (tmp_path / name for name in ("own.yaml", "exported.yaml", "my_model.yaml"))
    own.write_text(semantic_model_file("customer_analytics").read_text(encoding="utf-8"), encoding="utf-8")
    assert run("semantic", "export", "--format", "ossie", "--model", str(own), "--output", str(exported))[0] == 0
    assert run("semantic", "import", str(exported), "--output", str(model))[0] == 0
    asked = ("query", "--metrics", "customer_count", "--json")
    code, out, _ = run(*asked, "--model", str(model), home=small_bank_home)
    assert (code, json.loads(out)["rows"]) == (0, [{"customer_count": 400}])
    code, out, _ = run("ask", "how many customers do we have", "--model", str(model), "--json", home=small_bank_home)
    assert (code, json.loads(out)["rows"]) == (0, [{"customer_count": 400}])
    assert run("semantic", "import", str(SHOP), "--output", str(model))[0] == 0
    code, _, err = run(*asked[:-1], "--model", str(model), home=small_bank_home)
    assert code == 2
    assert "does not have what" in err.replace("\n", " ")
    assert "--database" in err
