#!/usr/bin/env python3
"""What traced slurmstepds and their children did to files with effective uid 0.

usage: privilege.py calls PREFIX          prints each call with its path, numbers as N, once
       privilege.py identity PREFIX FILE  prints the ids that a process read back last before it executed FILE

PREFIX.TID are the files of `strace -ff -o PREFIX -p PID`, taken in the processes' own PID namespace. Ids are followed through each thread and
handed to the children.
"""
import glob
import re
import sys

CALL = re.compile(r"^(?:\d+ )?(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)")
CHILD = {"clone", "clone3", "fork", "vfork"}
IDS = {"setuid": 0, "setreuid": 1, "setresuid": 1}


def events(prefix):
    threads = {}
    for file in glob.glob(prefix + ".*"):
        with open(file, errors="replace") as lines:
            calls = (CALL.match(line) for line in lines)
            threads[int(file.rsplit(".", 1)[1])] = [c.groups() for c in calls if c]
    return threads


def followed(threads):
    """(effective uid, name, arguments) of what slurmstepd and its children called."""
    children = {int(r) for calls in threads.values() for name, _, r in calls if name in CHILD and r.isdigit()}
    waiting = [(tid, 0, False) for tid in threads if tid not in children]
    while waiting:
        tid, uid, of_step = waiting.pop()
        for name, arguments, result in threads.pop(tid, []):
            of_step |= name == "execve" and "/slurmstepd\"" in arguments
            if of_step:
                yield uid, name, arguments
            if name in CHILD and result.isdigit() and int(result) in threads:
                waiting.append((int(result), uid, of_step))
            elif name in IDS and result == "0":
                effective = arguments.split(", ")[IDS[name]]
                uid = uid if effective in ("-1", "4294967295") else int(effective)


def main():
    what, prefix = sys.argv[1:3]
    threads = events(prefix)
    if what == "calls":
        seen = set()
        for uid, name, arguments in followed(threads):
            path = re.search(r'"((?:[^"\\]|\\.)*)"', arguments)
            if uid == 0 and path and name != "write":
                seen.add(f"{name} {re.sub('[0-9]+', 'N', path.group(1))}")
        print("\n".join(sorted(seen)))
        return
    for calls in threads.values():
        last = "none"
        for name, arguments, _ in calls:
            if name == "getresuid":
                last = arguments
            elif name == "execve" and arguments.startswith(f'"{sys.argv[3]}"'):
                print(last)


main()
