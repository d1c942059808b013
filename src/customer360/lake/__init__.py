"""Bronze: append-only batches of typed rows, each with a manifest; everything downstream is rebuilt from here."""

from customer360.lake.bronze import (
    commit_batches,
    commit_snapshot,
    create_bronze_view,
    create_bronze_views,
    discard_batch,
    find_damage,
    incoming_folder,
    live_batches,
    new_batch_id,
    parquet_path,
    raw_folder,
    sweep,
)
from customer360.lake.contracts import PROVENANCE, REJECT_CODE, TABLES, Column, TableContract, get_contract
from customer360.lake.manifests import (
    Manifest,
    TableRows,
    count_source_rows,
    live_manifests,
    read_manifests,
    write_manifest,
)

__all__ = [
    "PROVENANCE",
    "REJECT_CODE",
    "TABLES",
    "Column",
    "Manifest",
    "TableContract",
    "TableRows",
    "commit_batches",
    "commit_snapshot",
    "count_source_rows",
    "create_bronze_view",
    "create_bronze_views",
    "discard_batch",
    "find_damage",
    "get_contract",
    "incoming_folder",
    "live_batches",
    "live_manifests",
    "new_batch_id",
    "parquet_path",
    "raw_folder",
    "read_manifests",
    "sweep",
    "write_manifest",
]
