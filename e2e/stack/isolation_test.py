"""A stack's network is its own, or held against others; its files are in memory."""

import subprocess
import sys
from pathlib import Path

PROBE = """
import socket
from tasker_stack.isolation import own_network
lock = own_network()
with socket.create_server(("127.0.0.1", 8080)) as listener:
    socket.create_connection(("127.0.0.1", 8080)).close()
print("have it", flush=True)
input()
"""
# As where there are no user namespaces: all stacks in one network.
SHARED = PROBE.replace("own_network", "_lock")

MEMORY = """
import sys
from pathlib import Path
from tasker_stack.isolation import memory_at, own_network
own_network()
folder = Path(sys.argv[1])
with memory_at(folder):
    (folder / "file").write_text("text")
    print(any(line.split()[1:3] == [str(folder), "tmpfs"] for line in open("/proc/mounts")))
print(list(folder.iterdir()))
"""


def start(source: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_loopback_works_in_the_network() -> None:
    probe = start(PROBE)
    stdout, stderr = probe.communicate("\n")
    assert (probe.returncode, stdout) == (0, "have it\n"), stderr


def test_files_are_in_memory_and_gone_afterwards(tmp_path: Path) -> None:
    stdout, stderr = start(MEMORY, str(tmp_path)).communicate()
    assert stdout == "True\n[]\n", stderr


def test_a_second_stack_in_one_network_says_why_it_waits_and_runs_when_the_first_ends() -> None:
    first, second = start(SHARED), None
    try:
        assert first.stdout
        assert first.stdout.readline() == "have it\n"
        second = start(SHARED)
        assert second.stderr
        assert second.stderr.readline() == (
            "stack: another stack has the ports of this network; waiting for its end\n"
        )
        first.communicate("\n")
        assert second.communicate("\n")[0] == "have it\n"
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.communicate()
