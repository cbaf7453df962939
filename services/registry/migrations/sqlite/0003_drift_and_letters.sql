-- JSON: [{"name", "type", "run_id", "time"}], the columns that runs brought and `schema_policy` left out of this version.
ALTER TABLE ingestion_schemas ADD COLUMN left_out TEXT NOT NULL DEFAULT '';
-- JSON: values that were left out, by column.
ALTER TABLE ingestion_runs ADD COLUMN discarded_columns TEXT NOT NULL DEFAULT '';
-- When a letter was replayed or discarded, and who discarded it.
ALTER TABLE ingestion_failures ADD COLUMN closed_at INTEGER;
ALTER TABLE ingestion_failures ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
