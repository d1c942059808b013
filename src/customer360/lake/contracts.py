"""The contract of each bronze table: its columns, their types and which ones a row cannot do without.

Timestamps are kept as the source wrote them, in the time zone that ``dataset.yml`` names; silver turns them into UTC.
A value that does not fit its type is null in its column and kept as received in ``_invalid``.
"""

from __future__ import annotations

from dataclasses import dataclass

from customer360.errors import InvalidDefinition, did_you_mean

MONEY = "DECIMAL(18,4)"


@dataclass(frozen=True)
class Column:
    """One column of a bronze table; ``type`` is a type of the engine."""

    name: str
    type: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class TableContract:
    """One bronze table: what one row is, and its columns."""

    name: str
    grain: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


PROVENANCE = (
    Column("_line", "BIGINT", "Line of the source file the row starts on, counting from 1", required=True),
    Column("_invalid", "VARCHAR", "JSON object of the values that do not fit their column's type, as received"),
    Column("_source_file", "VARCHAR", "Name of the source file", required=True),
    Column("_batch_id", "VARCHAR", "Batch the row landed in", required=True),
    Column("_loaded_at", "TIMESTAMP", "When the batch landed, UTC", required=True),
)

CUSTOMERS = TableContract(
    "customers",
    "One row per time a source states what it knows of a customer",
    (
        Column("customer_id", "VARCHAR", "Natural key of the customer", required=True),
        Column("observed_at", "TIMESTAMP", "When the source states it", required=True),
        Column("first_name", "VARCHAR", "First name"),
        Column("last_name", "VARCHAR", "Last name"),
        Column("email", "VARCHAR", "E-mail address"),
        Column("age", "INTEGER", "Age in years"),
        Column("country", "VARCHAR", "Country of the customer"),
        Column("state", "VARCHAR", "State, two letters in the United States"),
        Column("city", "VARCHAR", "City"),
        Column("employment_status", "VARCHAR", "Full-Time, Part-Time, Self-Employed, Retired or Unemployed"),
        Column("customer_type", "VARCHAR", "Kind of customer, such as Individual or Enterprise"),
        Column("card_type", "VARCHAR", "Standard or Premium"),
        Column("credit_limit", "DECIMAL(12,2)", "Credit limit in the dataset's currency"),
        Column("account_open_date", "DATE", "Day the account was opened"),
        Column("seed_segment", "VARCHAR", "Segment the generator drew; only tests read it"),
        Column("decline_type", "VARCHAR", "Why a declining customer declines; only the generator knows it"),
    ),
)

CUSTOMER_CHANGES = TableContract(
    "customer_changes",
    "One row per dated change of one attribute of a customer",
    (
        Column("change_id", "VARCHAR", "Natural key of the change", required=True),
        Column("customer_id", "VARCHAR", "Customer that changed", required=True),
        Column("effective_at", "TIMESTAMP", "When the change took effect", required=True),
        Column("attribute", "VARCHAR", "Name of the column of customers that changed", required=True),
        Column("old_value", "VARCHAR", "Value before, as text"),
        Column("new_value", "VARCHAR", "Value after, as text", required=True),
    ),
)

TRANSACTIONS = TableContract(
    "transactions",
    "One row per transaction, or per line of an order",
    (
        Column("transaction_id", "VARCHAR", "Natural key of the transaction", required=True),
        Column("customer_id", "VARCHAR", "Customer; null for a guest"),
        Column("order_id", "VARCHAR", "Basket the line belongs to; null where each row is one"),
        Column("product_id", "VARCHAR", "Product"),
        Column("merchant_category_id", "VARCHAR", "Merchant category", required=True),
        Column("merchant_name", "VARCHAR", "Merchant"),
        Column("transaction_date", "DATE", "Day in the company's time zone", required=True),
        Column("transaction_at", "TIMESTAMP", "Moment; null where the source has only days"),
        Column("transaction_amount", MONEY, "Signed amount; of a declined row, what was attempted", required=True),
        Column("quantity", "INTEGER", "Signed number of pieces"),
        Column("unit_price", MONEY, "Price of one piece"),
        Column("transaction_type", "VARCHAR", "purchase, return, fee or adjustment", required=True),
        Column("channel", "VARCHAR", "Online, In-Store or Mobile"),
        Column("status", "VARCHAR", "approved or declined", required=True),
        Column("currency", "VARCHAR", "ISO 4217 code", required=True),
        Column("source_system", "VARCHAR", "System the row comes from", required=True),
    ),
)

MERCHANT_CATEGORIES = TableContract(
    "merchant_categories",
    "One row per category code of the source",
    (
        Column("category_id", "VARCHAR", "Code that transactions carry", required=True),
        Column("category_name", "VARCHAR", "Name of the code", required=True),
        Column("category_group", "VARCHAR", "Leisure, Necessities or Other", required=True),
        Column("parent_category", "VARCHAR", "Category the code rolls up to; null where it is one itself"),
        Column("is_discretionary", "BOOLEAN", "Whether customers can do without"),
        Column("is_travel", "BOOLEAN", "Whether it counts as travel"),
        Column("is_necessity", "BOOLEAN", "Whether it counts as a necessity"),
    ),
)

PRODUCTS = TableContract(
    "products",
    "One row per time a source names a product",
    (
        Column("product_id", "VARCHAR", "Natural key of the product", required=True),
        Column("source_product_id", "VARCHAR", "The key as the source spells it"),
        Column("product_name", "VARCHAR", "Name or description"),
        Column("category", "VARCHAR", "Category of the product"),
        Column("type", "VARCHAR", "Kind of thing it is, such as product, fee or card"),
        Column("attributes", "VARCHAR", "JSON object of what else the source says of it"),
        Column("launch_date", "DATE", "First day it was on offer"),
        Column("end_date", "DATE", "Last day it was on offer; null while it is"),
    ),
)

CUSTOMER_PRODUCTS = TableContract(
    "customer_products",
    "One row per time a customer held a product",
    (
        Column("customer_id", "VARCHAR", "Customer that holds it", required=True),
        Column("product_id", "VARCHAR", "Product that is held", required=True),
        Column("relationship_type", "VARCHAR", "owner, joint or authorised_user"),
        Column("start_date", "DATE", "First day it was held", required=True),
        Column("end_date", "DATE", "Last day it was held; null while it is"),
        Column("balance", MONEY, "What is owed or insured, in the dataset's currency"),
    ),
)

REJECT_CODE = "reject_code"

FETCHED = (
    Column("payload", "VARCHAR", "The record as it came, JSON", required=True),
    Column("page", "BIGINT", "Page of the run that the record came on, counting from 1"),
    Column("fetched_at", "TIMESTAMP", "When it came, UTC", required=True),
    Column("run_id", "VARCHAR", "Run that fetched it", required=True),
    Column(REJECT_CODE, "VARCHAR", "Why the source's contract does not take the record; null where it does"),
)
"""What every record of a source behind an API carries."""

API_CUSTOMERS = TableContract(
    "api_customers",
    "One row per time a source behind an API gives a customer",
    (
        Column("source_system", "VARCHAR", "Name of the source", required=True),
        Column("source_customer_id", "VARCHAR", "Id of the customer in that source", required=True),
        Column("first_name", "VARCHAR", "First name"),
        Column("last_name", "VARCHAR", "Last name"),
        Column("email", "VARCHAR", "E-mail address"),
        Column("avatar", "VARCHAR", "Address of a picture"),
        Column("age", "INTEGER", "Age in years"),
        Column("country", "VARCHAR", "Country of the customer"),
        Column("state", "VARCHAR", "State, two letters in the United States"),
        Column("city", "VARCHAR", "City"),
        *FETCHED,
    ),
)

API_CARTS = TableContract(
    "api_carts",
    "One row per time a source behind an API gives a basket that is not a purchase yet",
    (
        Column("source_system", "VARCHAR", "Name of the source", required=True),
        Column("source_cart_id", "VARCHAR", "Id of the basket in that source", required=True),
        Column("source_customer_id", "VARCHAR", "Id of the customer in that source", required=True),
        Column("product_count", "INTEGER", "How many different products are in it"),
        Column("quantity", "INTEGER", "How many pieces are in it"),
        Column("total_amount", MONEY, "What it comes to, in the dataset's currency", required=True),
        *FETCHED,
    ),
)

SEGMENT_SNAPSHOTS = TableContract(
    "segment_snapshots",
    "One row per customer and as-of date of a published build; builds land it, no dataset does",
    (
        Column("customer_id", "VARCHAR", "Customer", required=True),
        Column("customer_segment", "VARCHAR", "Segment the customer was in", required=True),
        Column("as_of_date", "DATE", "As-of date of the build that found it", required=True),
    ),
)

CHURN_SCORES = TableContract(
    "churn_scores",
    "One row per scored customer and as-of date of a published build; builds land it, no dataset does",
    (
        Column("customer_id", "VARCHAR", "Customer", required=True),
        Column("model_version", "VARCHAR", "Version of the churn model", required=True),
        Column("churn_probability", "DOUBLE", "Calibrated probability to leave within 60 days", required=True),
        Column("churn_risk_score", "INTEGER", "Risk score, 0 to 100", required=True),
        Column("churn_risk_category", "VARCHAR", "Low Risk, Medium Risk or High Risk", required=True),
        Column("as_of_date", "DATE", "As-of date of the build that scored it", required=True),
    ),
)

CORRECTIONS = TableContract(
    "corrections",
    "One row per rejected row that somebody corrected and landed anew; quarantine replay lands it, no dataset does",
    (
        Column("reject_id", "VARCHAR", "Id of the rejected row", required=True),
        Column("table_name", "VARCHAR", "Bronze table of the row, before and after", required=True),
        Column("batch_id", "VARCHAR", "Batch the rejected row landed in", required=True),
        Column("source_line", "BIGINT", "Line of the rejected row", required=True),
        Column("source_file", "VARCHAR", "File the rejected row came in", required=True),
        Column("sha256", "VARCHAR", "Hash of that file", required=True),
        Column("first_source_file", "VARCHAR", "The same, or of a correction corrected the first one's", required=True),
        Column("first_sha256", "VARCHAR", "Hash of that file", required=True),
        Column("reason_code", "VARCHAR", "Rules that the row broke, separated by commas", required=True),
        Column("reject_reason", "VARCHAR", "The same in words, separated by semicolons", required=True),
        Column("changes", "VARCHAR", "JSON object of what was set, by column", required=True),
        Column("corrected_at", "TIMESTAMP", "When it was corrected, UTC", required=True),
    ),
)

SOURCE_TABLES = (CUSTOMERS, CUSTOMER_CHANGES, TRANSACTIONS, MERCHANT_CATEGORIES, PRODUCTS, CUSTOMER_PRODUCTS)
API_TABLES = (API_CUSTOMERS, API_CARTS)
SNAPSHOT_TABLES = (SEGMENT_SNAPSHOTS, CHURN_SCORES)
CORRECTION_TABLES = (CORRECTIONS,)
TABLES = {table.name: table for table in (*SOURCE_TABLES, *API_TABLES, *SNAPSHOT_TABLES, *CORRECTION_TABLES)}


def get_contract(table: str) -> TableContract:
    """Return the contract of a bronze table that a dataset or a source behind an API may feed.

    Raises:
        InvalidDefinition: there is no such table.
    """
    contracts = {contract.name: contract for contract in (*SOURCE_TABLES, *API_TABLES)}
    if table not in contracts:
        raise InvalidDefinition(f"There is no bronze table {table!r}.", next_action=did_you_mean(table, contracts))
    return contracts[table]
