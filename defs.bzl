"""What other repositories load: workflows as targets, and the images that run them."""

load("//tools/oci:defs.bzl", _tasker_engine_image = "tasker_engine_image", _tasker_worker_image = "tasker_worker_image")
load(
    "//tools/workflow:defs.bzl",
    _tasker_template_compat_test = "tasker_template_compat_test",
    _tasker_workflow = "tasker_workflow",
    _tasker_workflow_test = "tasker_workflow_test",
)

tasker_engine_image = _tasker_engine_image
tasker_template_compat_test = _tasker_template_compat_test
tasker_worker_image = _tasker_worker_image
tasker_workflow = _tasker_workflow
tasker_workflow_test = _tasker_workflow_test
