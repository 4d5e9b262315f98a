"""The template under test: its text, and what a test asks of its steps."""

from pathlib import Path
from typing import Any

from tasker_core.errors import WorkflowTestError


def read_template(template: str | Path) -> tuple[str, str]:
    """The text of a template, and its file's name. YAML text has several lines, a path has one."""
    if isinstance(template, str) and "\n" in template:
        return template, "template"
    return Path(template).read_text(encoding="utf-8"), str(template)


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
