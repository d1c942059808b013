"""Reads and writes JSON as servers really send it: quickly where it is usual, and without a crash where it is not.

What JSON may spell and nothing can hold is read as the next best: a lone surrogate as U+FFFD, a number beyond every
double as its text; NaN and Infinity, which some servers send, as null.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

NULL = b"null"


def read_document(content: bytes) -> Any:
    """Return what a document says.

    Raises:
        ValueError: it is no JSON, or nested beyond what can be read.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _read_unusual(content.decode("utf-8-sig"))


def write_record(record: Any) -> bytes:
    """Return a record as JSON; one that is nested beyond what can be written is null."""
    try:
        return orjson.dumps(record)
    except TypeError:  # nested more than 254 deep, or a whole number of more than 64 bits
        try:
            return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        except RecursionError:
            return NULL


def _read_unusual(text: str) -> Any:
    try:
        document = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=lambda _: None)
        return json.loads(_without_lone_surrogates(json.dumps(document, ensure_ascii=False)))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _whole(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # thousands of digits
        return text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _without_lone_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
