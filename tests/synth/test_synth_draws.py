from __future__ import annotations

import numpy as np
import pytest

from customer360.synth.draws import CustomerDraws, as_uniform, hash_numbers, mix64, quantile_table
from customer360.synth.keys import prefixed
from customer360.synth.transactions import poisson_counts

pytestmark = pytest.mark.unit
NUMBERS = np.arange(1, 200_001, dtype=np.int64)


def test_mix64_is_splitmix64() -> None:
    """The first outputs of the reference implementation for the seed 1234567."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    states = np.arange(1, 4, dtype=np.uint64) * golden + np.uint64(1234567)
    assert mix64(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_draw_depends_on_seed_stream_and_number_only() -> None:
    whole = hash_numbers(42, "age", NUMBERS)
    assert hash_numbers(42, "age", NUMBERS[16:17])[0] == whole[16]
    assert hash_numbers(43, "age", NUMBERS[16:17])[0] != whole[16]
    assert hash_numbers(42, "city", NUMBERS[16:17])[0] != whole[16]


def test_uniform_draws_are_flat_and_independent_between_streams() -> None:
    first, second = (as_uniform(hash_numbers(1, stream, NUMBERS)) for stream in ("a", "b"))
    shares = np.histogram(first, bins=20, range=(0, 1))[0] / first.size
    assert np.abs(shares - 0.05).max() < 0.003
    assert first.min() > 0
    assert first.max() < 1
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.01


def test_normal_draws_have_mean_0_and_deviation_1() -> None:
    normal = CustomerDraws(3, NUMBERS).normal("x")
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01


def test_even_pick_holds_shares_in_any_run_of_customers() -> None:
    picked = CustomerDraws(3, NUMBERS[5_000:5_400]).pick_evenly("kind", (0.13, 0.44, 0.43))
    assert np.abs(np.bincount(picked) / picked.size - [0.13, 0.44, 0.43]).max() < 0.01


@pytest.mark.parametrize("mean", [0.05, 0.5, 2.2, 12.0])
def test_counts_have_the_mean_and_variance_of_poisson(mean: float) -> None:
    counts = poisson_counts(np.full(NUMBERS.size, mean), CustomerDraws(5, NUMBERS).uniform("count"))
    assert counts.mean() == pytest.approx(mean, rel=0.02)
    assert counts.var() == pytest.approx(mean, rel=0.02)


def test_no_count_where_nothing_is_expected() -> None:
    assert poisson_counts(np.zeros(5), np.array([0.0, 0.2, 0.5, 0.9, 1 - 2**-53])).sum() == 0


def test_quantile_table_holds_the_weights() -> None:
    assert np.bincount(quantile_table((1, 3, 4), 4096)).tolist() == [512, 1536, 2048]


def test_keys_have_leading_zeros() -> None:
    assert prefixed("CUST", np.array([17, 99_999]), 8).to_pylist() == ["CUST00000017", "CUST00099999"]
