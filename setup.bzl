"""Second step of WORKSPACE: the Python packages of requirements_lock.txt, which need the rule sets of the first."""

load("//tools/build:setup.bzl", _tasker_setup = "tasker_setup")

tasker_setup = _tasker_setup
