"""A client that sends bytes exactly as given and reads answers strictly."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Callable

from support import poll
from support.deadline import Deadline
from support.http1 import Closed, Reader, Response
from support.tls import TlsSocket

Address = tuple[str, int]


class Client:
    def __init__(self, address: Address, *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None,
                 name: str | None = None, source: str | None = None, first: bytes = b""):
        """With `tls` the connection is encrypted, `name` being the SNI. `source` is the address to connect from, `first` goes out
        before anything else."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(Deadline(10).left())
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.sock.sendall(first)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        if tls:
            self.sock = TlsSocket(self.sock, tls, name=name)  # type: ignore[assignment]
        self.reader = Reader(self.sock)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes | str, deadline: float = 10.0) -> "Client":
        """Sends all of it; text goes out as latin-1."""
        left = memoryview(data.encode("latin-1") if isinstance(data, str) else data)
        end = Deadline(deadline)
        while left:
            _, ready, _ = poll.select([], [self.sock], [], end.left())
            if not ready:
                raise AssertionError(f"{len(left)} bytes not taken within the deadline")
            left = left[self.sock.send(left):]
        return self

    def send_what_is_taken(self, data: bytes, deadline: float = 10.0) -> int:
        """Sends until the peer stops taking; for peers that may refuse early. Gives the number of bytes sent."""
        left = memoryview(data)
        end = Deadline(deadline)
        while left and not end.over():
            readable, writable, _ = poll.select([self.sock], [self.sock], [], end.left())
            if readable and not writable:
                break
            if not writable:
                continue
            try:
                left = left[self.sock.send(left):]
            except OSError:
                break
        return len(data) - len(left)

    def response(self, method: str = "GET", deadline: float = 10.0,
                 sink: Callable[[bytes], object] | None = None) -> Response:
        return self.reader.response(method, Deadline(deadline), sink)

    def request(self, target: str = "/", *, host: str = "a.test", method: str = "GET", fields: str = "",
                body: bytes = b"", deadline: float = 10.0) -> Response:
        """One request and its answer. `fields` are whole lines, each with its CRLF."""
        length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT") else ""
        self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{length}\r\n".encode("latin-1") + body,
                  deadline)
        return self.response(method, deadline)

    def wait_closed(self, deadline: float = 10.0, allow_bytes: bool = False) -> bytes:
        """Waits until the peer has closed; bytes before that fail unless they are allowed. Gives those bytes."""
        end = Deadline(deadline)
        try:
            while self.reader.fill(end):
                if not allow_bytes:
                    raise AssertionError(f"bytes instead of a close: {bytes(self.reader.buffer[:300])!r}")
        except ConnectionError:
            pass
        rest = self.reader.take(len(self.reader.buffer))
        if rest and not allow_bytes:
            raise AssertionError(f"bytes before the close: {rest[:300]!r}")
        return rest

    def is_open(self) -> bool:
        """True as long as neither bytes nor a close are waiting."""
        ready, _, _ = poll.select([self.sock], [], [], 0)
        return not ready and not self.reader.ended

    def expect_no_answer(self, deadline: float = 10.0) -> None:
        """The connection ends without a single byte."""
        try:
            self.reader.response_head(Deadline(deadline))
        except (Closed, ConnectionError):
            return
        raise AssertionError("an answer came")

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()
