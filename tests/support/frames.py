"""HTTP/2 frames as bytes, right or wrong, and a client that sends them without asking whether it may."""

from __future__ import annotations

import dataclasses
import socket
import struct
from typing import Any, Callable, Iterable

import hpack

from support import poll
from support.client import Address
from support.deadline import Deadline
from support.http2 import PREFACE
from support.ports import free_port
from support.proxy import Proxy
from support.tls import TlsSocket, client_context, install

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4

REFUSED_STREAM, ENHANCE_YOUR_CALM = 7, 11


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values: dict[int, int] | None = None) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in (values or {}).items()))


def window_update(stream: int, n: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n))


def rst_stream(stream: int, code: int = 8) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def literal(fields: Iterable[tuple[bytes | str, bytes | str]]) -> bytes:
    """A header block without any compression, so that names and values may be anything."""
    out = bytearray()
    for name, value in fields:
        out.append(0)
        for text in (name, value):
            data = text.encode("latin-1") if isinstance(text, str) else text
            out += _integer(len(data), 7) + data
    return bytes(out)


def indexed(index: int) -> bytes:
    return _integer(index, 7, 0x80)


def literal_to_table(name: str, value: str) -> bytes:
    """A literal that goes into the dynamic table."""
    return b"\x40" + b"".join(_integer(len(x), 7) + x.encode() for x in (name, value))


def _integer(n: int, bits: int, first: int = 0) -> bytes:
    limit = (1 << bits) - 1
    if n < limit:
        return bytes([first | n])
    out = bytearray([first | limit])
    n -= limit
    while n >= 128:
        out.append(n % 128 | 128)
        n //= 128
    return bytes(out + bytes([n]))


def request(path: str = "/", method: str = "GET", host: str = "a.test", fields: Iterable[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    return [(":method", method), (":scheme", "http"), (":authority", host), (":path", path), *fields]


def headers(stream: int, block: bytes, *, end: bool = True) -> bytes:
    """A block in as many frames as it needs."""
    pieces = [block[i:i + 16384] for i in range(0, len(block), 16384)] or [b""]
    out = bytearray()
    for i, piece in enumerate(pieces):
        last = END_HEADERS if i == len(pieces) - 1 else 0
        out += frame(HEADERS, last | (END_STREAM if end else 0), stream, piece) if i == 0 else frame(CONTINUATION, last, stream, piece)
    return bytes(out)


@dataclasses.dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """Of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[4:8] if self.kind == GOAWAY else self.payload[:4])[0]


class RawH2:
    """Sends what it is given. Frames that came are kept; SETTINGS and PINGs are not answered unless the caller does."""

    def __init__(self, address: Address, initial: dict[int, int] | None = None, *, receive_buffer: int | None = None, tls: bool = False):
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(Deadline(10).left())
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self.sock: Any = TlsSocket(sock, client_context(["h2"]), name="a.test") if tls else sock
        assert not tls or self.sock.alpn == "h2"
        self.frames: list[Frame] = []
        self.ended = False
        """The server has closed or reset the connection."""
        self.sent = 0
        self._buffer = bytearray()
        self._decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.statuses: dict[int, int] = {}
        """Of the final answers, by stream."""
        self.send(PREFACE + settings(initial) + frame(SETTINGS, ACK))

    def send(self, data: bytes, deadline: float = 10.0, reads: bool = True) -> bool:
        """Sends until the server ends the connection or stops taking; true when all of it went out."""
        left = memoryview(data)
        end = Deadline(deadline)
        while left and not self.ended:
            readable, writable, _ = poll.select([self.sock] if reads else [], [self.sock], [], end.left())
            if readable:
                self._receive()
                if self.ended:
                    return False
            if writable:
                try:
                    n = self.sock.send(left[:1 << 18])
                    self.sent += n
                    left = left[n:]
                except BlockingIOError:
                    pass
                except OSError:
                    self.ended = True
            elif end.over():
                return False
        return not left

    def _receive(self) -> None:
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return  # or half a record
        except OSError:
            data = b""
        if not data:
            self.ended = True
        self._buffer += data
        while len(self._buffer) >= 9:
            size = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self._buffer[3:9])
            got = Frame(kind, flags, stream & 0x7fffffff, bytes(self._buffer[9:9 + size]))
            del self._buffer[:9 + size]
            self.frames.append(got)
            if kind == HEADERS:
                fields = dict(self._decoder.decode(got.payload))
                if ":status" in fields and int(fields[":status"]) >= 200:
                    self.statuses[got.stream] = int(fields[":status"])

    def read_until(self, condition: Callable[[], Any], what: str, deadline: float = 10.0) -> Any:
        end = Deadline(deadline)
        while not (value := condition()):
            if self.ended:
                raise AssertionError(f"connection ended before: {what}; frames {self.frames[-5:]}")
            readable, _, _ = poll.select([self.sock], [], [], end.left())
            if not readable:
                raise AssertionError(f"not within the deadline: {what}; frames {self.frames[-5:]}")
            self._receive()
        return value

    def read_to_end(self, deadline: float = 10.0) -> bool:
        """What still comes, until the server ends the connection; false when it does not."""
        end = Deadline(deadline)
        while not self.ended:
            readable, _, _ = poll.select([self.sock], [], [], end.left())
            if not readable:
                return False
            self._receive()
        return True

    def read_some(self) -> None:
        """What is there by now."""
        while not self.ended and poll.select([self.sock], [], [], 0)[0]:
            self._receive()

    def of(self, kind: int, stream: int | None = None) -> list[Frame]:
        return [f for f in self.frames if f.kind == kind and (stream is None or f.stream == stream)]

    @property
    def goaway(self) -> int | None:
        """Error code of the last GOAWAY."""
        found = self.of(GOAWAY)
        return found[-1].code if found else None

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "RawH2":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


DOORS = ("h2c", "h2")


def behind(door: str, hosts: Any) -> Proxy:
    """To be attacked in the clear, or over TLS."""
    proxy = Proxy(hosts, main={"log_level": "warn", **({"proxy_address_tls": f"127.0.0.1:{free_port()}"} if door == "h2" else {})})
    install(proxy.config / "certificates")
    return proxy


def attack_on(proxy: Proxy, initial: dict[int, int] | None = None, *, receive_buffer: int | None = None) -> RawH2:
    """By TLS when the proxy has a listener for it, else with prior knowledge."""
    secure = proxy.main.get("proxy_address_tls")
    address = ("127.0.0.1", int(secure.rpartition(":")[2])) if secure else proxy.address
    return RawH2(address, initial, receive_buffer=receive_buffer, tls=bool(secure))
