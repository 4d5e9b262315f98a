-- What the server is: its encoding, and whether it is a standby.
SELECT current_setting('server_encoding'), pg_is_in_recovery()
