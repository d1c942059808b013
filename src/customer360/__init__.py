"""Customer360: from what a company knows about its customers to answers."""

__version__ = "0.1.0"
