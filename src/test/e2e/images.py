#!/usr/bin/env python3
"""Every image of the corpus through the installed command: good ones become the tree that rootfs.jsonl lists and run as they must,
evil ones end in success or one clear message, within their limits, and touch nothing.  TAP; see e2e.py."""

import ast
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from e2e import CORPUS, FULL, IMAGES, PORTS, Fail, Place, info, names, refused, serve, stop, tags, tap, unpacked

sys.path.insert(0, os.path.join(os.path.dirname(CORPUS), "lib"))
import oci

PORT, RAW_PORT = PORTS + 1, PORTS + 2
# What a SIF has besides the image's own tree: links and directories of the runtime, emptied mount points.
ADDED = re.compile(rb"/(\.singularity\.d(/.*)?|singularity|environment|\.(run|exec|test|shell)|dev|proc|root|var(/tmp)?|tmp|etc(/(hosts|resolv\.conf))?|sys|home)")
EMPTIED = ("b'/etc/hosts'", "b'/etc/resolv.conf'")
# Their commands print owners, and an ordinary user sees only his own: the tree says whether they are right.
PRINTS_OWNERS = {"implied-parents"}
REAL = ["lolcow", "python", "node", "java", "big"]


def same_tree(sif, listing, work):
    """Compares all but nanoseconds, which squashfs does not hold; its times are unsigned 32-bit seconds."""
    tree = unpacked(sif, os.path.join(work, "tree"))
    try:
        bad = []
        for line in oci.compare(tree, listing, ["ns"]):
            kind, _, rest = line.partition(" ")
            path = rest.partition(": want ")[0]
            if kind == "extra" and ADDED.fullmatch(ast.literal_eval(path)):
                continue
            if kind in ("size", "sha256", "mode", "mtime") and path in EMPTIED:
                continue
            m = re.search(r": want (-?\d+) got (\d+)$", rest)
            if kind == "mtime" and m and int(m[2]) in (min(max(int(m[1]), 0), 2**32 - 1), min(int(m[1]), 2**31 - 1)):
                continue
            # unsquashfs makes hard links of everything but symbolic links.
            if kind == "hard" and os.path.islink(os.path.join(os.fsencode(tree), ast.literal_eval(path)[1:])):
                continue
            bad.append(line)
        if bad:
            raise Fail(f"{len(bad)} differences from {listing}:\n" + "\n".join(bad[:15]))
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def good(name, registry):
    with Place() as place:
        sif = place.path("work", "image.sif")
        r = place.berth("pull", sif, f"docker://{registry}/{name}", limit=600)
        if r.out:
            raise Fail(f"pull wrote to standard output\n{r}")
        for run in [] if name in PRINTS_OWNERS else info(name).get("run", []):
            r = place.berth("run", "--no-eval", *working_directory(name), sif, *run["args"])
            if r.out != run["stdout"]:
                raise Fail(f"run prints {r.out!r}, not {run['stdout']!r}\n{r}")
        same_tree(sif, os.path.join(IMAGES, name, "rootfs.jsonl"), place.root)


def working_directory(name):
    """An image's working directory does not count (row S51); what an image needs of it is asked for."""
    return ["--cwd", "/app"] if name == "node" else []


def refused_or_right(name, registry):
    """An image that may be refused; if it is not, it runs as it must."""
    with Place() as place:
        sif = place.path("work", "image.sif")
        r = place.berth("pull", sif, f"docker://{registry}/{name}", rc=None)
        if r.rc != 0:
            refused(r)
            return
        for run in info(name)["run"]:
            if place.berth("run", "--no-eval", sif, *run["args"]).out != run["stdout"]:
                raise Fail("was accepted and runs wrongly")


VICTIM = {"file": b"precious\n", "other": b"also precious\n"}


def outside():
    """What an escape would change."""
    escapes = [os.path.join(d, n) for d in ("/tmp", "/etc") for n in os.listdir(d) if n.startswith("corpus-escape-")]
    victims = []
    for root, dirs, files in os.walk("/tmp/corpus-victim"):
        for n in sorted(dirs + files):
            p = os.path.join(root, n)
            st = os.lstat(p)
            victims.append((p, st.st_mode, st.st_uid, st.st_size, open(p, "rb").read() if os.path.isfile(p) else b""))
    return escapes, sorted(victims)


def evil(name, tag, registry):
    expect = info(name)["expect"] if tag == "latest" else "either"
    os.makedirs("/tmp/corpus-victim", exist_ok=True)
    for n, data in VICTIM.items():
        with open(os.path.join("/tmp/corpus-victim", n), "wb") as f:
            f.write(data)
    before = outside()
    with Place() as place:
        sif = place.path("work", "image.sif")
        r = place.berth("pull", sif, f"docker://{registry}/evil/{name}:{tag}", rc=None)
        if r.rss_mb > 600:
            raise Fail(f"{r.rss_mb} MB of memory\n{r}")
        if r.rc != 0:
            refused(r)
            left = os.listdir(place.path("work")) + os.listdir(place.path("tmp"))
            if left:
                raise Fail(f"left behind: {left}\n{r}")
        elif expect.startswith("refuse"):
            raise Fail(f"was accepted, must be refused: {info(name)['about']}\n{r}")
        else:
            r = place.berth("exec", "--contain", sif, "/bin/true", rc=None)
            if "\tat " in r.err:
                raise Fail(f"a stack trace\n{r}")
        if outside() != before:
            raise Fail(f"something outside changed: {outside()}\n{r}")


def main():
    if FULL:
        subprocess.run([CORPUS, "build", *REAL], check=True, stdout=subprocess.DEVNULL)
    real = [n for n in REAL if FULL and os.path.isdir(os.path.join(IMAGES, n))]
    cases = []
    try:
        registry = serve(PORT, "core", "odd", *real)
        raw = serve(RAW_PORT, "--raw")
        for name in names("core", "odd") + real:
            where = raw if info(name).get("registry") is False else registry
            if os.path.exists(os.path.join(IMAGES, name, "rootfs.jsonl")):
                cases.append((f"{name}: the tree and every run are the image's", lambda n=name, w=where: good(n, w)))
            elif info(name).get("run"):
                cases.append((f"{name}: refused or right", lambda n=name, w=where: refused_or_right(n, w)))
        for name in names("evil"):
            for tag in tags(name):
                cases.append((f"evil/{name}:{tag}: contained, one message", lambda n=name, t=tag: evil(n, t, raw)))
        return tap(cases)
    finally:
        stop(PORT)
        stop(RAW_PORT)
        shutil.rmtree("/tmp/corpus-victim", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
