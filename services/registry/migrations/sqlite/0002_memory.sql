-- What a source remembers between and within its runs.

-- Where the next run begins; NULL: from the start.
ALTER TABLE sources ADD COLUMN cursor TEXT;

-- The source as the run's latest claim found it. What a run read by is what its commit does, whatever was declared meanwhile.
ALTER TABLE ingestion_runs ADD COLUMN claimed_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE ingestion_runs ADD COLUMN claimed_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ingestion_runs ADD COLUMN claimed_cursor TEXT;

-- Objects of the lake that hold what a run that has not ended has read so far.
CREATE TABLE run_checkpoints (
    run_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    count INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    key TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, place)
) STRICT, WITHOUT ROWID;

-- Files that a committed run of the source has read to the end.
CREATE TABLE source_files (
    source_name TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    version TEXT NOT NULL,
    run_id TEXT NOT NULL,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (source_name, path, bytes, version)
) STRICT, WITHOUT ROWID;
