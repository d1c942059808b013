"""The shapes of what ``customer360 ingest`` writes; their JSON Schemas are beside this module, in ``schemas/``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Counts = dict[str, Count]
Seconds = Annotated[float, Field(ge=0)]


class EngagementLevel(StrEnum):
    """How much a customer does."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ActivityStatus(StrEnum):
    """Whether a customer does anything."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class AcquisitionChannel(StrEnum):
    """Where a customer came from."""

    WEBSITE = "website"
    MOBILE = "mobile"
    EMAIL = "email"


class MarketSegment(StrEnum):
    """The market that a customer belongs to."""

    US_WEST = "US-West"
    US_EAST = "US-East"
    EU = "EU"
    APAC = "APAC"


class CustomerTier(StrEnum):
    """What a customer pays for."""

    BASIC = "basic"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Open(BaseModel):
    """May say more than its fields in a later version; what a field is called and means stays."""

    model_config = ConfigDict(extra="allow", frozen=True)


class QualitySummary(_Closed):
    """Customers by quality; together they are all."""

    high_quality: Count
    medium_quality: Count
    low_quality: Count


class ExportMetadata(_Closed):
    """What a file of customers holds, and when it was written, in UTC."""

    total_customers: Count
    export_timestamp: Annotated[datetime, Field(json_schema_extra={"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"})]
    data_quality_summary: QualitySummary


class ExportedCustomer(_Closed):
    """One customer: the best of the records that a source gave of it."""

    customer_id: int | str
    full_name: str | None
    email_domain: str | None
    engagement_level: EngagementLevel
    activity_status: ActivityStatus
    acquisition_channel: AcquisitionChannel
    market_segment: MarketSegment
    customer_tier: CustomerTier
    data_quality_score: Annotated[int, Field(ge=0, le=100)]
    is_simulated: bool


class ProcessedCustomers(_Closed):
    """processed_customers.json."""

    metadata: ExportMetadata
    customers: list[ExportedCustomer]


class RunFacts(_Open):
    """Which run it was."""

    run_id: str
    source: str
    address: str
    resumed: Count


class Outcomes(_Open):
    """What became of records: landed, duplicates and quarantined are all of them; ``reasons`` are of the last."""

    records: Count
    landed: Count
    duplicates: Count
    quarantined: Count
    reasons: Counts


class RecordFigures(Outcomes):
    """What became of the records of all endpoints, and what the exported customers look like."""

    customers: Count
    buckets: Counts
    missing: Counts
    invalid_emails: Count
    domains: Counts


class DriftFigures(_Open):
    """Records in which a field was not as its contract says, and what was done with them."""

    field: str
    kind: str
    found: str
    mode: str
    records: Count


class EndpointFigures(_Open):
    """What one endpoint gave, and what became of it in each table."""

    pages: Count
    records: Count
    drifts: list[DriftFigures]
    tables: dict[str, Outcomes]


class RequestFigures(_Open):
    """What was asked of the source, and what came of it."""

    requests: Count
    retries: Count
    throttled: Count
    failures: Counts
    seconds: Seconds


class Statistics(_Open):
    """What a run counted; ``values`` are customers by value of each attribute that is drawn."""

    run: RunFacts
    records: RecordFigures
    endpoints: dict[str, EndpointFigures]
    values: dict[str, Counts]
    api: RequestFigures
    seconds: dict[str, Seconds]


class SummaryReport(_Closed):
    """summary_report.json."""

    statistics: Statistics


SCHEMAS: dict[str, type[BaseModel]] = {
    "processed_customers.schema.json": ProcessedCustomers,
    "summary_report.schema.json": SummaryReport,
}


def json_schema(name: str) -> dict[str, Any]:
    """Return one of ``SCHEMAS`` as JSON Schema."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | SCHEMAS[name].model_json_schema(mode="serialization")
