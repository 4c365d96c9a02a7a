"""Halts one thread of a process and lets all others go on: a task that hangs, for the watchdog to find.

    freeze.py TASKS NAME

TASKS is the process' directory of threads under /proc. Prints `frozen`, and holds the thread until it ends, or this does.
"""

import ctypes
import os
import sys

# ptrace(2), wait(2).
SEIZE, INTERRUPT, ANY_THREAD = 0x4206, 0x4207, 0x40000000

tasks, name = sys.argv[1:]
found = [int(tid) for tid in os.listdir(tasks) if open(f"{tasks}/{tid}/comm").read().strip() == name]
if len(found) != 1:
    sys.exit(f"freeze.py: {len(found)} threads in {tasks} are called {name!r}")
libc = ctypes.CDLL(None, use_errno=True)
for request in (SEIZE, INTERRUPT):
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(found[0]), None, None) != 0:
        sys.exit(f"freeze.py: ptrace: {os.strerror(ctypes.get_errno())}")
ended, status = os.waitpid(found[0], ANY_THREAD)
print("frozen", flush=True)
# What kills the process kills it too; nobody but its tracer can reap it.
while os.WIFSTOPPED(status):
    ended, status = os.waitpid(found[0], ANY_THREAD)
