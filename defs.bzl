"""What other repositories load: workflows as targets, their tests, and the images that run them."""

load("//e2e:defs.bzl", _tasker_e2e_test = "tasker_e2e_test")
load("//tools/oci:defs.bzl", _tasker_engine_image = "tasker_engine_image", _tasker_worker_image = "tasker_worker_image")
load(
    "//tools/workflow:defs.bzl",
    _tasker_template_compat_test = "tasker_template_compat_test",
    _tasker_workflow = "tasker_workflow",
    _tasker_workflow_test = "tasker_workflow_test",
)

tasker_e2e_test = _tasker_e2e_test
tasker_engine_image = _tasker_engine_image
tasker_template_compat_test = _tasker_template_compat_test
tasker_worker_image = _tasker_worker_image
tasker_workflow = _tasker_workflow
tasker_workflow_test = _tasker_workflow_test
