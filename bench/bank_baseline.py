"""What the bank's steps are held against: the barest statement that writes as many rows, and one hand-written build.

Each runs in a process of its own: ``python -m bench.bank_baseline write FILE ROWS`` and ``… build FOLDER FILE``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

SQL = Path(__file__).with_suffix(".sql")
SEEDS = Path(__file__).parents[1] / "transform" / "seeds"
MEMORY = "6GB"

BAREST = """
copy (
    select
        'TXN' || lpad(i::varchar, 10, '0') as transaction_id,
        'CUST' || lpad((hash(i) % 50000)::varchar, 8, '0') as customer_id,
        'Merchant ' || (hash(i + 1) % 2500) as merchant_name,
        'MC' || lpad((hash(i + 2) % 50)::varchar, 3, '0') as merchant_category_id,
        date '2024-05-01' + (hash(i + 3) % 549)::integer as transaction_date,
        timestamp '2024-05-01' + to_seconds((hash(i + 4) % 47433600)::bigint) as transaction_at,
        (5 + hash(i + 5) % 49500 / 100)::decimal(9, 2) as transaction_amount,
        ['Mobile', 'Online', 'Online', 'In-Store', 'In-Store'][1 + (hash(i + 6) % 5)::integer] as channel,
        case when hash(i + 7) % 50 = 0 then 'declined' else 'approved' end as status,
        case when hash(i + 8) % 3 = 0 then 'CARD-PREMIUM' else 'CARD-STANDARD' end as product_id
    from range($rows) as numbers (i)
) to '$file' (format parquet, compression zstd)
"""


def write(file: Path, rows: int) -> None:
    """Write so many rows with the columns of the bank's transactions, drawn from hashes."""
    with duckdb.connect() as connection:
        connection.execute(BAREST.replace("$rows", str(rows)).replace("$file", str(file)))


def build(folder: Path, target: Path) -> None:
    """Create the gold tables from a generated bank."""
    with duckdb.connect(str(target), config={"memory_limit": MEMORY}) as connection:
        connection.execute("set variable folder = $1", [str(folder)])
        connection.execute("set variable markets = $1", [str(SEEDS / "market_crosswalk.csv")])
        connection.execute("set variable holidays = $1", [str(SEEDS / "public_holidays.csv")])
        connection.execute(SQL.read_text(encoding="utf-8"))


if __name__ == "__main__":
    command, first, second = sys.argv[1:]
    if command == "write":
        write(Path(first), int(second))
    else:
        build(Path(first), Path(second))
