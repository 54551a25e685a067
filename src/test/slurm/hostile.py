#!/usr/bin/env python3
"""Plays, in place of the berth program, one that a hostile user has taken over.

$HOSTILE says how it behaves; `hostile.py list` prints the names. What it is called for: `hold --ready-fd=3 --release-fd=4 …` by a step's first task,
`save …` when all have ended, `resolve …` by srun, `container remove --job=N` when a job has ended, which it writes down in work/log beside it.
"""
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
LOG = os.path.join(HERE, "work", "log")
READY, RELEASE = 3, 4
ME = os.getpid()
STARTER = os.getppid()


def message(*pids, count=None, directory="/", variables=("PATH=/usr/bin:/bin",), version="1", end="end"):
    words = ["berth-held", version, str(len(pids) if count is None else count), *map(str, pids), directory, *variables, end]
    return "".join(word + "\0" for word in words).encode()


def write(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def await_release():
    while os.read(RELEASE, 1):
        pass


def hold(*pids, **options):
    write(READY, message(*(pids or (ME,)), **options))
    os.close(READY)
    await_release()


def sleep_for_ever():
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
    while True:
        time.sleep(1000)


def child(what):
    """A process of its own session that does that, with everything open that we have."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        try:
            what()
        finally:
            os._exit(0)
    return pid


def daemon(what):
    """The same, and nobody's child."""
    if os.fork() == 0:
        child(what)
        os._exit(0)
    os.wait()


def stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
    return name, rest.split()


def processes():
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                yield int(entry), *stat(entry), os.stat(f"/proc/{entry}").st_uid
            except OSError:
                pass


def named(name, uid=None):
    return [pid for pid, its, _, owner in processes() if its == name and (uid is None or owner == uid)]


def signal_mine(number, skip=()):
    """All that we may signal, ourselves last."""
    for pid, _, _, _ in processes():
        if pid not in (1, ME, *skip):
            try:
                os.kill(pid, number)
            except OSError:
                pass


def maker():
    """The task that has started the starter; it is not ours to look at, but ours to signal."""
    return int(stat(STARTER)[1][1]) if STARTER > 1 else 0


def to(pid, number):
    if pid > 1:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def flood(fd, seconds):
    end = time.time() + seconds
    while time.time() < end:
        write(fd, b"INFO:    \x1b[2J flood\n" * 1000)


# ---- before the message

def exits(): sys.exit(0)
def fails(): sys.exit(3)
def dies(): os.kill(ME, signal.SIGKILL)
def stops(): os.kill(ME, signal.SIGSTOP)
def is_silent(): sleep_for_ever()
def closes_all(): os.closerange(0, 64); sleep_for_ever()
def floods(): flood(2, 1000)
def floods_then_holds(): flood(2, 1); hold()
def floods_the_message(): flood(READY, 1000)
def stops_the_starter(): to(STARTER, signal.SIGSTOP); sleep_for_ever()
def kills_the_starter(): to(STARTER, signal.SIGKILL); hold()
def stops_the_maker(): to(maker(), signal.SIGSTOP); hold()
def kills_the_maker(): to(maker(), signal.SIGKILL); hold()
def stops_all(): signal_mine(signal.SIGSTOP); os.kill(ME, signal.SIGSTOP)
def kills_all(): signal_mine(signal.SIGKILL); os.kill(ME, signal.SIGKILL)
def terminates_all(): signal_mine(signal.SIGTERM); hold()
def leaves_one_behind(): daemon(sleep_for_ever); sys.exit(1)

# ---- half a message, and others than one

def half(): write(READY, message(ME)[:20])
def half_and_exits(): half(); sys.exit(0)
def half_and_stops(): half(); os.kill(ME, signal.SIGSTOP)
def half_and_leaves_one(): half(); daemon(sleep_for_ever); sys.exit(0)
def half_and_floods(): half(); flood(2, 1000)
def by_bytes():
    for byte in message(ME):
        write(READY, bytes([byte]))
        time.sleep(0.002)
    await_release()
def twice(): write(READY, message(ME)); hold()
def noise(): write(READY, os.urandom(100000) + b"\0end\0"); sleep_for_ever()
def nothing_but_an_end(): write(READY, b"\0end\0"); sleep_for_ever()
def too_few(): write(READY, b"berth-held\0001\0004\0end\0"); sleep_for_ever()
def no_directory(): hold(ME, directory="")
def no_such_directory(): hold(ME, directory="/nosuch/" + "x" * 5000)
def many_variables(): hold(ME, variables=[f"V{i}={'x' * 100}" for i in range(20000)])
def odd_variables(): hold(ME, variables=["", "=", "=x", "x", "LD_PRELOAD=/nosuch.so", "SLURM_PROCID=7", "A=" + "y" * 100000])
def other_version(): hold(ME, version="2")
def count_too_large(): hold(ME, count=4000000000)
def count_negative(): hold(ME, count=-1)

# ---- lies about processes

def names(*pids): hold(*pids)
def names_init(): names(ME, 1)
def names_init_only(): names(1)
def names_slurmd(): names(ME, *named("slurmd", 0)[:1])
def names_slurmstepd(): names(ME, *named("slurmstepd", 0)[:3])
def names_anothers(): names(ME, *named("canary")[:3])
def names_anothers_only(): names(*(named("canary")[:1] or [1]))
def names_none(): names(ME, 4194303)
def names_a_dead_one():
    pid = child(lambda: None)
    os.waitpid(pid, 0)
    names(ME, pid)
def names_a_zombie():
    pid = child(lambda: None)
    time.sleep(0.1)
    names(ME, pid)
def names_the_starter(): names(STARTER)
def names_the_maker(): names(ME, maker())
def names_itself_often(): names(ME, ME, ME, ME)

# ---- after the message

def will_not_go(): hold(); sleep_for_ever()
def stops_when_held(): write(READY, message(ME)); os.kill(ME, signal.SIGSTOP)
def stops_at_release(): hold(); os.kill(ME, signal.SIGSTOP)
def dies_when_held(): write(READY, message(ME)); os.kill(ME, signal.SIGKILL)
def server_will_not_go(): names(ME, child(sleep_for_ever))
def servers_will_not_go(): names(ME, child(sleep_for_ever), child(sleep_for_ever), child(sleep_for_ever)); sleep_for_ever()
def server_is_stopped():
    pid = child(sleep_for_ever)
    os.kill(pid, signal.SIGSTOP)
    names(ME, pid)
def leaves_many():
    for _ in range(20):
        daemon(sleep_for_ever)
    hold()
def leaves_one_with_the_files(): daemon(sleep_for_ever); hold()
def forks_all_the_time():
    def chain():
        end = time.time() + 5
        while time.time() < end:
            if os.fork():
                os._exit(0)
            os.setsid()
    daemon(chain)
    hold()
def later(what):
    """At a random moment, maybe in the step, at its end, or while it is let go."""
    def wait():
        time.sleep(random.random() * 2)
        what()
    daemon(wait)
    hold()
def kills_all_later(): later(lambda: signal_mine(signal.SIGKILL))
def stops_all_later(): later(lambda: (signal_mine(signal.SIGSTOP)))
def terminates_all_later(): later(lambda: (signal_mine(signal.SIGTERM)))
def stops_all_at_release():
    write(READY, message(ME, child(sleep_for_ever)))
    await_release()
    signal_mine(signal.SIGSTOP)
    os.kill(ME, signal.SIGSTOP)
def kills_all_at_release():
    write(READY, message(ME, child(sleep_for_ever)))
    await_release()
    signal_mine(signal.SIGKILL)
def wild():
    """Stops, continues, terminates, forks and floods at random for some seconds."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    end = time.time() + 4
    while time.time() < end:
        time.sleep(random.random() / 10)
        what = random.randrange(6)
        if what < 3:
            signal_mine((signal.SIGSTOP, signal.SIGCONT, signal.SIGUSR1)[what])
        elif what == 3:
            daemon(sleep_for_ever)
        elif what == 4:
            flood(2, 0.05)
        elif random.randrange(20) == 0:
            signal_mine(signal.SIGKILL)
def storm():
    daemon(wild)
    time.sleep(random.random() / 2)
    hold()

# ---- the same to the real program: its JVM, holder and server, and the tasks that read by that one

def become_real():
    with open(os.path.join(HERE, "real")) as file:
        real = file.read().strip()
    os.execv(real, [real, *sys.argv[1:]])
def real(what, seconds):
    def wait():
        time.sleep(random.random() * seconds)
        what()
    daemon(wait)
    become_real()
def real_storm(): real(wild, 0.3)
def real_stops_all(): real(lambda: signal_mine(signal.SIGSTOP), 1)
def real_kills_all(): real(lambda: signal_mine(signal.SIGKILL), 1)
def real_stops_the_server(): real(lambda: [to(pid, signal.SIGSTOP) for pid in named("squashfuse_ll")], 1)
def real_kills_the_server(): real(lambda: [to(pid, signal.SIGKILL) for pid in named("squashfuse_ll")], 1)
def real_stops_the_holder(): real(lambda: [to(pid, signal.SIGSTOP) for pid in named("berth")], 1)
def real_is_forged():
    def forge():
        time.sleep(random.random() / 2)
        write(os.open(f"/proc/{ME}/fd/{READY}", os.O_WRONLY), message(ME, 1))
    daemon(forge)
    become_real()

# ---- while it saves: the others hold as they should

def save_fails(): sys.exit(1)
def save_stops(): os.kill(ME, signal.SIGSTOP)
def save_is_silent(): sleep_for_ever()
def save_floods(): flood(2, 1000)
def save_leaves_one(): daemon(sleep_for_ever); sys.exit(0)
def save_kills_its_parent(): to(STARTER, signal.SIGKILL); sleep_for_ever()
def save_stops_its_parent(): to(STARTER, signal.SIGSTOP); sys.exit(0)
def save_kills_all(): signal_mine(signal.SIGKILL); sys.exit(0)


def stands_still_once():
    """Removal: the first one stands still for ever, with a child and a daemon; the later ones are done at once."""
    mark = LOG + ".once"
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    child(sleep_for_ever)
    daemon(sleep_for_ever)
    sleep_for_ever()


NOT_BEHAVIOURS = {"message", "write", "await_release", "hold", "sleep_for_ever", "child", "daemon", "stat", "processes", "named", "signal_mine", "maker",
                  "to", "flood", "half", "names", "later", "main", "stands_still_once", "log", "wild", "become_real", "real"}


def log(words):
    with open(LOG, "a") as file:
        file.write(" ".join(words) + "\n")


def main():
    behaviours = {name: value for name, value in globals().items()
                  if callable(value) and name not in NOT_BEHAVIOURS and getattr(value, "__module__", None) == __name__}
    if sys.argv[1:] == ["list"]:
        print("\n".join(behaviours))
        return
    how = os.environ.get("HOSTILE", "")
    verb = next(word for word in sys.argv[1:] if word != "--quiet")
    if verb == "container":
        log(sys.argv[1:])
        stands_still_once()
        os.system("rm -rf /var/tmp/berth-%d/job-%s" % (os.getuid(), sys.argv[3].partition("=")[2]))
    elif verb == "resolve":
        # The answer, and somebody who keeps it open.
        print("/image", flush=True)
        daemon(lambda: time.sleep(60))
    elif verb == "save":
        if how.startswith("real_"):
            become_real()
        elif how.startswith("save_"):
            behaviours[how]()
    elif not how or how.startswith("save_"):
        hold()
    else:
        behaviours[how]()


main()
