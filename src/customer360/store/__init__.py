"""The operational store: what changes between builds. SQLite beside the workspace unless a URL says otherwise."""

from customer360.store.database import Store
from customer360.store.tables import PipelineRun

__all__ = ["PipelineRun", "Store"]
