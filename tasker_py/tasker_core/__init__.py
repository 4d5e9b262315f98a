"""Tasker for Python: handlers, the worker that runs them, and the command line."""

__version__ = "0.1.0"
