-- Every line with a customer states where that customer is; ids are written 17850.0 in the files.
select
    _line,
    regexp_replace(trim(CustomerID), '\.0$', '') as customer_id,
    InvoiceDate as observed_at,
    trim(Country) as country
from source
where CustomerID is not null
