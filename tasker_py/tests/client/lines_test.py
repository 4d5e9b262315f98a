"""A task's result is shown exactly."""

from typing import Any

import pytest
from samples import STEP

from tasker_core.client import Step
from tasker_core.client.lines import result_lines

BIG = 7**6000


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([("a", [], 1), ("b", ["a"], {"result": 6**64})], [f"result: {6**64}"]),
        ([("a", [], {"x": 1, "y": [None, "ż"]})], ['result: {"x": 1, "y": [null, "ż"]}']),
        ([("a", [], ["\ud83d", "🐢"])], ['result: ["\\ud83d", "🐢"]']),
        (
            [("a", [], 1), ("b", ["a"], 2), ("c", ["a"], "x")],
            ["result of b: 2", 'result of c: "x"'],
        ),
        (
            [("w_001", ["a"], 1), ("w_002", ["a"], {"n": 2}), ("end", ["w"], {"sum": 3})],
            ['result: {"sum": 3}'],
        ),
        ([("w_001", ["a"], 1), ("w_002", ["a"], None)], ["result: [1, null]"]),
        (
            [("w_001", ["a"], 1), ("w_002", ["a"], 2), ("load_001", [], 7)],
            ["result of w: [1, 2]", "result of load_001: 7"],
        ),
        ([], []),
    ],
)
def test_the_result_is_what_the_last_steps_returned(
    steps: list[tuple[str, list[str], Any]], lines: list[str]
) -> None:
    fields = [{"step_name": name, "parents": up, "results": r} for name, up, r in steps]
    assert result_lines([Step.model_validate({**STEP, **step}) for step in fields], {"w"}) == lines


def test_an_integer_of_any_length_is_shown() -> None:
    (line,) = result_lines([Step.model_validate({**STEP, "results": BIG})], ())
    assert len(line) == len("result: ") + 5071
