"""The HTTP face."""

from customer360.api.app import create_app

__all__ = ["create_app"]
