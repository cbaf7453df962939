-- What was accepted. A job of events is loose until a batch takes it; it leaves when none of its events remains.
CREATE TABLE jobs (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    source    TEXT    NOT NULL,
    kind      INTEGER NOT NULL,             -- rfe.ingest.v1.JobKind
    events    INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    remaining INTEGER NOT NULL,             -- events not yet done; 1 for jobs of other kinds
    loose     INTEGER NOT NULL,             -- 1 while no batch has it
    split     INTEGER NOT NULL DEFAULT 0,   -- 1 once several batches have parts of it
    run_id    TEXT,                         -- the batch that held it last, once it left
    attempts  INTEGER NOT NULL DEFAULT 0,   -- of that batch
    error     TEXT    NOT NULL DEFAULT '',
    created   INTEGER NOT NULL,             -- all instants are µs since the Unix epoch
    updated   INTEGER NOT NULL,
    ended     INTEGER,                      -- when it left
    outcome   INTEGER                       -- rfe.ingest.v1.JobState in which it left
);
CREATE INDEX jobs_loose ON jobs (source, seq) WHERE loose = 1;
CREATE INDEX jobs_by_source ON jobs (source, kind, seq);
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;

-- The events of a job, one encoded rfe.ingest.v1.EventList. Apart from jobs, so that walking jobs reads no payload.
CREATE TABLE payloads (
    job  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- What can be leased: a job of another kind than events, or a batch. Leased while lease_until is set.
CREATE TABLE work (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    source      TEXT    NOT NULL,
    kind        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    worker      TEXT    NOT NULL DEFAULT '',
    attempts    INTEGER NOT NULL DEFAULT 0,
    expired     INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL,
    error       TEXT    NOT NULL DEFAULT '',
    created     INTEGER NOT NULL,           -- that of its oldest job
    updated     INTEGER NOT NULL
);
CREATE INDEX work_waiting ON work (source, not_before, seq) WHERE lease_until IS NULL;
CREATE INDEX work_leased ON work (lease_until, source, kind) WHERE lease_until IS NOT NULL;

-- Which jobs a piece of work has, and which range of each one's events.
CREATE TABLE work_items (
    work  INTEGER NOT NULL,
    job   INTEGER NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (work, job)
) WITHOUT ROWID;
CREATE INDEX work_items_by_job ON work_items (job);

-- Batches that were split, so that a repeated call is known as one.
CREATE TABLE bisected (
    id    TEXT    NOT NULL,
    epoch INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (id, epoch)
) WITHOUT ROWID;

-- Counts of what has not left, kept by every transition; last_leased makes sources take turns.
CREATE TABLE sources (
    name         TEXT    PRIMARY KEY,
    paused       INTEGER NOT NULL DEFAULT 0,
    last_leased  INTEGER NOT NULL DEFAULT 0,
    jobs         INTEGER NOT NULL DEFAULT 0,
    events       INTEGER NOT NULL DEFAULT 0,
    bytes        INTEGER NOT NULL DEFAULT 0,
    loose_jobs   INTEGER NOT NULL DEFAULT 0,
    loose_events INTEGER NOT NULL DEFAULT 0,
    loose_bytes  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Ids of accepted events, one row a call: 16 bytes of each id's SHA-256. Appended only, because an index of random ids would
-- rewrite a page for each; the set itself is in memory.
CREATE TABLE accepted (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    ids    BLOB    NOT NULL
);
CREATE INDEX accepted_at ON accepted (at);

-- Every lease gets the next epoch, so that no two leases of one piece of work share one, not even after it left and came back.
CREATE TABLE turn (epoch INTEGER NOT NULL);
INSERT INTO turn VALUES (0);
