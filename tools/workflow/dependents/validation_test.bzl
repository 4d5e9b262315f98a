"""That a target's own build makes the checks of the workflows that it depends on."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _validation_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)

    # Bazel gathers what is to be made by each build of a target along all dependencies but those on tools.
    groups = target[OutputGroupInfo] if OutputGroupInfo in target else None
    made = [file.basename for file in getattr(groups, "_validation", depset()).to_list()]
    for check in ctx.attr.checks:
        message = "{} is not among what a build of {} validates: {}".format(check, target.label, made)
        asserts.true(env, check in made, message)
    return analysistest.end(env)

validation_test = analysistest.make(
    _validation_test_impl,
    attrs = {"checks": attr.string_list(doc = "Names of the files that the checks make.", mandatory = True)},
)
