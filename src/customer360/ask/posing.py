"""A frame's parts as words that the grammar reads back: what proposed questions are put together from."""

from __future__ import annotations

from collections.abc import Sequence

from customer360.ask.frame import Frame
from customer360.ask.naming import Names
from customer360.semantic import Condition, Dimension, Filter


def pose_measure(names: Names, frame: Frame) -> str:
    """Return the first measure as one would type it."""
    return names.measure(frame.measures[0])


def pose_groups(names: Names, groups: Sequence[Dimension]) -> str:
    """Return what it is broken down by."""
    said = [group.grain or names.field(group.name) for group in groups]
    return f" by {' and '.join(said)}" if said else ""


def pose_filters(names: Names, filters: Sequence[Filter]) -> str | None:
    """Return conditions as words, or nothing where one of them is more than a comparison with a value."""
    said = [_pose(names, tree) for tree in filters]
    if any(one is None for one in said):
        return None
    return "".join(f" {'and ' if place else 'with '}{one}" for place, one in enumerate(said))


def pose_window(frame: Frame) -> str:
    """Return the window by its days."""
    return f" {frame.window.label}" if frame.window else ""


_OPS = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}


def _pose(names: Names, tree: Filter) -> str | None:
    if not isinstance(tree, Condition):
        return None
    label = names.field(tree.field)
    if tree.op == "=" and isinstance(tree.value, str):
        return f"{label} {names.value(tree.field, tree.value)}"
    if tree.op in _OPS and isinstance(tree.value, (int, float)):
        return f"{label} {_OPS[tree.op]} {tree.value:g}"
    if tree.op == "in":
        return f"{label} {' or '.join(names.value(tree.field, value) for value in tree.given())}"
    return None
