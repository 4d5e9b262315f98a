-- Leases: until when the process that owns an engine counts as alive, by this server's clock.
--
-- The process renews its row every other second and deletes it when it stops. Another engine takes the shards over only
-- once the row has run out or is gone; one that starts under the same name replaces it at once. The row is not part of
-- engines, which appends lock: neither waits for the other.
--
-- An engine of an earlier release has no row, and to other engines counts as gone, as it did for that release.

CREATE TABLE tasker.leases (
    engine text PRIMARY KEY REFERENCES tasker.engines (engine),
    -- The same as in engines: who finds another's here has been taken over.
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
