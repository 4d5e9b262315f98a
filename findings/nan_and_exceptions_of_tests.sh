#!/usr/bin/env bash
# pydantic 2.14.3: a NaN in a model's JSON value depends on how its field is declared.
#
# One would guess that model_dump(mode="json") treats a NaN alike wherever it stands, or refuses it. In a field `float`
# it stays a NaN; in a field `Any`, or within a `dict[str, Any]`, it becomes None, in silence, so that a reader takes it
# for "no value". With ser_json_inf_nan="strings" it is no string either there: it stays a float that is NaN.
# Tasker refuses a NaN wherever it stands: it compares the JSON value with the Python one (tasker_core/model_json.py).
#
# pytest 9.2.0, hypothesis 6.170.17: not all that ends a test is outside Exception.
#
# pytest.skip and pytest.fail raise a BaseException that is no Exception, so that `except Exception` lets them through.
# One would guess that pytest.exit, which ends the whole run, does too, and that hypothesis' assume does: both raise an
# Exception, which code that survives any Exception swallows. Tasker's WorkflowTest knows the two by name
# (tasker_core/testing/interrupts.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pydantic==2.14.3 pytest==9.2.0 hypothesis==6.170.17
"$folder/venv/bin/python" - <<'P'
from math import isnan, nan
from typing import Any

import hypothesis
import pydantic
import pytest
from hypothesis.errors import UnsatisfiedAssumption
from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    loss: float
    metrics: Any


class Strings(Declared):
    model_config = ConfigDict(ser_json_inf_nan="strings")


plain = Declared(loss=nan, metrics={"loss": nan}).model_dump(mode="json")
strings = Strings(loss=nan, metrics={"loss": nan}).model_dump(mode="json")
print("pydantic", pydantic.VERSION, plain, strings)
assert isnan(plain["loss"]), "a float field keeps the NaN"
assert plain["metrics"] == {"loss": None}, "an Any field has None in its place"
assert isnan(strings["metrics"]["loss"]), "and with 'strings' the NaN itself"

print("pytest", pytest.__version__, "hypothesis", hypothesis.__version__)
print("exit", pytest.exit.Exception.__mro__[1:-1], "skip", pytest.skip.Exception.__mro__[1:-1])
assert not issubclass(pytest.skip.Exception, Exception)
assert not issubclass(pytest.fail.Exception, Exception)
assert issubclass(pytest.exit.Exception, Exception)
try:
    hypothesis.assume(False)
except Exception as raised:
    print("assume", type(raised))
    assert isinstance(raised, UnsatisfiedAssumption)
else:
    raise AssertionError("assume(False) raises nothing")
P
echo "as described"
