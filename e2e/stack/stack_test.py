"""The whole stack around small test programs: it starts, stops, and says what went wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

# The arguments that run the real services; the BUILD file has them.
ARGUMENTS = os.environ["STACK_ARGUMENTS"].split()
COMPOSE = Path(next(a for a in ARGUMENTS if a.startswith("--compose=")).partition("=")[2])

SHOW_VARIABLES = """
import json, os
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("TASKER_")}))
"""


def run_stack(logs: Path, *arguments: str, test: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "e2e/stack/stack.py", *ARGUMENTS, *arguments]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join(sys.path),
        "TEST_UNDECLARED_OUTPUTS_DIR": str(logs),
    }
    return subprocess.run(
        [*command, "--", sys.executable, "-c", test],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


def test_the_fixture_starts_and_stops_cleanly(tmp_path: Path) -> None:
    result = run_stack(tmp_path, test=SHOW_VARIABLES)
    assert result.returncode == 0, result.stderr
    started, stopped = result.stderr.splitlines()
    assert started.startswith("stack: healthy after ")
    assert stopped.startswith("stack: stopped within ")
    assert {path.name for path in tmp_path.iterdir()} == {
        "postgres.log",
        "orchestration.log",
        "python-worker.log",
    }
    variables = json.loads(result.stdout)
    assert variables.pop("TASKER_TEST_STACK_URL").startswith("http://127.0.0.1:")
    assert variables == {
        "TASKER_TEST_HOST": "127.0.0.1",
        "TASKER_TEST_POSTGRES": "127.0.0.1:5432",
        "TASKER_TEST_ORCHESTRATION_URL": "http://127.0.0.1:8080",
        "TASKER_TEST_WORKER_URL": "http://127.0.0.1:8083",
        "TASKER_TEST_TOKEN": "token-of-the-test-system",
        "TASKER_TOKEN": "token-of-the-test-system",
        "TASKER_URL": "http://127.0.0.1:8080",
    }


def test_the_status_is_the_test_programs(tmp_path: Path) -> None:
    result = run_stack(tmp_path, "--services=postgres", test="raise SystemExit(3)")
    assert result.returncode == 3, result.stderr


def test_a_service_that_fails_to_start_is_reported_with_its_log(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\necho the address is taken\nexit 4\n")
    engine.chmod(0o755)
    result = run_stack(tmp_path, f"--source=orchestration={engine}", test="print('ran')")
    assert (result.returncode, result.stdout) == (1, "")
    assert (
        "stack: orchestration did not start, ended with status 4; "
        f"the end of {tmp_path}/orchestration.log:\n    the address is taken\n"
    ) in result.stderr
    assert not (tmp_path / "python-worker.log").exists()


def test_an_unsupported_key_is_an_error(tmp_path: Path) -> None:
    changed = tmp_path / "compose.yml"
    changed.write_text(COMPOSE.read_text() + "    privileged: true\n")
    result = run_stack(tmp_path, f"--compose={changed}", test="print('ran')")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"stack: {changed}: services.python-worker.privileged: "
        "the test stack does not support this key\n"
    )
