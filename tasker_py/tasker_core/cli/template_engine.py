"""Templates held against an engine: which of its open tasks workers with them would not serve."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tasker_core.cli import template_files
from tasker_core.cli.open_steps import open_steps
from tasker_core.client import TaskerClient, TaskStatus, TaskSummary, Template

MOST_EXAMPLES = 10
"""Tasks that are named of each content."""

OPEN = [status for status in TaskStatus if not status.has_ended]

# What can be told without `initialization` and schemas, which the engine does not show.
CODES = {
    "CALLABLE_REMOVED",
    "METHOD_REMOVED",
    "CALLABLE_RETYPED",
    "DEPENDENCY_ADDED",
    "BRANCH_ADDED",
}


def held_against(client: TaskerClient, new: list[dict[str, Any]]) -> dict[str, Any]:
    """What valid texts (`file`, `text`) mean to the open tasks of their workflows.

    `compatible`, and `workflows`: for each its `namespace`, `name`, whether it is `registered`, its
    `conflicts` (versions that are registered with other content) and `contents`. Of each content
    with open tasks: `template_hash`, `version`, `known` (whether the engine shows it still), the
    numbers `open_tasks` and `broken_tasks`, up to ten of the latter as `examples`, and `steps`:
    those that break, each with its `step`, `open_tasks`, `code`, `message` and `why`.
    """
    registered = client.templates()
    brought = _brought(new)
    workflows: list[dict[str, Any]] = []
    compatible = True
    for (namespace, name), hashes in brought.items():
        versions = [it for it in registered if (it.namespace, it.name) == (namespace, name)]
        documents = {it.version: it.document_hash for it in versions}
        conflicts = [it for it in documents.keys() & hashes if documents[it] != hashes[it]]
        workflow = Workflow(client, versions, new, kept=set(hashes.values()))
        contents = workflow.contents(namespace, name)
        workflows.append(
            {
                "namespace": namespace,
                "name": name,
                "registered": bool(versions),
                "conflicts": sorted(conflicts),
                "contents": contents,
            }
        )
        compatible &= not conflicts and not any(it["broken_tasks"] for it in contents)
    return {"compatible": compatible, "workflows": workflows}


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    for workflow in told["workflows"]:
        name = f"{workflow['namespace']}/{workflow['name']}"
        if not workflow["registered"]:
            yield f"{name}: the engine has no template of this name, so that none of its tasks run"
            continue
        for version in workflow["conflicts"]:
            yield (
                f"{name}: version {version} is registered with other content: the engine refuses a "
                "worker with TEMPLATE_CONFLICT, unless its environment is `test` or `development`"
            )
        if not workflow["contents"]:
            yield f"{name}: no task is open"
        for content in workflow["contents"]:
            yield from _content_lines(name, content)
    yield "nothing breaks" if told["compatible"] else "open tasks or the deployment break"


def _content_lines(name: str, content: dict[str, Any]) -> Iterator[str]:
    what = f"{name} {content['version']} ({content['template_hash'][:12]})"
    counts = f"{content['open_tasks']} open, {content['broken_tasks']} of them break"
    yield f"{what}: {counts}"
    if not content["known"]:
        yield (
            "  other content has replaced theirs, and the engine does not show what they call: "
            "compare the files"
        )
    for step in content["steps"]:
        yield f"  step `{step['step']}` of {step['open_tasks']}: {step['message']} [{step['code']}]"
        yield f"    {step['why']}"
    for example in content["examples"]:
        yield f"  {example}"


def _brought(new: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, str]]:
    """The content hash of each version, by namespace and name."""
    brought: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    # Every template is compared with itself, which tells its hash.
    for it in template_files.compare(new, new)["comparisons"]:
        brought[it["namespace"], it["name"]][it["old"]["version"]] = it["old"]["content_hash"]
    return brought


class Workflow:
    """One workflow of an engine, and the texts that take its place."""

    def __init__(
        self,
        client: TaskerClient,
        versions: Sequence[Template],
        new: list[dict[str, Any]],
        kept: set[str],
    ) -> None:
        self._client = client
        self._versions = {it.template_hash: it for it in versions}
        # A version that is brought as it is has its handlers.
        changed = [it for it in versions if it.document_hash not in kept]
        self._breaks = _breaks(changed, new) if changed else {}

    def contents(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """The contents that open tasks have, as `held_against` tells them."""
        if not self._versions:
            return []
        by_hash: dict[str, dict[str, TaskSummary]] = defaultdict(dict)
        for status in OPEN:
            for task in self._client.list_tasks(namespace=namespace, name=name, status=status):
                # A task that goes on meanwhile may be in several of the lists.
                by_hash[task.template_hash][str(task.task_uuid)] = task
        contents = [self._content(key, tasks) for key, tasks in by_hash.items()]
        return sorted(contents, key=lambda it: (it["version"], it["template_hash"]))

    def _content(self, template_hash: str, tasks: dict[str, TaskSummary]) -> dict[str, Any]:
        template = self._versions.get(template_hash)
        breaks = self._breaks.get(template_hash, [])
        counts = dict.fromkeys((change["step"] for change in breaks), 0)
        broken = []
        if template is None:
            broken = list(tasks)
        elif breaks:
            for uuid in tasks:
                still = counts.keys() & open_steps(template, self._client.list_steps(uuid))
                for step in still:
                    counts[step] += 1
                if still:
                    broken.append(uuid)
        return {
            "template_hash": template_hash,
            "version": next(iter(tasks.values())).version,
            "known": template is not None,
            "open_tasks": len(tasks),
            "broken_tasks": len(broken),
            "examples": broken[:MOST_EXAMPLES],
            "steps": [
                {
                    "open_tasks": counts[it["step"]],
                    **{key: it[key] for key in ("step", "code", "message", "why")},
                }
                for it in breaks
                if counts[it["step"]]
            ],
        }


def _breaks(old: Iterable[Template], new: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What breaks tasks of each content, by its hash."""
    texts = [{"file": it.template_hash, "text": json.dumps(_document(it))} for it in old]
    breaks = {}
    for it in template_files.compare(texts, new)["comparisons"]:
        if it["old"] and it["new"]:
            breaks[it["old"]["file"]] = [
                change for change in it["changes"] if change["code"] in CODES
            ]
    return breaks


def _document(template: Template) -> dict[str, Any]:
    """A template with the steps that the engine shows."""
    return {
        "name": template.name,
        "namespace_name": template.namespace,
        "version": template.version,
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "handler": {"callable": step.callable, "method": step.method},
                "dependencies": step.dependencies,
            }
            for step in template.steps
        ],
    }
