"""The files of a run are of the shape that their schemas say, and what the summary counts is in the export."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, ValidationError

from customer360.demo_api import DemoSettings, Trouble
from customer360.ingest.api import ingest
from customer360.ingest.api_schemas import SCHEMAS, ExportedCustomer, ProcessedCustomers, SummaryReport
from customer360.ingest.api_sources import find_api_source
from customer360.settings import simulated_weights
from customer360.workspace import Workspace
from tests.servers.demo_api import running

pytestmark = pytest.mark.integration
MESSY = DemoSettings(users=800, messy=0.4, trouble=Trouble(error=0.2, throttled=0.1))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run over messy records wrote, by the name of the schema."""
    with pytest.MonkeyPatch.context() as patch, running(MESSY) as api:
        patch.setattr("customer360.ingest.api_client.time.sleep", lambda _: None)
        report = ingest(Workspace(tmp_path_factory.mktemp("home")), find_api_source("reqres"), api.address)
    return {f"{Path(file).stem}.schema.json": json.loads(file.read_bytes()) for file in report.files}


def schema(name: str) -> Any:
    return json.loads(files("customer360.ingest").joinpath("schemas", name).read_text(encoding="utf-8"))


@pytest.mark.contract("S4.03")
@pytest.mark.contract("S4.26")
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_written_has_the_shape_of_its_schema(name: str, written: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    jsonschema.Draft202012Validator(schema(name)).validate(written[name])
    SCHEMAS[name].model_validate_json(json.dumps(written[name]), strict=True)


@pytest.mark.contract("S4.04")
def test_the_summary_can_be_counted_again_from_the_export(written: dict[str, Any]) -> None:
    customers = written["processed_customers.schema.json"]["customers"]
    metadata = written["processed_customers.schema.json"]["metadata"]
    statistics = written["summary_report.schema.json"]["statistics"]
    assert statistics["records"]["customers"] == metadata["total_customers"] == len(customers)
    users = statistics["endpoints"]["users"]["tables"]["api_customers"]
    assert users["landed"] + users["duplicates"] + users["quarantined"] == statistics["records"]["records"]
    for field in simulated_weights():
        assert statistics["values"][field] == Counter(customer[field] for customer in customers)
    assert statistics["records"]["domains"] == _domains(customers)
    buckets = Counter(_bucket(customer["data_quality_score"]) for customer in customers)
    assert Counter(statistics["records"]["buckets"]) == buckets
    summary = Counter(metadata["data_quality_summary"])
    assert summary == Counter({f"{name}_quality": number for name, number in buckets.items()})
    assert statistics["api"]["retries"] == sum(statistics["api"]["failures"].values()) > 0


def _bucket(score: int) -> str:
    return "high" if score >= 90 else "medium" if score >= 70 else "low"


def _domains(customers: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(customer["email_domain"] for customer in customers if customer["email_domain"]).most_common(20))


@pytest.mark.unit
@pytest.mark.parametrize("field", simulated_weights())
def test_only_values_that_are_drawn_are_valid(field: str, written: dict[str, Any]) -> None:
    customer = written["processed_customers.schema.json"]["customers"][0]
    for value in simulated_weights()[field]:
        assert getattr(ExportedCustomer.model_validate(customer | {field: value}), field) == value
    with pytest.raises(ValidationError, match=field):
        ExportedCustomer.model_validate(customer | {field: "none of these"})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (ExportedCustomer, {"data_quality_score": 101}),
        (ExportedCustomer, {"data_quality_score": -1}),
        (ExportedCustomer, {"customer_id": None}),
        (ExportedCustomer, {"password": "x"}),
        (ProcessedCustomers, {"metadata": {}}),
        (SummaryReport, {"statistics": {}}),
    ],
)
def test_what_does_not_fit_is_refused(model: type[BaseModel], wrong: dict[str, Any], written: dict[str, Any]) -> None:
    export = written["processed_customers.schema.json"]
    whole = {
        ExportedCustomer: export["customers"][0],
        ProcessedCustomers: export,
        SummaryReport: written["summary_report.schema.json"],
    }[model]
    model.model_validate(whole)
    with pytest.raises(ValidationError):
        model.model_validate(whole | wrong)
