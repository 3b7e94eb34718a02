"""What the other tests stand on."""

from __future__ import annotations

import socket
import struct
import threading

from support import poll
from support.origin import Connection, Origin


def test_half_close_of_an_origin_after_the_peer_has_reset_is_harmless() -> None:
    outcome: list[str] = []
    told = threading.Event()

    def late(conn: Connection) -> None:
        poll.select([conn.sock], [], [], 10)  # the reset is here
        try:
            conn.half_close()
            outcome.append("harmless")
        except OSError as e:
            outcome.append(repr(e))
        told.set()
    with Origin() as origin:
        origin.on_connection = late
        with socket.create_connection((origin.host, origin.port)) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert told.wait(10)
    assert outcome == ["harmless"]
