"""Measure what the synthetic bank promises and write docs/bank.md; ``--check`` only tells whether the page is stale.

python scripts/measure_bank.py [--check]

The bank is generated anew into a temporary folder and asked in SQL. It depends on its specification and seed alone, so
the page does too. A figure outside its range is not written: exit code 1 names it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customer360.synth import SCALES, BankFiles, BankSpec, generate_bank
from customer360.synth.keys import prefixed
from customer360.synth.places import STATES
from customer360.synth.population import DIP_SHARE, NEVER, build_population
from customer360.synth.space import SIZES, estimated_bytes

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "bank.md"
SPEC = BankSpec(customers=5_000, transactions=1_350_000, seed=42)
"""A tenth of the standard scale at its density; tests/synth hold the same bank to its promises."""

DENSE = BankSpec(customers=400, transactions=480_000, seed=42)
"""The density of the full scale."""

Bank = duckdb.DuckDBPyConnection


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page when it is stale, or with ``--check`` only say so; exit code 1 then says that it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the page is stale")
    only_check = parser.parse_args(arguments).check
    text = page()
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if only_check:
        print(f"{PAGE.name} is stale: .venv/bin/python scripts/measure_bank.py writes it anew.")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"Wrote {PAGE.name}.")
    return 0


# What is promised

PROMISES = """
# Customers
customers, as many as asked for | 5,000 | S3.105
    from customers select count(*)
customers with a value outside its range | 0 | S3.106
    select (select count(*) from customers) - (select count(*) from legal_people)
repeated ids and e-mail addresses | 0 | S3.106
    from customers select 2 * count(*) - count(distinct customer_id) - count(distinct email)
states they live in | 50 | S3.106
    from customers select count(distinct state)
High-Value Travelers: share as drawn | 10–15 % | S3.70
Stable Mid-Spenders: share as drawn | 40–50 % | S3.71
Budget-Conscious: share as drawn | 20–25 % | S3.72
New & Growing: share as drawn | 10–15 % | S3.73
Declining: share as drawn | 5–10 % | S3.74
    from people select avg((segment = $segment)::int)
High-Value Travelers: share that the rules find | 10–15 % | S3.70, X.7
Stable Mid-Spenders: share that the rules find | 40–50 % | S3.71, X.7
Budget-Conscious: share that the rules find | 20–25 % | S3.72, X.7
New & Growing: share that the rules find | 10–15 % | S3.73, X.7
Declining: share that the rules find | 5–10 % | S3.74, X.7
    from people select avg((found = $segment)::int)
High-Value Travelers: ages | 35–60 | S3.107
Stable Mid-Spenders: ages | 25–55 | S3.108
Budget-Conscious: ages | 22–45 | S3.109, X.6
New & Growing: ages | 22–45 | ours
Declining: ages | 25–75 | ours
    from people select [min(age), max(age)] where segment = $segment
High-Value Travelers: days since the account was opened | 183–1,278 | X.6
Stable Mid-Spenders: days since the account was opened | 183–1,278 | X.6
Budget-Conscious: days since the account was opened | 183–1,278 | X.6
New & Growing: days since the account was opened | 15–180 | X.6
Declining: days since the account was opened | 365–1,095 | X.6
    from people select [min(account_days), max(account_days)] where segment = $segment
High-Value Travelers: premium cards now | 70 % ± 5 | S3.107
Stable Mid-Spenders: premium cards now | 40 % ± 5 | S3.108
Budget-Conscious: premium cards now | 10 % ± 5 | S3.109
New & Growing: premium cards now | 30 % ± 5 | S3.110
Declining: premium cards now | 30 % ± 5 | ours
    from people select avg(is_premium::int) where segment = $segment
High-Value Travelers: full-time | 80 % ± 5 | S3.107, ours
New & Growing: full-time | 74 % ± 5 | S3.110, ours
    from people select avg((employment_status = 'Full-Time')::int) where segment = $segment
High-Value Travelers: full-time or self-employed | 100 % | S3.107
    from people select avg((employment_status in ('Full-Time', 'Self-Employed'))::int) where segment = $segment
Stable Mid-Spenders: kinds of employment | 5 | S3.108
    from people select count(distinct employment_status) where segment = $segment
New & Growing: median age | 22–29 | S3.110, ours
    from people select median(age) where segment = $segment

# Spend
High-Value Travelers: median a month | at least $5,000 | S3.107
Stable Mid-Spenders: median a month | $1,500–3,000 | S3.108
Budget-Conscious: median a month | at most $1,500 | S3.109
    from buyers select median(recent) / 3 where segment = $segment
High-Value Travelers: who spends $5,000 or more | at least 95 % | S3.107, ours
    from buyers select avg((recent >= 15000)::int) where segment = $segment
Stable Mid-Spenders: who spends $1,500 to 3,000 | at least 90 % | S3.108, ours
    from buyers select avg((recent between 4500 and 9000)::int) where segment = $segment
Budget-Conscious: who spends less than $1,500 | at least 97 % | S3.109, ours
    from buyers select avg((recent < 4500)::int) where segment = $segment
High-Value Travelers: travel, of their spend | at least 25 % | S3.107
Stable Mid-Spenders: travel, of their spend | at most 12 % | S3.108, ours
    from buyers select sum(travel) / sum(recent) where segment = $segment
High-Value Travelers: who spends 25 % or more on travel | at least 95 % | S3.107, ours
    from buyers select avg((travel >= 0.25 * recent)::int) where segment = $segment
Stable Mid-Spenders: necessities, of their spend | 35–50 % | S3.108, ours
Budget-Conscious: necessities, of their spend | at least 60 % | S3.109
    from buyers select sum(necessities) / sum(recent) where segment = $segment
Budget-Conscious: who spends 60 % or more on necessities | at least 95 % | S3.109, ours
    from buyers select avg((necessities >= 0.6 * recent)::int) where segment = $segment
New & Growing: last 30 days against the 30 before | at least 1.5 × | S3.110
    from growth select latest / before
New & Growing: those against the 30 before them | at least 1.5 × | S3.110
    from growth select before / earlier
Stable Mid-Spenders: last 90 days against the 90 before | 1 × ± 0.08 | S3.71, ours
Declining: last 90 days against the 90 before | at most 0.7 × | S3.111
    from people select sum(recent) / sum(earlier) where segment = $segment
Declining: who spends less than before by 30 % or more | at least 95 % | S3.111, ours
    from people select avg((recent <= 0.7 * earlier)::int) where segment = $segment
Declining: early in 2025, against Stable Mid-Spenders | at least 1.3 × | S3.111, ours
    from spring select max(spend) filter (segment = $segment) / max(spend) filter (segment like 'Stable%')

# Transactions
transactions, of the number asked for | 100 % ± 2 | X.1, ours
    from transactions select count(*) / getvariable('transactions')
days with transactions, within the calendar | at most 580 | X.5
    from transactions select count(distinct transaction_date)
repeated ids | 0 | S3.112
    from transactions select count(*) - count(distinct transaction_id)
rows of an unknown customer, category or product | 0 | S3.112
    select (select count(*) from transactions) - (select count(*) from purchases semi join products using (product_id))
purchases before the account was opened | 0 | S3.113
    from purchases select count(*) where transaction_date < account_open_date
merchants, 40 in each of 50 categories | 2,000 | X.18, ours
    from transactions select count(distinct merchant_name || merchant_category_id)
amounts | $5–500 | S3.112
    from transactions select [min(transaction_amount), max(transaction_amount)]
mean ticket | about $157 | X.18
    from transactions select avg(transaction_amount)
mean ticket at the density of full, where X.18 says about $35 | $26–40 | X.18, ours
    from dense select avg(transaction_amount)
purchases online | 40 % ± 1 | S3.112
    from transactions select avg((channel = 'Online')::int)
purchases in a store | 40 % ± 1 | S3.112
    from transactions select avg((channel = 'In-Store')::int)
mobile purchases | 20 % ± 1 | S3.112
    from transactions select avg((channel = 'Mobile')::int)
declined | 2 % ± 0.2 | S3.112
    from transactions select avg((status = 'declined')::int)
Declining: declined purchases, against Stable Mid-Spenders | at least 2 × | S3.113, ours
    from against select declined where segment = $segment
High-Value Travelers: mean ticket, against Stable Mid-Spenders | at least 1.4 × | S3.113, ours
Budget-Conscious: mean ticket, against Stable Mid-Spenders | at most 0.66 × | S3.113, ours
    from against select ticket where segment = $segment
High-Value Travelers: airlines and hotels, against Stable Mid-Spenders | at least 3 × | S3.113, ours
    from against select trips where segment = $segment
Budget-Conscious: groceries and fuel, against Stable Mid-Spenders | at least 1.4 × | S3.113, ours
    from against select basics where segment = $segment
purchases a day in November, against usual months | 1.15 × ± 0.06 | S3.113, ours
    from seasons select rate where month = '2024-11'
purchases a day in December, against usual months | 1.27 × ± 0.06 | S3.113, ours
    from seasons select rate where month = '2024-12'
purchases a day in February, against usual months | at most 0.97 × | S3.113, ours
    from seasons select rate where month = '2025-02'

# The change feed
customers with two or more versions of card and limit | 15–25 % | X.4, ours
    from people select avg(coalesce(has_versions, false)::int)
changes whose old value is not the one before | 0 | X.4
    from changes_chained select count(*) where old_value <> value_before
purchases with another card than the one held at that moment | 0 | X.4
    from transactions as t
    asof left join cards_told as c on t.customer_id = c.customer_id and t.transaction_at >= c.since
    select count(*) where t.product_id is distinct from c.product_id
Declining: by job loss, who lost the job or hours | 100 % | S3.111
    from people select avg(coalesce(lost_job, false)::int) where decline_type = 'job_loss'
Declining: by relocation, who moved to another state | 100 % | S3.111
    from people select avg(coalesce(moved, false)::int) where decline_type = 'relocation'

# Holdings
cards held otherwise than the change feed tells | 0 | X.32
    from cards_differing select count(*)
products taken while not on offer | 0 | X.32
    from customer_products as h join products as p using (product_id)
    select count(*) where h.start_date < p.launch_date or h.start_date > p.end_date
holdings besides cards that have ended | 10–25 % | X.32, ours
    from customer_products select avg((end_date is not null)::int) where product_id not like 'CARD-%'
lounge access now, without a premium card | 0 | X.32
    from people join customer_products as h using (customer_id)
    select count(*) where product_id = 'ADD-LOUNGE' and h.end_date is null and not is_premium
High-Value Travelers: lounge access, of premium cards | 66 % ± 7 | X.32, ours
    from lounges select share where segment = $segment
High-Value Travelers: the same, against Stable Mid-Spenders | at least 2.5 × | X.32, ours
    from lounges select max(share) filter (segment = $segment) / max(share) filter (segment like 'Stable%')
High-Value Travelers: trip protection, of premium cards | 58 % ± 7 | X.32, ours
    from trip_protection select share where segment = $segment and is_premium
High-Value Travelers: the same, against standard cards | at least 1.6 × | X.32, ours
    from trip_protection select max(share) filter (is_premium) / max(share) filter (not is_premium)
    where segment = $segment
Declining: personal loan, standard cards, against premium cards of High-Value Travelers | at least 2 × | X.32, ours
    from personal_loans select max(share) filter (segment = $segment and not is_premium)
    / max(share) filter (segment like 'High%' and is_premium)

# Who leaves
customers who stop buying for good | 8–16 % | ours
    select (select count(*) from leavers) / (select count(*) from customers)
leavers with warning, who buy less and less | 55–75 % | ours
    from leavers select avg(is_warned::int)
with warning: last 30 days against 30 days four months before | at most 0.6 × | ours
    from last_months select rate where is_warned
without warning: last 30 days against 30 days four months before | 1 × ± 0.1 | ours
    from last_months select rate where not is_warned
purchases after leaving | 0 | ours
    from purchases join leavers using (customer_id) select count(*) where transaction_date >= left_on
add-ons that ended, of who has not bought for half a year | at least 60 % | ours
    from add_ons select avg(ended::int) where is_gone
add-ons that ended, of all others | at most 25 % | ours
    from add_ons select avg(ended::int) where not is_gone
"""
"""The tables of the page: what is promised, where the figure has to lie, the row of the contract, and below it the
query that measures it; lines in a row share the next query. ``$segment`` is what stands before the colon. A query gives
one figure, or a list of the smallest and the largest, which both have to lie in the range.
"""


class Promise(NamedTuple):
    """One line of the page, the part of the page it belongs to, and its query."""

    part: str
    what: str
    promised: str
    row: str
    sql: str


class Figure(NamedTuple):
    """A promise and what was measured of it, in its unit."""

    promise: Promise
    values: tuple[float, ...]

    @property
    def holds(self) -> bool:
        low, high = read_range(self.promise.promised)
        return all(low <= value <= high for value in self.values)

    @property
    def written(self) -> str:
        """Return the digits that mean something, with the unit."""
        unit = _unit(self.promise.promised)
        digits = 1 if unit == "%" else 2 if unit == "×" or (unit == "$" and max(self.values) < 1_000) else 0
        text = "–".join(f"{value:,.{digits}f}" for value in self.values)
        return f"${text}" if unit == "$" else f"{text} {unit}".rstrip()


def read_promises(text: str) -> Iterator[Promise]:
    """Yield the promises of a text like :data:`PROMISES`."""
    for part in text.strip().removeprefix("# ").split("\n\n# "):
        title, *lines = part.splitlines()
        for block in re.findall(r"((?:^\S.*\n?)+)((?:^ .*\n?)+)", "\n".join(lines), re.MULTILINE):
            heads, sql = (text.strip() for text in block)
            for head in heads.splitlines():
                what, promised, row = head.split(" | ")
                yield Promise(title, what, promised, row, sql)


def read_range(text: str) -> tuple[float, float]:
    """Return the bounds that a text such as ``70 % ± 5``, ``$5–500`` or ``at least 1.5 ×`` names, in its unit."""
    first, *second = [float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", text)]
    if "±" in text:
        return round(first - second[0], 9), round(first + second[0], 9)
    words = {"about": (-inf, inf), "at least": (first, inf), "at most": (-inf, first)}
    return next((bounds for word, bounds in words.items() if text.startswith(word)), (first, (second or [first])[0]))


def _unit(text: str) -> str:
    return next((unit for unit in "%×$" if unit in text), "")


# How it is measured

VIEWS = r"""
create view purchases as
select t.*, c.customer_segment as segment, c.account_open_date, m.* exclude (category_id)
from transactions as t
join customers as c using (customer_id)
join merchant_categories as m on t.merchant_category_id = m.category_id;

create view quarters as
select
    customer_id,
    sum(amount) filter (ago < 90) as recent,
    sum(amount) filter (ago between 90 and 179) as earlier,
    sum(amount) filter (ago < 90 and is_travel) as travel,
    sum(amount) filter (ago < 90 and is_necessity) as necessities,
    min(ago) < 14 as is_active
from (
    select *, getvariable('as_of') - transaction_date as ago, transaction_amount as amount
    from purchases where status = 'approved'
)
group by all;

create view feed as
select
    customer_id,
    bool_or(attribute in ('card_type', 'credit_limit')) as has_versions,
    bool_or(attribute = 'employment_status' and new_value in ('Unemployed', 'Part-Time')) as lost_job,
    bool_or(attribute = 'state') as moved
from customer_changes group by all;

create table people as
with joined as (
    select
        c.*, c.customer_segment as segment, h.product_id = 'CARD-PREMIUM' as is_premium, f.* exclude (customer_id),
        getvariable('as_of') - c.account_open_date as account_days,
        coalesce(q.recent, 0) as recent, coalesce(q.earlier, 0) as earlier, coalesce(q.travel, 0) as travel,
        coalesce(q.necessities, 0) as necessities, coalesce(q.is_active, false) as is_active
    from customers as c
    join customer_products as h
        on c.customer_id = h.customer_id and h.product_id like 'CARD-%' and h.end_date is null
    left join quarters as q on c.customer_id = q.customer_id
    left join feed as f on c.customer_id = f.customer_id
)
select *, case
    when earlier > 0 and recent <= 0.7 * earlier then 'Declining'
    when account_days < 183 and (earlier = 0 or recent >= 1.5 * earlier) then 'New & Growing'
    when recent >= 15000 and travel >= 0.25 * recent then 'High-Value Travelers'
    when recent between 1 and 4500 and necessities >= 0.6 * recent then 'Budget-Conscious'
    else 'Stable Mid-Spenders' end as found
from joined;

create view buyers as from people where is_active;

create view legal_people as
from people
where regexp_full_match(customer_id, 'CUST\d{8}') and age between 22 and 75
    and credit_limit between 5000 and 50000 and credit_limit % 1000 = 0
    and card_type in ('Standard', 'Premium')
    and employment_status in ('Full-Time', 'Part-Time', 'Self-Employed', 'Retired', 'Unemployed')
    and regexp_full_match(email, '[a-z]+\.[a-z]+\d+@example\.(com|org|net)')
    and list_contains(getvariable('cities'), state || '/' || city)
    and (segment = 'Declining') = (decline_type is not null)
    and first_name is not null and last_name is not null and account_open_date is not null;

create table growth as
select
    sum(transaction_amount) filter (ago = 0) as latest,
    sum(transaction_amount) filter (ago = 1) as before,
    sum(transaction_amount) filter (ago = 2) as earlier
from (
    select *, (getvariable('as_of') - transaction_date) // 30 as ago from purchases
    where segment = 'New & Growing' and account_open_date < getvariable('as_of') - 90
);

create table spring as
select segment, sum(transaction_amount) / count(distinct customer_id) as spend from purchases
where transaction_date between date '2025-01-01' and date '2025-03-31' and account_open_date < date '2024-11-01'
group by all;

create table seasons as
with throughout as (
    select customer_id from purchases
    where account_open_date < date '2024-04-01' and segment <> 'Declining'
    group by all having max(transaction_date) > date '2025-10-15'
), rates as (
    select strftime(transaction_date, '%Y-%m') as month, count(*) / count(distinct transaction_date) as rate
    from transactions semi join throughout using (customer_id) group by all
)
select month, rate * 4 / sum(rate) filter (month in ('2024-09', '2024-10', '2025-03', '2025-04')) over () as rate
from rates;

create table habits as
select segment, avg(transaction_amount) as ticket, avg((status = 'declined')::int) as declined,
    avg((category_name in ('Airlines', 'Hotels and Resorts'))::int) as trips,
    avg((parent_category in ('Grocery', 'Fuel'))::int) as basics
from purchases group by all;

create view against as
select h.segment, h.ticket / s.ticket as ticket, h.declined / s.declined as declined, h.trips / s.trips as trips,
    h.basics / s.basics as basics
from habits as h, habits as s where s.segment = 'Stable Mid-Spenders';

create view changes_chained as
with opening as (
    unpivot (
        select customer_id, card_type, credit_limit::int::varchar as credit_limit, city, state, employment_status
        from customers
    ) on card_type, credit_limit, city, state, employment_status into name attribute value value_at_opening
)
select *, coalesce(
    lag(new_value) over (partition by customer_id, attribute order by effective_at), value_at_opening
) as value_before
from customer_changes join opening using (customer_id, attribute);

create view cards_told as
select customer_id, account_open_date::timestamp as since, 'CARD-' || upper(card_type) as product_id from customers
union all
select customer_id, effective_at, 'CARD-' || upper(new_value) from customer_changes where attribute = 'card_type';

create view cards_differing as
with told as (
    select customer_id, product_id, since::date as start_date,
        lead(since::date) over (partition by customer_id order by since) - 1 as end_date
    from cards_told
), held as (
    select customer_id, product_id, start_date, end_date from customer_products where product_id like 'CARD-%'
)
(from told except all from held) union all (from held except all from told);

create table held as
select p.segment, p.is_premium, h.product_id, count(*) / any_value(p.customers) as share
from (select *, count(*) over (partition by segment, is_premium) as customers from people) as p
join customer_products as h using (customer_id) where h.end_date is null group by all;

create view lounges as from held where product_id = 'ADD-LOUNGE' and is_premium;
create view trip_protection as from held where product_id = 'ADD-TRAVEL-INSURANCE';
create view personal_loans as from held where product_id = 'LOAN-PERSONAL';

create table last_months as
select is_warned,
    count(*) filter (transaction_date between left_on - 30 and left_on - 1)
        / count(*) filter (transaction_date between left_on - 150 and left_on - 121) as rate
from purchases join leavers using (customer_id)
where account_open_date < left_on - 240 and left_on > date '2024-10-01'
group by all;

create view add_ons as
select h.end_date is not null as ended, l.last_day < getvariable('as_of') - 183 as is_gone
from customer_products as h
join (select customer_id, max(transaction_date) as last_day from transactions group by all) as l using (customer_id)
where h.product_id like 'ADD-%';
"""


def open_bank(files: BankFiles, dense: BankFiles) -> Bank:
    """Return a connection with the files as tables, the dense bank's transactions, and what is derived of them."""
    bank = duckdb.connect()
    for path in files.all[: -len(files.transactions)]:
        bank.read_parquet(str(path)).create(path.stem)
    for name, paths in (("transactions", files.transactions), ("dense", dense.transactions)):
        bank.read_parquet([str(path) for path in paths]).create(name)
    cities = [f"{state}/{city}" for state, (_, names) in STATES.items() for city in names]
    bank.execute("set variable as_of = $1", [SPEC.as_of])
    bank.execute("set variable transactions = $1", [SPEC.transactions])
    bank.execute("set variable cities = $1", [cities])
    bank.from_arrow(leavers(SPEC)).create("leavers")
    bank.execute(VIEWS)
    return bank


def leavers(spec: BankSpec) -> pa.Table:
    """Return who leaves, on which day and whether they buy less before: drawn by the generator, written to no file."""
    life = build_population(spec).lifecycle
    rows = np.flatnonzero(life.leave < NEVER)
    columns = {
        "customer_id": prefixed("CUST", rows + 1, 8),
        "left_on": pa.array(life.leave[rows].astype(np.int32), pa.date32()),
        "is_warned": pa.array(life.onset[rows] < life.leave[rows]),
    }
    return pa.table(columns)


def measure(bank: Bank, promise: Promise) -> Figure:
    """Return what the query of a promise gives."""
    given = {"segment": promise.what.partition(":")[0]} if "$segment" in promise.sql else None
    rows: list[tuple[Any, ...]] = bank.execute(promise.sql, given).fetchall()
    [(found,)] = rows
    scale = 100 if _unit(promise.promised) == "%" else 1
    return Figure(promise, tuple(float(value) * scale for value in (found if isinstance(found, list) else [found])))


def broken(figures: Iterable[Figure]) -> list[str]:
    """Return the promises that are not kept, one sentence each."""
    return [
        f"{figure.promise.what}: promised is {figure.promise.promised}, measured {figure.written}."
        for figure in figures
        if not figure.holds
    ]


# How it is written

MADE = "<!-- Written by scripts/measure_bank.py. Change that script or customer360.synth, not this file. -->"
HEAD = """\
# The synthetic bank

Customers of a bank who are all made up: what they buy in eighteen months, what they hold and what changed about them.
The segments, habits and leavers that rules and models should find are drawn into it, at the sizes given below.

## Generate it

```bash
customer360 generate --scale demo --out bank-files
customer360 load bank --from bank-files
customer360 build
```

{scales}

`make up` generates the standard scale. The options of [generate](commands.md#customer360-generate) change the number of
customers and of transactions, the months, the last day and the seed; `--format csv` writes the same rows as text. With
more transactions per customer tickets are smaller and spend stays; change `--customers` and `--transactions` together
to keep both.

The files are a pure function of these five and nothing else: the same bytes on any day and any number of threads, with
the packages that `requirements/` pins. Each draw is a hash of the seed and the customer's number, so customer 17 is the
same at any scale, and buys the same where there are as many transactions per customer.

## What comes out

{files}

`customers` says what they were when they opened the account, `customer_changes` what has changed since: together, the
whole history. `customer_segment` is the segment a customer was drawn from, to hold rules and models against; bronze
calls it `seed_segment`. What the columns mean is in the [reference](reference.md#bronze-tables).

## What is promised

Measured over a tenth of the standard scale: {customers:,} customers, {transactions:,} transactions asked for, up to
{as_of}, seed {seed}. `.venv/bin/python scripts/measure_bank.py` measures anew and writes this page, unless a figure is
out of its range. In brackets is the row of the contract ([contract-map.md](contract-map.md) says what that is). How far
a figure may lie from a level (±) is ours; *ours* also marks what the contract asks for without a figure, or not at all.
[tests/synth](../tests/synth) holds the same effects.
"""
NOTES = {
    "Customers": """\
The rules are those of the segments, over the last 90 days: first Declining, then New & Growing, High-Value, Budget, and
Stable for whoever is left. They need not find what was drawn: somebody may have left, or be near a bound.""",
    "Spend": """\
Approved purchases. A month is a third of the last 90 days, of customers who bought in the last 14.""",
    "Transactions": """\
Usual months are September, October, March and April, among customers who were there all the time. The mean tickets of
X.18 were computed from assumed segments and are no bounds: what is held is the spend of each segment.""",
    "Who leaves": """\
No file says who leaves: the generator is asked who and when, and the files what they bought. Whoever leaves in the last
160 days is Declining; the others left 170 days before the end or earlier, and New & Growing stay.""",
}
TAIL = """\
## What is not promised

- Every row is an attempted purchase: no refunds, chargebacks, fees, interest or payments.
- What is owed on cards is not drawn, nor what is paid for loans. `balance` is what is owed on a loan, or insured by a
  life cover, on the last day.
- A credit limit binds nobody: what is declined does not depend on it.
- The number of transactions is random. Where they are so few that tickets would pass $500, customers spend less than
  their segment should.
- Nobody closes an account: who leaves stops buying, keeps the card and does not come back. About {dips} of those who
  stay have a quiet time that passes, as false alarms.
- Merchants are national; the hour of a purchase, from 6 to midnight, does not depend on the merchant.
- Card, employment and home change once at most, the limit three times; name, e-mail and age never. Nobody takes a
  product other than a card twice.
- Customers do not know each other: there are no households and no transfers.
- The files are clean: nothing is missing, repeated or misspelt. [datasets.md](datasets.md#what-happens-to-a-file) says
  what happens to others.
- Another seed gives other figures, near these; only seed {seed} is measured.

## Disk

Estimated from the demo scale, where a transaction takes {parquet.per_transaction:g} bytes as Parquet and
{csv.per_transaction:g} as CSV, and all the rest {parquet.per_customer:g} and {csv.per_customer:g} bytes a customer:

{disk}

Larger files take less than that: measured, the Parquet files of the standard scale take 205 MB (195 MiB). The workspace
took about 1.2 GB after loading them and one build (`du`, 2026-11-21); each further build that is kept comes on top. It
keeps the files it loaded, so the folder they came from may go.
"""
MONTH = "transactions-YYYY-MM"
FILES = {
    "merchant_categories": "fifty category codes that roll up to twenty",
    "products": "cards, add-ons, loans and insurance, and when they were on offer",
    "customers": "one per customer, as of account opening",
    "customer_changes": "one per attribute that changed: card, limit, city, state or employment",
    "customer_products": "one per time a customer held a product; no `end_date` while it is held",
    MONTH: "one per attempted purchase of the month, in order of day",
}


def page() -> str:
    """Return docs/bank.md.

    Raises:
        SystemExit: a promise is not kept; the message says which.
    """
    with tempfile.TemporaryDirectory(prefix="customer360-bank-") as folder:
        files = generate_bank(SPEC, Path(folder) / "bank")
        dense = generate_bank(DENSE, Path(folder) / "dense")
        with open_bank(files, dense) as bank:
            figures = [measure(bank, promise) for promise in read_promises(PROMISES)]
        head = _head(_files_table(files))
    if wrong := broken(figures):
        raise SystemExit("\n".join(wrong))
    return "\n\n".join([MADE, head, *_parts(figures), _tail()]) + "\n"


def _head(files: str) -> str:
    return HEAD.format(
        scales=_table(["scale", "customers", "transactions", "per customer and month"], _scales()),
        files=files,
        customers=SPEC.customers,
        transactions=SPEC.transactions,
        as_of=SPEC.as_of,
        seed=SPEC.seed,
    ).rstrip()


def _scales() -> Iterator[list[str]]:
    for name, spec in SCALES.items():
        yield [f"`{name}`", f"{spec.customers:,}", f"{spec.transactions:,}", f"{spec.density:.1f}"]


def _files_table(files: BankFiles) -> str:
    """Return what each file holds; the columns are read from the files, all months as one."""
    names = {path.stem: path for path in files.all[: -len(files.transactions)]} | {MONTH: files.transactions[0]}
    rows = [
        [f"`{name}{path.suffix}`", FILES[name], ", ".join(f"`{column}`" for column in pq.read_schema(path).names)]
        for name, path in names.items()
    ]
    return _table(["file", "rows", "columns"], rows)


def _parts(figures: Iterable[Figure]) -> Iterator[str]:
    for title, found in groupby(figures, key=lambda figure: figure.promise.part):
        yield f"### {title}"
        if title in NOTES:
            yield NOTES[title]
        lines = [[f.promise.what, f"{f.promise.promised} ({f.promise.row})", f.written] for f in found]
        yield _table(["promise", "promised", "measured"], lines)


def _tail() -> str:
    return TAIL.format(
        dips=f"{DIP_SHARE * 100:g} %",
        seed=SPEC.seed,
        **SIZES,
        disk=_table(["scale", *(f"as {kind}" for kind in SIZES), "asked to be free for parquet"], _disk()),
    ).rstrip()


def _disk() -> Iterator[list[str]]:
    for name, spec in SCALES.items():
        sizes = [
            spec.transactions * size.per_transaction + spec.customers * size.per_customer for size in SIZES.values()
        ]
        yield [f"`{name}`", *(_megabytes(size) for size in (*sizes, estimated_bytes(spec, "parquet")))]


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [columns, ["---"] * len(columns), *rows])


if __name__ == "__main__":
    sys.exit(main())
