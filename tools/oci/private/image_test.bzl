"""The test of an image: closed, whole, and able to run its program."""

load("//tools/pytest:defs.bzl", "pytest_test")

_SOURCE = Label("//tools/oci:image_test.py")

def image_test(name, image, program, says, tags = [], **kwargs):
    """Runs //tools/oci:image_test.py on an image.

    Args:
        name: ends in _test.
        image: the image's target.
        program: arguments with which the entrypoint ends by itself.
        says: what is then in its output.
        tags: as for any test.
        **kwargs: other attributes of a test.
    """
    pytest_test(
        name = name,
        size = "medium",
        srcs = [_SOURCE],
        data = [image + ".tar"],
        env = {
            "IMAGE": "$(rootpath {}.tar)".format(image),
            "PROGRAM": json.encode(program),
            "SAYS": says,
        },
        tags = tags,
        deps = [Label("//tools/oci")],
        **kwargs
    )
