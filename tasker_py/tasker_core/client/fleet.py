"""What the API shows beside tasks: templates, workers, health."""

from uuid import UUID

from pydantic import AwareDatetime

from tasker_core.client.shown import Shown
from tasker_core.client.states import Backoff, OnFailure, StepType


class Retry(Shown):
    """What happens after a failed attempt."""

    retryable: bool
    max_attempts: int
    backoff: Backoff
    backoff_base_ms: int
    """Milliseconds."""
    max_backoff_ms: int
    """Milliseconds."""


class TemplateStep(Shown):
    """A step of a template."""

    name: str
    description: str | None
    type: StepType
    dependencies: tuple[str, ...]
    callable: str
    method: str
    retry: Retry
    timeout_ms: int | None
    """Milliseconds that an attempt may take."""


class TemplateNote(Shown):
    """What an operator has said of a version of a template."""

    at: AwareDatetime
    by: str
    reason: str


class Template(Shown):
    """A version of a template, merged for the engine's environment."""

    namespace: str
    name: str
    version: str
    description: str | None
    tags: tuple[str, ...]
    document_hash: str
    """SHA-256 of the document as its author wrote it, in canonical form."""
    template_hash: str
    """SHA-256 of the merged content; its tasks show it as theirs."""
    on_failure: OnFailure
    max_duration_ms: int | None
    """Milliseconds that a task may take."""
    steps: tuple[TemplateStep, ...]
    default: bool = False
    """Whether a task takes it whose creation names no version."""
    named_default: TemplateNote | None = None
    """Who named it the default, if somebody has."""
    retired: TemplateNote | None = None
    """Who retired it, if somebody has: new tasks do not take it."""


class TemplateList(Shown):
    """Every version of every template, in the order of namespace, name and version."""

    templates: tuple[Template, ...]


class Worker(Shown):
    """A worker that has a session with the engine."""

    worker_id: str
    instance: UUID
    """Its process."""
    language: str
    version: str
    namespaces: tuple[str, ...]
    callables: tuple[str, ...]
    slots: int
    """Attempts that it will hold at once; 0 while it drains or is not ready."""
    not_ready: tuple[str, ...] = ()
    """Why it is not ready, a sentence each; empty when it is. It takes no attempts."""
    running: int
    """Attempts that are open with it."""
    connected_since: AwareDatetime


class WorkerList(Shown):
    """The workers with a session, in the order of `worker_id` and `instance`."""

    workers: tuple[Worker, ...]


class Health(Shown):
    """Whether the engine is ready, and if not, why."""

    status: str
    reasons: tuple[str, ...]
