"""Watches over the running product: how queries and requests go, and telling people of alerts."""

from customer360.monitoring.delivery import Delivery, deliver_alerts, describe_alert
from customer360.monitoring.recording import Recorder

__all__ = ["Delivery", "Recorder", "deliver_alerts", "describe_alert"]
