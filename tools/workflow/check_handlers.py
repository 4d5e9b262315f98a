"""Checks a workflow's handlers against its templates while it is built.

check_handlers OUTLINE MARKER FILE...: the outline is what template_check wrote, the marker is
written when nothing is wrong, the files are the workflow's own modules. The modules of the workflow
and of what it depends on are on the import path.
"""

import json
import sys
from pathlib import Path

from tasker_core.registry import Handler, HandlerRegistry
from tools.workflow import callables, decisions, edges
from tools.workflow.report import Report


def main(outline: Path, marker: Path, files: list[str]) -> int:
    """0 when the handlers fit the templates; else everything that is wrong has been printed."""
    report = Report()
    registry = HandlerRegistry.default()
    reached: list[Handler] = []
    for template in json.loads(outline.read_text()):
        handlers = callables.resolve(template, registry, report)
        callables.check_task_handler(template, registry, report)
        edges.check(template, handlers, report)
        decisions.check(template, handlers, report)
        reached += handlers.values()
    modules = callables.check_modules(files, report)
    callables.check_reached(modules, reached, report)
    for warning in sorted(report.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    for problem in sorted(report.problems):
        print(problem, file=sys.stderr)
    if report.problems:
        return 1
    marker.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
