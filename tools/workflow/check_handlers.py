"""Checks a workflow's handlers against its templates: check_handlers SPECIFICATION.

The specification is the JSON text that private/workflow.bzl writes. Bazel keeps this program as a
persistent worker, so that what takes long to import is imported once; each workflow is checked in a
process of its own, which imports nothing of another's.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pydantic  # noqa: F401 - so that the processes of checks find it imported

from tasker_checks import apart, callables, decisions, edges
from tasker_checks.report import Report, tree_of
from tasker_core.registry import Handler, HandlerRegistry

Json = dict[str, Any]


def check(specification: str) -> int:
    """0 when the handlers fit the templates; else everything that is wrong has been printed."""
    asked: Json = json.loads(Path(specification).read_text())
    with tree_of(asked["files"]) as tree:
        sys.path[:0] = [*(str(tree / root) for root in asked["roots"]), *asked["libraries"]]
        report = _report(asked, [str(tree / file) for file in asked["handlers"]])
    told = [f"warning: {warning}" for warning in sorted(report.warnings)]
    for line in [*told, *map(str, sorted(report.problems))]:
        # As people know the files.
        print(line.replace(f"{tree}/", ""))
    if report.problems:
        return 1
    Path(asked["marker"]).touch()
    return 0


def _report(asked: Json, files: list[str]) -> Report:
    report = Report()
    registry = HandlerRegistry.default()
    reached: list[Handler] = []
    for template in json.loads(Path(asked["outline"]).read_text()):
        handlers = callables.resolve(template, registry, report)
        callables.check_task_handler(template, report)
        edges.check(template, handlers, report)
        decisions.check(template, handlers, report)
        reached += handlers.values()
    modules = callables.check_modules(files, report)
    # Of what cannot be called it has been said already.
    if not report.problems:
        callables.check_reached(modules, reached, report)
    return report


if __name__ == "__main__":
    sys.exit(apart.main(sys.argv[1:], check))
