"""Writes the archive of a migrated data directory: build_data.py POSTGRES ENGINE ARCHIVE."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tools.postgres import cluster


def main(postgres: Path, engine: Path, archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        cluster.initialise(postgres, data)
        with cluster.serving(postgres, data) as port:
            cluster.query(
                *(postgres, port, "postgres", "postgres"),
                "CREATE ROLE tasker LOGIN",
                "CREATE DATABASE tasker OWNER tasker",
            )
            subprocess.run(
                [engine, "migrate"],
                check=True,
                env={"DATABASE_URL": f"postgres://tasker@127.0.0.1:{port}/tasker"},
            )
        # How the server was started here is nobody else's concern.
        (data / "postmaster.opts").unlink()
        subprocess.run(
            ["tar", "--sort=name", "-C", str(data), "-cf", str(archive), "."],
            check=True,
        )


if __name__ == "__main__":
    main(*(Path(argument).absolute() for argument in sys.argv[1:]))
