"""A client of the engine's API: `TaskerClient`, and `AsyncTaskerClient` for coroutines.

Layout, each module above those it imports:
- `sync_client`, `async_client`: a method for each operation; `connection` is their only I/O.
- `telling`, `lines`: what tasks do and come to, for people.
- `event_stream`, `flow`: what is done, as generators; `retry` says what is tried again.
- `operations`, `call`: what each operation sends, and how its answer is read.
- `endpoint`, `errors`, `trace`: where the engine is; what can go wrong; who asks.
- `models`, `fleet`, `bodies`, `shown`, `states`: the API's types; a test holds them against
  docs/openapi.json.
"""

from tasker_core.client.async_client import AsyncTaskerClient
from tasker_core.client.bodies import (
    ActOnStep,
    ActOnTemplate,
    CreateTask,
    CreateTasks,
    JsonText,
)
from tasker_core.client.errors import (
    ApiError,
    ConflictError,
    ConnectionLostError,
    InvalidRequestError,
    NotConnectedError,
    NotFoundError,
    RefusedCallError,
    StillRunningError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from tasker_core.client.fleet import (
    Health,
    Retry,
    Template,
    TemplateList,
    TemplateNote,
    TemplateStep,
    Worker,
    WorkerList,
)
from tasker_core.client.models import (
    CreatedTask,
    CreatedTasks,
    ErrorBody,
    ErrorDetail,
    Failure,
    HistoryEntry,
    LogLine,
    Step,
    StepPage,
    StepStateChanged,
    Task,
    TaskEvent,
    TaskPage,
    TaskStatusChanged,
    TaskSummary,
)
from tasker_core.client.states import (
    Backoff,
    ErrorCode,
    ExecutionStatus,
    HistoryOutcome,
    OnFailure,
    StepAction,
    StepState,
    StepType,
    TaskStatus,
    TemplateAction,
)
from tasker_core.client.sync_client import TaskerClient

__all__ = [
    "ActOnStep",
    "ActOnTemplate",
    "ApiError",
    "AsyncTaskerClient",
    "Backoff",
    "ConflictError",
    "ConnectionLostError",
    "CreateTask",
    "CreateTasks",
    "CreatedTask",
    "CreatedTasks",
    "ErrorBody",
    "ErrorCode",
    "ErrorDetail",
    "ExecutionStatus",
    "Failure",
    "Health",
    "HistoryEntry",
    "HistoryOutcome",
    "InvalidRequestError",
    "JsonText",
    "LogLine",
    "NotConnectedError",
    "NotFoundError",
    "OnFailure",
    "RefusedCallError",
    "Retry",
    "Step",
    "StepAction",
    "StepPage",
    "StepState",
    "StepStateChanged",
    "StepType",
    "StillRunningError",
    "Task",
    "TaskEvent",
    "TaskPage",
    "TaskStatus",
    "TaskStatusChanged",
    "TaskSummary",
    "TaskerClient",
    "Template",
    "TemplateAction",
    "TemplateList",
    "TemplateNote",
    "TemplateStep",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "Worker",
    "WorkerList",
]
