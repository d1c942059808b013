"""dbt on its own, against the emulator, without the product around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer360.settings import project_files
from tests.conftest import ROOT

RUN_DBT = "import sys; from dbt.cli.main import cli; cli(sys.argv[1:])"


def run_dbt(
    arguments: Sequence[str], variables: dict[str, Any], environment: dict[str, str], target: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command of dbt in a process of its own."""
    project = project_files("transform")
    return subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c", RUN_DBT, *arguments),
            *("--project-dir", str(project), "--profiles-dir", str(project / "profiles")),
            *("--target-path", str(target), "--log-path", str(target)),
            *("--vars", json.dumps(variables), "--no-partial-parse", "--no-version-check"),
        ],
        cwd=ROOT,
        env=os.environ | environment | {"CUSTOMER360_DBT_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
