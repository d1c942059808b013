"""Questions in English: read by a grammar that must explain every word, or asked back, or refused with a reason."""

from customer360.ask.engine import Engine, Option, Read
from customer360.ask.followups import Context
from customer360.ask.frame import Frame
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.ask.wording import restate

__all__ = ["Context", "Engine", "Frame", "Option", "Read", "read_days", "read_values", "restate", "restrict_model"]
