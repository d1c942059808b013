select
    1 as _line,
    'music' as category_id,
    'Music' as category_name,
    'Leisure' as category_group,
    true as is_discretionary,
    false as is_travel,
    false as is_necessity
