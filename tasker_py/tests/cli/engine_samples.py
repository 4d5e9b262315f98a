"""A template and steps of a task as an engine shows them."""

from uuid import UUID

from tasker_core.client import Step, Template

TASK = UUID(int=1)


def template(*steps: tuple[str, str, list[str]]) -> Template:
    retry = {
        "retryable": True,
        "max_attempts": 3,
        "backoff": "none",
        "backoff_base_ms": 1,
        "max_backoff_ms": 1,
    }
    return Template.model_validate(
        {
            "namespace": "shop",
            "name": "order",
            "version": "1.0.0",
            "description": None,
            "tags": [],
            "document_hash": "",
            "template_hash": "",
            "on_failure": "block",
            "max_duration_ms": None,
            "steps": [
                {
                    "name": name,
                    "description": None,
                    "type": kind,
                    "dependencies": dependencies,
                    "callable": f"shop.{name}",
                    "method": "call",
                    "retry": retry,
                    "timeout_ms": None,
                }
                for name, kind, dependencies in steps
            ],
        }
    )


def created(**states: str) -> list[Step]:
    return [
        Step.model_validate(
            {
                "step_uuid": UUID(int=number),
                "task_uuid": TASK,
                "step_name": name,
                "current_state": state,
                "parents": [],
                "attempts": 1,
                "max_attempts": 3,
                "retryable": True,
                "results": None,
                "metadata": None,
                "error": None,
                "created_at": "2026-01-05T09:30:00Z",
                "started_at": None,
                "completed_at": None,
                "next_retry_at": None,
                "worker_id": None,
                "waiting_on": None,
            }
        )
        for number, (name, state) in enumerate(states.items())
    ]
