"""The command line: `python -m tasker_core.cli`."""
