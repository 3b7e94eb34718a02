"""A scripted origin server: one thread per connection, exact bytes in both directions, everything recorded.

Handlers say what happens to a request:

    with Origin() as origin:
        origin.on("/slow", lambda conn, request: (gate.wait(10), conn.send(answer("late"))))

Without a handler a request is answered 200 with the body `<name> <METHOD> <target>`.
"""

from __future__ import annotations

import errno
import socket
import ssl
import struct
import threading
from typing import Callable

from support import poll
from support.deadline import Deadline, wait_until
from support.http1 import Closed, Malformed, Reader, Request, Truncated
from support.tls import TlsSocket


def answer(body: bytes | str = b"ok", status: str = "200 OK", fields: str = "") -> bytes:
    """A response with Content-Length. `fields` are whole lines, each with its CRLF."""
    data = body.encode("latin-1") if isinstance(body, str) else body
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(data)}\r\n\r\n".encode("latin-1") + data


class Stopped(Exception):
    """The origin is being closed while a handler runs."""


class Connection:
    """One accepted connection, as a handler sees it."""

    def __init__(self, origin: "Origin", sock: socket.socket, number: int):
        self.origin = origin
        self.sock = sock
        self.number = number
        self.reader = Reader(sock)
        self.open = True
        self.ended = threading.Event()
        """Set when this side has noticed the end of the connection, from whichever side."""
        self.waiting = False
        """Between two requests, with no byte of the next one read."""
        self.sent = 0

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.sock = TlsSocket(self.sock, context, server_side=True)  # type: ignore[assignment]
        self.reader.sock = self.sock

    def send(self, data: bytes | str, deadline: float = 60.0) -> None:
        left = memoryview(data.encode("latin-1") if isinstance(data, str) else data)
        end = Deadline(deadline)
        while left:
            _, ready, _ = poll.select([], [self.sock], [], min(0.1, end.left()))
            if self.origin.stopping.is_set():
                raise Stopped
            if ready:
                n = self.sock.send(left)
                self.sent += n
                left = left[n:]
            elif end.over():
                raise AssertionError(f"{len(left)} bytes not taken within the deadline")

    def hold(self, gate: threading.Event, deadline: float = 30.0) -> None:
        """Waits for the test to open the gate."""
        end = Deadline(deadline)
        while not gate.wait(min(0.05, end.left())):
            if self.origin.stopping.is_set():
                raise Stopped
            if end.over():
                raise AssertionError("the gate stayed shut")

    def hold_until_closed(self, deadline: float = 30.0) -> bytes:
        """Waits until the peer closes; gives what it sent meanwhile."""
        data = bytearray()
        try:
            self.reader.to_end(Deadline(deadline), data.extend)
        except ConnectionError:
            pass
        self.ended.set()
        self.open = False
        return bytes(data)

    def read_body(self, request: Request, sink: Callable[[bytes], object] | None = None, deadline: float = 30.0) -> None:
        if request.complete:
            return
        body = bytearray()
        try:
            self.reader.request_body(request, Deadline(deadline), sink or body.extend)
        finally:
            request.body = bytes(body)

    def half_close(self) -> None:
        """Nothing to do when the peer has ended the connection already."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as e:
            if e.errno != errno.ENOTCONN:
                raise

    def close(self) -> None:
        self.open = False
        self.sock.close()
        self.ended.set()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


Handler = Callable[[Connection, Request], object]


class Origin:
    def __init__(self, name: str = "origin", host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None):
        self.name = name
        self.host = host
        self.tls = tls
        self.requests: list[Request] = []
        """Every request whose head arrived, in order; `complete` tells whether the body did too."""
        self.connections: list[Connection] = []
        self.faults: list[str] = []
        """What no correct proxy sends: bytes that are not a request, or ambiguous ones."""
        self.stopping = threading.Event()
        self.on_connection: Callable[[Connection], object] | None = None
        """When set, it has the whole connection to itself and nothing is read for it."""
        self._after_body: dict[str, Handler] = {}
        self._on_head: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)
        self._acceptor.start()

    # What tests use.

    @property
    def server(self) -> str:
        """As it stands in `servers:`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def on(self, path: str, handler: Handler | bytes) -> None:
        """For requests of this path, once their body has been read. Bytes are sent as they are."""
        if isinstance(handler, bytes):
            data = handler
            self._after_body[path] = lambda conn, request: conn.send(data)
        else:
            self._after_body[path] = handler

    def on_head(self, path: str, handler: Handler) -> None:
        """As `on`, but called before the body is read."""
        self._on_head[path] = handler

    def seen(self, path: str) -> list[Request]:
        with self._lock:
            return [r for r in self.requests if r.path == path]

    def wait_seen(self, path: str, count: int = 1, deadline: float = 10.0) -> list[Request]:
        return wait_until(lambda: (r := self.seen(path)) and len(r) >= count and r,
                          f"{count} requests for {path} at {self.name}", deadline)

    def wait_connections(self, count: int, deadline: float = 10.0) -> None:
        wait_until(lambda: len(self.connections) >= count, f"{count} connections to {self.name}", deadline)

    def open_connections(self) -> int:
        """Connections whose end has not been noticed."""
        return sum(1 for c in list(self.connections) if not c.ended.is_set())

    def quiet(self) -> bool:
        """True when all that was sent here so far has been read: each open connection waits for its next request."""
        with self._lock:
            if poll.select([self._listener], [], [], 0)[0]:
                return False
            connections = [c for c in self.connections if not c.ended.is_set()]
        try:  # unread bytes first: a thread takes `waiting` back before it reads
            return not poll.select([c.sock for c in connections], [], [], 0)[0] and all(c.waiting for c in connections)
        except ValueError:
            return False  # one was closed just now

    def check(self) -> None:
        """Fails when the proxy sent something that no proxy may send."""
        assert not self.faults, f"{self.name} was sent: {self.faults}"

    # Serving.

    def _accept(self) -> None:
        while not self.stopping.is_set():
            ready, _, _ = poll.select([self._listener, self._woken], [], [])
            if self._listener not in ready:
                continue
            with self._lock:
                try:
                    sock, _ = self._listener.accept()
                except OSError:
                    continue
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                conn = Connection(self, sock, len(self.connections))
                self.connections.append(conn)
            thread = threading.Thread(target=self._serve, args=(conn,), name=f"{self.name}-{conn.number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, conn: Connection) -> None:
        try:
            if self.tls:
                conn.start_tls(self.tls)
            if self.on_connection:
                self.on_connection(conn)
            else:
                self.serve_requests(conn)
        except (Stopped, ConnectionError):
            pass
        except (Closed, Truncated):
            pass  # the proxy may end a connection at any time
        except Malformed as e:
            self._fault(conn, str(e))
        except ValueError:
            pass  # closed under the thread by close()
        except AssertionError as e:
            if not self.stopping.is_set():
                self._fault(conn, f"{type(e).__name__}: {e}")
        finally:
            conn.open = False
            conn.ended.set()
            conn.sock.close()

    def serve_requests(self, conn: Connection) -> None:
        """What happens to a connection that has nobody to itself."""
        index = 0
        while conn.open and self._one(conn, index):
            index += 1

    def _fault(self, conn: Connection, text: str) -> None:
        with self._lock:
            self.faults.append(f"connection {conn.number}: {text}")

    def _wait_readable(self, conn: Connection) -> bool:
        """Until bytes or the end arrive; false when the origin stops."""
        conn.waiting = not conn.reader.buffer
        while conn.waiting:
            if self.stopping.is_set():
                return False
            ready, _, _ = poll.select([conn.sock], [], [], 0.2)
            conn.waiting = not ready
        return True

    def _one(self, conn: Connection, index: int) -> bool:
        if not self._wait_readable(conn):
            return False
        request = conn.reader.request_head(Deadline(30))
        request.connection = conn.number
        request.index = index
        with self._lock:
            self.requests.append(request)
        early = self._on_head.get(request.path)
        if early:
            early(conn, request)
        else:
            conn.read_body(request)
            handler = self._after_body.get(request.path)
            if handler:
                handler(conn, request)
            else:
                body = b"" if request.method == "HEAD" else f"{self.name} {request.method} {request.target}".encode("latin-1")
                conn.send(f"HTTP/1.1 200 OK\r\nX-Origin: {self.name}\r\nContent-Length: {len(body)}\r\n\r\n"
                          .encode("latin-1") + body)
        if "close" in (request.get("connection") or "").lower():
            conn.close()
        return conn.open

    def close(self) -> None:
        self.stopping.set()
        self._wake.send(b"x")
        self._acceptor.join(10)
        self._listener.close()
        for conn in list(self.connections):
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        self._wake.close()
        self._woken.close()

    def __enter__(self) -> "Origin":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
