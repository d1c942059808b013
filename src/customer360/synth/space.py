"""How large the files of a bank become, and whether the disk takes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from customer360.errors import Unavailable
from customer360.synth.spec import BankSpec


class _Size(NamedTuple):
    per_transaction: float
    per_customer: float
    per_file: float


SIZES: Mapping[str, _Size] = MappingProxyType({"parquet": _Size(17.6, 51, 18_000), "csv": _Size(117, 294, 400)})
"""Bytes of the demo scale with seed 42: its transaction files over 500,090 transactions, the others over 2,000
customers; per file, what a month with no more than a few transactions takes. tests/synth measures them again.
"""

HEADROOM = 1.1
"""The number of transactions is random, and how well a file is compressed depends on how many of them it holds."""

FreeBytes = Callable[[Path], int]


def estimated_bytes(spec: BankSpec, file_format: str) -> int:
    """Return how many bytes the files of a bank take, rather too many than too few."""
    size = SIZES[file_format]
    rows = spec.transactions * size.per_transaction + spec.customers * size.per_customer
    return int(HEADROOM * (rows + (spec.months + 1) * size.per_file))


def free_bytes(folder: Path) -> int:
    """Return how many bytes may be written to the disk of a folder, which need not exist yet."""
    there = folder.resolve()
    return shutil.disk_usage(next(place for place in (there, *there.parents) if place.exists())).free


def refuse_without_space(spec: BankSpec, out: Path, file_format: str, free: FreeBytes = free_bytes) -> None:
    """Refuse a bank that does not fit the disk. Files that it would replace are not counted as free: they go last.

    Raises:
        Unavailable: names how much is needed and how much is free.
    """
    needed, available = estimated_bytes(spec, file_format), free(out)
    if needed > available:
        raise Unavailable(
            f"A bank of {spec.transactions:,} transactions needs about {_amount(needed)} as {file_format} files, "
            f"and the disk that holds {out} has {_amount(available)} free.",
            code="disk_full",
            next_action="Free some space, give another --out, or fewer --transactions"
            + (", or take --format parquet." if file_format == "csv" else "."),
            details=[{"field": "transactions", "value": spec.transactions, "message": f"needs {needed} bytes"}],
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
