"""The errors of Customer360: one tree, each with a code, an HTTP status, an exit code and what to do next.

Customer360Error
├── InvalidInput (422, exit 2)      a value that somebody gave does not fit
│   ├── InvalidSetting              … in the environment, .env or config.toml
│   ├── InvalidQuery                … in a semantic query
│   ├── InvalidCursor (400)         … in a paging cursor
│   ├── InvalidDefinition           … in a dataset or semantic model file
│   ├── SourceRefused               … in a source file that should be landed
│   └── NotIdentified               … because the data do not tell what a model asks
├── NotFound (404, exit 3)          customer, build, dataset or file that does not exist
├── Gone (410, exit 3)              a build that existed and was pruned
├── Conflict (409, exit 4)          the workspace holds something else
│   └── WorkspaceBusy               … another writer
├── BuildFailed (500, exit 5)       a build did not pass its gate; what was served stays served
├── DeploymentFailed (500, exit 5)  a statement of the set-up failed; what ran to its end before is recorded
└── Unavailable (503, exit 6)       nothing published yet, full queue, full disk, busy port
    ├── QueryTimeout (504)          a statement ran past its deadline
    └── AccessRefused               the engine refuses the service's own user, role or rights
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict


class ErrorDetail(TypedDict, total=False):
    """One fault: the field it is in, the value that was given and what is wrong with it."""

    field: str
    value: Any
    message: str


class Customer360Error(Exception):
    """Base of every error a user can meet; ``str(error)`` is a sentence fit to show."""

    code = "error"
    status = 500
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        next_action: str = "",
        code: str | None = None,
        details: Sequence[ErrorDetail] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_action = next_action
        self.details = list(details)
        if code is not None:
            self.code = code

    def as_dict(self) -> dict[str, Any]:
        """Return the wire shape that the API and ``--json`` share."""
        return {
            "ok": False,
            "status": self.status,
            "code": self.code,
            "error": self.message,
            "next": self.next_action,
            "errors": self.details,
        }


class InvalidInput(Customer360Error):
    code = "invalid_input"
    status = 422
    exit_code = 2


class InvalidSetting(InvalidInput):
    code = "invalid_setting"


class InvalidQuery(InvalidInput):
    code = "invalid_query"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"
    status = 400


class InvalidDefinition(InvalidInput):
    code = "invalid_definition"


class SourceRefused(InvalidInput):
    code = "source_refused"
    source = ""
    """Name of the file within what was loaded; empty where an archive itself is refused."""


class NotIdentified(InvalidInput):
    code = "not_identified"


class NotFound(Customer360Error):
    code = "not_found"
    status = 404
    exit_code = 3


class Gone(Customer360Error):
    code = "gone"
    status = 410
    exit_code = 3


class Conflict(Customer360Error):
    code = "conflict"
    status = 409
    exit_code = 4


class WorkspaceBusy(Conflict):
    code = "workspace_busy"


class BuildFailed(Customer360Error):
    code = "build_failed"
    status = 500
    exit_code = 5
    build_id: str | None = None
    """The build whose verdict is kept."""


class DeploymentFailed(Customer360Error):
    code = "deployment_failed"
    status = 500
    exit_code = 5


class Unavailable(Customer360Error):
    code = "unavailable"
    status = 503
    exit_code = 6


class QueryTimeout(Unavailable):
    code = "query_timeout"
    status = 504


class AccessRefused(Unavailable):
    code = "access_refused"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known names, or the first few of them."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(name) for name in near)}?"
    shown = ", ".join(names[:12])
    return f"Known: {shown}{' …' if len(names) > 12 else ''}." if names else ""
