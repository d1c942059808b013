-- The registry of churn models as it was when the build began.
select
    model_version,
    engine,
    trained_at,
    data_build,
    cutoff_date,
    metrics,
    status,
    artefact_uri,
    artefact_sha256
from {{ source('monitoring', 'churn_models') }}
order by model_version
