"""First step of WORKSPACE: the rule sets, the toolchains of this machine, and the crates of Cargo.lock."""

load("//tools/build:repositories.bzl", _tasker_repositories = "tasker_repositories")

tasker_repositories = _tasker_repositories
