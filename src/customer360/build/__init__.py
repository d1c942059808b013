"""Composes a build: dbt on a new file, the gate, one atomic publication; load and build as recorded runs."""

from customer360.build.pipeline import run_build, run_load
from customer360.build.runner import build_and_publish

__all__ = ["build_and_publish", "run_build", "run_load"]
