select
    _line,
    'dummyjson:' || (payload ->> '$.id') as product_id,
    payload ->> '$.id' as source_product_id,
    payload ->> '$.title' as product_name,
    payload ->> '$.category' as category,
    case when json_type(payload) = 'OBJECT' then 'product' end as type,
    case
        when json_type(payload) = 'OBJECT'
            then json_merge_patch(payload, '{"id": null, "title": null, "category": null, "description": null}')
    end::varchar as attributes
from source
