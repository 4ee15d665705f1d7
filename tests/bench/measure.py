"""Runs one command and writes what it cost: measure.py OUT COMMAND...   (run as `python3 -I -S`: see below)

OUT gets one line: exit status, wall seconds, processor seconds, peak resident KiB. The kernel carries the high-water mark
of the process that forked over the exec, so this program imports nothing it can do without; the floor that remains is
measured with /bin/true and printed by run.py.
"""
import os
import sys
import time

out, command = sys.argv[1], sys.argv[2:]
started = time.perf_counter()
child = os.fork()
if child == 0:
    try:
        os.execv(command[0], command)
    finally:
        os._exit(127)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - started
with open(out, "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {wall:.6f} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss}\n")
