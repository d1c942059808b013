"""Questions in English: read by a grammar that must explain every word, or asked back, or refused with a reason."""

from customer360.ask.answering import Answer, Conversation
from customer360.ask.batch import answer_batch, read_batch
from customer360.ask.chart import Chart, propose_chart
from customer360.ask.checks import Fault, lint_model
from customer360.ask.engine import Engine, Option, Read
from customer360.ask.explaining import explain_reading
from customer360.ask.followups import Context
from customer360.ask.frame import Frame
from customer360.ask.guide import Guide
from customer360.ask.restrict import restrict_model
from customer360.ask.sources import Engines, Source, open_source
from customer360.ask.values import read_days, read_values
from customer360.ask.wording import restate

__all__ = [
    "Answer",
    "Chart",
    "Context",
    "Conversation",
    "Engine",
    "Engines",
    "Fault",
    "Frame",
    "Guide",
    "Option",
    "Read",
    "Source",
    "answer_batch",
    "explain_reading",
    "lint_model",
    "open_source",
    "propose_chart",
    "read_batch",
    "read_days",
    "read_values",
    "restate",
    "restrict_model",
]
