"""From other people's files to bronze: datasets, mappings, and landing them."""

from customer360.ingest.datasets import Dataset, DatasetFolder, find_dataset, shipped_datasets
from customer360.ingest.loading import LoadReport, load_dataset, remap_dataset

__all__ = [
    "Dataset",
    "DatasetFolder",
    "LoadReport",
    "find_dataset",
    "load_dataset",
    "remap_dataset",
    "shipped_datasets",
]
