"""The error tree: one shape, codes that tell errors apart, and a next action where there is one."""

from __future__ import annotations

import inspect
import json

import pytest

from customer360 import errors
from customer360.errors import (
    Customer360Error,
    InvalidInput,
    NotFound,
    QueryTimeout,
    Unavailable,
    WorkspaceBusy,
    did_you_mean,
)

pytestmark = pytest.mark.unit

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Customer360Error) and kind is not Customer360Error
]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_the_module_docstring_draws_the_whole_tree(kind: type[Customer360Error]) -> None:
    assert f"── {kind.__name__} " in (errors.__doc__ or "")


def test_no_two_kinds_share_a_code() -> None:
    codes = [Customer360Error.code, *(kind.code for kind in KINDS)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_the_exit_code_follows_the_branch_of_the_tree(kind: type[Customer360Error]) -> None:
    assert 2 <= kind.exit_code <= 6
    parent = kind.__mro__[1]
    assert parent is Customer360Error or kind.exit_code == getattr(parent, "exit_code")  # noqa: B009
    assert 400 <= kind.status < 600


def test_an_error_has_one_shape_for_programs() -> None:
    error = NotFound(
        "There is no build 'b1'.",
        code="build_not_found",
        next_action="customer360 builds lists them.",
        details=[{"field": "build", "value": "b1", "message": "no such build"}],
    )
    assert error.as_dict() == {
        "ok": False,
        "status": 404,
        "code": "build_not_found",
        "error": "There is no build 'b1'.",
        "next": "customer360 builds lists them.",
        "errors": [{"field": "build", "value": "b1", "message": "no such build"}],
    }
    assert str(error) == "There is no build 'b1'."
    assert json.loads(json.dumps(error.as_dict())) == error.as_dict()


def test_a_special_code_does_not_stick_to_the_kind() -> None:
    assert NotFound("x", code="customer_not_found").code == "customer_not_found"
    assert (NotFound.code, NotFound("x").code) == ("not_found", "not_found")


def test_a_branch_can_be_caught_whole() -> None:
    assert issubclass(WorkspaceBusy, errors.Conflict)
    assert issubclass(QueryTimeout, Unavailable)
    assert issubclass(errors.InvalidCursor, InvalidInput)


def test_did_you_mean_names_the_nearest() -> None:
    assert did_you_mean("total_spent", ["total_spend", "customer_count"]) == "Did you mean 'total_spend'?"


def test_did_you_mean_lists_what_there_is_where_nothing_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("zzz", [f"n{n:02}" for n in range(13)]).endswith("n11 ….")
    assert did_you_mean("zzz", []) == ""
