#!/usr/bin/env python3
"""Pulls that go wrong or meet each other: registries with faults, many processes, kills.  TAP; see e2e.py."""

import filecmp
import json
import os
import random
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from e2e import FUZZ, IMAGES, PORTS, Fail, Place, get, info, refused, serve, stop, tap

RAW_PORT = PORTS + 3
IMAGE = "hello"

MUST_WORK = {"busy", "chunked", "redirect", "nohead", "nodigest", "auth-needed", "slow"}
MUST_FAIL = {"cut-always", "down", "gone", "html", "redirect-loop", "redirect-file", "auth-loop", "auth-realm", "stall"}


def fault(kind, registry):
    """A correct image or a clear error, never a wrong one."""
    with Place() as place:
        r = place.berth("pull", "image.sif", f"docker://{registry}/fault/{kind}/{IMAGE}", rc=None, limit=180)
        if r.rc == 0 and kind in MUST_FAIL:
            raise Fail(f"succeeded\n{r}")
        if r.rc != 0:
            if kind in MUST_WORK:
                raise Fail(f"failed\n{r}")
            refused(r)
            if os.listdir(place.path("work")):
                raise Fail(f"a file was left: {os.listdir(place.path('work'))}\n{r}")
            return
        run = info(IMAGE)["run"][0]
        if place.berth("run", "image.sif", *run["args"]).out != run["stdout"]:
            raise Fail("the image is wrong")


def blob_requests(log, since):
    with open(log, errors="replace") as f:
        f.seek(since)
        return re.findall(r"^GET \S*/blobs/(\S+) 200", f.read(), re.M)


def together(registry, log, kill_first):
    """16 processes, one cache: each blob is fetched once, all results are equal."""
    with Place() as place:
        since = os.path.getsize(log)
        source = f"docker://{registry}/fault/slow/tiny" if kill_first else f"docker://{registry}/{IMAGE}"
        running = [place.start("pull", "--reproducible", f"{n}.sif", source) for n in range(16)]
        if kill_first:
            # Which of them converts is not to be seen from outside: the first that asked for a blob, most likely the first started.
            time.sleep(3)
            os.killpg(running[0].pid, signal.SIGKILL)
            place.finish(running.pop(0), 10)
        for p in running:
            r = place.finish(p, 300)
            if r.rc != 0:
                raise Fail(f"one of them failed\n{r}")
        results = [place.path("work", f"{n}.sif") for n in range(1 if kill_first else 0, 16)]
        if not all(filecmp.cmp(results[0], other, shallow=False) for other in results[1:]):
            raise Fail("the results differ")
        fetched = blob_requests(log, since)
        if not kill_first and len(fetched) != len(set(fetched)):
            raise Fail(f"{len(fetched)} requests for {len(set(fetched))} blobs")


def files(root):
    return sorted(os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs)


def killed(registry, times, seed):
    """SIGKILL at a random moment; the next pull works, gives the right bytes and cleans up."""
    moments = random.Random(seed)
    with Place() as place:
        source = f"docker://{registry}/{IMAGE}"
        began = time.monotonic()
        place.berth("pull", "--reproducible", "reference.sif", source)
        usual = time.monotonic() - began
        reference = files(place.path("cache"))
        for n in range(times):
            shutil.rmtree(place.path("cache"))
            os.mkdir(place.path("cache"))
            os.chown(place.path("cache"), *owner(place))
            p = place.start("pull", "--reproducible", "--force", "killed.sif", source)
            moment = moments.uniform(0, usual * 1.1)
            time.sleep(moment)
            os.killpg(p.pid, signal.SIGKILL)
            place.finish(p, 10)
            where = f"kill {n} of seed {seed}, after {moment:.3f} s"
            killed_sif = place.path("work", "killed.sif")
            if os.path.exists(killed_sif) and not filecmp.cmp(killed_sif, place.path("work", "reference.sif"), shallow=False):
                raise Fail(f"{where}: a wrong image stood there")
            place.berth("pull", "--reproducible", "--force", "again.sif", source)
            if not filecmp.cmp(place.path("work", "again.sif"), place.path("work", "reference.sif"), shallow=False):
                raise Fail(f"{where}: the next pull gave other bytes")
            left = [f for f in files(place.path("cache")) if f not in reference] + files(place.path("tmp"))
            left += [f for f in files(place.path("work")) if f not in ("reference.sif", "again.sif", "killed.sif")]
            if left:
                raise Fail(f"{where}: left behind {left}")


def owner(place):
    st = os.stat(place.path("home"))
    return st.st_uid, st.st_gid


def main():
    try:
        registry = serve(RAW_PORT, "--raw")
        log = os.path.join(os.path.dirname(IMAGES), "registry", str(RAW_PORT), "log")
        kinds = json.loads(get(f"http://{registry}/faults"))
        cases = [(f"fault {kind}: {about}", lambda k=kind: fault(k, registry)) for kind, about in kinds.items()]
        cases.append(("16 pulls at once share one download", lambda: together(registry, log, False)))
        cases.append(("15 pulls go on when one of 16 is killed", lambda: together(registry, log, True)))
        seed = int(os.environ.get("BERTH_SEED", "1"))
        times = 200 if FUZZ else 8
        cases.append((f"{times} kills at random moments (BERTH_SEED={seed})", lambda: killed(registry, times, seed)))
        return tap(cases)
    finally:
        stop(RAW_PORT)


if __name__ == "__main__":
    sys.exit(main())
