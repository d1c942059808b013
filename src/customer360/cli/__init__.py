"""The command line: ``customer360 --help``."""

from customer360.cli.app import app


def main() -> None:
    """Run the command line; every error of ours ends with its exit code and its next action."""
    app()


__all__ = ["app", "main"]
