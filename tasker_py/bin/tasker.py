"""The command line as a program: `python -m tasker_core.cli`."""

from tasker_core.cli.app import app

if __name__ == "__main__":
    app()
