"""terminal.py [COLUMNSxROWS] COMMAND…: runs a command on a terminal of its own as a shell would, in the foreground.

Prints what it showed, and as last line its status; standard input of this program is typed into the terminal.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios


def main():
    command = sys.argv[1:]
    columns, rows = 80, 24
    if re.fullmatch(r"\d+x\d+", command[0]):
        columns, rows = map(int, command.pop(0).split("x"))
    child, master = pty.fork()
    if child == 0:
        # Who runs the tests may ignore them (a job in the background).
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    typed = sys.stdin.buffer.read()
    shown = b""
    while True:
        wants = [master] if typed else []
        readable, writable, _ = select.select([master], wants, [], 60)
        if not readable and not writable:
            os.kill(child, signal.SIGKILL)
            print("nothing was shown for a minute")
            break
        if writable:
            typed = typed[os.write(master, typed[:256]) :]
        if readable:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
    _, status = os.waitpid(child, 0)
    sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
    print(f"status {os.waitstatus_to_exitcode(status)}")


main()
