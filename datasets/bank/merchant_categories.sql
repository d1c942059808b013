select
    _line,
    category_id,
    category_name,
    category_group,
    parent_category,
    is_discretionary,
    is_travel,
    is_necessity
from source
