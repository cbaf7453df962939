-- The tables of `migrations/sqlite` 0001 to 0004. Instants are TIMESTAMPTZ. Texts are compared and sorted by their bytes, as SQLite
-- does, so no library of languages that is updated can break an index. `seq` numbers rows in the order in which they were made.

-- One row: the numbers that every commit and every change of a source advance. It is locked last, and held to COMMIT.
CREATE TABLE registry_state (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    snapshot BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
INSERT INTO registry_state VALUES (1, 0, 0);

-- The row of a source is also the lock of its dataset.
CREATE TABLE sources (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL,
    mode TEXT COLLATE "C" NOT NULL,
    schema_policy TEXT COLLATE "C" NOT NULL,
    -- The spec as proto3 JSON of `rfe.metadata.v1.Source`. Secrets stand in it as references only.
    spec TEXT COLLATE "C" NOT NULL,
    auto_created BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    -- Where the next run begins; NULL: from the start.
    cursor TEXT COLLATE "C"
);

CREATE TABLE ingestion_runs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id TEXT COLLATE "C" NOT NULL UNIQUE,
    source_name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    epoch BIGINT NOT NULL DEFAULT 0,
    rows_read BIGINT NOT NULL DEFAULT 0,
    rows_landed BIGINT NOT NULL DEFAULT 0,
    rows_dead BIGINT NOT NULL DEFAULT 0,
    rows_duplicate BIGINT NOT NULL DEFAULT 0,
    rows_discarded BIGINT NOT NULL DEFAULT 0,
    bytes_read BIGINT NOT NULL DEFAULT 0,
    bytes_written BIGINT NOT NULL DEFAULT 0,
    bytes_total BIGINT NOT NULL DEFAULT 0,
    schema_version BIGINT NOT NULL DEFAULT 0,
    -- The newest schema version that the dataset showed once this run was committed.
    dataset_schema_version BIGINT NOT NULL DEFAULT 0,
    snapshot BIGINT,
    files BIGINT NOT NULL DEFAULT 0,
    error_code TEXT COLLATE "C" NOT NULL DEFAULT '',
    error TEXT COLLATE "C" NOT NULL DEFAULT '',
    worker TEXT COLLATE "C" NOT NULL DEFAULT '',
    letter_id TEXT COLLATE "C",
    replay_raw BYTEA,
    created_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    scheduled_at TIMESTAMPTZ,
    next_attempt_at TIMESTAMPTZ,
    -- The source as the run's latest claim found it. What a run read by is what its commit does, whatever was declared meanwhile.
    claimed_mode TEXT COLLATE "C" NOT NULL DEFAULT '',
    claimed_revision BIGINT NOT NULL DEFAULT 0,
    claimed_cursor TEXT COLLATE "C",
    -- JSON: values that were left out, by column.
    discarded_columns TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX ingestion_runs_source ON ingestion_runs (source_name, seq);
CREATE INDEX ingestion_runs_state ON ingestion_runs (state, seq);
CREATE INDEX ingestion_runs_snapshot ON ingestion_runs (source_name, snapshot) WHERE snapshot IS NOT NULL;
CREATE INDEX ingestion_runs_failed ON ingestion_runs (source_name, finished_at) WHERE state = 'failed';
CREATE INDEX ingestion_runs_letter ON ingestion_runs (letter_id) WHERE letter_id IS NOT NULL;

CREATE TABLE ingestion_schemas (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    -- JSON: [{"id", "name", "type", "declared", "missing", "exceeds_double"}].
    columns TEXT COLLATE "C" NOT NULL,
    -- JSON: a line each.
    changes TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- JSON: [{"name", "type", "run_id", "time"}], the columns that runs brought and `schema_policy` left out of this version.
    left_out TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (dataset, version)
);

-- The columns of raw files; thousands of files share one row.
CREATE TABLE raw_columns (
    hash TEXT COLLATE "C" PRIMARY KEY,
    columns TEXT COLLATE "C" NOT NULL
);

CREATE TABLE data_files (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL,
    layer TEXT COLLATE "C" NOT NULL,
    dataset TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    part BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    schema_version BIGINT NOT NULL,
    raw_columns_hash TEXT COLLATE "C",
    -- Statistics of columns as a protobuf `rfe.metadata.v1.DataFile` that has nothing else.
    stats BYTEA NOT NULL,
    begin_snapshot BIGINT NOT NULL,
    end_snapshot BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (layer, key)
);
CREATE INDEX data_files_live ON data_files (dataset, layer, begin_snapshot)
    INCLUDE (rows, bytes, raw_columns_hash, end_snapshot) WHERE end_snapshot IS NULL;
CREATE INDEX data_files_ended ON data_files (dataset, end_snapshot) WHERE end_snapshot IS NOT NULL;
CREATE INDEX data_files_run ON data_files (run_id);

-- Ids of events that landed. The primary key decides what is a duplicate.
CREATE TABLE ledger (
    source_name TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    landed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (source_name, event_id)
);
CREATE INDEX ledger_landed_at ON ledger (landed_at);

-- One row a failed attempt (kind `attempt`), one a dead letter (`record`, `job`).
CREATE TABLE ingestion_failures (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    source_name TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    field_path TEXT COLLATE "C" NOT NULL DEFAULT '',
    file TEXT COLLATE "C" NOT NULL DEFAULT '',
    line BIGINT NOT NULL DEFAULT 0,
    record BIGINT NOT NULL DEFAULT 0,
    page BIGINT NOT NULL DEFAULT 0,
    schema_version BIGINT NOT NULL DEFAULT 0,
    event_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- JSON: what replay needs.
    context TEXT COLLATE "C",
    raw BYTEA NOT NULL DEFAULT '\x',
    raw_ref TEXT COLLATE "C" NOT NULL DEFAULT '',
    raw_truncated BOOLEAN NOT NULL DEFAULT false,
    raw_sha256 TEXT COLLATE "C" NOT NULL DEFAULT '',
    discard_reason TEXT COLLATE "C" NOT NULL DEFAULT '',
    replay_run_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- When a letter was replayed or discarded, and who discarded it.
    closed_at TIMESTAMPTZ,
    closed_by TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX ingestion_failures_source ON ingestion_failures (source_name, seq);
CREATE INDEX ingestion_failures_run ON ingestion_failures (run_id, seq);
CREATE INDEX ingestion_failures_open ON ingestion_failures (source_name) WHERE state = 'open';

-- Objects of the lake that hold what a run that has not ended has read so far.
CREATE TABLE run_checkpoints (
    run_id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    count BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    saved_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, place)
);

-- Files that a committed run of the source has read to the end. Paths may be longer than an index of them could hold, so hashes
-- stand in for them: 128 bits where a row must be the only one, 32 where rows are looked up.
CREATE TABLE source_files (
    source_name TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    read_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX source_files_mark ON source_files
    (source_name, hashtextextended(path, 0), hashtextextended(path, 1), bytes, version);
CREATE INDEX source_files_path ON source_files USING hash (path);

CREATE TABLE schedules (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id TEXT COLLATE "C" NOT NULL UNIQUE,
    source_name TEXT COLLATE "C" NOT NULL,
    every_micros BIGINT,
    cron TEXT COLLATE "C",
    timezone TEXT COLLATE "C" NOT NULL,
    overlap TEXT COLLATE "C" NOT NULL,
    misfire TEXT COLLATE "C" NOT NULL,
    paused BOOLEAN NOT NULL,
    declared BOOLEAN NOT NULL,
    next_fire_at TIMESTAMPTZ,
    last_fire_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX schedules_source ON schedules (source_name, schedule_id);

CREATE TABLE schedule_firings (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    firing_id TEXT COLLATE "C" NOT NULL UNIQUE,
    schedule_id TEXT COLLATE "C" NOT NULL,
    scheduled_at TIMESTAMPTZ NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL
);
CREATE INDEX schedule_firings_schedule ON schedule_firings (schedule_id, scheduled_at, seq);
-- Firings that wait for their turn: the scheduler asks for them often, and they are few.
CREATE INDEX schedule_firings_waiting ON schedule_firings (schedule_id, scheduled_at) WHERE outcome = 'buffered';

-- One row a source. `row_count` and `succeeded_at` are those of its latest succeeded run; `total_rows` are visible now.
CREATE VIEW ingestion_run_summary AS
SELECT
    sources.seq AS seq,
    sources.name AS source_name,
    sources.kind AS kind,
    latest.rows_landed AS row_count,
    latest.finished_at AS succeeded_at,
    (SELECT CAST(coalesce(sum(files.rows), 0) AS BIGINT) FROM data_files AS files
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
