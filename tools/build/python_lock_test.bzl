"""Which packages a lock lacks."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/build:python_lock.bzl", "missing_packages")

_OURS = """\
pydantic-core==2.46.0 \\
    --hash=sha256:00
typing-extensions==4.15.0 \\
    --hash=sha256:01
httpx[http2]==0.28.1 \\
    --hash=sha256:02
"""

def _missing_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, [], missing_packages(_OURS, _OURS))

    # Names are one as PyPI compares them, versions are the lock's own matter.
    other = "Typing_Extensions==4.1 --hash=sha256:03\npydantic.core==2.0\n# httpx==0.28.1\n"
    asserts.equals(env, ["httpx"], missing_packages(_OURS, other))
    asserts.equals(env, ["httpx", "pydantic-core", "typing-extensions"], missing_packages(_OURS, "cowsay==6.1\n"))
    return unittest.end(env)

missing_packages_test = unittest.make(_missing_impl)
