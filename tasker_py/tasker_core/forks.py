"""A process that a handler forked is not the worker: it ends before it can act as one."""

import os


def leave_if_forked(owner: int, handler: str) -> None:
    """Ends this process when it is not the process `owner`, with a message that says what to do.

    Its memory is a copy of the worker's, and none of the worker's other threads run in it: whatever
    it did from here on would be done twice, or wait for ever.
    """
    process = os.getpid()
    if process != owner:
        # Not by the log, whose locks are copies too.
        os.write(
            2,
            f"process {process} was forked from the worker's process {owner} by the handler "
            f"{handler}, and came back from it: it ends here. Let a forked process end by "
            "os._exit(), or start processes with subprocess, or with "
            'multiprocessing.get_context("spawn")\n'.encode(),
        )
        os._exit(os.EX_SOFTWARE)
