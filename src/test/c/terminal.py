"""terminal.py USER COMMAND…: runs a command as a shell would, in the foreground of a terminal.

Sends an interrupt and a stop by the terminal's keys, and tells what came of them.
"""

import os
import pwd
import signal
import sys
import termios
import fcntl


def foreground(command, user):
    """In the terminal's session: the command in a process group of its own, as a job."""
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpgid(0))
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        entry = pwd.getpwnam(user)
        if os.getuid() == 0:
            os.initgroups(user, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        os.execv(command[0], command)
    _, status = os.waitpid(job, os.WUNTRACED)
    print("stopped", os.WIFSTOPPED(status), flush=True)
    os.killpg(job, signal.SIGCONT)
    _, status = os.waitpid(job, 0)
    print("status", os.waitstatus_to_exitcode(status), flush=True)


def main():
    user, command = sys.argv[1], sys.argv[2:]
    master, slave = os.openpty()
    settings = termios.tcgetattr(slave)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    if os.getuid() == 0:
        os.chown(os.ttyname(slave), pwd.getpwnam(user).pw_uid, -1)
    shell = os.fork()
    if shell == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.close(master)
        foreground(command, user)
        os._exit(0)
    os.close(slave)
    heard = ""

    def wait_for(text):
        nonlocal heard
        while text not in heard:
            heard += os.read(master, 4096).decode()

    wait_for("ready")
    os.write(master, b"\x03")
    wait_for("interrupted")
    os.write(master, b"one\n")
    wait_for("line one")
    os.write(master, b"\x1a")
    wait_for("stopped")
    os.write(master, b"end\n")
    wait_for("status")
    try:
        while True:
            heard += os.read(master, 4096).decode()
    except OSError:
        pass
    print("interrupts", heard.count("interrupted"))
    print("\n".join(line for line in heard.splitlines() if line.startswith(("stopped", "status"))))


main()
