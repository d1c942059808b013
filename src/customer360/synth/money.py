"""Amounts as decimals, from whole cents."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from customer360.synth.draws import Ints


def decimals(cents: Ints, kind: pa.Decimal128Type) -> pa.Array:
    """Return whole cents as decimals of scale 2, null where negative: they are the low word of each 128-bit value."""
    words = np.zeros((cents.size, 2), dtype=np.int64)
    words[:, 0] = np.maximum(cents, 0)
    known = cents >= 0
    bitmap = None if known.all() else pa.array(known).buffers()[1]
    return pa.Array.from_buffers(kind, cents.size, [bitmap, pa.py_buffer(words)])
