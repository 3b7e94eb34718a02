"""Ports for programs that must be told one.

A port is taken from below the range of outgoing connections, so no client socket can sit on it, and is held by a
file lock for the life of this process, so no other test run picks it between our look and the program's bind.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile

_held: dict[int, int] = {}


def _range() -> tuple[int, int]:
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
            low = int(f.read().split()[0])
    except OSError:
        low = 32768
    return (max(1100, low - 12000), low - 1) if low > 13000 else (61000, 65500)


def _lock(port: int) -> int | None:
    folder = os.path.join(tempfile.gettempdir(), f"aralez-test-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    fd = os.open(os.path.join(folder, str(port)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _bindable(port: int) -> bool:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                s.bind((address, port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port nobody listens on and no other test run will take while this process lives."""
    low, high = _range()
    for _ in range(2000):
        port = random.randint(low, high)
        if port in _held:
            continue
        fd = _lock(port)
        if fd is None:
            continue
        if _bindable(port):
            _held[port] = fd
            return port
        os.close(fd)
    raise RuntimeError("no free port found")
