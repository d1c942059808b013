-- The exported semantic model on its stage, and a semantic view made of it once Snowflake finds it valid.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. Tests run PUT and LIST on the emulator, which knows no semantic view.
-- Run by hand after each change of the model. The file has to be called customer_analytics.yaml; its tables are those of the
-- published build, views that move on with it, so a new build needs no new view.
-- https://docs.snowflake.com/en/sql-reference/stored-procedures/system_create_semantic_view_from_yaml
use database &{database};

put 'file://&{semantic_model}' @SEMANTIC.MODELS auto_compress = false overwrite = true;
list @SEMANTIC.MODELS;

-- The text is read from the stage, not pasted: no description can end a literal. The first call only checks, and raises.
execute immediate
$$
declare
    model varchar;
begin
    select $1 into :model from @SEMANTIC.MODELS/customer_analytics.yaml (file_format => 'SEMANTIC.WHOLE_FILE');
    call SYSTEM$CREATE_SEMANTIC_VIEW_FROM_YAML('&{database}.SEMANTIC', :model, true);
    call SYSTEM$CREATE_SEMANTIC_VIEW_FROM_YAML('&{database}.SEMANTIC', :model);
    return 'The semantic view follows the model.';
end;
$$;

show semantic views in schema SEMANTIC;
