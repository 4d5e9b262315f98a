"""The template under test: its text, and what a test asks of its steps."""

import os
from pathlib import Path
from typing import Any

from tasker_core import task_handler
from tasker_core.errors import InvalidArgumentError, InvalidHandlerError, WorkflowTestError
from tasker_core.serialization import integers_of_any_size
from tasker_core.task_handler import TaskHandlerBase
from tasker_core.template_files import checked, template_files

TemplateLike = str | Path | type[TaskHandlerBase[Any, Any]]
"""A template: a path, YAML text, or the task handler of one below TASKER_TEMPLATE_PATH."""


def read_template(template: TemplateLike) -> tuple[str, str]:
    """The text of a template, and its file's name. YAML text has several lines, a path has one."""
    if isinstance(template, type):
        file = _file_of(template)
    elif isinstance(template, str) and "\n" in template:
        return template, "template"
    else:
        file = Path(template)
    return file.read_text(encoding="utf-8"), str(file)


def _file_of(handler: type[TaskHandlerBase[Any, Any]]) -> Path:
    """The file of a task handler's template.

    InvalidHandlerError when the two do not agree, or it is no task handler; WorkflowTestError when
    there is no such template; InvalidArgumentError when the one that may be it is not valid.
    """
    callable_name = f"{handler.__module__}.{handler.__qualname__}"
    if (wrong := task_handler.problem(handler)) is not None:
        raise InvalidHandlerError(callable_name, wrong)
    path = os.environ.get("TASKER_TEMPLATE_PATH", "")
    found: dict[Path, dict[str, Any]] = {}
    invalid: InvalidArgumentError | None = None
    for file in template_files(path):
        text = file.read_bytes()
        # Most of the others need not be read at all.
        if handler.name.encode() not in text:
            continue
        try:
            with integers_of_any_size():
                summary = checked(text, str(file))
        except InvalidArgumentError as error:
            invalid = error
            continue
        if (summary["namespace"], summary["name"]) == (handler.namespace, handler.name):
            found[file] = summary
    # Several versions may stand beside each other.
    own = [file for file, summary in found.items() if summary["version"] == handler.version]
    for file in own or found:
        if differences := task_handler.check(handler, found[file]["document"]):
            told = "\n".join(f"  {difference}" for difference in differences)
            raise InvalidHandlerError(callable_name, f"it does not fit {file}:\n{told}")
        return file
    if invalid is not None:
        raise invalid
    raise WorkflowTestError(
        f"there is no template {handler.namespace}/{handler.name} {handler.version}, which "
        f"{callable_name} is for, below TASKER_TEMPLATE_PATH, which is {path!r}: name its folder "
        "there"
    )


class TestedTemplate:
    """A checked template; `steps` are its steps by name, in its order."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.namespace: str = template["namespace"]
        self.name: str = template["name"]
        self.steps: dict[str, dict[str, Any]] = {step["name"]: step for step in template["steps"]}

    def declared(self, step: str) -> str:
        """The step's name in the template, which for a batch is that of its batch worker.

        WorkflowTestError when the workflow can have no such step.
        """
        base, _, number = step.rpartition("_")
        if step in self.steps:
            return step
        if base in self.steps and self.steps[base]["batched"] and number.isdigit():
            return base
        raise WorkflowTestError(
            f"the template has no step {step!r}; it has {', '.join(self.steps)}"
        )

    def timeout_ms(self, step: str) -> int | None:
        """How long an attempt may take, in milliseconds."""
        timeout_ms: int | None = self.steps[self.declared(step)]["timeout_ms"]
        return timeout_ms

    def callable_name(self, step: str) -> str:
        """The callable of the step's handler."""
        callable_name: str = self.steps[self.declared(step)]["callable"]
        return callable_name
