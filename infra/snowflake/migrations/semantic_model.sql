-- The semantic model for Cortex Analyst; again whenever the model changes.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

-- sha256 of the model: &{semantic_model_sha256}
put 'file://&{semantic_model}' @OPS.SEMANTIC_MODELS auto_compress = false overwrite = true;
