"""The rules that BUILD files of this and of other repositories load."""

load("//tools/lint:python.bzl", _python_lint_tests = "python_lint_tests", _stub_test = "stub_test")
load("//tools/lint:rust.bzl", _rust_lint_tests = "rust_lint_tests")
load("//tools/oci:defs.bzl", _tasker_engine_image = "tasker_engine_image", _tasker_worker_image = "tasker_worker_image")
load(
    "//tools/postgres:defs.bzl",
    _MACHINE_POSTGRES_DATA = "MACHINE_POSTGRES_DATA",
    _MACHINE_POSTGRES_FOLDER = "MACHINE_POSTGRES_FOLDER",
    _POSTGRES_DATA = "POSTGRES_DATA",
    _POSTGRES_FOLDER = "POSTGRES_FOLDER",
)
load("//tools/pybind:defs.bzl", _pybind_extension = "pybind_extension")
load("//tools/pytest:defs.bzl", _pytest_test = "pytest_test")
load("//tools/rust:defs.bzl", _rust_crate = "rust_crate", _rust_feature = "rust_feature")
load("//tools/rust:optimized.bzl", _optimized_binary = "optimized_binary")
load("//tools/wheel:defs.bzl", _python_wheel = "python_wheel")

MACHINE_POSTGRES_DATA = _MACHINE_POSTGRES_DATA
MACHINE_POSTGRES_FOLDER = _MACHINE_POSTGRES_FOLDER
POSTGRES_DATA = _POSTGRES_DATA
POSTGRES_FOLDER = _POSTGRES_FOLDER
optimized_binary = _optimized_binary
pybind_extension = _pybind_extension
pytest_test = _pytest_test
python_lint_tests = _python_lint_tests
python_wheel = _python_wheel
rust_crate = _rust_crate
rust_feature = _rust_feature
rust_lint_tests = _rust_lint_tests
stub_test = _stub_test
tasker_engine_image = _tasker_engine_image
tasker_worker_image = _tasker_worker_image
