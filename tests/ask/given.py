"""The examples that were given with the issue, and our own sets of questions beside this file."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

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
