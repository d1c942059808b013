-- One row per invoice line. An invoice never spans two files, so its lines are numbered within one.
select
    _line,
    InvoiceNo || '-' || row_number() over (partition by InvoiceNo order by _line) as transaction_id,
    regexp_replace(trim(CustomerID), '\.0$', '') as customer_id,
    InvoiceNo as order_id,
    upper(trim(StockCode)) as product_id,
    case
        when upper(trim(StockCode)) in ('POST', 'DOT', 'C2') then 'postage'
        when upper(trim(StockCode)) in ('BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'fees'
        when upper(trim(StockCode)) = 'D' then 'discounts'
        when upper(trim(StockCode)) in ('M', 'B', 'S', 'PADS') then 'adjustments'
        else 'gifts'
    end as merchant_category_id,
    left(InvoiceDate, 10) as transaction_date,
    InvoiceDate as transaction_at,
    try_cast(Quantity as integer) * try_cast(UnitPrice as decimal(18, 4)) as transaction_amount,
    Quantity as quantity,
    UnitPrice as unit_price,
    case
        when InvoiceNo like 'A%' then 'adjustment'
        when upper(trim(StockCode)) in ('POST', 'DOT', 'C2', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'fee'
        when upper(trim(StockCode)) in ('D', 'M', 'B', 'S', 'PADS') then 'adjustment'
        when InvoiceNo like 'C%' then 'return'
        when try_cast(Quantity as integer) < 0 then 'adjustment'
        else 'purchase'
    end as transaction_type,
    'Online' as channel,
    'approved' as status,
    'GBP' as currency,
    'online_retail' as source_system
from source
