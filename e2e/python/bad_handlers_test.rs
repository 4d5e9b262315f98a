//! Handlers that do what a handler must not do: each has a defined outcome, and the worker runs the next step.

mod bad_handlers;
