"""A bank that would not fit the disk is refused before a byte is written, and the estimate is what files take."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.errors import Unavailable
from customer360.synth import SCALES, BankFiles, BankSpec, generate_bank, get_scale
from customer360.synth.space import HEADROOM, SIZES, estimated_bytes, free_bytes

pytestmark = pytest.mark.integration


def written(files: BankFiles) -> int:
    return sum(path.stat().st_size for path in files.all)


@pytest.mark.parametrize("file_format", SIZES)
def test_sizes_are_those_of_the_demo_scale(file_format: str, tmp_path: Path) -> None:
    files = generate_bank(get_scale("demo"), tmp_path, file_format=file_format)
    transactions = sum(path.stat().st_size for path in files.transactions)
    assert transactions / files.transaction_count == pytest.approx(SIZES[file_format].per_transaction, rel=0.01)
    assert (written(files) - transactions) / 2_000 == pytest.approx(SIZES[file_format].per_customer, rel=0.02)


@pytest.mark.parametrize("file_format", SIZES)
@pytest.mark.parametrize(
    "spec",
    [BankSpec(400, 480_000), BankSpec(20_000, 20_000, months=1), BankSpec(300, 3_000), BankSpec(1, 1)],
    ids=["dense", "sparse", "small", "smallest"],
)
def test_no_bank_takes_more_than_was_estimated(spec: BankSpec, file_format: str, tmp_path: Path) -> None:
    taken = written(generate_bank(spec, tmp_path, file_format=file_format))
    assert taken <= estimated_bytes(spec, file_format) < 2 * taken + 500_000


def test_the_estimate_of_a_usual_bank_is_near(bank_files: BankFiles, bank_spec: BankSpec) -> None:
    assert estimated_bytes(bank_spec, "parquet") == pytest.approx(HEADROOM * written(bank_files), rel=0.12)


def test_estimates_of_the_scales() -> None:
    sizes = {(name, kind): estimated_bytes(spec, kind) / 1e9 for name, spec in SCALES.items() for kind in SIZES}
    assert sizes["demo", "parquet"] < 0.02
    assert 1.0 < sizes["full", "parquet"] < 1.3
    assert 7.0 < sizes["full", "csv"] < 8.5


@pytest.mark.parametrize(("file_format", "needed"), [("parquet", "10.2 MB"), ("csv", "65.0 MB")])
def test_a_bank_that_does_not_fit_is_refused_with_both_figures(tmp_path: Path, file_format: str, needed: str) -> None:
    spec, out = BankSpec(2_000, 500_000), tmp_path / "deep" / "out"
    with pytest.raises(Unavailable) as fault:
        generate_bank(spec, out, file_format=file_format, free=lambda _: 2_340_000)
    assert fault.value.code == "disk_full"
    assert f"about {needed} as {file_format} files" in fault.value.message
    assert "2.3 MB free" in fault.value.message
    assert str(out) in fault.value.message
    assert "--transactions" in fault.value.next_action
    assert list(tmp_path.iterdir()) == []


def test_free_bytes_are_those_of_the_disk_that_will_hold_the_folder(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "there" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.05)
    assert free_bytes(tmp_path) > 0
