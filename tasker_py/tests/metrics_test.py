"""The metrics of several processes are added up, and counters never go back."""

from tasker_core.metrics import Metrics

TEXT = """\
# HELP tasker_worker_attempts Attempts that ended.
# TYPE tasker_worker_attempts counter
tasker_worker_attempts_total{{callable="a b",outcome="success"}} {attempts}
# HELP tasker_worker_queue_wait_seconds Waiting.
# TYPE tasker_worker_queue_wait_seconds histogram
# UNIT tasker_worker_queue_wait_seconds seconds
tasker_worker_queue_wait_seconds_sum {waited}
tasker_worker_queue_wait_seconds_bucket{{le="+Inf"}} {attempts}
# HELP tasker_worker_slots Slots.
# TYPE tasker_worker_slots gauge
tasker_worker_slots {slots}
# EOF
"""


def text(attempts: int, waited: float, slots: int) -> str:
    return TEXT.format(attempts=attempts, waited=waited, slots=slots)


def test_samples_of_the_same_name_and_labels_are_added_up() -> None:
    summed = Metrics().summed({("w-1", 1): text(3, 0.5, 8), ("w-2", 1): text(4, 0.25, 8)})
    assert summed == text(7, 0.75, 16).removesuffix("# EOF\n")


def test_what_a_process_has_counted_outlives_it() -> None:
    metrics = Metrics()
    metrics.summed({("w-1", 1): text(3, 0.5, 8), ("w-2", 1): text(4, 0.25, 8)})
    # One does not answer; then it is another process.
    assert metrics.summed({("w-2", 1): text(5, 0.25, 8)}) == text(8, 0.75, 8).removesuffix(
        "# EOF\n"
    )
    summed = metrics.summed({("w-1", 2): text(1, 0.5, 8), ("w-2", 1): text(5, 0.25, 8)})
    assert summed == text(9, 1.25, 16).removesuffix("# EOF\n")
    assert metrics.summed({}).splitlines()[2].endswith(" 9")


def test_labels_that_only_one_process_has_are_kept() -> None:
    other = text(2, 0.5, 1).replace("success", "timeout")
    summed = Metrics().summed({("w-1", 1): text(1, 0.5, 1), ("w-2", 1): other})
    assert 'tasker_worker_attempts_total{callable="a b",outcome="success"} 1' in summed
    assert 'tasker_worker_attempts_total{callable="a b",outcome="timeout"} 2' in summed
