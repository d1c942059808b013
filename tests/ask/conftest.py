"""A small bank of the given shape, a source on it and its engine, and the questions that were written down."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer360.ask import Engine, Source
from tests.ask.given import OWN, Record, open_bank, read
from tests.conftest import skip_or_fail

CUSTOMERS = 300
EVERY = "CUSTOMER360_EVERY_QUESTION"
"""The name of the variable that has the proofs change every question (``make proofs``): twice as long."""


@pytest.fixture(scope="session")
def questions_folder(data_folder: Path) -> Path:
    """The folder of the examples that were given."""
    folder = data_folder.parent / "questions"
    if not folder.is_dir():
        skip_or_fail(f"the example questions are not at {folder}; set CUSTOMER360_DATA to the folder beside them")
    return folder


@pytest.fixture(scope="session")
def small_database(questions_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with the four tables of the contract and a few customers."""
    path = tmp_path_factory.mktemp("questions") / "small.duckdb"
    runpy.run_path(str(questions_folder / "fixture.py"))["build"](str(path), n=CUSTOMERS).close()
    return path


@pytest.fixture(scope="session")
def source(small_database: Path) -> Iterator[Source]:
    """The small bank, ready to be asked."""
    with open_bank(small_database) as opened:
        yield opened


@pytest.fixture(scope="session")
def reader(source: Source) -> Engine:
    """The engine of the small bank."""
    return source.engine


@pytest.fixture(scope="session")
def asked(questions_folder: Path) -> list[Record]:
    """The questions that stand alone and have an answer: each second one, or all where ``EVERY`` is set."""
    records = [*read(questions_folder / "dev.jsonl"), *read(OWN / "own_dev.jsonl")]
    alone = [one for one in records if one["expected"] == "answer" and not one["previous"]]
    return alone if os.environ.get(EVERY) else alone[::2]
