"""What is raised within a handler for whoever runs the test, and fails no attempt."""

import sys
from asyncio import CancelledError

from tasker_core.testing.effects import WorkerDiedError

# What a worker survives, though it is no Exception.
_OF_THE_ATTEMPT = (Exception, SystemExit, GeneratorExit, CancelledError, WorkerDiedError)

# What ends a test, or one example of it, though it is an Exception: by module and class.
_OF_THE_TEST = (
    ("_pytest.outcomes", "Exit"),
    ("hypothesis.errors", "UnsatisfiedAssumption"),
    ("unittest.case", "SkipTest"),
)


def is_for_the_test(error: BaseException) -> bool:
    """Whether the test is to be ended with it: Ctrl-C, a time limit, `pytest.fail`, `assume`."""
    return not isinstance(error, _OF_THE_ATTEMPT) or isinstance(error, _of_the_test())


def _of_the_test() -> tuple[type[BaseException], ...]:
    # Nothing is imported for it: what was never imported was never raised.
    modules = ((sys.modules.get(module), name) for module, name in _OF_THE_TEST)
    found = (getattr(module, name, None) for module, name in modules)
    return tuple(kind for kind in found if isinstance(kind, type))
