-- What compaction, retention, dropping and the collection of orphans need to know: `migrations/sqlite/0005_upkeep.sql`.

-- The place of a file among those of its dataset: `begin_snapshot`, or of a compacted file that of its newest input.
ALTER TABLE data_files ADD COLUMN order_snapshot BIGINT NOT NULL DEFAULT 0;
-- When the newest of its rows were committed: `created_at`, or of a compacted file that of its newest input.
ALTER TABLE data_files ADD COLUMN landed_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';
-- When it ended.
ALTER TABLE data_files ADD COLUMN ended_at TIMESTAMPTZ;
UPDATE data_files SET order_snapshot = begin_snapshot, landed_at = created_at,
    ended_at = CASE WHEN end_snapshot IS NOT NULL THEN now() END;
CREATE INDEX data_files_began ON data_files (begin_snapshot, dataset);
CREATE INDEX data_files_end ON data_files (end_snapshot, dataset) WHERE end_snapshot IS NOT NULL;
CREATE INDEX data_files_dataset_began ON data_files (dataset, begin_snapshot);

-- When the dataset was dropped; NULL while it is there, also once more.
ALTER TABLE sources ADD COLUMN dropped_at TIMESTAMPTZ;
-- The first snapshot that does not show the dataset that was dropped last.
ALTER TABLE sources ADD COLUMN dropped_snapshot BIGINT NOT NULL DEFAULT 0;
-- Schema versions up to this one are of a dropped dataset.
ALTER TABLE sources ADD COLUMN schema_floor BIGINT NOT NULL DEFAULT 0;
-- Snapshots before this one can't be shown whole any more: files of theirs are deleted.
ALTER TABLE sources ADD COLUMN oldest_snapshot BIGINT NOT NULL DEFAULT 0;

-- When the run was last claimed, or said how far it is.
ALTER TABLE ingestion_runs ADD COLUMN heard_at TIMESTAMPTZ;
UPDATE ingestion_runs SET heard_at = started_at;

-- The files that a compaction which has not ended shall read.
CREATE TABLE compaction_inputs (
    run_id TEXT COLLATE "C" NOT NULL,
    layer TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, layer, key)
);

-- Objects that nothing names any more, to be deleted from the lake.
CREATE TABLE doomed_objects (
    bucket TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, key)
);

-- Objects that nothing named when they were looked at; they are looked at again.
CREATE TABLE orphan_marks (
    bucket TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    marked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, key)
);
CREATE INDEX orphan_marks_marked_at ON orphan_marks (marked_at);
CREATE INDEX run_checkpoints_key ON run_checkpoints (key);
CREATE INDEX ingestion_failures_raw_ref ON ingestion_failures (raw_ref) WHERE raw_ref <> '';

-- Tasks that one process does at a time, and who does them.
CREATE TABLE held_tasks (
    task TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    held_until TIMESTAMPTZ NOT NULL
);

-- As before, without the runs that compact and the datasets that were dropped.
CREATE OR REPLACE VIEW ingestion_run_summary AS
SELECT
    sources.seq AS seq,
    sources.name AS source_name,
    sources.kind AS kind,
    latest.rows_landed AS row_count,
    latest.finished_at AS succeeded_at,
    (SELECT CAST(coalesce(sum(files.rows), 0) AS BIGINT) FROM data_files AS files
        WHERE files.dataset = sources.name AND files.layer = 'processed' AND files.end_snapshot IS NULL) AS total_rows,
    (SELECT count(*) FROM ingestion_runs AS runs
        WHERE runs.source_name = sources.name AND runs.kind <> 'compaction') AS runs,
    (SELECT count(*) FROM ingestion_runs AS runs
        WHERE runs.source_name = sources.name AND runs.state = 'failed' AND runs.kind <> 'compaction') AS failures,
    (SELECT count(*) FROM ingestion_failures AS letters
        WHERE letters.source_name = sources.name AND letters.state = 'open') AS open_letters,
    coalesce(latest.dataset_schema_version, 0) AS schema_version,
    latest.run_id AS last_run_id,
    latest.snapshot AS snapshot
FROM sources
LEFT JOIN ingestion_runs AS latest ON latest.seq = (
    SELECT runs.seq FROM ingestion_runs AS runs
    WHERE runs.source_name = sources.name AND runs.snapshot IS NOT NULL AND runs.kind <> 'compaction'
        AND runs.snapshot > sources.dropped_snapshot
    ORDER BY runs.snapshot DESC LIMIT 1
)
WHERE sources.dropped_at IS NULL;
