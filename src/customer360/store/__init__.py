"""The operational store: what changes between builds. SQLite beside the workspace unless a URL says otherwise."""

from customer360.store.alerts import Finding, list_alerts, list_undelivered, mark_delivered, note_findings
from customer360.store.database import Store
from customer360.store.feedback import write_feedback
from customer360.store.metrics import write_metrics
from customer360.store.streams import advancing, create_stream, drop_stream, get_stream, list_streams
from customer360.store.tables import Alert, AnswerFeedback, ApiMetric, ChangeStream, PipelineRun, QueryRecord

__all__ = [
    "Alert",
    "AnswerFeedback",
    "ApiMetric",
    "ChangeStream",
    "Finding",
    "PipelineRun",
    "QueryRecord",
    "Store",
    "advancing",
    "create_stream",
    "drop_stream",
    "get_stream",
    "list_alerts",
    "list_streams",
    "list_undelivered",
    "mark_delivered",
    "note_findings",
    "write_feedback",
    "write_metrics",
]
