"""The examples that were given with the issue, and our own sets of questions beside this file."""

from __future__ import annotations

import importlib.util
import json
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

from customer360.ask import Source, open_source
from customer360.semantic import Figures
from customer360.semantic.definition import read_definition
from tests.conftest import ROOT

OWN = Path(__file__).parent / "questions"
Record = dict[str, Any]


def read(file: Path) -> list[Record]:
    """Return the records of a set."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def load_script(file: Path) -> ModuleType:
    """Import a script from where it lies."""
    spec = importlib.util.spec_from_file_location(f"given_{file.stem}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def open_bank(path: Path) -> AbstractContextManager[Source]:
    """Open a database of the given shape, to be asked by our own model."""
    definition = read_definition(ROOT / "semantic" / "customer_analytics.yaml")
    return open_source(path, definition, figures=Figures("USD", "en_US"))
