"""A small company whose files hold every fault that the contract of a table knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

DEFINITION = """
name: messy
title: A messy little company
currency: EUR
locale: de_DE
time_zone: Europe/Berlin
type_2_attributes: [card_type, credit_limit]
sources:
  - {files: "customers*.csv", columns: [customer_id], tables: [customers]}
  - {files: "changes*.csv", columns: [change_id], tables: [customer_changes]}
  - {files: "transactions*.csv", columns: [transaction_id], tables: [transactions]}
  - {files: "products*.csv", columns: [product_id], tables: [products]}
  - {files: "categories*.csv", columns: [category_id], tables: [merchant_categories]}
  - {files: "holdings*.csv", columns: [customer_id, product_id], tables: [customer_products]}
"""
COLUMNS = {
    "customers": (
        "customer_id,observed_at,first_name,last_name,email,age,state,card_type,credit_limit,account_open_date"
    ),
    "customer_changes": "change_id,customer_id,effective_at,attribute,old_value,new_value",
    "transactions": (
        "transaction_id,customer_id,order_id,product_id,merchant_category_id,transaction_date,transaction_at,"
        "transaction_amount,quantity,transaction_type,status,currency,source_system"
    ),
    "products": "product_id,product_name,category,type",
    "merchant_categories": "category_id,category_name,category_group,parent_category,is_travel,is_necessity",
    "customer_products": "customer_id,product_id,relationship_type,start_date,end_date,balance",
}
FILES = {"customer_changes": "changes", "merchant_categories": "categories", "customer_products": "holdings"}

CUSTOMERS = [
    "C1,2024-01-05 09:00:00, Ana ,Élan,ANA@Example.org,34,ny,Standard,5000,2024-01-05",
    "C2,2024-01-06 09:00:00,Bo,,bo@example.net,28,CA,Premium,9000,2024-01-06",
    "C4,2024-01-06 09:00:00,Di,,di@example.net,not-a-number,CA,Premium,9000,2024-01-06",
    "C3,2024-01-07 09:00:00,Cy,Dee,cy@example.com,51,TX,Standard,7000,2024-01-07",
    ",2024-01-08 09:00:00,No,Body,no@example.com,40,TX,Standard,7000,2024-01-08",
]
CHANGES = [
    "H1,C1,2024-03-01 12:00:00,card_type,Standard,Premium",
    "H2,C1,2024-05-01 12:00:00,credit_limit,5000,8000",
    "H3,C1,2024-06-01 12:00:00,city,Albany,Boston",
    "H4,C3,2024-04-01 12:00:00,shoe_size,41,42",
    "H5,C3,2024-04-01 12:00:00,card_type,Standard,",
    "H6,C3,2024-04-01 12:00:00,credit_limit,7000,many",
    "H7,C3,2024-04-02 12:00:00,email,cy@example.com, CY@Example.ORG ",
]
CATEGORIES = [
    "trv,Airlines,Leisure,Travel,true,false",
    "htl,Hotels,Leisure,Travel,true,false",
    "gro,Grocery,Necessities,,false,true",
    "bad,Nowhere,Nothing,,false,false",
]
PRODUCTS = [
    "P2,Stool,Furniture,product",
    "P1,Chair,Furniture,product",
    "P1,Chairs,Furniture,product",
    "P1,Chair,Furniture,product",
    ",Ghost,x,y",
]
HOLDINGS = [
    "C1,P1,owner,2024-01-05,,",
    "C1,P2,,2024-01-05,2024-03-01,",
    "C2,P1,joint,2024-01-06,2024-06-30,120.50",
]
BAD_HOLDINGS = {
    "C99,P1,owner,2024-02-01,,": "customer_id is not a known customer",
    "C1,P99,owner,2024-02-01,,": "product_id is not a known product",
    "C1,P1,owner,,,": "start_date is missing",
    "C3,P1,owner,2999-01-01,,": "start_date is after the as-of date",
    "C3,P1,owner,2024-03-01,2024-02-01,": "end_date is before start_date",
    "C1,P1,owner,2024-01-05,2024-02-01,": "the holding is repeated",
}
GOOD = [
    "T1,C1,O1,P1,trv,2024-02-01,2024-02-01 10:00:00,100.00,1,purchase,approved,EUR,pos",
    "T2,C1,O2,P1,gro,2024-04-01,2024-04-01 10:00:00,50.50,1,purchase,approved,EUR,pos",
    "T3,C1,O3,P1,htl,2024-06-01,2024-06-01 10:00:00,25.25,1,purchase,declined,EUR,pos",
    "T4,C2,O4,P1,gro,2024-06-30,2024-06-30 10:00:00,80.00,2,purchase,approved,EUR,pos",
    "T5,C2,O4,P1,gro,2024-06-30,2024-06-30 11:00:00,-30.00,-1,return,approved,EUR,pos",
    "T6,,O5,,gro,2024-06-15,2024-06-15 10:00:00,10.00,1,purchase,approved,EUR,pos",
]
BAD = {
    ",C1,O9,P1,gro,2024-06-01,,1.00,1,purchase,approved,EUR,pos": "transaction_id is missing",
    "T1,C1,O1,P1,trv,2024-02-01,2024-02-01 10:00:00,100.00,1,purchase,approved,EUR,pos": "transaction_id is repeated",
    "B1,C1,O9,P1,gro,,,1.00,1,purchase,approved,EUR,pos": "transaction_date is missing",
    "B2,C1,O9,P1,gro,2024-13-45,,1.00,1,purchase,approved,EUR,pos": "does not fit its type",
    "B3,C1,O9,P1,gro,2023-12-31,,1.00,1,purchase,approved,EUR,pos": "before the account was opened",
    "B4,C1,O9,P1,gro,2024-06-01,,,1,purchase,approved,EUR,pos": "transaction_amount is missing",
    "B5,C1,O9,P1,gro,2024-06-01,,1.00,many,purchase,approved,EUR,pos": "does not fit its type",
    "B6,C99,O9,P1,gro,2024-06-01,,1.00,1,purchase,approved,EUR,pos": "not a known customer",
    "B7,C1,O9,P1,nowhere,2024-06-01,,1.00,1,purchase,approved,EUR,pos": "not a known category",
    "B8,C1,O9,P99,gro,2024-06-01,,1.00,1,purchase,approved,EUR,pos": "not a known product",
    "B9,C1,O9,P1,gro,2024-06-01,,1.00,1,gift,approved,EUR,pos": "transaction_type is not",
    "B10,C1,O9,P1,gro,2024-06-01,,1.00,1,purchase,maybe,EUR,pos": "status is not",
    "B11,C1,O9,P1,gro,2024-06-01,,1.00,1,purchase,approved,USD,pos": "currency is not EUR",
    "B12,C1,O9,P1,gro,2999-01-01,,1.00,1,purchase,approved,EUR,pos": "after the as-of date",
}
ROWS = {
    "customers": CUSTOMERS,
    "customer_changes": CHANGES,
    "merchant_categories": CATEGORIES,
    "products": PRODUCTS,
    "transactions": [*GOOD, *BAD],
    "customer_products": [*HOLDINGS, *BAD_HOLDINGS],
}


def write_dataset(folder: Path) -> Path:
    """Write dataset.yml and a mapping per table that takes the columns as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yml").write_text(DEFINITION, encoding="utf-8")
    for table, columns in COLUMNS.items():
        (folder / f"{table}.sql").write_text(f"select _line, {columns} from source", encoding="utf-8")
    return folder


def write_files(folder: Path, rows: Mapping[str, Sequence[str]] = ROWS, *, part: str = "") -> Path:
    """Write one CSV file per table that has rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, lines in rows.items():
        if lines:
            name = f"{FILES.get(table, table)}{part}.csv"
            (folder / name).write_text("\n".join([COLUMNS[table], *lines]) + "\n", encoding="utf-8")
    return folder
