"""What runs over sources behind APIs did, in ``logs/pipeline.log`` of the workspace.

A line is: time in UTC, level, run, what happened. No line holds a secret or a whole e-mail address: what is written
goes through ``mask``, whoever worded it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import quote, quote_plus

from customer360.workspace import Workspace

FILE = "pipeline.log"
LARGEST_BYTES, KEPT_FILES = 10_000_000, 5
LOGGER = logging.getLogger("customer360.ingest.api")
"""Where the modules of API sources say what happens; only a run that is open writes it down."""

_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_EMAIL = re.compile(r"([^\s@\"'<>()\[\]{},;:=&?/%])[^\s@\"'<>()\[\]{},;:=&?/%]*(@|%40)([\w.-]+)")
HIDDEN = "***"


def log_path(workspace: Workspace) -> Path:
    """Return where the runs of a workspace are logged."""
    return workspace.logs / FILE


def mask(text: str, secrets: Sequence[str] = ()) -> str:
    """Return a text without secrets, and with e-mail addresses as ``g***@reqres.in``."""
    for secret in secrets:
        for written in {secret, quote(secret, safe=""), quote_plus(secret)}:
            text = text.replace(written, HIDDEN)
    return _EMAIL.sub(rf"\1{HIDDEN}\2\3", _USER_INFO.sub(f"{HIDDEN}@", text))


class RunLog(RotatingFileHandler):
    """The open log of one run; ``run_id`` is known once the run has begun, or goes on."""

    def __init__(self, path: Path, secrets: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        self.run_id = "-"
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever the message holds."""
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z"
        message = mask(record.getMessage(), self._secrets).replace("\r", "").replace("\n", " | ")
        return f"{at} {record.levelname:<7} {self.run_id} {message}"


@contextmanager
def logging_run(workspace: Workspace, level: str, secrets: Sequence[str] = ()) -> Iterator[RunLog]:
    """Write down what is logged while the block runs, and why it ended where it failed."""
    log = RunLog(log_path(workspace), secrets)
    before = LOGGER.level, LOGGER.propagate
    LOGGER.setLevel(level)
    LOGGER.propagate = False  # the terminal shows progress and the error
    LOGGER.addHandler(log)
    try:
        yield log
    except BaseException as error:
        LOGGER.error("run failed: %s: %s", type(error).__name__, error)
        raise
    finally:
        LOGGER.removeHandler(log)
        LOGGER.level, LOGGER.propagate = before
        log.close()
