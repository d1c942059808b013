"""The unit tests of the dbt project (transform/models/unit_tests), each a test here.

dbt keeps state in its process, so it runs in one of its own. There it makes every relation, all of them empty, because
a unit test takes the types of its rows from the relations it stands in for; then it runs the unit tests with the
project's own variables, not those of a dataset.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from customer360.build import monitoring
from customer360.build.carrying import EVERYTHING
from customer360.build.making import SCORING
from customer360.lake import create_bronze_views
from customer360.settings import project_files
from customer360.workspace import Workspace

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("dbt_unit_tests")]

ROOT = Path(__file__).parents[2]
MODELS = project_files("transform") / "models"
FILES = sorted((MODELS / "unit_tests").glob("*.yml"))
UNIT_TESTS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["unit_tests"] for path in FILES}
NAMES = [test["name"] for tests in UNIT_TESTS.values() for test in tests]

CHILD = "import sys, pathlib; from tests.build.test_unit_tests import run_dbt; run_dbt(pathlib.Path(sys.argv[1]))"
WRONG = """
unit_tests:
  - name: a_wrong_expectation
    model: stg_products
    given:
      - {input: ref('base_products'), rows: [{product_id: P1, product_name: Chair, is_rejected: false}]}
    expect:
      rows: [{product_id: P1, product_name: Table}]
"""


def run_dbt(folder: Path) -> None:
    """Make the relations of the folder's project and run its unit tests; for a process of its own."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    arguments = [
        *("--project-dir", str(folder / "transform"), "--profiles-dir", str(folder / "transform" / "profiles")),
        *("--target-path", str(folder / "target"), "--log-path", str(folder / "target")),
        *("--log-level", "error", "--no-version-check"),
    ]
    parsed = dbtRunner().invoke(["parse", *arguments])
    if not isinstance(parsed.result, Manifest):
        raise RuntimeError(f"The project cannot be read: {parsed.exception}")
    dbt = dbtRunner(manifest=parsed.result)
    if not dbt.invoke(["build", "--exclude-resource-types", "unit_test", "test", *arguments]).success:
        raise RuntimeError("The relations could not be made; dbt said above why.")
    dbt.invoke(["test", "--select", "test_type:unit", *arguments])


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dbt said of each unit test, by name; one expectation that is wrong is among them."""
    folder = tmp_path_factory.mktemp("unit_tests")
    project = shutil.copytree(project_files("transform"), folder / "transform")
    (project / "models" / "unit_tests" / "wrong.yml").write_text(WRONG, encoding="utf-8")
    file = folder / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        create_bronze_views(connection, Workspace(folder / "home"), [])
        connection.execute(EVERYTHING)
        monitoring.create_tables(connection, {})
        connection.execute("create schema scoring")
        for table, columns in SCORING.items():
            connection.execute(f"create table scoring.{table} ({columns})")
    process = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=ROOT,
        env=os.environ | {"CUSTOMER360_BUILD_FILE": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    found = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[-1]: result for result in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_does_what_its_unit_test_expects(results: dict[str, Any], name: str) -> None:
    result = results[name]
    assert result["status"] == "pass", f"{result['unique_id']}: {result['message']}"


def test_a_wrong_expectation_fails_and_says_what_differs(results: dict[str, Any]) -> None:
    result = results["a_wrong_expectation"]
    assert result["status"] == "fail"
    assert re.search(r"Table.*Chair", result["message"])


def test_no_unit_test_is_left_out(results: dict[str, Any]) -> None:
    assert sorted(results) == sorted([*NAMES, "a_wrong_expectation"])


@pytest.mark.parametrize("model", UNIT_TESTS)
def test_a_file_of_unit_tests_is_called_after_its_model(model: str) -> None:
    assert {test["model"] for test in UNIT_TESTS[model]} == {model}


def test_every_model_that_decides_something_has_a_unit_test() -> None:
    deciding = {path.stem for path in MODELS.rglob("*.sql") if re.search(r"\bcase\b", path.read_text(encoding="utf-8"))}
    assert deciding - set(UNIT_TESTS) == set()
