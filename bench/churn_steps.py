"""Make labels and features once more, fit, score and explain in one process, and say how long each step took.

python -m bench.churn_steps FOLDER_OF_A_BUILD [sql]
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from threadpoolctl import threadpool_limits

from bench.churn import SQL
from bench.value_steps import peak_mb, timed
from customer360.churn.fitted import fit
from customer360.churn.rules import DEFAULT_LEAVING
from customer360.churn.scores import score_customers
from customer360.churn.training import SEED
from customer360.churn.training_data import make_training_data

MODELS = {
    "int_customer_months": "silver",
    "int_churn_cutoffs": "silver",
    "int_churn_history": "silver",
    "churn_features": "gold",
    "churn_labels": "gold",
    "ml_training_data": "gold",
}
"""In the order that they read one another."""
MEMORY = "2GB"
TO_SCORE = "select * from churn_features where split = 'score' and eligibility = 'Eligible' order by customer_id"


def main(folder: Path, *, only_sql: bool) -> dict[str, Any]:
    """Return seconds of each step and the most memory that this process ever held, engine and all."""
    seconds: dict[str, float] = {}
    with duckdb.connect(config={"threads": os.cpu_count() or 1, "memory_limit": MEMORY}) as connection:
        connection.execute(f"attach '{folder / 'warehouse.duckdb'}' as warehouse (read_only)")
        with timed(seconds, SQL):
            _make_models(connection, folder)
        learnt = connection.sql("select * from ml_training_data order by cutoff_date, customer_id").to_arrow_table()
        customers = connection.sql(TO_SCORE).to_arrow_table()
    if not only_sql:
        with threadpool_limits(1):
            with timed(seconds, "fit"):
                data = make_training_data(learnt, leaving=DEFAULT_LEAVING, newest_cutoff=date.max)
                fitted = fit(data, data.training, seed=SEED)
            with timed(seconds, "score and explain"):
                score_customers(fitted, "bench", customers)
    return {"learnt": learnt.num_rows, "scored": customers.num_rows, "seconds": seconds, "peak_mb": peak_mb()}


def _make_models(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    results = json.loads((folder / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    compiled = {result["unique_id"].split(".")[-1]: result["compiled_code"] for result in results}
    for name in MODELS:
        sql = compiled[name]
        for other, schema in MODELS.items():
            sql = sql.replace(f'"warehouse"."{schema}"."{other}"', other)
        connection.execute(f"create temp table {name} as {sql}")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), only_sql="sql" in sys.argv[2:])))
