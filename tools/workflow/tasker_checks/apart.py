"""Work that Bazel hands to a persistent worker, each piece in a process of its own.

The protocol is Bazel's, in JSON: a request a line on standard input, an answer a line on standard
output (https://bazel.build/remote/creating).
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

Work = Callable[[str], int]


def main(arguments: list[str], work: Work) -> int:
    """Serves requests until there are no more, or does the work that the arguments name.

    `work` is given the one argument that each piece has.
    """
    if "--persistent_worker" in arguments:
        for line in sys.stdin:
            request = json.loads(line)
            status, output = apart(work, _argument(request["arguments"]))
            answer = {
                "exitCode": status,
                "output": output,
                "requestId": request.get("requestId", 0),
            }
            print(json.dumps(answer), flush=True)
        return 0
    status, output = apart(work, _argument(arguments))
    print(output, end="", file=sys.stderr)
    return status


def apart(work: Work, argument: str) -> tuple[int, str]:
    """Does a piece of work in a copy of this process: its status, and all that it printed."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _do(work, argument, writer)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as output:
        text = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def _do(work: Work, argument: str, output: int) -> None:
    """Never returns: what called this is the parent's."""
    status = 1
    try:
        for standard in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(output, standard)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = work(argument)
    except BaseException:  # user code may raise anything; nothing of it may reach the parent.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _argument(arguments: list[str]) -> str:
    """The one argument, which may be in a file that is named after an @."""
    (argument,) = arguments
    return Path(argument[1:]).read_text().strip() if argument.startswith("@") else argument
