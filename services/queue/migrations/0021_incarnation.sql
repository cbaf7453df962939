-- Which file this is: another one is another queue.
CREATE TABLE incarnation (id TEXT NOT NULL);
INSERT INTO incarnation VALUES (lower(hex(randomblob(16))));
