"""Tests of one group share a worker, so that what is dear to set up is set up once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

TESTS = """
import pytest

@pytest.fixture(params=["duckdb", pytest.param("snowflake", marks=pytest.mark.xdist_group("snowflake"))])
def engine(request):
    return request.param

@pytest.mark.parametrize("number", range(9))
def test_both(engine, number):
    pass
"""
ROOT = Path(__file__).parents[1]


def test_a_group_of_tests_runs_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    options = ["-n", "2", "--dist", "loadgroup", "-v", "-p", "xdist", "-p", "tests.groups", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    shown = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, timeout=120, check=True).stdout
    workers = re.findall(r"\[(gw\d)\].*PASSED .*\[(duckdb|snowflake)-", shown)
    assert len(workers) == 18
    assert {engine for _, engine in workers} == {"duckdb", "snowflake"}
    assert len({worker for worker, engine in workers if engine == "snowflake"}) == 1
