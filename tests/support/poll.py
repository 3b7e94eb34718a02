"""select() for any number of descriptors: the tests hold more than the 1,024 that select.select takes."""

from __future__ import annotations

import select as system
import socket
from typing import Sequence


def select(readers: Sequence[socket.socket], writers: Sequence[socket.socket], _: Sequence[socket.socket],
           timeout: float | None = None) -> tuple[list[socket.socket], list[socket.socket], list[socket.socket]]:
    """As select.select, without the exceptional set. What a reader holds decrypted (see TlsSocket) is readable at once."""
    held = [s for s in readers if getattr(s, "pending", None) and s.pending()]  # type: ignore[attr-defined]
    if held:
        timeout = 0
    wanted: dict[int, int] = {}
    for s in readers:
        wanted[s.fileno()] = wanted.get(s.fileno(), 0) | system.POLLIN
    for s in writers:
        wanted[s.fileno()] = wanted.get(s.fileno(), 0) | system.POLLOUT
    if -1 in wanted:
        raise ValueError("a closed socket")
    poll = system.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    ended = system.POLLHUP | system.POLLERR
    got = dict(poll.poll(None if timeout is None else max(0, int(timeout * 1000 + 0.999))))
    return ([s for s in readers if s in held or got.get(s.fileno(), 0) & (system.POLLIN | ended)],
            [s for s in writers if got.get(s.fileno(), 0) & (system.POLLOUT | ended)], [])
