"""The semantic model in formats that others read, each with a report of what of the model does not get there."""

from customer360.semantic.exporting.formats import Format, export
from customer360.semantic.exporting.parts import Export
from customer360.semantic.parts import Loss

__all__ = ["Export", "Format", "Loss", "export"]
