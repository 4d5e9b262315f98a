"""What handlers leave running when their worker stops."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest
from running_worker import HANDLER, paths

pytest_plugins = ["worker_fixture"]

LEFT_BEHIND = """
import concurrent.futures, multiprocessing, threading, time

def stay(seconds):
    STAYS

if __name__ != "__mp_main__":
    START
"""


@pytest.mark.parametrize(
    ("start", "left"),
    [
        ("threading.Thread(target=stay, args=[600], name='flushing').start()", "thread flushing"),
        ("__import__('atexit').register(stay, 600)", "functions of atexit"),
        ("concurrent.futures.ThreadPoolExecutor(1, 'pool').submit(stay, 600)", "thread pool_0"),
        (
            "multiprocessing.Process(target=stay, args=[600], name='helper').start()",
            r"process helper \(\d+\)",
        ),
        (
            "concurrent.futures.ProcessPoolExecutor(1).submit(stay, 600)",
            r"process ForkProcess-1 \(\d+\)",
        ),
    ],
)
def test_what_handlers_leave_running_does_not_keep_a_worker_that_has_drained(
    run: Any, shop: Path, start: str, left: str
) -> None:
    program = LEFT_BEHIND.replace("STAYS", "time.sleep(seconds)").replace("START", start)
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run("--drain-timeout=0.1", **paths(shop))
    worker.health()
    worker.process.terminate()
    # Its end, and that of every process that has its log.
    assert worker.end() == 0
    assert "stopped" in worker.log
    assert re.search(rf"left while these were running: .*the {left}", worker.log)


def test_what_ends_within_the_drain_time_out_is_waited_for(run: Any, shop: Path) -> None:
    waits = (
        "print('it begins', flush=True) or threading.main_thread().join() or print('it has ended')"
    )
    program = LEFT_BEHIND.replace("STAYS", waits)
    program = program.replace("START", "threading.Thread(target=stay, args=[0]).start()")
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run(**paths(shop))
    worker.health()
    worker.process.terminate()
    assert worker.end() == 0
    assert "it has ended" in worker.log
    assert "left while" not in worker.log


def test_processes_of_multiprocessing_end_with_a_worker_that_is_ended_at_once(
    run: Any, shop: Path
) -> None:
    program = LEFT_BEHIND.replace("STAYS", "time.sleep(seconds)")
    program = program.replace("START", "multiprocessing.Process(target=stay, args=[600]).start()")
    (shop / "handlers/shop.py").write_text(HANDLER + program)
    worker = run("--drain-timeout=600", **paths(shop))
    worker.health()
    worker.process.terminate()
    worker.wait_for('"stopped"')
    worker.process.terminate()
    assert worker.end() == 128 + signal.SIGTERM
