"""Who is about to leave: a model of churn, and an evaluation of it that a sceptic can read."""

from customer360.churn.card import render_card, write_card
from customer360.churn.evaluation import Evaluation, evaluate_table

__all__ = ["Evaluation", "evaluate_table", "render_card", "write_card"]
