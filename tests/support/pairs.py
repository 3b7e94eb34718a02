"""One shape for a client and one for an upstream, whatever protocol they speak: what the table of protocol pairs is made of.

The protocols are h1, h1s (HTTP/1.1 in TLS), h2c (HTTP/2 with prior knowledge) and h2s (HTTP/2 in TLS). A new one needs an
entry in PROTOCOLS, an exchange for the client's side and one for the upstream's.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import threading
from typing import Any, Callable, Iterable

from support.client import Address, Client
from support.deadline import Deadline, wait_until
from support.http1 import Body, Closed, Fields, HasFields, Request, Truncated
from support.http2 import PREFACE, Broken, H2Connection, Stream
from support.origin import Connection, Origin
from support.tls import client_context, server_context

PROTOCOLS = {
    # name: (HTTP version, TLS, ALPN that a client offers, ALPN that an upstream offers)
    "h1": (1, False, (), ()),
    "h1s": (1, True, ("http/1.1",), ("http/1.1",)),
    "h2c": (2, False, (), ()),
    "h2s": (2, True, ("h2", "http/1.1"), ("h2", "http/1.1")),
}

CLIENTS = ["h1", "h1s", "h2c", "h2s"]
UPSTREAMS = ["h1", "h1s", "h2c", "h2s"]
"""What the proxy speaks on each side: the one place that makes it part of the tests."""

ACTIVE = [(c, u) for c in CLIENTS for u in UPSTREAMS]
if "ARALEZ_PAIRS" in os.environ:  # others, while they are being made: h2c-h1,h2s-h1
    ACTIVE = [(pair.split("-")[0], pair.split("-")[1]) for pair in os.environ["ARALEZ_PAIRS"].split(",")]

_HOP = ("connection", "transfer-encoding", "keep-alive", "upgrade")
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Pairs = Iterable[tuple[str, str]]


def accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


@dataclasses.dataclass
class Head(HasFields):
    status: int
    fields: Fields


def _read_body(body: Body, n: int, deadline: float) -> bytes:
    """Of HTTP/1; a body that breaks off is Broken, as with HTTP/2."""
    try:
        return body.read(n, Deadline(deadline))
    except (Truncated, ConnectionError) as e:
        raise Broken(str(e)) from e


def _lines(fields: Pairs) -> str:
    return "".join(f"{n}: {v}\r\n" for n, v in fields)


class Exchange:
    """What both sides have in common. An end that comes too early is Broken, in both directions."""

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    def finish(self, trailers: Pairs = ()) -> None:
        """The end of what is sent."""
        raise NotImplementedError

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        """Up to n bytes of the body; none at its end."""
        raise NotImplementedError

    def reset(self) -> None:
        """Ends it at once: RST_STREAM, or the reset of the connection."""
        raise NotImplementedError

    @property
    def trailers(self) -> Fields:
        raise NotImplementedError

    def body(self, sink: Callable[[bytes], object] | None = None) -> bytes:
        """All that is left of the body, or nothing with a sink."""
        out = bytearray()
        put = sink or out.extend
        while piece := self.read():
            put(piece)
        return bytes(out)


# The client's side.

class ClientExchange(Exchange):
    def head(self, deadline: float = 10.0) -> Head:
        """The final head."""
        raise NotImplementedError

    def interim(self, deadline: float = 10.0) -> Head:
        """The first interim head, which may have to be waited for."""
        raise NotImplementedError


class H1ClientExchange(ClientExchange):
    def __init__(self, client: Client, method: str, chunked: bool):
        self.client = client
        self._method = method
        self._chunked = chunked
        self._head: Head | None = None
        self._interim: list[Head] = []

    def send(self, data: bytes) -> None:
        try:
            self.client.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data, 60)
        except OSError as e:
            raise Broken(str(e)) from e

    def finish(self, trailers: Pairs = ()) -> None:
        if self._chunked:
            self.client.send(f"0\r\n{_lines(trailers)}\r\n")

    def _next(self, deadline: float) -> Head:
        try:
            self._message = self.client.reader.response_head(Deadline(deadline))
        except (Closed, Truncated, ConnectionError) as e:
            raise Broken(str(e)) from e
        return Head(self._message.status, self._message.fields)

    def head(self, deadline: float = 10.0) -> Head:
        while self._head is None:
            head = self._next(deadline)
            if head.status < 200 and head.status != 101:
                self._interim.append(head)
            else:
                self._head = head
                self._body = self.client.reader.body(self._message, self._method)
        return self._head

    def interim(self, deadline: float = 10.0) -> Head:
        if not self._interim:
            self._interim.append(self._next(deadline))
            assert self._interim[0].status < 200, f"a final answer: {self._interim[0]}"
        return self._interim[0]

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        self.head()
        return _read_body(self._body, n, deadline)

    @property
    def trailers(self) -> Fields:
        return self._message.trailers

    def reset(self) -> None:
        self.client.reset()


class H2ClientExchange(ClientExchange):
    def __init__(self, stream: Stream):
        self.stream = stream

    def send(self, data: bytes) -> None:
        self.stream.send(data)

    def finish(self, trailers: Pairs = ()) -> None:
        self.stream.finish(trailers)

    def head(self, deadline: float = 10.0) -> Head:
        return _h2_head(self.stream.wait_head(deadline))

    def interim(self, deadline: float = 10.0) -> Head:
        return _h2_head(self.stream.wait_interim(deadline))

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        return self.stream.read(n, deadline)

    @property
    def trailers(self) -> Fields:
        return self.stream.trailers

    def reset(self) -> None:
        self.stream.cancel()


def _h2_head(fields: Fields) -> Head:
    assert [n for n, _ in fields if n.startswith(":")] == [":status"], fields
    assert not [n for n, _ in fields if n.lower() in _HOP or n != n.lower()], fields
    return Head(int(fields[0][1]), fields[1:])


class Tunnel:
    """Bytes both ways after an upgrade."""

    def __init__(self, send: Callable[[bytes], object], read: Callable[[], bytes], end: Callable[[], object], reset: Callable[[], object]):
        self.send = send
        self.read = read
        """Some bytes, none at the end."""
        self.end = end
        """Nothing more will be sent."""
        self.reset = reset

    def exactly(self, n: int) -> bytes:
        out = bytearray()
        while len(out) < n:
            piece = self.read()
            if not piece:
                raise Broken(f"tunnel ended after {len(out)} of {n} bytes")
            out += piece
        return bytes(out)


def _h1_tunnel(peer: Client | Connection) -> Tunnel:
    def read() -> bytes:
        while not peer.reader.buffer:
            if not peer.reader.fill(Deadline(30)):
                return b""
        return peer.reader.take(len(peer.reader.buffer))
    return Tunnel(peer.send, read, peer.half_close, peer.reset)


def _h2_tunnel(stream: Stream) -> Tunnel:
    return Tunnel(stream.send, stream.read, stream.finish, stream.cancel)


class PairClient:
    """A client of one protocol. h1 has one exchange at a time per connection and opens a new one for each that overlaps."""

    def __init__(self, protocol: str, address: Address, host: str = "a.test", *, receive_buffer: int | None = None,
                 **connection: Any):
        """`connection`: as `Client` has it, for each connection."""
        self.version, self.tls, self._alpn, _ = PROTOCOLS[protocol]
        self.host = host
        self.scheme = "https" if self.tls else "http"
        self._address = address
        self._receive_buffer = receive_buffer
        self._connection = connection
        self._clients: list[Client] = []
        self._last: H1ClientExchange | None = None
        self._h2: H2Connection | None = None

    def _connect(self) -> Client:
        client = Client(self._address, receive_buffer=self._receive_buffer, tls=client_context(self._alpn) if self.tls else None,
                        name=self.host, **self._connection)
        if self.tls:
            wanted = "h2" if self.version == 2 else "http/1.1"
            assert client.sock.alpn == wanted, f"ALPN gave {client.sock.alpn}, not {wanted}"  # type: ignore[attr-defined]
        self._clients.append(client)
        return client

    @property
    def h2(self) -> H2Connection:
        if self._h2 is None:
            self._h2 = H2Connection(self._connect().sock).start()
        return self._h2

    def _h1(self) -> Client:
        """The connection of the last exchange when that is over and done with."""
        last = self._last
        if last and last._head and last._message.complete and "close" not in (last._head.get("connection") or "").lower():
            return last.client
        return self._connect()

    def open(self, method: str, path: str, fields: Pairs = (), *, length: int | None = None, body: bool = False) -> ClientExchange:
        """Sends a request head. With `body` or a length the body is still to be sent, without a length chunked or as h2 has it."""
        fields = list(fields) + ([("content-length", str(length))] if length is not None else [])
        body = body or length is not None
        if self.version == 2:
            head = [(":method", method), (":scheme", self.scheme), (":authority", self.host), (":path", path)]
            return H2ClientExchange(self.h2.open(head + fields, end=not body))
        client = self._h1()
        chunked = body and length is None
        if chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        client.send(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{_lines(fields)}\r\n")
        self._last = H1ClientExchange(client, method, chunked)
        return self._last

    def request(self, method: str, path: str, fields: Pairs = (), data: bytes | None = None, deadline: float = 10.0) -> tuple[Head, bytes]:
        """A whole exchange; what is sent has a length."""
        exchange = self.open(method, path, fields, length=None if data is None else len(data))
        if data is not None:
            exchange.send(data)
            exchange.finish()
        return exchange.head(deadline), exchange.body()

    def websocket(self, path: str) -> Tunnel:
        """The handshake of RFC 6455 or RFC 8441; what follows is up to the caller."""
        if self.version == 2:
            assert self.h2.peer_setting(8) == 1, "no SETTINGS_ENABLE_CONNECT_PROTOCOL"
            stream = self.h2.open([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.scheme), (":authority", self.host),
                                   (":path", path), ("sec-websocket-version", "13"), ("origin", f"{self.scheme}://{self.host}")])
            head = _h2_head(stream.wait_head())
            assert head.status == 200, head
            assert head.get("sec-websocket-accept") is None, head
            return _h2_tunnel(stream)
        key = base64.b64encode(os.urandom(16)).decode()
        client = self._connect()
        client.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nOrigin: {self.scheme}://{self.host}\r\n\r\n")
        answer = client.reader.response_head(Deadline(10))
        assert (answer.status, answer.get("upgrade"), answer.get("sec-websocket-accept")) == (101, "websocket", accept_key(key)), answer
        return _h1_tunnel(client)

    def check(self) -> None:
        """Fails when the other side broke the protocol."""
        assert not (self._h2 and self._h2.faults), f"faults of the server: {self._h2.faults}"

    def close(self) -> None:
        if self._h2:
            self._h2.close()
        for client in self._clients:
            client.close()

    def __enter__(self) -> "PairClient":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self.close()
        if kind is None:
            self.check()


# The upstream's side.

class ServerExchange(Exchange, HasFields):
    method: str
    path: str
    authority: str
    fields: Fields
    """Without those that belong to the protocol."""
    version: int
    """Of HTTP, as it came."""
    complete: bool
    """The whole request came."""
    finished = False
    """The whole answer was sent."""

    def interim(self, status: int, fields: Pairs = ()) -> None:
        raise NotImplementedError

    def respond(self, status: int = 200, fields: Pairs = (), length: int | None = None) -> None:
        """The final head; without a length the body is chunked or as h2 has it. `finish` ends it, whatever it carried."""
        raise NotImplementedError

    def answer(self, body: bytes | str = b"", status: int = 200, fields: Pairs = ()) -> None:
        """A whole answer."""
        data = body.encode() if isinstance(body, str) else body
        self.respond(status, fields, length=len(data))
        if data and self.method != "HEAD":
            self.send(data)
        self.finish()

    def wait_gone(self, deadline: float = 10.0) -> None:
        """Until the proxy has given up: by a reset, or by the end of the connection."""
        raise NotImplementedError

    def accept_websocket(self) -> Tunnel:
        raise NotImplementedError


class H1ServerExchange(ServerExchange):
    version = 1

    def __init__(self, conn: Connection, request: Request):
        self.conn = conn
        self.method, self.path, self.authority = request.method, request.path, request.get("host") or ""
        self.fields = [(n, v) for n, v in request.fields if n.lower() not in ("host", *_HOP)]
        self.request = request
        self._body = conn.reader.body(request)
        self._chunked = False

    @property
    def complete(self) -> bool:  # type: ignore[override]
        return self.request.complete

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        return _read_body(self._body, n, deadline)

    @property
    def trailers(self) -> Fields:
        return self.request.trailers

    def interim(self, status: int, fields: Pairs = ()) -> None:
        self.conn.send(f"HTTP/1.1 {status} Interim\r\n{_lines(fields)}\r\n")

    def respond(self, status: int = 200, fields: Pairs = (), length: int | None = None) -> None:
        self._chunked = length is None
        framing = "Transfer-Encoding: chunked\r\n" if length is None else f"Content-Length: {length}\r\n"
        self.conn.send(f"HTTP/1.1 {status} Final\r\n{_lines(fields)}{framing}\r\n")

    def send(self, data: bytes) -> None:
        try:
            self.conn.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        except ConnectionError as e:
            raise Broken(str(e)) from e

    def finish(self, trailers: Pairs = ()) -> None:
        if self._chunked:
            self.conn.send(f"0\r\n{_lines(trailers)}\r\n")
        self.finished = True

    def wait_gone(self, deadline: float = 10.0) -> None:
        self.conn.hold_until_closed(deadline)

    def reset(self) -> None:
        self.conn.reset()

    def accept_websocket(self) -> Tunnel:
        assert self.request.get("upgrade") == "websocket" and (self.request.get("connection") or "").lower() == "upgrade", self.request.fields
        key = self.get("sec-websocket-key") or ""
        assert len(base64.b64decode(key)) == 16 and self.get("sec-websocket-version") == "13", self.request.fields
        self.conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n")
        return _h1_tunnel(self.conn)


class H2ServerExchange(ServerExchange):
    version = 2

    def __init__(self, stream: Stream):
        self.stream = stream
        self.pseudo = {n: v for n, v in stream.fields if n.startswith(":")}
        self.method, self.path = self.pseudo[":method"], self.pseudo.get(":path", "").partition("?")[0]
        self.fields = [(n, v) for n, v in stream.fields if not n.startswith(":")]
        self.authority = self.pseudo.get(":authority") or self.get("host") or ""
        assert not [n for n, _ in self.fields if n in _HOP], self.fields

    @property
    def complete(self) -> bool:  # type: ignore[override]
        return self.stream.ended

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        return self.stream.read(n, deadline)

    @property
    def trailers(self) -> Fields:
        return self.stream.trailers

    def interim(self, status: int, fields: Pairs = ()) -> None:
        self.stream.send_head([(":status", str(status)), *((n.lower(), v) for n, v in fields)])

    def respond(self, status: int = 200, fields: Pairs = (), length: int | None = None) -> None:
        extra = [] if length is None else [("content-length", str(length))]
        self.stream.send_head([(":status", str(status)), *((n.lower(), v) for n, v in fields), *extra])

    def send(self, data: bytes) -> None:
        self.stream.send(data)

    def finish(self, trailers: Pairs = ()) -> None:
        self.stream.finish((n.lower(), v) for n, v in trailers)
        self.finished = True

    def wait_gone(self, deadline: float = 10.0) -> None:
        self.stream.wait_gone(deadline)

    def reset(self) -> None:
        self.stream.cancel(2)

    def accept_websocket(self) -> Tunnel:
        assert self.pseudo.get(":protocol") == "websocket" and self.method == "CONNECT", self.pseudo
        self.stream.send_head([(":status", "200")])
        return _h2_tunnel(self.stream)


Handler = Callable[[ServerExchange], object]


class Upstream(Origin):
    """An upstream of one protocol. One that speaks h2 takes HTTP/1.1 too, as servers do; `version` of an exchange tells.

    A handler has the exchange to itself from its head on. Without one a request is answered `<METHOD> <path> <body>`.
    """

    def __init__(self, protocol: str, *, window: int | None = None, settings: dict[int, int] | None = None):
        """`window` and `settings` are those of its HTTP/2 connections."""
        version, tls, _, alpn = PROTOCOLS[protocol]
        super().__init__(protocol, tls=server_context(alpn) if tls else None)
        self.protocol = protocol
        self.address = (self.host, self.port)
        self.exchanges: list[ServerExchange] = []
        self._speaks_h2 = version == 2
        self._handlers: dict[str, Handler] = {}
        self.h2_connections: list[H2Connection] = []
        self._h2_keys: dict[str, Any] = {"settings": settings, **({} if window is None else {"window": window})}
        self.on_connection = self._connection

    @property
    def pinned(self) -> str:
        """As it stands in `servers:`, with what it speaks."""
        return {"h1": "http://", "h2c": "h2c://"}.get(self.protocol, "https://") + self.server

    def handle(self, path: str, handler: Handler) -> None:
        self._handlers[path] = handler

    def of(self, path: str) -> list[ServerExchange]:
        with self._lock:
            return [e for e in self.exchanges if e.path == path]

    def wait_exchange(self, path: str, deadline: float = 10.0) -> ServerExchange:
        """The last one that came for this path."""
        return wait_until(lambda: self.of(path), f"request for {path} at the upstream", deadline)[-1]

    def check(self) -> None:
        """As that of an origin, telling each fault once: many tests share an upstream."""
        with self._lock:
            faults, self.faults = self.faults, []
            for c in self.h2_connections:
                faults += c.faults
                c.faults = []
        assert not faults, f"{self.name} was sent: {faults}"

    def close(self) -> None:
        for conn in list(self.h2_connections):
            conn.close(goaway=False)
        super().close()

    def _connection(self, conn: Connection) -> None:
        if self._speaks_h2 and self._is_h2(conn):
            h2 = H2Connection(conn.sock, lambda stream: self._exchange(H2ServerExchange(stream)),
                              received=conn.reader.take(len(conn.reader.buffer)), **self._h2_keys)
            with self._lock:
                self.h2_connections.append(h2)
            h2.run()
        else:
            self.serve_requests(conn)

    def _is_h2(self, conn: Connection) -> bool:
        if self.tls:
            return conn.sock.alpn == "h2"  # type: ignore[attr-defined]
        while len(conn.reader.buffer) < len(PREFACE) and PREFACE.startswith(bytes(conn.reader.buffer)):
            if not self._wait_readable(conn) or not conn.reader.fill(Deadline(30)):
                return False
        return conn.reader.buffer.startswith(PREFACE)

    def _one(self, conn: Connection, index: int) -> bool:
        if not self._wait_readable(conn):
            return False
        request = conn.reader.request_head(Deadline(30))
        exchange = H1ServerExchange(conn, request)
        self._exchange(exchange)
        if not exchange.finished or request.get("upgrade"):
            conn.close()
        elif conn.open:
            try:  # what is left of the request, for a while
                while exchange.read(deadline=5.0):
                    pass
            except AssertionError:
                conn.close()
        return conn.open

    def _exchange(self, exchange: ServerExchange) -> None:
        with self._lock:
            self.exchanges.append(exchange)
        try:
            self._handlers.get(exchange.path, _default)(exchange)
        except Broken:
            pass  # the proxy may end an exchange at any time
        except AssertionError as e:
            if not self.stopping.is_set():
                with self._lock:
                    self.faults.append(f"{exchange.method} {exchange.path}: {e}")


def _default(exchange: ServerExchange) -> None:
    body = exchange.body()
    exchange.answer(f"{exchange.method} {exchange.path} ".encode() + body)


def pair_name(pair: tuple[str, str, bool]) -> str:
    """For the name of a test: client, upstream, and whether nothing is in between."""
    client, upstream, direct = pair
    return f"{client}-direct" if direct else f"{client}-{upstream}"


class Gate(threading.Event):
    """Opened by the test, waited for by a handler."""

    def hold(self, deadline: float = 30.0) -> None:
        end = Deadline(deadline)
        while not self.wait(0.05):
            assert not end.over(), "the gate stayed shut"
