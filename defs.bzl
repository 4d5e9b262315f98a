"""What other repositories load: workflows as targets, and the images that run them."""

load("//tools/oci:defs.bzl", _tasker_engine_image = "tasker_engine_image", _tasker_worker_image = "tasker_worker_image")

tasker_engine_image = _tasker_engine_image
tasker_worker_image = _tasker_worker_image
