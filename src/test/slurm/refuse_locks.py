#!/usr/bin/env python3
"""Runs a command to which the kernel refuses all file locks and extended attributes, as some shared file systems do.

usage: refuse_locks.py COMMAND [ARGUMENT...]
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# Numbers of flock, fcntl and the nine of setxattr, getxattr, listxattr, by machine.
FLOCK, FCNTL, XATTRS = {"x86_64": (73, 72, range(188, 197)), "aarch64": (32, 25, range(5, 14))}[platform.machine()]
LOCKS = (5, 6, 7, 36, 37, 38)  # F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ like
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER, COMMAND = 0, 24  # offsets in struct seccomp_data


def statement(code, value, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, value)


def program():
    refuse_xattrs = statement(RETURN, REFUSE | errno.ENOTSUP)
    refuse_locks = statement(RETURN, REFUSE | errno.ENOLCK)
    words = [statement(LOAD, NUMBER)]
    for number in XATTRS:
        words += [statement(EQUAL, number, 0, 1), refuse_xattrs]
    words += [statement(EQUAL, FLOCK, 0, 1), refuse_locks, statement(EQUAL, FCNTL, 1, 0), statement(RETURN, ALLOW), statement(LOAD, COMMAND)]
    for command in LOCKS:
        words += [statement(EQUAL, command, 0, 1), refuse_locks]
    return words + [statement(RETURN, ALLOW)]


def main():
    words = program()
    code = ctypes.create_string_buffer(b"".join(words))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(words), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.c_void_p(ctypes.addressof(filter_)), 0, 0)):
        if prctl(*arguments):
            sys.exit(f"refuse_locks: prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


main()
