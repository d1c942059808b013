"""Customers whose model is known: the published CDNOW sample, and some that are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from customer360.value import CustomerStatistics, open_purchases, summarise
from customer360.value.bg_nbd import BgNbd
from customer360.value.fitting import Floats
from customer360.value.gamma_gamma import GammaGamma

LINE = re.compile(r"^\s*(\d+)\s+(\d{8})\s+(\d+)\s+(\d+\.\d+)\s*$", re.MULTILINE)
SAMPLE = Path(__file__).with_name("cdnow_sample_ids.txt")
HEADER = "customer,day,amount"
PAPER_MODEL = BgNbd(0.243, 4.414, 0.793, 2.426)
Row = tuple[float, float, float, float, float]
"""Frequency, recency, age, value frequency and mean value."""


class Histories(NamedTuple):
    """Repeat purchases, recency and age of drawn customers, and the purchases after."""

    frequency: Floats
    recency: Floats
    age: Floats
    later: Floats


def sample_ids() -> set[int]:
    """Return the customers of the sample that the papers use; no rule on the ids gives them."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[1:]
    return {int(word) for line in lines for word in line.split()}


def write_csv(path: Path, lines: Iterable[str]) -> Path:
    """Write a file of purchases."""
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def statistics_of(rows: Sequence[Row] | Floats) -> CustomerStatistics:
    """Return statistics as if they had been counted."""
    frequency, recency, age, value_frequency, mean_value = np.array(rows, dtype=float).reshape(-1, 5).T
    return CustomerStatistics(
        calibration_end=date(2024, 6, 30),
        holdout_days=0,
        customer_ids=pa.chunked_array([[f"C{number}" for number in range(len(frequency))]], pa.string()),
        frequency=frequency,
        recency=recency,
        age=age,
        value_frequency=value_frequency,
        mean_value=mean_value,
        later_purchases=np.zeros(len(frequency)),
        later_spend=np.zeros(len(frequency)),
    )


@pytest.fixture(scope="session")
def cdnow_csv(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published CDNOW sample as a bare CSV file, made from the master file."""
    text, chosen = (data_folder / "cdnow" / "CDNOW_master.txt").read_text(encoding="utf-8"), sample_ids()
    lines = (f"{customer},{day},{amount}" for customer, day, _, amount in LINE.findall(text) if int(customer) in chosen)
    return write_csv(tmp_path_factory.mktemp("cdnow") / "cdnow.csv", lines)


@pytest.fixture(scope="session")
def cdnow(cdnow_csv: Path) -> CustomerStatistics:
    """The sample's statistics: 39 weeks to learn from, 39 weeks held out."""
    with open_purchases(cdnow_csv, customer="customer", date="day", amount="amount") as purchases:
        return summarise(purchases, calibration_end=date(1997, 9, 30), holdout_days=273)


def draw_histories(model: BgNbd, size: int, *, weeks: float, seed: int) -> Histories:
    """Draw customers who buy as BG/NBD says, one purchase at a time, with first purchases 20 to 60 weeks ago."""
    generator = np.random.default_rng(seed)
    rate = generator.gamma(model.r, 1 / model.alpha, size)
    leaving = generator.beta(model.a, model.b, size)
    age = generator.uniform(20, 60, size)
    now, recency = np.zeros(size), np.zeros(size)
    frequency, later = np.zeros(size), np.zeros(size)
    is_customer = np.ones(size, dtype=bool)
    while is_customer.any():
        now = now + generator.exponential(1 / np.maximum(rate, 1e-300))
        before = is_customer & (now <= age)
        frequency, recency = frequency + before, np.where(before, now, recency)
        later += is_customer & (now > age) & (now <= age + weeks)
        is_customer &= (now <= age + weeks) & (generator.random(size) >= leaving)
    return Histories(frequency, recency, age, later)


def draw_values(model: GammaGamma, frequency: Floats, *, seed: int) -> Floats:
    """Draw the mean value of each customer's purchases as Gamma-Gamma says; 0 without any."""
    generator = np.random.default_rng(seed)
    rate = generator.gamma(model.q, 1 / model.gamma, len(frequency))
    count = np.maximum(frequency, 1)
    return np.asarray(np.where(frequency > 0, generator.gamma(model.p * count) / rate / count, 0.0))
