"""Made-up tables of the kinds that churn models are tried on: some additive, some with interactions and humps."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Table = dict[str, Array]


def telecom(rows: int, seed: int = 0) -> Table:
    """Return a mostly additive table with nested services; blanks in ``TotalCharges``, as a well-known table has."""
    rng = np.random.default_rng(seed)
    contract = rng.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.55, 0.21, 0.24])
    reach = np.select([contract == "Month-to-month", contract == "One year"], [18.0, 42.0], 57.0)
    tenure = np.clip(rng.gamma(1.3, reach / 1.3), 0, 72).astype(int)
    internet = rng.choice(["DSL", "Fiber optic", "No"], rows, p=[0.34, 0.44, 0.22])
    support = np.where(internet == "No", "No internet service", rng.choice(["Yes", "No"], rows, p=[0.37, 0.63]))
    payment = rng.choice(["Electronic check", "Mailed check", "Bank transfer", "Credit card"], rows)
    fee = {"No": 20.0, "DSL": 50.0, "Fiber optic": 80.0}
    monthly = np.array([fee[kind] for kind in internet]) + rng.normal(0, 8, rows) + 8 * (support == "Yes")
    paperless, senior, partner = rng.random(rows) < 0.6, rng.random(rows) < 0.16, rng.random(rows) < 0.48
    margin = (
        -0.65
        + np.select([contract == "Month-to-month", contract == "One year"], [0.75, -0.75], -2.0)
        - 0.95 * np.log1p(tenure / 4)
        + np.select([internet == "Fiber optic", internet == "No"], [1.1, -0.7], 0.0)
        + 0.5 * (support == "No")
        + 0.45 * (payment == "Electronic check") * (1 + (internet == "Fiber optic"))
        + 0.3 * paperless
        + 0.3 * senior
        + 0.9 * ((monthly > 85) & (tenure < 20))
    )
    total = [f"{fee * months:.2f}" if months else " " for fee, months in zip(monthly, tenure, strict=True)]
    return {
        "customerID": np.array([f"{number:05d}-X{number * 7919 % 9973:04d}" for number in range(rows)]),
        "SeniorCitizen": senior.astype(int),
        "Partner": np.where(partner, "Yes", "No"),
        "tenure": tenure,
        "InternetService": internet,
        "TechSupport": support,
        "Contract": contract,
        "PaperlessBilling": np.where(paperless, "Yes", "No"),
        "PaymentMethod": payment,
        "MonthlyCharges": np.round(monthly, 2),
        "TotalCharges": np.array(total),
        "Churn": np.where(_draw(rng, margin), "Yes", "No"),
    }


def bank(rows: int, seed: int = 0) -> Table:
    """Return a table with a hump in age, a valley in products and interactions; a linear model misses most of it."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(14, 2.8, rows), 18, 90).astype(int)
    products = rng.choice([1, 2, 3, 4], rows, p=[0.508, 0.459, 0.027, 0.006])
    country = rng.choice(["France", "Germany", "Spain"], rows, p=[0.5, 0.25, 0.25])
    active, female = rng.random(rows) < 0.515, rng.random(rows) < 0.455
    balance = np.where(rng.random(rows) < np.where(country == "Germany", 0, 0.48), 0, rng.normal(120_000, 30_000, rows))
    margin = (
        -2.3
        + 3.3 * np.exp(-(((age - 56) / 11) ** 2)) * np.where(active, 0.65, 1.15)
        + np.select([products == 1, products == 2], [0.6, -1.0], 2.6)
        + 0.9 * (country == "Germany")
        + 0.5 * female
        - 0.5 * active
        + 0.5 * ((balance > 0) & (products == 2))
    )
    return {
        "RowNumber": np.arange(1, rows + 1),
        "CustomerId": 15_000_000 + rng.permutation(rows) * 3,
        "Surname": np.array([f"N{n}" for n in (rng.pareto(0.7, rows) * 20).astype(int) % 3000]),
        "CreditScore": np.clip(rng.normal(650, 97, rows), 350, 850).astype(int),
        "Geography": country,
        "Gender": np.where(female, "Female", "Male"),
        "Age": age,
        "Tenure": rng.integers(0, 11, rows),
        "Balance": np.round(np.maximum(balance, 0), 2),
        "NumOfProducts": products,
        "HasCrCard": (rng.random(rows) < 0.7).astype(int),
        "IsActiveMember": active.astype(int),
        "EstimatedSalary": np.round(rng.uniform(10, 200_000, rows), 2),
        "Exited": _draw(rng, margin).astype(int),
    }


def usage(rows: int, seed: int = 0) -> Table:
    """Return a table of usage, where few leave, dates count, much is missing and what is missing says something."""
    rng = np.random.default_rng(seed)
    minutes, calls = rng.normal(180, 54, rows), rng.poisson(1.56, rows)
    plan, international = rng.random(rows) < 0.28, rng.random(rows) < 0.1
    intl_calls, state = rng.poisson(4.5, rows), rng.integers(0, 51, rows)
    effect = rng.normal(0, 0.35, 51)
    joined = np.datetime64("2020-01-01") + rng.integers(0, 1500, rows)
    income = np.where(rng.random(rows) < 0.3, np.nan, rng.lognormal(10.5, 0.5, rows))
    margin = (
        -3.1
        + 3.0 * ((minutes > 240) & ~plan)
        + 2.3 * (calls >= 4) * (minutes < 165)
        + 1.0 * (calls >= 4)
        + 3.2 * (international & (intl_calls < 3))
        + 0.9 * international
        + effect[state]
        + 0.8 * np.isnan(income)
        + 0.5 * (joined > np.datetime64("2023-06-01"))
    )
    shown = [f"{value:.0f}" if np.isfinite(value) else "" for value in income]
    return {
        "state": np.array([f"S{number:02d}" for number in state]),
        "joined_on": joined.astype(str),
        "day_minutes": np.round(minutes, 1),
        "service_calls": calls,
        "voice_plan": np.where(plan, "yes", "no"),
        "intl_plan": np.where(international, "yes", "no"),
        "intl_calls": intl_calls,
        "eve_minutes": np.round(rng.normal(200, 50, rows), 1),
        "income": np.array(shown),
        "churn": np.where(_draw(rng, margin), "True", "False"),
    }


def additive(rows: int, seed: int = 0) -> Table:
    """Return a table on which logistic regression is the truth."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(rows, 8))
    margin = -1.2 + drawn @ np.array([0.8, -0.6, 0.5, 0.4, -0.3, 0.2, 0, 0])
    return {f"x{number}": np.round(drawn[:, number], 4) for number in range(8)} | {
        "left": _draw(rng, margin).astype(int)
    }


def _draw(rng: np.random.Generator, margin: Array) -> Array:
    drawn: Array = rng.random(len(margin)) < 1 / (1 + np.exp(-margin))
    return drawn


def write_csv(path: Path, table: Mapping[str, Any]) -> Path:
    """Write the columns as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path
