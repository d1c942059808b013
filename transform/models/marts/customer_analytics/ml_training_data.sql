-- What a churn model learns from and is judged by: the features of each eligible customer at each past cutoff, and
-- whether they left after it. No other column of the labels is here.
with features as (
    select * from {{ ref('churn_features') }}
    where eligibility = 'Eligible' and split <> 'score'
),

labels as (
    select * from {{ ref('churn_labels') }}
),

final as (
    select
        features.customer_id,
        features.cutoff_date,
        features.split,
        features.customer_segment,
        {%- for feature in churn_feature_names() %}
        features.{{ feature }},
        {%- endfor %}
        labels.churned
    from features
    inner join labels on features.customer_id = labels.customer_id and features.cutoff_date = labels.cutoff_date
)

select * from final
order by cutoff_date, customer_id
