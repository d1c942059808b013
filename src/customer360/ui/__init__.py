"""The pages: Streamlit over the packages below. A page describes the screen; what it shows is computed elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["command"]

SCRIPT = Path(__file__).with_name("app.py")


def command(host: str, port: int, *, reload: bool = False) -> list[str]:
    """Return the command that serves the pages; the workspace is the one that CUSTOMER360_HOME names.

    The other options are in ``.streamlit/config.toml`` beside the script, which Streamlit reads from any working
    folder. Those that a user's environment must not change are given here, because a flag wins over it.
    """
    flags = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "auto" if reload else "none",
        "server.runOnSave": str(reload).lower(),
        "browser.gatherUsageStats": "false",
    }
    return [sys.executable, "-m", "streamlit", "run", str(SCRIPT), *(f"--{name}={v}" for name, v in flags.items())]
