"""Who is about to leave, and why: models of churn, the registry that keeps them, and evaluations a sceptic can read."""

from customer360.churn.card import render_card, write_card
from customer360.churn.drift import Drift, find_drift
from customer360.churn.evaluation import Evaluation, evaluate_table
from customer360.churn.fitted import FittedModel
from customer360.churn.registry import Champion, ModelRecord, Registry
from customer360.churn.rules import DEFAULT_LEAVING
from customer360.churn.scores import read_customers_to_score, score_customers
from customer360.churn.training import Comparison, Trained, compare_versions, train

__all__ = [
    "DEFAULT_LEAVING",
    "Champion",
    "Comparison",
    "Drift",
    "Evaluation",
    "FittedModel",
    "ModelRecord",
    "Registry",
    "Trained",
    "compare_versions",
    "evaluate_table",
    "find_drift",
    "read_customers_to_score",
    "render_card",
    "score_customers",
    "train",
    "write_card",
]
