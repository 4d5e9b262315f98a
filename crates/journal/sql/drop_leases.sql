-- Drops the leases of other engines that have run out. One that is being renewed is waited for and looked at again; its
-- renewal after this one waits, and finds no lease. $1 engine.
DELETE FROM tasker.leases WHERE engine <> $1 AND expires_at <= clock_timestamp()
