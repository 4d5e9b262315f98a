"""The fixtures of all tests here; one system serves them all."""

from running_system import client, system, tasker

__all__ = ["client", "system", "tasker"]
