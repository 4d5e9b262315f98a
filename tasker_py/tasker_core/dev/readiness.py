"""What an engine or a worker lacks until it is ready, by its own health page."""

from collections.abc import Sequence

from tasker_core.client import ApiError, TaskerClient
from tasker_core.errors import DevError

ANSWER_SECONDS = 1.0


def missing(url: str) -> str:
    """What the engine or worker at this address still lacks; nothing once it is ready.

    DevError for what stays missing, however long one waits: a worker's `problems`.
    """
    with TaskerClient(url, answer_seconds=ANSWER_SECONDS) as client:
        try:
            health = client.health()
        except ApiError as error:
            return error.message
    problems = health.raw.get("problems")
    if problems:
        raise DevError(listed(problems))
    return "; ".join(health.reasons)


def listed(problems: Sequence[str]) -> str:
    """One problem as it is, several below each other; one may have a hint in a second line."""
    if len(problems) == 1:
        return problems[0]
    lines = "".join("\n    " + problem.replace("\n", "\n      ") for problem in problems)
    return f"there are {len(problems)} problems:{lines}"
