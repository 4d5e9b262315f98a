"""Tests of workflows that cannot be in one worker's image together."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//tools/oci/private:worker_layers.bzl", "worker_layers")

_ONE = "tools/oci/clash/one/"
_TWO = "tools/oci/clash/two/"

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.says)
    return analysistest.end(env)

_refused_test = analysistest.make(
    _refused_test_impl,
    attrs = {"says": attr.string(mandatory = True)},
    expect_failure = True,
)

def _checked_together_test_impl(ctx):
    env = analysistest.begin(ctx)
    checks = [action for action in analysistest.target_actions(env) if action.mnemonic == "TaskerTemplates"]
    asserts.equals(env, 1, len(checks))
    asserts.equals(env, ctx.attr.templates, checks[0].argv[2:])

    # Made by every build of the image, and not only when somebody asks for it.
    validation = analysistest.target_under_test(env)[OutputGroupInfo]._validation.to_list()
    asserts.true(env, checks[0].outputs.to_list()[0] in validation, "the check is no part of {}".format(validation))
    return analysistest.end(env)

_checked_together_test = analysistest.make(
    _checked_together_test_impl,
    attrs = {"templates": attr.string_list(mandatory = True)},
)

def _layers(name, workflows):
    worker_layers(
        name = name,
        interpreter = "//tools/oci:interpreter",
        # Cannot be built.
        tags = ["manual"],
        worker = ["//tasker_py"],
        workflows = workflows,
    )

def clash_tests(name):
    """The tests of this file.

    Args:
        name: the prefix of the targets' names.
    """
    _layers(name + "_of_templates", ["//tools/oci/clash/one:shop", "//tools/oci/clash/two:shop"])
    _refused_test(
        name = name + "_of_templates_test",
        says = "{}order.yaml and {}order.yaml would both be /app/templates/shop/order.yaml in the image: rename one".format(
            _ONE,
            _TWO,
        ),
        target_under_test = name + "_of_templates",
    )

    _layers(name + "_of_handlers", ["//tools/oci/clash/one:shop", "//tools/oci/clash/two:market"])
    _refused_test(
        name = name + "_of_handlers_test",
        says = "{}orders.py and {}orders.py would both be /app/handlers/orders.py in the image: rename one".format(
            _ONE,
            _TWO,
        ),
        target_under_test = name + "_of_handlers",
    )

    # What the check says of them is tested beside it: //tools/workflow:mistakes_test.
    _layers(name + "_of_identities", ["//tools/oci/clash/one:shop", "//tools/oci/clash/two:sales"])
    _checked_together_test(
        name = name + "_of_identities_test",
        target_under_test = name + "_of_identities",
        templates = [_ONE + "order.yaml", _TWO + "order.yaml"],
    )
