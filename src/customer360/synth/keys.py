"""The bank's natural keys: a prefix and a number with leading zeros."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from customer360.synth.draws import Ints


def prefixed(prefix: str, numbers: Ints, digits: int) -> pa.Array:
    """Return keys such as CUST00000017: the prefix, then the number with leading zeros."""
    width = len(prefix) + digits
    letters = np.empty((numbers.size, width), dtype=np.uint8)
    letters[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    rest = numbers.astype(np.int64)
    for position in range(width - 1, len(prefix) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        letters[:, position] = digit + ord("0")
    offsets = np.arange(0, (numbers.size + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(numbers.size, pa.py_buffer(offsets), pa.py_buffer(letters))
