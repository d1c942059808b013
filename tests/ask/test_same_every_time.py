"""The same question has the same answer, always and in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from customer360.ask import Engine, open_source
from customer360.semantic import Figures
from customer360.semantic.definition import read_definition
from tests.ask.given import Record
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

RUNS = 10


def sixty(asked: list[Record]) -> list[str]:
    return [record["question"] for record in asked[:: len(asked) // 60]][:60]


def all_of(reader: Engine, questions: list[str]) -> list[str]:
    """Return everything that is known of how questions were read."""
    return [repr(reader.read(question)) for question in questions]


def test_ten_runs_read_alike(reader: Engine, asked: list[Record]) -> None:
    questions = sixty(asked)
    first = all_of(reader, questions)
    assert len(questions) == 60
    for _ in range(RUNS - 1):
        assert all_of(reader, questions) == first


def test_another_process_with_another_seed_reads_alike(
    reader: Engine, asked: list[Record], small_database: Path
) -> None:
    questions = sixty(asked)
    done = subprocess.run(
        [sys.executable, "-m", "tests.ask.test_same_every_time", str(small_database)],
        input=json.dumps(questions),
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout) == all_of(reader, questions)


def main(database: Path) -> None:
    """Read the questions that come in, and say how."""
    definition = read_definition(ROOT / "semantic" / "customer_analytics.yaml")
    with open_source(database, definition, figures=Figures("USD", "en_US")) as source:
        print(json.dumps(all_of(source.engine, json.load(sys.stdin))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
