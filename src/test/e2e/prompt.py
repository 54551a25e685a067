"""prompt.py BERTH 'WORD…': answers a command's questions on a terminal until it asks without echo, and then types Ctrl-C.

Tells what was shown, whether the terminal's echo is on as soon as the command has ended, and how it ended.
"""

import fcntl
import os
import select
import signal
import sys
import termios
import time


def echo_is_on(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


def main():
    command = [sys.argv[1], *sys.argv[2].split()]
    master, slave = os.openpty()
    result, report = os.pipe()
    shell = os.fork()
    if shell == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(0, os.getpgid(0))
            # Who runs the tests may ignore them (a job in the background); a shell's job has none of that.
            for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.execv(command[0], command)
        _, status = os.waitpid(job, 0)
        # At once, as a shell's prompt comes: what is mended later is too late.
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status >> 8}"
        os.write(report, f"echo {'on' if echo_is_on(0) else 'off'}, ended by {how}".encode())
        time.sleep(1)
        os._exit(0)
    os.close(report)
    heard = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            heard += os.read(master, 4096)
        elif heard and not echo_is_on(slave):
            break
        elif heard.rstrip().endswith(b":"):
            os.write(master, b"somebody\n")
            heard += b"\n"
    os.write(master, b"\x03")
    how = os.read(result, 4096).decode()
    while select.select([master], [], [], 2)[0]:
        heard += os.read(master, 4096)
    os.waitpid(shell, 0)
    print(heard.decode(errors="replace"))
    print(how)


main()
