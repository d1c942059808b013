-- Every customer with a score, or with the reason why there is none (X.10). Scores come from the promoted model while
-- the build is made; before there is one, nobody has any.
with features as (
    select * from {{ ref('churn_features') }}
    where split = 'score'
),

scores as (
    select * from {{ source('scoring', 'churn_scores') }}
),

known as (
    select count(*) > 0 as has_scores from scores
),

final as (
    select
        features.customer_id,
        case when scores.customer_id is not null then {{ start_of_day(as_of_date()) }} end as scored_at,
        scores.model_version,
        scores.churn_probability,
        scores.churn_risk_score,
        coalesce(scores.churn_risk_category, 'Not Scored') as churn_risk_category,
        scores.churn_margin,
        case
            when scores.customer_id is not null then null
            when features.eligibility <> 'Eligible' then features.eligibility
            when known.has_scores then 'Scored by no model'
            else 'No model yet'
        end as not_scored_reason
    from features
    cross join known
    left join scores on features.customer_id = scores.customer_id
)

select * from final
order by customer_id
