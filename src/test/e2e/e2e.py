"""What the end-to-end tests in Python share: the installed command run as an ordinary user, and TAP on standard output.

Environment: BERTH (the command), BERTH_USER (the user), CORPUS (the corpus script), BERTH_FULL and BERTH_FUZZ (not empty: more and longer tests).
"""

import json
import os
import pwd
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

BERTH = os.path.abspath(os.environ["BERTH"])
USER = pwd.getpwnam(os.environ["BERTH_USER"])
CORPUS = os.environ["CORPUS"]
FULL, FUZZ = bool(os.environ.get("BERTH_FULL")), bool(os.environ.get("BERTH_FUZZ"))
# The first of the ports that the tests serve on; suites that run side by side have each their own.
PORTS = int(os.environ.get("BERTH_TEST_PORT", "5610"))
IMAGES = os.path.dirname(subprocess.run([CORPUS, "path", "hello"], capture_output=True, text=True, check=True).stdout.strip())
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROOT = os.environ["BERTH_DEV_STATE"]


class Fail(Exception):
    pass


class Skip(Exception):
    pass


class Result:
    def __init__(self, argv, rc, out, err, seconds, rss_mb):
        self.argv, self.rc, self.out, self.err, self.seconds, self.rss_mb = argv, rc, out, err, seconds, rss_mb

    def __str__(self):
        return f"$ {' '.join(self.argv)}\nrc {self.rc}, {self.seconds:.1f} s, {self.rss_mb} MB\nstdout: {self.out[-600:]}\nstderr: {self.err[-1200:]}"


class Place:
    """A directory of the user with a home, a cache and a tmp of its own; removed at the end."""

    def __enter__(self):
        os.makedirs(ROOT, exist_ok=True)
        self.root = tempfile.mkdtemp(prefix="e2e.", dir=ROOT)
        os.chmod(self.root, 0o755)
        for name in ("home", "cache", "tmp", "work"):
            os.mkdir(self.path(name))
            os.chown(self.path(name), USER.pw_uid, USER.pw_gid)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def environment(self, **more):
        return {
            "PATH": os.path.dirname(BERTH) + ":" + PATH,
            "HOME": self.path("home"),
            "USER": USER.pw_name,
            "LOGNAME": USER.pw_name,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "APPTAINER_CACHEDIR": self.path("cache"),
            "APPTAINER_TMPDIR": self.path("tmp"),
            "APPTAINER_NOHTTPS": "1",
            **more,
        }

    def start(self, *args, env=None, **kw):
        """Popen of the command as the user, output to files in `work` so that no pipe fills up."""
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        p = subprocess.Popen(
            [BERTH, *args],
            cwd=kw.pop("cwd", self.path("work")),
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            user=USER.pw_uid,
            group=USER.pw_gid,
            extra_groups=[],
            start_new_session=True,
            **kw,
        )
        p.files, p.began = (out, err), time.monotonic()
        return p

    def finish(self, p, limit):
        """Waits; what is still there after the limit is killed with its session and fails."""
        end = p.began + limit
        while True:
            pid, status, usage = os.wait4(p.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                os.killpg(p.pid, 9)
                os.wait4(p.pid, 0)
                raise Fail(f"still running after {limit} s: {' '.join(p.args)}")
            time.sleep(0.01)
        p.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for f in p.files:
            f.seek(0)
            texts.append(f.read().decode("utf-8", "replace"))
            f.close()
        return Result(p.args[1:], p.returncode, *texts, time.monotonic() - p.began, usage.ru_maxrss // 1024)

    def berth(self, *args, rc=0, limit=120, **kw):
        r = self.finish(self.start(*args, **kw), limit)
        if rc is not None and r.rc != rc:
            raise Fail(f"exit status is {r.rc}, not {rc}\n{r}")
        return r


def refused(r):
    """One clear message: status 255, a FATAL line, no stack trace."""
    lines = [l for l in r.err.splitlines() if l.startswith(("FATAL", "ERROR"))]
    if r.rc != 255:
        raise Fail(f"exit status is {r.rc}, not 255\n{r}")
    if len(lines) != 1:
        raise Fail(f"{len(lines)} FATAL or ERROR lines, not one\n{r}")
    if "\tat " in r.err or "Exception in thread" in r.err or "java.lang." in r.err:
        raise Fail(f"a stack trace, or a class name for a message\n{r}")


def info(name):
    with open(os.path.join(IMAGES, name, "info.json")) as f:
        return json.load(f)


def names(*groups):
    return sorted(n for n in os.listdir(IMAGES) if os.path.exists(os.path.join(IMAGES, n, "info.json")) and info(n)["group"] in groups)


def tags(name):
    try:
        with open(os.path.join(IMAGES, name, "oci", "index.json"), "rb") as f:
            index = json.load(f)
        return [m["annotations"]["org.opencontainers.image.ref.name"] for m in index["manifests"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def serve(port, *args):
    """Starts a registry of the corpus; host:port."""
    r = subprocess.run([CORPUS, "serve", "--port", str(port), *args], capture_output=True, text=True)
    if r.returncode:
        raise SystemExit(f"corpus serve failed: {r.stderr}")
    return r.stdout.strip().split("//")[-1]


def stop(port):
    subprocess.run([CORPUS, "stop", "--port", str(port)], check=False)


def get(url):
    with urllib.request.urlopen(url, timeout=10) as r:
        return r.read()


def partition(sif):
    """Offset of the primary partition, by the header's own numbers."""
    with open(sif, "rb") as f:
        head = f.read(128)
        if head[32:41] != b"SIF_MAGIC":
            raise Fail(f"{sif} is not a SIF")
        _, total, table = struct.unpack_from("<qqq", head, 80)
        f.seek(table)
        for _ in range(total):
            d = f.read(585)
            kind, used = struct.unpack_from("<iB", d)
            if used and kind == 0x4004 and struct.unpack_from("<i", d, 205)[0] == 2:
                return struct.unpack_from("<q", d, 17)[0]
    raise Fail(f"{sif} has no primary partition")


def unpacked(sif, to):
    r = subprocess.run(
        ["unsquashfs", "-q", "-n", "-d", to, "-o", str(partition(sif)), sif], capture_output=True, text=True, errors="replace"
    )
    if r.returncode:
        raise Fail(f"unsquashfs: {r.stderr[-500:]}")
    return to


def tap(cases):
    """Runs (name, function) pairs, or those whose name holds a word of the command line, or is a line of BERTH_ONLY; prints TAP; the exit status."""
    words = sys.argv[1:]
    only = os.environ.get("BERTH_ONLY")
    chosen = [c for c in cases if not words or any(w in c[0] for w in words)]
    if only:
        chosen = [c for c in chosen if c[0] in only.splitlines()]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for n, (name, case) in enumerate(chosen, 1):
        try:
            case()
            print(f"ok {n} {name}", flush=True)
        except Skip as e:
            print(f"ok {n} {name} # skip {e}", flush=True)
        except Exception as e:
            failed += 1
            print(f"not ok {n} {name}")
            text = str(e) if isinstance(e, Fail) else traceback.format_exc()
            for line in text.splitlines()[:40]:
                print(f"# {line[:300]}")
            sys.stdout.flush()
    return 1 if failed else 0
