-- Work that reads its whole source: a pull, a backfill, or the replay of a job's letter. Of these one a source is leased at a time.
ALTER TABLE work ADD COLUMN reads_source INTEGER NOT NULL DEFAULT 0;
UPDATE work SET reads_source = 1 WHERE kind IN (1, 4);
