"""Composes a build: dbt on a new file, the gate, one atomic publication; load and build as recorded runs.

Nothing is imported here: the building process is part of this package and needs little of it.
"""

__all__: list[str] = []
