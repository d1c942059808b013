select
    _line,
    upper(trim(StockCode)) as product_id,
    StockCode as source_product_id,
    Description as product_name,
    case
        when upper(trim(StockCode)) in ('POST', 'DOT', 'C2') then 'Postage'
        when upper(trim(StockCode)) in ('BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'Fees'
        when upper(trim(StockCode)) = 'D' then 'Discounts'
        when upper(trim(StockCode)) in ('M', 'B', 'S', 'PADS') then 'Adjustments'
        else 'Gifts'
    end as category,
    case
        when upper(trim(StockCode)) in ('POST', 'DOT', 'C2', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'fee'
        when upper(trim(StockCode)) in ('D', 'M', 'B', 'S', 'PADS') then 'adjustment'
        else 'product'
    end as type
from source
