-- The W3C traceparent of the call that brought a job.
ALTER TABLE jobs ADD COLUMN trace TEXT NOT NULL DEFAULT '';
