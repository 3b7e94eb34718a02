"""A strict HTTP/1 reader and the messages it gives, for both ends of the tests.

It accepts less than a proxy may: a peer that sends anything questionable is a finding, not an inconvenience.
Texts are latin-1, so every byte has one character.
"""

from __future__ import annotations

import dataclasses
import re
import socket
from typing import Callable, Iterable

from support import poll
from support.deadline import Deadline

MAX_HEAD = 1 << 20


class Closed(AssertionError):
    """The connection ended before the first byte of a message."""


class Truncated(AssertionError):
    """The connection ended inside a message."""


class Malformed(AssertionError):
    """The peer sent something that is not HTTP/1 as we demand it."""


Fields = list[tuple[str, str]]


class HasFields:
    fields: Fields

    def get_all(self, name: str) -> list[str]:
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The value of a field that may occur once."""
        values = self.get_all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times: {values}"
        return values[0] if values else None


@dataclasses.dataclass
class Message(HasFields):
    fields: Fields = dataclasses.field(default_factory=list)
    raw_head: bytes = b""
    body: bytes = b""
    trailers: Fields = dataclasses.field(default_factory=list)
    complete: bool = False

    def names(self) -> list[str]:
        return [n.lower() for n, _ in self.fields]


@dataclasses.dataclass
class Request(Message):
    method: str = ""
    target: str = ""
    version: str = ""
    connection: int = 0
    """Number of the connection it came on."""
    index: int = 0
    """Place on that connection, from 0."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclasses.dataclass
class Response(Message):
    version: str = ""
    status: int = 0
    reason: str = ""
    interim: list["Response"] = dataclasses.field(default_factory=list)
    framing: str = ""
    """none, length, chunked or close"""

    def text(self) -> str:
        return self.body.decode("latin-1")


_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[ \t\x21-\x7e\x80-\xff]*"
                    rb"[\x21-\x7e\x80-\xff])?)?)[ \t]*")
_STATUS = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9]{2})(?: ([\t \x21-\x7e\x80-\xff]*))?")
_REQUEST = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})")


def parse_fields(lines: Iterable[bytes]) -> Fields:
    out = []
    for line in lines:
        m = _FIELD.fullmatch(line)
        if not m:
            raise Malformed(f"field line {line!r}")
        out.append((m[1].decode("latin-1"), m[2].decode("latin-1")))
    return out


def split_head(head: bytes) -> list[bytes]:
    lines = head[:-4].split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line:
            raise Malformed(f"bare CR or LF in {line!r}")
    return lines


def content_length(message: Message) -> int | None:
    values = message.get_all("content-length")
    if not values:
        return None
    if len(values) > 1 or not re.fullmatch(r"[0-9]{1,18}", values[0]):
        raise Malformed(f"Content-Length {values}")
    return int(values[0])


def is_chunked(message: Message) -> bool:
    values = message.get_all("transfer-encoding")
    if not values:
        return False
    if len(values) > 1 or values[0].lower() != "chunked":
        raise Malformed(f"Transfer-Encoding {values}")
    if message.get_all("content-length"):
        raise Malformed("Transfer-Encoding beside Content-Length")
    return True


class Reader:
    """Reads messages from a socket; every byte it has seen stays in `seen` when asked for."""

    def __init__(self, sock: socket.socket, record: bool = False):
        self.sock = sock
        self.buffer = bytearray()
        self.seen = bytearray()
        self.record = record
        self.ended = False

    def fill(self, end: Deadline, size: int = 1 << 16) -> bool:
        """Gets more bytes; false when the peer has closed. Fails at the deadline."""
        if self.ended:
            return False
        ready, _, _ = poll.select([self.sock], [], [], end.left())
        if not ready:
            raise AssertionError(f"no bytes within the deadline; so far {bytes(self.buffer[:300])!r}")
        try:
            data = self.sock.recv(size)
        except BlockingIOError:  # what came was TLS's own
            return True
        if not data:
            self.ended = True
            return False
        self.buffer += data
        if self.record:
            self.seen += data
        return True

    def take(self, n: int) -> bytes:
        out = bytes(self.buffer[:n])
        del self.buffer[:n]
        return out

    def until(self, mark: bytes, end: Deadline) -> bytes:
        """Bytes up to and with `mark`."""
        scanned = 0
        while True:
            at = self.buffer.find(mark, max(0, scanned - len(mark)))
            if at >= 0:
                return self.take(at + len(mark))
            scanned = len(self.buffer)
            if scanned > MAX_HEAD:
                raise Malformed("head without end")
            if not self.fill(end):
                if not self.buffer:
                    raise Closed("closed before a message")
                raise Truncated(f"closed inside a head: {bytes(self.buffer[:300])!r}")

    def exactly(self, n: int, end: Deadline, sink: Callable[[bytes], object]) -> None:
        while n > 0:
            if not self.buffer and not self.fill(end):
                raise Truncated(f"closed {n} bytes before the end of a body")
            piece = self.take(min(n, len(self.buffer)))
            n -= len(piece)
            sink(piece)

    def to_end(self, end: Deadline, sink: Callable[[bytes], object]) -> None:
        while self.buffer or self.fill(end):
            sink(self.take(len(self.buffer)))

    def chunked(self, message: Message, end: Deadline, sink: Callable[[bytes], object]) -> None:
        try:
            while True:
                line = self.until(b"\r\n", end)[:-2]
                if not _CHUNK.fullmatch(line):
                    raise Malformed(f"chunk size line {line!r}")
                size = int(line, 16)
                if size == 0:
                    break
                self.exactly(size, end, sink)
                if self.until(b"\r\n", end) != b"\r\n":
                    raise Malformed("chunk longer than its size")
            lines = []
            while (line := self.until(b"\r\n", end)) != b"\r\n":
                lines.append(line[:-2])
            message.trailers = parse_fields(lines)
        except Closed as e:
            raise Truncated("closed inside a chunked body") from e

    # Requests, as an origin reads them.

    def request_head(self, end: Deadline) -> Request:
        head = self.until(b"\r\n\r\n", end)
        lines = split_head(head)
        m = _REQUEST.fullmatch(lines[0])
        if not m:
            raise Malformed(f"request line {lines[0]!r}")
        return Request(raw_head=head, fields=parse_fields(lines[1:]), method=m[1].decode(), target=m[2].decode(),
                       version=m[3].decode())

    def request_body(self, request: Request, end: Deadline, sink: Callable[[bytes], object]) -> None:
        if is_chunked(request):
            self.chunked(request, end, sink)
        else:
            self.exactly(content_length(request) or 0, end, sink)
        request.complete = True

    # Responses, as a client reads them.

    def response_head(self, end: Deadline) -> Response:
        head = self.until(b"\r\n\r\n", end)
        lines = split_head(head)
        m = _STATUS.fullmatch(lines[0])
        if not m:
            raise Malformed(f"status line {lines[0]!r}")
        return Response(raw_head=head, fields=parse_fields(lines[1:]), version=m[1].decode(), status=int(m[2]),
                        reason=(m[3] or b"").decode("latin-1"))

    def response(self, method: str, end: Deadline, sink: Callable[[bytes], object] | None = None) -> Response:
        """One final response with its body; 1xx before it are in `interim`. 101 ends the reading."""
        interim = []
        while True:
            head = self.response_head(end)
            if head.status >= 200 or head.status == 101:
                break
            interim.append(head)
        head.interim = interim
        body = bytearray()
        put = sink or body.extend
        try:
            self._response_body(head, method, end, put)
        finally:
            head.body = bytes(body)
        return head

    def body(self, message: Message, method: str = "") -> "Body":
        """To pull the body of a message whose head has been read; `method` is that of the request when it is a response."""
        return Body(self, message, method)

    def _response_body(self, head: Response, method: str, end: Deadline, sink: Callable[[bytes], object]) -> None:
        length = content_length(head)
        chunked = is_chunked(head)
        if head.status in (101, 204) and (chunked or length is not None):
            raise Malformed(f"{head.status} with a body length")
        if method == "HEAD" or head.status in (101, 204, 304):
            head.framing = "none"
        elif chunked:
            head.framing = "chunked"
            self.chunked(head, end, sink)
        elif length is not None:
            head.framing = "length"
            self.exactly(length, end, sink)
        else:
            head.framing = "close"
            self.to_end(end, sink)
        head.complete = True


class Body:
    """A body that is pulled piece by piece."""

    def __init__(self, reader: Reader, message: Message, method: str):
        self._reader = reader
        self._message = message
        self._chunked = is_chunked(message)
        self._left: int | None = 0
        if method == "HEAD" or isinstance(message, Response) and message.status in (101, 204, 304):
            self._chunked = False
        elif not self._chunked:
            length = content_length(message)
            self._left = length if length is not None or isinstance(message, Response) else 0
        if not self._chunked and self._left == 0:
            message.complete = True

    def read(self, n: int, end: Deadline) -> bytes:
        """Up to n bytes; none at the end, with the trailers in the message."""
        while not self._message.complete:
            if self._chunked and self._left == 0 and not self._next_chunk(end):
                break
            if not self._reader.buffer and not self._reader.fill(end):
                if self._chunked or self._left is not None:
                    raise Truncated("closed inside a body")
                self._message.complete = True
            piece = self._reader.take(min(n, len(self._reader.buffer) if self._left is None else self._left))
            self._took(len(piece), end)
            if piece:
                return piece
        return b""

    def _took(self, n: int, end: Deadline) -> None:
        if self._left is None or n == 0:
            return
        self._left -= n
        if self._left > 0:
            return
        if not self._chunked:
            self._message.complete = True
        elif self._reader.until(b"\r\n", end) != b"\r\n":
            raise Malformed("chunk longer than its size")

    def _next_chunk(self, end: Deadline) -> bool:
        try:
            line = self._reader.until(b"\r\n", end)[:-2]
            if not _CHUNK.fullmatch(line):
                raise Malformed(f"chunk size line {line!r}")
            self._left = int(line, 16)
            if self._left:
                return True
            lines = []
            while (line := self._reader.until(b"\r\n", end)) != b"\r\n":
                lines.append(line[:-2])
        except Closed as e:
            raise Truncated("closed inside a chunked body") from e
        self._message.trailers = parse_fields(lines)
        self._message.complete = True
        return False
