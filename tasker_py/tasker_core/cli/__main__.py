"""Runs the command line."""

from tasker_core.cli.app import app

if __name__ == "__main__":
    app()
