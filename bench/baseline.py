"""The work of ``load`` and ``build`` for Online Retail as one hand-written DuckDB script: what ours is held against.

Run it in a process of its own: ``python -m bench.baseline ARCHIVE FILE``.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

import duckdb

SQL = Path(__file__).with_suffix(".sql")
SEEDS = Path(__file__).parents[1] / "transform" / "seeds"


def main(archive: Path, target: Path) -> None:
    """Extract the archive and create the gold tables in a new DuckDB file."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
        build(sorted(map(str, Path(folder).glob("*.csv"))), target)


def build(files: list[str], target: Path) -> None:
    """Create the gold tables from these files of invoice lines."""
    with duckdb.connect(str(target)) as connection:
        connection.execute("set variable files = $1", [files])
        connection.execute("set variable regions = $1", [str(SEEDS / "country_regions.csv")])
        connection.execute("set variable holidays = $1", [str(SEEDS / "public_holidays.csv")])
        connection.execute(SQL.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
