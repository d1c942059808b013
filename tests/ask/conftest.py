"""One engine for all tests of questions: over the small database of the given examples."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from customer360.ask.engine import Engine
from tests.ask.given import OWN, Record, load_script, read
from tests.ask.reading import engine_on
from tests.conftest import skip_or_fail

SMALL = 300


@pytest.fixture(scope="session")
def given(data_folder: Path) -> Path:
    """The folder of the examples that were given, with the database that gold SQL runs on."""
    folder = data_folder.parent / "questions"
    if not folder.is_dir():
        skip_or_fail(f"the example questions are not at {folder}; set CUSTOMER360_DATA to the folder beside them")
    return folder


def build_once(given: Path, file: Path, customers: int) -> Path:
    """Build the database of the examples once for all workers of a run."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            load_script(given / "fixture.py").build(str(file), n=customers).close()
    return file


@pytest.fixture(scope="session")
def small_bank_file(given: Path, shared_tmp: Path) -> Path:
    """The database of the examples with 300 customers."""
    return build_once(given, shared_tmp / "questions_small.duckdb", SMALL)


@pytest.fixture(scope="session")
def reader(small_bank_file: Path) -> Engine:
    """An engine over the small database."""
    return engine_on(small_bank_file)


@pytest.fixture(scope="session")
def asked(given: Path) -> list[Record]:
    """The questions that stand alone and have an answer."""
    records = [*read(given / "dev.jsonl"), *read(OWN / "own_dev.jsonl")]
    return [one for one in records if one["expected"] == "answer" and not one["previous"]]
