"""The archived data directory unpacks in no time into one that serves the engine's schema."""

import os
import subprocess
import time
from pathlib import Path

from tools.postgres import cluster

POSTGRES = Path(os.environ["POSTGRES"]).absolute()
ARCHIVE = os.environ["MIGRATED_DATA"]


def test_the_plain_role_owns_the_schema_and_its_tables(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    begun = time.monotonic()
    subprocess.run(["tar", "-xf", ARCHIVE, "-C", data], check=True)
    print(f"unpacked in {time.monotonic() - begun:.3f} s")
    with cluster.serving(POSTGRES, data) as port:
        rows = cluster.query(
            *(POSTGRES, port, "tasker", "tasker"),
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'tasker'",
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tasker'",
            "SHOW server_encoding",
        )
    assert rows == ["f|f|f", "tasker", "UTF8"]
