// The C ABI of Tasker's worker, for the worker libraries of other languages.
//
// A worker library starts a worker, asks it with tasker_worker_next what is to be done, runs the handlers by its own
// means, and hands their outcomes to tasker_worker_complete. Connecting, reconnecting, sending again what may have
// been lost, templates and the health page are done here, on a thread of the worker's own.
//
// Bytes passed in are borrowed for the call; NULL with size 0 is no bytes. Bytes passed out are owned by the caller,
// who gives them back to tasker_bytes_free exactly once; data is NULL when size is 0. All text is UTF-8, without a
// terminating zero. No call unwinds: a panic is a result with code TASKER_PANIC.
//
// Every function may be called from any thread at any time. A handle is never looked into: a call with one that was
// freed gives TASKER_STOPPED, with another that is none TASKER_INVALID. In a process that was forked from one with
// workers, every call for a worker gives TASKER_FAILED: a fork copies no threads. Call tasker_forked there.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint8_t *data;
  size_t size;
} TaskerBytes;

typedef enum {
  TASKER_OK = 0,
  TASKER_INVALID = 1,  // An argument is wrong; the message says which, and names the field.
  TASKER_STOPPED = 2,  // The worker has left its session, or the test is over: there is nothing more to come.
  TASKER_FAILED = 3,   // The call could not be carried out, such as a port that is taken.
  TASKER_PANIC = 4,    // A bug in Tasker.
} TaskerCode;

typedef struct {
  TaskerCode code;
  TaskerBytes bytes;  // The value when code is TASKER_OK, else a message for people.
} TaskerResult;

typedef struct TaskerWorker TaskerWorker;
typedef struct TaskerTest TaskerTest;

// Starts a worker: its health port, its session and the reconnecting. Does not wait for the engine. `options` is a
// JSON object:
//   {"urls": ["http://127.0.0.1:8080"],    engines: the one that has the tasks is used
//    "token": null or string,
//    "bind": "127.0.0.1:8081",             health port; port 0 takes a free one
//    "hosts": [string],                    names by which the health port is asked, besides localhost and IP addresses
//    "worker_id": string, "language": "python", "version": string,
//    "namespaces": [string],               added to those of the templates
//    "callables": [string],                added to those of the templates
//    "template_paths": [folder or file],   read, checked and registered
//    "slots": 128,
//    "problems": [string]}                 why it is not ready, such as a handler that cannot be imported
// Lists and token may be left out; an unknown field is an error. A template that is not valid does not stop the
// worker: it is a reason why it is not ready. A worker that is not ready takes no attempts and registers nothing. The log
// goes to standard error, at the level of RUST_LOG or LOG_LEVEL, as JSON lines when TASKER_LOG_FORMAT is json.
// On TASKER_OK `*worker` is set, to be given to tasker_worker_free, else it is NULL; the value is
//   {"address": "127.0.0.1:41234", "templates": [{"namespace", "name", "version", "callables": [string],
//                                                 "handlers": [{"callable", "method"}], "steps": [name]}]}
TaskerResult tasker_worker_start(const uint8_t *options, size_t size, TaskerWorker **worker);

// The same in two steps, for a worker library that has handlers to import, which may take long. With the same options
// and value, but no templates, this opens the health port: it answers that the worker lives and that handlers are being
// imported. Until it begins the worker takes no attempt.
TaskerResult tasker_worker_open(const uint8_t *options, size_t size, TaskerWorker **worker);

// Says which module is imported from now on; after some seconds the health port names it. Empty value.
TaskerResult tasker_worker_importing(TaskerWorker *worker, const uint8_t *module, size_t size);

// Lets an open worker begin: templates are read, the session is opened. `imported` is a JSON object:
//   {"callables": [string],   added to those of the options and the templates
//    "problems": [string]}    added to those of the options
// Empty value.
TaskerResult tasker_worker_begin(TaskerWorker *worker, const uint8_t *imported, size_t size);

// Waits until something is to be done, at most timeout_ms, and gives all of it: a JSON array, empty at time-out, of
//   {"dispatch": {...}}   an attempt to run, as in docs/worker_protocol.md
//   {"cancel": {"task_uuid", "step_uuid", "attempt"}}   stop that attempt if possible. Its outcome changes nothing any
//                         more, but is to be completed like every other: that frees its slot
// TASKER_STOPPED once the worker has drained or was stopped.
TaskerResult tasker_worker_next(TaskerWorker *worker, uint32_t timeout_ms);

// Hands over outcomes, a JSON array of the `outcome` messages of docs/worker_protocol.md, one for each attempt that
// was dispatched. They are kept and sent again until the engine has accepted them. When one is malformed none is
// taken. Results or metadata over 8 MiB become a permanent failure RESULT_TOO_LARGE; error texts over 64 KiB are
// shortened. Empty value. Never blocks on the network. An outcome may have, for the metrics alone,
//   "timings": {"callable": string, "queued_us": n, "ran_us": n}
// its handler, and microseconds from the attempt's arrival to the handler's call and of the handler; both may be absent.
TaskerResult tasker_worker_complete(TaskerWorker *worker, const uint8_t *outcomes, size_t size);

// Asks the engine for results that a dispatch names in `omitted`, for an attempt that runs, and waits for them, at most
// timeout_ms. `request` is the `fetch` message of docs/worker_protocol.md,
//   {"task_uuid", "step_uuid", "attempt": n, "name": string, "from": n}   from: 0 when left out
// and the value the `fetched` message, {"task_uuid", "step_uuid", "attempt", "name", "from", "results": [...],
// "next"?: n, "error"?: {"code", "message"}}: one page, and the `from` of the next in `next`. It is asked again when the
// connection breaks meanwhile. TASKER_FAILED when there is no answer in time, TASKER_STOPPED once the worker has left.
TaskerResult tasker_worker_fetch(TaskerWorker *worker, const uint8_t *request, size_t size, uint32_t timeout_ms);

// Takes a measurement for /metrics, a JSON object: {"event_loop_delay_us": n}. Empty value.
TaskerResult tasker_worker_observe(TaskerWorker *worker, const uint8_t *observation, size_t size);

// How many attempts the worker holds at once from now on, those that run included. Empty value.
TaskerResult tasker_worker_set_slots(TaskerWorker *worker, uint32_t slots);

// Adds a reason why the worker is not ready, shown on its health port: it takes no new attempts. Empty value.
TaskerResult tasker_worker_add_problem(TaskerWorker *worker, const uint8_t *problem, size_t size);

// Starts to drain: no new attempts are taken, and tasker_worker_next answers TASKER_STOPPED when none is held any more
// and every outcome is accepted, or timeout_ms later. Of several time-outs the earliest counts. A worker that is open and
// has not begun drains, and counts the time, from tasker_worker_begin on; tasker_worker_free ends it without. Empty value;
// does not wait.
TaskerResult tasker_worker_drain(TaskerWorker *worker, uint32_t timeout_ms);

// {"session": "connecting" | "open" | "draining" | "stopped", "ready": bool, "reasons": [string],
//  "problems": [string], those of the reasons that stay until a template, a handler or a setting is changed,
//  "held": attempts running or not yet accepted}
TaskerResult tasker_worker_status(TaskerWorker *worker);

// Stops the worker without draining and frees it: it tells the engine that it leaves, for which it waits at most a
// second. Calls that block return TASKER_STOPPED before it returns. NULL is ignored.
void tasker_worker_free(TaskerWorker *worker);

// To be called in a process that was forked from one with workers, before it does anything else: closes its copies of
// their sockets, which would keep the health port taken, and the engine's connection up, after the worker's death. Does
// nothing in any other process.
void tasker_forked(void);

// Checks a template. The value is {"namespace", "name", "version", "callables": [string],
// "handlers": [{"callable", "method"}], "steps": [name], "document": the whole template as JSON, environments not
// merged}, and "task_handler", its callable, if the template has one;
// TASKER_INVALID with all problems, a paragraph each, when it is not valid. `file` is the name shown in messages.
TaskerResult tasker_template_check(const uint8_t *text, size_t size, const uint8_t *file, size_t file_size);

// Checks templates by themselves and together, as a worker brings them. `files` is a JSON array of {"file": its name in
// messages, "text"}; the value has for each, in their order, what tasker_template_check tells or {"problems": string}.
TaskerResult tasker_templates_check(const uint8_t *files, size_t size);

// Compares templates with those that take their place, matched by namespace and name. `templates` is a JSON object,
//   {"old": [{"file", "text"}], "new": [{"file", "text"}]}   as for tasker_templates_check
// and the value {"compatible": bool, whether no change is `breaking`, "comparisons": [{"namespace", "name",
// "old": {"file", "version", "content_hash"} or null, "new": the same or null, "changes": [...]}]}. A change is
//   {"code", "severity": "safe" | "notice" | "breaking",
//    "affects": "running_tasks" | "new_tasks" | "callers" | "readers" | "deployment", "step": string or null,
//    "field": string or null, "environments": [string], or null: in all, "old": {"file", "line", "column"} or null,
//    "new": the same or null, "message", "why", "remedy": string, "text": all of it as people read it}
// docs/templates.md has the codes. TASKER_INVALID with all problems, a paragraph each, when a template is not valid.
TaskerResult tasker_templates_compare(const uint8_t *templates, size_t size);

// Makes a workbench for tests of a workflow: one engine, one worker that the caller plays, a clock that stands still
// until it is told to go on. It starts no thread and does no I/O. `options` is a JSON object:
//   {"template": text, "file": its name in messages, "environment": "test", "seed": 0,
//    "now": microseconds since 1970-01-01 00:00 UTC}
// On TASKER_OK `*test` is set, to be given to tasker_test_free, else it is NULL; the value is
//   {"namespace", "name", "version", "steps": [{"name", "callable", "method", "timeout_ms", "batched"}]}
// TASKER_INVALID with all problems of a template that is not valid.
TaskerResult tasker_test_new(const uint8_t *options, size_t size, TaskerTest **test);

// Carries out a command, a JSON object with one key; crates/testing/src/command.rs has all of them, and the answers.
// The value is a JSON array of messages: those that tasker_worker_next would give, what was asked for, or {"refused":
// {"code", "message", "details"}}, and {"clock": {"now", "next", "settled"}} last.
TaskerResult tasker_test_call(TaskerTest *test, const uint8_t *command, size_t size);

// Frees a workbench. NULL is ignored.
void tasker_test_free(TaskerTest *test);

// Splits the work of a batchable step: min(ceil(total_items / batch_size), max_workers) batches, contiguous, from 0,
// ends exclusive, sizes differing by at most one. `request` is a JSON object,
//   {"total_items": 1000, "batch_size": 200, "max_workers": 5}   max_workers: 100000 when left out, and at most
// and the value the `batches` of the step's outcome: [{"start": 0, "end": 200}, ...].
TaskerResult tasker_batches_split(const uint8_t *request, size_t size);

// The version of this library, such as "0.1.0".
TaskerBytes tasker_version(void);

// Gives back bytes that a call passed out.
void tasker_bytes_free(TaskerBytes bytes);

#ifdef __cplusplus
}
#endif
