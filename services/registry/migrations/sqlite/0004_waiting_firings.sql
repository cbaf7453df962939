-- Firings that wait for their turn: the scheduler asks for them often, and they are few.
CREATE INDEX schedule_firings_waiting ON schedule_firings (schedule_id, scheduled_at) WHERE outcome = 'buffered';
