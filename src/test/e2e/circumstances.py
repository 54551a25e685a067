"""circumstances.py BERTH IMAGE PLACE [NUMBER]: starts a container in every combination of what batch systems and
scripts can leave behind, run by the ordinary user. The payload must start, or one line must say why it did not.

PLACE is a directory of the user's. NUMBER is one combination, as a failure names it.
"""

import itertools
import os
import resource
import signal
import sys

BERTH, IMAGE, PLACE = sys.argv[1:4]


def directory_gone():
    os.mkdir(f"{PLACE}/gone")
    os.chdir(f"{PLACE}/gone")
    os.rmdir(f"{PLACE}/gone")


def children_ignored():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def all_blocked():
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


def standard_descriptors_closed():
    os.closerange(0, 3)


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


def little_address_space():
    resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))


def no_home():
    os.environ.pop("HOME", None)


def no_permissions():
    os.umask(0o777)


CIRCUMSTANCES = [
    directory_gone,
    no_home,
    no_permissions,
    children_ignored,
    all_blocked,
    few_descriptors,
    little_address_space,
    standard_descriptors_closed,
]


def started(chosen):
    """What is wrong with a launch, or None."""
    proof = f"{PLACE}/started"
    said = f"{PLACE}/said"
    if os.path.exists(proof):
        os.unlink(proof)
    child = os.fork()
    if child == 0:
        os.chdir(PLACE)
        err = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(err, 2)
        os.close(err)
        for circumstance in chosen:
            circumstance()
        os.execv(BERTH, ["berth", "exec", "-B", PLACE, IMAGE, "sh", "-c", f"echo started >{proof}; exit 7"])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(said, errors="replace") as file:
        lines = file.read().splitlines()
    if os.path.exists(proof) and os.path.getsize(proof) == len("started\n"):
        lost = directory_gone in chosen and standard_descriptors_closed not in chosen
        wanted = 1 if lost else 0
        if status != 7 or len(lines) != wanted:
            return f"started, status {status}, said {lines}"
        return None
    if standard_descriptors_closed in chosen:
        return f"not started, status {status}"
    if status == 255 and len(lines) == 1 and lines[0].startswith("FATAL:"):
        return None
    return f"not started, status {status}, said {lines}"


def main():
    only = int(sys.argv[4]) if len(sys.argv) > 4 else None
    number = failures = 0
    for bits in itertools.product([False, True], repeat=len(CIRCUMSTANCES)):
        number += 1
        if only not in (None, number):
            continue
        chosen = [circumstance for circumstance, bit in zip(CIRCUMSTANCES, bits) if bit]
        wrong = started(chosen)
        if wrong:
            failures += 1
            print(f"{number} {[c.__name__ for c in chosen]}: {wrong}")
    print(f"{number} combinations, {failures} failures")
    sys.exit(1 if failures else 0)


main()
