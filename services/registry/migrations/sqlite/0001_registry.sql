-- Instants are microseconds since the Unix epoch, UTC. `seq` numbers rows in the order in which they were made.

-- One row: the numbers that every commit and every change of a source advance.
CREATE TABLE registry_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    snapshot INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO registry_state VALUES (1, 0, 0);

CREATE TABLE sources (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    mode TEXT NOT NULL,
    schema_policy TEXT NOT NULL,
    -- The spec as proto3 JSON of `rfe.metadata.v1.Source`. Secrets stand in it as references only.
    spec TEXT NOT NULL,
    auto_created INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE TABLE ingestion_runs (
    seq INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    source_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    rows_read INTEGER NOT NULL DEFAULT 0,
    rows_landed INTEGER NOT NULL DEFAULT 0,
    rows_dead INTEGER NOT NULL DEFAULT 0,
    rows_duplicate INTEGER NOT NULL DEFAULT 0,
    rows_discarded INTEGER NOT NULL DEFAULT 0,
    bytes_read INTEGER NOT NULL DEFAULT 0,
    bytes_written INTEGER NOT NULL DEFAULT 0,
    bytes_total INTEGER NOT NULL DEFAULT 0,
    schema_version INTEGER NOT NULL DEFAULT 0,
    -- The newest schema version that the dataset showed once this run was committed.
    dataset_schema_version INTEGER NOT NULL DEFAULT 0,
    snapshot INTEGER,
    files INTEGER NOT NULL DEFAULT 0,
    error_code TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    worker TEXT NOT NULL DEFAULT '',
    letter_id TEXT,
    replay_raw BLOB,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    scheduled_at INTEGER,
    next_attempt_at INTEGER
) STRICT;
CREATE INDEX ingestion_runs_source ON ingestion_runs (source_name, seq);
CREATE INDEX ingestion_runs_state ON ingestion_runs (state, seq);
CREATE INDEX ingestion_runs_snapshot ON ingestion_runs (source_name, snapshot) WHERE snapshot IS NOT NULL;
CREATE INDEX ingestion_runs_failed ON ingestion_runs (source_name, finished_at) WHERE state = 'failed';
CREATE INDEX ingestion_runs_letter ON ingestion_runs (letter_id) WHERE letter_id IS NOT NULL;

CREATE TABLE ingestion_schemas (
    seq INTEGER PRIMARY KEY,
    dataset TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    -- JSON: [{"id", "name", "type", "declared", "missing", "exceeds_double"}].
    columns TEXT NOT NULL,
    -- JSON: a line each.
    changes TEXT NOT NULL,
    run_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (dataset, version)
) STRICT;

-- The columns of raw files; thousands of files share one row.
CREATE TABLE raw_columns (
    hash TEXT PRIMARY KEY,
    columns TEXT NOT NULL
) STRICT;

CREATE TABLE data_files (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    layer TEXT NOT NULL,
    dataset TEXT NOT NULL,
    run_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    part INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    raw_columns_hash TEXT,
    -- Statistics of columns as a protobuf `rfe.metadata.v1.DataFile` that has nothing else.
    stats BLOB NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (layer, key)
) STRICT;
CREATE INDEX data_files_live ON data_files (dataset, layer, begin_snapshot, rows, bytes, raw_columns_hash, end_snapshot)
    WHERE end_snapshot IS NULL;
CREATE INDEX data_files_ended ON data_files (dataset, end_snapshot) WHERE end_snapshot IS NOT NULL;
CREATE INDEX data_files_run ON data_files (run_id);

-- Ids of events that landed. The primary key decides what is a duplicate.
CREATE TABLE ledger (
    source_name TEXT NOT NULL,
    event_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    landed_at INTEGER NOT NULL,
    PRIMARY KEY (source_name, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_landed_at ON ledger (landed_at);

-- One row a failed attempt (kind `attempt`), one a dead letter (`record`, `job`).
CREATE TABLE ingestion_failures (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source_name TEXT NOT NULL,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    code TEXT NOT NULL,
    error TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    field_path TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL DEFAULT '',
    line INTEGER NOT NULL DEFAULT 0,
    record INTEGER NOT NULL DEFAULT 0,
    page INTEGER NOT NULL DEFAULT 0,
    schema_version INTEGER NOT NULL DEFAULT 0,
    event_id TEXT NOT NULL DEFAULT '',
    -- JSON: what replay needs.
    context TEXT,
    raw BLOB NOT NULL DEFAULT x'',
    raw_ref TEXT NOT NULL DEFAULT '',
    raw_truncated INTEGER NOT NULL DEFAULT 0,
    raw_sha256 TEXT NOT NULL DEFAULT '',
    discard_reason TEXT NOT NULL DEFAULT '',
    replay_run_id TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX ingestion_failures_source ON ingestion_failures (source_name, seq);
CREATE INDEX ingestion_failures_run ON ingestion_failures (run_id, seq);
CREATE INDEX ingestion_failures_open ON ingestion_failures (source_name) WHERE state = 'open';

CREATE TABLE schedules (
    seq INTEGER PRIMARY KEY,
    schedule_id TEXT NOT NULL UNIQUE,
    source_name TEXT NOT NULL,
    every_micros INTEGER,
    cron TEXT,
    timezone TEXT NOT NULL,
    overlap TEXT NOT NULL,
    misfire TEXT NOT NULL,
    paused INTEGER NOT NULL,
    declared INTEGER NOT NULL,
    next_fire_at INTEGER,
    last_fire_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_source ON schedules (source_name, schedule_id);

CREATE TABLE schedule_firings (
    seq INTEGER PRIMARY KEY,
    firing_id TEXT NOT NULL UNIQUE,
    schedule_id TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX schedule_firings_schedule ON schedule_firings (schedule_id, scheduled_at, seq);

-- One row a source. `row_count` and `succeeded_at` are those of its latest succeeded run; `total_rows` are visible now.
CREATE VIEW ingestion_run_summary AS
SELECT
    sources.seq AS seq,
    sources.name AS source_name,
    sources.kind AS kind,
    latest.rows_landed AS row_count,
    latest.finished_at AS succeeded_at,
    (SELECT coalesce(sum(files.rows), 0) FROM data_files AS files
        WHERE files.dataset = sources.name AND files.layer = 'processed' AND files.end_snapshot IS NULL) AS total_rows,
    (SELECT count(*) FROM ingestion_runs AS runs WHERE runs.source_name = sources.name) AS runs,
    (SELECT count(*) FROM ingestion_runs AS runs
        WHERE runs.source_name = sources.name AND runs.state = 'failed') AS failures,
    (SELECT count(*) FROM ingestion_failures AS letters
        WHERE letters.source_name = sources.name AND letters.state = 'open') AS open_letters,
    coalesce(latest.dataset_schema_version, 0) AS schema_version,
    latest.run_id AS last_run_id,
    latest.snapshot AS snapshot
FROM sources
LEFT JOIN ingestion_runs AS latest ON latest.seq = (
    SELECT runs.seq FROM ingestion_runs AS runs
    WHERE runs.source_name = sources.name AND runs.snapshot IS NOT NULL
    ORDER BY runs.snapshot DESC LIMIT 1
);
