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

from e2e import FULL, FUZZ, IMAGES, PORTS, Fail, Place, get, info, refused, serve, stop, tap

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


def fetched_once(log, since):
    fetched = blob_requests(log, since)
    if len(fetched) != len(set(fetched)):
        raise Fail(f"{len(fetched)} requests for {len(set(fetched))} blobs")


def only_these(place, *images):
    """Nothing unfinished lies beside what was asked for: in the folder, the cache, the directory for temporary files."""
    work = sorted(os.listdir(place.path("work")))
    if work != sorted(images):
        raise Fail(f"in the folder: {work}")
    left = [f for f in files(place.path("cache")) if f.endswith((".part", ".lease"))] + files(place.path("tmp"))
    if left:
        raise Fail(f"left behind: {left}")


def same(place, *images):
    if not all(filecmp.cmp(place.path("work", images[0]), place.path("work", other), shallow=False) for other in images[1:]):
        raise Fail("the results differ")


def all_work(place, running, limit=300):
    for p in running:
        r = place.finish(p, limit)
        if r.rc != 0:
            raise Fail(f"one of them failed\n{r}")


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
        all_work(place, running)
        results = [f"{n}.sif" for n in range(1 if kill_first else 0, 16)]
        same(place, *results)
        if not kill_first:
            fetched_once(log, since)
            only_these(place, *results)


def to_one_name(registry, log):
    """Each replaces the other's file, and always with a whole one."""
    with Place() as place:
        since = os.path.getsize(log)
        all_work(place, [place.start("pull", "--reproducible", "--force", "image.sif", f"docker://{registry}/{IMAGE}") for _ in range(16)])
        fetched_once(log, since)
        place.berth("pull", "--reproducible", "again.sif", f"docker://{registry}/{IMAGE}")
        same(place, "image.sif", "again.sif")
        only_these(place, "image.sif", "again.sif")


def without_a_cache(registry):
    """Nothing is shared but the folder, in which each takes the others' unfinished files for alive."""
    with Place() as place:
        names = [f"{n}.sif" for n in range(16)]
        all_work(place, [place.start("pull", "--reproducible", "--disable-cache", name, f"docker://{registry}/{IMAGE}") for name in names])
        same(place, *names)
        only_these(place, *names)


def stopped(registry):
    """Who makes the image is stopped (SIGSTOP): the next one says for whom it waits, and takes over within 75 s."""
    with Place() as place:
        source = f"docker://{registry}/fault/slow/{IMAGE}"
        holder = place.start("pull", "--reproducible", "holder.sif", source)
        until(lambda: any(f.endswith(".lease") for f in os.listdir(place.path("cache", "cache", "oci-tmp"))), place)
        os.killpg(holder.pid, signal.SIGSTOP)
        waiter = place.start("pull", "--reproducible", "waiter.sif", source)
        r = place.finish(waiter, 300)
        os.killpg(holder.pid, signal.SIGCONT)
        if r.rc != 0:
            raise Fail(f"the waiter failed\n{r}")
        if not re.search(r"Waiting for process \d+ on \S+, which", r.err) or not re.search(r"No sign of process \d+ on ", r.err):
            raise Fail(f"it did not say for whom it waits\n{r}")
        all_work(place, [holder])
        same(place, "holder.sif", "waiter.sif")
        only_these(place, "holder.sif", "waiter.sif")


def until(condition, place, limit=60):
    end = time.monotonic() + limit
    while True:
        try:
            if condition():
                return
        except FileNotFoundError:
            pass
        if time.monotonic() > end:
            raise Fail(f"waited in vain for {limit} s; there are {files(place.root)}")
        time.sleep(0.02)


def files(root):
    return sorted(os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs)


def killed(registry, times, seed):
    """SIGKILL at a random moment; a pull that waits, and the next pull, work, give the right bytes and clean up."""
    moments = random.Random(seed)
    with Place() as place:
        source = f"docker://{registry}/{IMAGE}"
        began = time.monotonic()
        place.berth("pull", "--reproducible", "reference.sif", source)
        usual = time.monotonic() - began
        # A pull out of the cache leaves the mark of a use.
        place.berth("pull", "--reproducible", "--force", "again.sif", source)
        reference = files(place.path("cache"))
        for n in range(times):
            shutil.rmtree(place.path("cache"))
            os.mkdir(place.path("cache"))
            os.chown(place.path("cache"), *owner(place))
            p = place.start("pull", "--reproducible", "--force", "killed.sif", source)
            waiting = place.start("pull", "--reproducible", "--force", "waiting.sif", source) if n % 2 else None
            moment = moments.uniform(0, usual * (2.2 if waiting else 1.1))
            time.sleep(moment)
            os.killpg(p.pid, signal.SIGKILL)
            where = f"kill {n} of seed {seed}, after {moment:.3f} s"
            try:
                place.finish(p, 60)
                if waiting:
                    all_work(place, [waiting])
                place.berth("pull", "--reproducible", "--force", "again.sif", source)
            except Fail as e:
                raise Fail(f"{where}: {e}") from e
            for name in ("killed.sif", "waiting.sif", "again.sif"):
                if os.path.exists(place.path("work", name)):
                    if not filecmp.cmp(place.path("work", name), place.path("work", "reference.sif"), shallow=False):
                        raise Fail(f"{where}: {name} is a wrong image")
                elif name == "again.sif":
                    raise Fail(f"{where}: {name} is not there")
            left = [f for f in files(place.path("cache")) if f not in reference] + files(place.path("tmp"))
            left += [f for f in files(place.path("work")) if f not in ("reference.sif", "again.sif", "killed.sif", "waiting.sif")]
            if left:
                raise Fail(f"{where}: left behind {left}")
            if n % 50 == 49:
                print(f"# {n + 1} kills", flush=True)


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
        cases.append(("16 pulls at once to one name", lambda: to_one_name(registry, log)))
        cases.append(("16 pulls at once into one folder without a cache", lambda: without_a_cache(registry)))
        cases.append(("15 pulls go on when one of 16 is killed", lambda: together(registry, log, True)))
        seed = int(os.environ.get("BERTH_SEED", "1"))
        times = int(os.environ.get("BERTH_KILLS", "1000" if FUZZ else "30"))
        if FULL or FUZZ:
            cases.append(("a stopped pull holds up nobody for ever", lambda: stopped(registry)))
        cases.append((f"{times} kills at random moments (BERTH_SEED={seed})", lambda: killed(registry, times, seed)))
        return tap(cases)
    finally:
        stop(RAW_PORT)


if __name__ == "__main__":
    sys.exit(main())
