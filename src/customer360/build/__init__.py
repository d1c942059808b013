"""Composes a build: dbt on a new file, the gate, one atomic publication."""

from customer360.build.runner import build_and_publish

__all__ = ["build_and_publish"]
