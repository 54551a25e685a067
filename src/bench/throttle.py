#!/usr/bin/env python3
"""A TCP proxy with a limit: throttle.py HOST:PORT LISTEN-PORT MB/S FILE.  FILE holds the time at which the last byte was handed on."""

import socket
import sys
import threading
import time

target, port, limit, last = sys.argv[1:]
host, target_port = target.split(":")
rate = float(limit) * 1e6
lock = threading.Lock()
free_at = time.monotonic()


def note():
    with open(last, "w") as f:
        f.write(str(time.time()))


def wait_for(count):
    """All connections share the rate: each piece takes its time on one line."""
    global free_at
    with lock:
        free_at = max(free_at, time.monotonic()) + count / rate
        until = free_at
    time.sleep(max(0, until - time.monotonic()))


def copy(source, sink, slow):
    try:
        while data := source.recv(65536):
            if slow:
                wait_for(len(data))
            sink.sendall(data)
            if slow:
                note()
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


server = socket.create_server(("127.0.0.1", int(port)))
note()
while True:
    client, _ = server.accept()
    upstream = socket.create_connection((host, int(target_port)))
    threading.Thread(target=copy, args=(client, upstream, False), daemon=True).start()
    threading.Thread(target=copy, args=(upstream, client, True), daemon=True).start()
