"""The names that decisions choose, as far as their code says them: each may be chosen."""

import ast
import difflib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tasker_checks.report import Place, Report, place_of
from tasker_core.registry import Handler
from tasker_core.step_handler.function import FunctionHandler

Json = dict[str, Any]


def check(outline: Json, handlers: dict[str, Handler], report: Report) -> None:
    """Holds the names in the code of each decision's handler against the steps behind it."""
    for named in outline["handlers"]:
        name = named["step"]
        if named["step_type"] != "decision" or name not in handlers:
            continue
        behind = {
            each["step"]: each["step_type"]
            for each in outline["handlers"]
            if name in each["dependencies"]
        }
        chosen = sorted(step for step, kind in behind.items() if kind != "deferred_convergence")
        what = f"the decision {name!r} ({Place(outline['file'], named['line'])})"
        for place, step in _names(handlers[name]):
            if step in chosen:
                continue
            near = difflib.get_close_matches(step, chosen, 1)
            why = (
                "follows by itself, as a deferred convergence"
                if step in behind
                else "does not depend on it"
            )
            report.problem(
                place,
                "UNKNOWN_BRANCH",
                f"{what} names {step!r}, which {why}",
                f"did you mean {near[0]!r}?"
                if near
                else f"it may name {', '.join(chosen) or 'no step'}",
            )


def _names(handler: Handler) -> Iterator[tuple[Place, str]]:
    """The names that are given to `create_steps`, with the places of the calls."""
    target: Any = (
        handler.__dict__["call"].__func__ if issubclass(handler, FunctionHandler) else handler
    )
    try:
        lines, first = inspect.getsourcelines(target)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return
    file = place_of(target).file
    scope = vars(sys.modules[target.__module__])
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for argument in _arguments(node):
                for name in _strings(argument, scope):
                    yield Place(file, max(first, 1) + node.lineno - 1), name


def _arguments(call: ast.Call) -> list[ast.expr]:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "create_steps":
        return [*call.args[:1], *(each.value for each in call.keywords if each.arg == "step_names")]
    return [each.value for each in call.keywords if each.arg == "create_steps"]


def _strings(node: ast.expr, scope: Mapping[str, Any]) -> list[str]:
    """The strings that an expression gives, where that can be read off: the others are left out."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [
            each.value
            for each in node.elts
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
    if isinstance(node, ast.IfExp):
        return _strings(node.body, scope) + _strings(node.orelse, scope)
    if isinstance(node, ast.Name):
        return _texts(scope.get(node.id))
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        table = scope.get(node.value.id)
        if isinstance(table, Mapping):
            return [text for value in table.values() for text in _texts(value)]
    return []


def _texts(value: object) -> list[str]:
    if isinstance(value, list | tuple | set | frozenset):
        return [each for each in value if isinstance(each, str)]
    return []
