"""A hostile API of customers: a test server and a demo, never part of what answers in production.

What it serves is a function of its settings and of the sequence of requests, so a run against it can be repeated.
Failures that a client can do something about end: a (path, query) never fails more than ``failures_in_a_row`` times in
succession.
"""

from customer360.demo_api.app import create_app
from customer360.demo_api.serving import build_server
from customer360.demo_api.settings import AUTH_KINDS, USUAL_TROUBLE, DemoSettings, Trouble

__all__ = ["AUTH_KINDS", "USUAL_TROUBLE", "DemoSettings", "Trouble", "build_server", "create_app"]
