#!/usr/bin/env bash
# A signal that reaches a process just after Python has forked it.
#
# One would guess: the forked process has its parent's handler in Python, and that runs, as soon as the process does.
# What happens: Python notes the signal, and forgets what it noted while it prepares the new process (CPython 3.11,
# PyOS_AfterFork_Child, which clears the parent's pending signals and the child's own with them). No handler runs, and the
# process goes on as if nobody had sent anything: `process.start(); process.terminate()` of multiprocessing waits for it.
# The window is short; here it is held open by a hook of the C library that waits for the signal within fork().
# What Tasker does about it: it holds SIGTERM and SIGINT back during a fork, until the forked process has the default
# actions again (tasker_core/forks.py).
#
# Needs Linux with glibc, and CPython 3.11 as python3 or in PYTHON: it is they that this is about, and no package.
set -eu
python=${PYTHON:-python3}
"$python" - <<'P'
import ctypes, os, platform, signal, sys, threading

print(platform.python_implementation(), platform.python_version(), *platform.libc_ver())
if (platform.python_implementation(), sys.version_info[:2], platform.libc_ver()[0]) != ("CPython", (3, 11), "glibc"):
    sys.exit("this needs CPython 3.11 with glibc: set PYTHON to one")

libc = ctypes.CDLL(None)
heard = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: heard.set())
# In the forked process fork() itself returns only when a signal's C handler has run.
libc.__register_atfork(None, None, libc.pause, None)
child = os.fork()
if child == 0:
    # Time for a handler: Python runs one between two instructions.
    os._exit(0 if heard.wait(1) else 3)
# Until it waits there; a signal before that would be slept through.
while open(f"/proc/{child}/stat").read().rpartition(")")[2].split()[0] != "S":
    pass
os.kill(child, signal.SIGTERM)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print("the handler in Python ran in the forked process:", code == 0)
sys.exit(code != 3)
P
