{{ scd_type_2_gaps(ref('dim_customer'), 'customer_id') }}
