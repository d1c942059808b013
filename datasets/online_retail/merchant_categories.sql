-- The retailer has no categories of its own: gifts, and what the stock codes that are no product stand for.
select
    row_number() over () as _line,
    categories.category_id,
    categories.category_name,
    'Other' as category_group,
    categories.is_discretionary,
    false as is_travel,
    false as is_necessity
from (
    values
    ('gifts', 'Gifts', true),
    ('postage', 'Postage', false),
    ('fees', 'Fees', false),
    ('discounts', 'Discounts', false),
    ('adjustments', 'Adjustments', false)
) as categories (category_id, category_name, is_discretionary)
