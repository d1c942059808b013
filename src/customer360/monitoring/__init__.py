"""Watches over the running product: telling people of alerts."""

from customer360.monitoring.delivery import Delivery, deliver_alerts, describe_alert

__all__ = ["Delivery", "deliver_alerts", "describe_alert"]
