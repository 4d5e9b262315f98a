"""The pytest plugin: `-p tasker_core.testing.plugin`, or by itself once the wheel is installed."""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, overload

import pytest

from tasker_core.task_handler import TaskHandlerBase
from tasker_core.testing.effects import Effects
from tasker_core.testing.handlers import HandlerLike
from tasker_core.testing.result import Results
from tasker_core.testing.template import TemplateLike
from tasker_core.testing.workflow import WorkflowTest


class MakeWorkflowTest:
    """What the fixture `workflow_test` is; the tests that it made are shown when a test fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made: list[WorkflowTest] = []

    @overload
    def __call__(
        self,
        template: type[TaskHandlerBase[Any, Results]],
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> WorkflowTest[Results]: ...

    @overload
    def __call__(
        self,
        template: str | Path,
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> WorkflowTest: ...

    def __call__(
        self,
        template: TemplateLike,
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> WorkflowTest:
        """As WorkflowTest; a relative path may also be meant from the test's own folder."""
        if isinstance(template, Path) or (isinstance(template, str) and "\n" not in template):
            beside = self._folder / template
            template = beside if beside.is_file() else Path(template)
        test: WorkflowTest = WorkflowTest(template, handlers, environment=environment, seed=seed)
        self.made.append(test)
        return test


@pytest.fixture
def workflow_test(request: pytest.FixtureRequest) -> MakeWorkflowTest:
    """Makes a WorkflowTest: `workflow_test(template, handlers)`."""
    return MakeWorkflowTest(request.path.parent)


@pytest.fixture
def effects() -> Effects:
    """A record of effects for the fakes that handlers are given."""
    return Effects()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a test that fails how its workflows stand."""
    report = yield
    make = getattr(item, "funcargs", {}).get("workflow_test")
    if report.failed and isinstance(make, MakeWorkflowTest):
        for test in make.made:
            report.sections.append(("workflow", test.describe()))
    return report
