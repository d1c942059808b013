"""Models of other tools in our own format, each with a report of what of them is not in it, or otherwise."""

from customer360.semantic.importing.formats import Import, SourceFormat, import_model
from customer360.semantic.parts import Loss

__all__ = ["Import", "Loss", "SourceFormat", "import_model"]
