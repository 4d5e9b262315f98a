"""Where in a handler's own code a failure happened, from the text of its traceback."""

import re
from pathlib import Path

# As `traceback` writes a frame; within a group of exceptions behind a margin.
_FRAME = re.compile(r'^[ |+]*File "(.+)", line (\d+), in ', re.MULTILINE)
_HEAD = "Traceback (most recent call last):"
# Not the user's: installed packages, Python's own library, what has no file, this package.
_FOREIGN = re.compile(r"/(?:site|dist)-packages/|/lib/python3[^/]*/|^<|/tasker_core/")


def failure_place(backtrace: str | None) -> str | None:
    """FILE:LINE of the innermost frame that is the user's code; None without a Python traceback.

    Of several exceptions it is the last, which is the one that was raised. A handler that is an
    installed package itself has no such frame: then it is the handler's own. A file below the
    current folder is named from there.
    """
    frames = _FRAME.findall((backtrace or "").rpartition(_HEAD)[2])
    if not frames:
        return None
    own = [frame for frame in frames if not _FOREIGN.search(frame[0])]
    handler = [frame for frame in frames if "/tasker_core/" not in frame[0]]
    file, line = own[-1] if own else (handler or frames)[0]
    return f"{_from_here(file)}:{line}"


def _from_here(file: str) -> str:
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file
