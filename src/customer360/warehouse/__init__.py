"""The engines behind one protocol, and the builds they serve."""

from customer360.warehouse.base import Warehouse
from customer360.warehouse.builds import BuildRecord, Builds, OpenBuild
from customer360.warehouse.duckdb import DuckDBWarehouse, known_functions, open_database
from customer360.warehouse.opening import open_builds

__all__ = [
    "BuildRecord",
    "Builds",
    "DuckDBWarehouse",
    "OpenBuild",
    "Warehouse",
    "known_functions",
    "open_builds",
    "open_database",
]
