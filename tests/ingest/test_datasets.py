"""A dataset's folder: what it may say, and that a fault in it names the key to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.errors import InvalidDefinition, NotFound, SourceRefused
from customer360.ingest import DatasetFolder, find_dataset, shipped_datasets
from tests.ingest.shop import DEFINITION, write_shop

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["bank", "cdnow", "online_retail"])
def test_every_shipped_dataset_opens_under_its_name(name: str) -> None:
    assert name in shipped_datasets()
    assert find_dataset(name).dataset.name == name


def test_an_unknown_dataset_names_the_nearest_and_the_way_to_an_own_one() -> None:
    with pytest.raises(NotFound) as fault:
        find_dataset("online_retial")
    assert fault.value.code == "dataset_not_found"
    assert "'online_retail'" in fault.value.next_action
    assert "dataset.yml" in fault.value.next_action


def test_a_folder_outside_the_project_is_a_dataset(tmp_path: Path) -> None:
    write_shop(tmp_path / "mine")
    assert find_dataset(str(tmp_path / "mine")).dataset.name == "shop"


def test_a_shipped_name_wins_and_a_path_reaches_the_folder_it_shadows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shop(tmp_path / "cdnow")
    monkeypatch.chdir(tmp_path)
    assert find_dataset("cdnow").dataset.name == "cdnow"
    assert find_dataset("./cdnow").dataset.name == "shop"


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("name: shop", "name: My Shop", "name", "pattern"),
        ("name: shop", "nam: shop", "name", "required"),
        ("currency: EUR", "currency: euro", "currency", "pattern"),
        ("title: A small shop", "title: [1]", "title", "string"),
        ("currency: EUR", "currency: EUR\ncolour: red", "colour", "not permitted"),
        ("currency: EUR", "currency: EUR\ntime_zone: Paris", "time_zone", "not a time zone"),
        ("currency: EUR", "currency: EUR\nlocale: xx_YY", "locale", "not a locale"),
        ("currency: EUR", "currency: EUR\nholidays: FR", "holidays", "'US'"),
        ("currency: EUR", "currency: EUR\nfiscal_year_start_month: 13", "fiscal_year_start_month", "12"),
        ("currency: EUR", "currency: EUR\ntype_2_attributes: [age]", "type_2_attributes.0", "card_type"),
        ('files: "*.csv"', 'files: "*.csv"\n    format: xml', "sources.0.format", "parquet"),
        ('files: "*.csv"', 'files: "*.csv"\n    encoding: utf-99', "sources.0.encoding", "not an encoding"),
        ('files: "*.csv"', 'files: "*.csv"\n    encoding: utf-16', "sources.0.encoding", "save them as utf-8"),
        ('files: "*.csv"', 'files: "*.csv"\n    delimiter: ";;"', "sources.0.delimiter", "pattern"),
        ('files: "*.csv"', 'files: "*.csv"\n    format: pattern', "sources.0", "no group named 'sale'"),
        ('files: "*.csv"', 'files: "*.csv"\n    format: pattern\n    pattern: "("', "sources.0", "cannot be used"),
        ("tables: [transactions", "tables: [transaction", "sources.0.tables", "no bronze table 'transaction'"),
        ("reference: [merchant_categories]", "reference: [categories]", "reference", "no bronze table 'categories'"),
        ("sources:", "sources: []\nother:", "sources", "at least 1"),
    ],
)
def test_a_fault_in_dataset_yml_names_its_key(tmp_path: Path, old: str, new: str, field: str, message: str) -> None:
    assert old in DEFINITION
    with pytest.raises(InvalidDefinition, match=message) as fault:
        write_shop(tmp_path, definition=DEFINITION.replace(old, new))
    assert f"dataset.yml: {field}: " in fault.value.message
    assert fault.value.details[0]["field"] == field


@pytest.mark.parametrize("text", [": : :", "- just\n- a list", ""])
def test_a_file_that_is_no_definition_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidDefinition, match=r"dataset\.yml"):
        write_shop(tmp_path, definition=text)


def test_a_definition_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "dataset.yml").write_bytes(b"title: Gr\xf6\xdfe")
    with pytest.raises(InvalidDefinition, match=r"dataset\.yml"):
        DatasetFolder(tmp_path)


def test_a_table_without_its_select_names_the_file_to_write(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "products.sql").unlink()
    with pytest.raises(InvalidDefinition, match=r"products\.sql is missing"):
        DatasetFolder(tmp_path)


def test_a_file_goes_to_the_first_source_that_takes_its_base_name(shop: DatasetFolder) -> None:
    assert shop.source_for("2026/01/a.csv").files == "*.csv"
    with pytest.raises(SourceRefused, match=r"has no source for this file; it takes \*\.csv"):
        shop.source_for("a.csv.bak")


def test_the_hash_changes_with_the_select_and_with_how_the_file_is_read_only(tmp_path: Path) -> None:
    def hashed(**changed: str) -> str:
        shop = write_shop(tmp_path, **changed)
        return shop.mapping_sha256(shop.dataset.sources[0])

    first = hashed()
    assert hashed(definition=DEFINITION.replace("A small shop", "Another title")) == first
    assert hashed(definition=DEFINITION.replace('"*.csv"', '"*.csv"\n    null_values: [NA]')) != first
    assert hashed(products="select _line, sale as product_id from source") != first
