"""What customers will be worth: purchases and spend to expect, and how well that came true before."""

from customer360.value.artefact import KeptValue, find_value, keep_value, load_value
from customer360.value.evaluation import Holdout, evaluate
from customer360.value.files import open_purchases
from customer360.value.model import ValueModel, fit_value
from customer360.value.prediction import Prediction, predict, total_intervals
from customer360.value.purchases import Purchases, purchases_in, purchases_of
from customer360.value.simulation import Intervals, simulate
from customer360.value.statistics import CustomerStatistics, summarise
from customer360.value.worth import predict_worth

__all__ = [
    "CustomerStatistics",
    "Holdout",
    "Intervals",
    "KeptValue",
    "Prediction",
    "Purchases",
    "ValueModel",
    "evaluate",
    "find_value",
    "fit_value",
    "keep_value",
    "load_value",
    "open_purchases",
    "predict",
    "predict_worth",
    "purchases_in",
    "purchases_of",
    "simulate",
    "summarise",
    "total_intervals",
]
