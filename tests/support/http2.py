"""HTTP/2 for both ends of the tests, on python3-h2.

A thread per connection moves bytes and answers what the protocol answers by itself. Streams are used from any thread. What
a peer sends beyond its windows, and whatever else h2 finds wrong, is a fault of that peer.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Callable, Iterable

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from support import poll
from support.deadline import Deadline
from support.http1 import Fields

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 256 * 1024
"""Of each stream; that of the connection is four times as large, so that one reader that pauses does not stop the others."""
_OUT = 256 * 1024


class Broken(AssertionError):
    """The message ended before it was complete: by a reset or by the end of its connection."""


class Stream:
    def __init__(self, conn: "H2Connection", number: int):
        self.conn = conn
        self.number = number
        self.fields: Fields = []
        """Of the request or of the final answer, once it came."""
        self.interim: list[Fields] = []
        self.trailers: Fields = []
        self.has_head = False
        self.ended = False
        """The peer has ended its side."""
        self.reset: int | None = None
        """Error code of the reset from the peer; -1 when the connection is gone."""
        self.sent = 0
        self._data = bytearray()

    def _wait(self, ready: Callable[[], object], what: str, deadline: float) -> None:
        """Until `ready`, which is called with the lock held."""
        end = Deadline(deadline)
        while not ready():
            if end.over():
                raise AssertionError(f"stream {self.number}: no {what} within the deadline")
            self.conn.changed.wait(min(0.5, end.left()))

    def wait_head(self, deadline: float = 10.0) -> Fields:
        with self.conn.changed:
            self._wait(lambda: self.has_head or self.reset is not None, "head", deadline)
            if not self.has_head:
                raise Broken(f"stream {self.number} reset with {self.reset} before a head")
            return self.fields

    def wait_interim(self, deadline: float = 10.0) -> Fields:
        """The first interim answer."""
        with self.conn.changed:
            self._wait(lambda: self.interim or self.has_head or self.reset is not None, "interim answer", deadline)
            assert self.interim, f"no interim answer; head {self.fields}, reset {self.reset}"
            return self.interim[0]

    def read(self, n: int = 65536, deadline: float = 30.0) -> bytes:
        """Up to n bytes, which is what the peer gets credit for; none at the end."""
        with self.conn.changed:
            self._wait(lambda: self._data or self.ended or self.reset is not None, "data", deadline)
            if not self._data:
                if self.ended:
                    return b""
                raise Broken(f"stream {self.number} reset with {self.reset} inside a body")
            piece = bytes(self._data[:n])
            del self._data[:n]
            self.conn.acknowledge(len(piece), self.number)
            return piece

    def send_head(self, fields: Iterable[tuple[str, str]], end: bool = False) -> None:
        with self.conn.changed:
            self._check_open()
            self.conn.h2.send_headers(self.number, list(fields), end_stream=end)
            self.conn.flush()

    def send(self, data: bytes, deadline: float = 60.0) -> None:
        left = memoryview(data)
        with self.conn.changed:
            while left:
                self._wait(lambda: self._room() > 0 or self.reset is not None, "window", deadline)
                if self._unwanted():
                    return
                self._check_open()
                n = min(len(left), self._room(), self.conn.h2.max_outbound_frame_size)
                self.conn.h2.send_data(self.number, bytes(left[:n]))
                self.sent += n
                left = left[n:]
                self.conn.flush()

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        with self.conn.changed:
            if self._unwanted():
                return
            self._check_open()
            if trailers := list(trailers):
                self.conn.h2.send_headers(self.number, trailers, end_stream=True)
            else:
                self.conn.h2.end_stream(self.number)
            self.conn.flush()

    def cancel(self, code: int = h2.errors.ErrorCodes.CANCEL) -> None:
        with self.conn.changed:
            if self.reset is None and not self.conn.closed:
                try:
                    self.conn.h2.reset_stream(self.number, code)
                except h2.exceptions.StreamClosedError:
                    pass
                self.conn.acknowledge(len(self._data), self.number)
                self._data.clear()
                self.reset = code
                self.conn.flush()

    def wait_gone(self, deadline: float = 10.0) -> None:
        """Until the peer has reset the stream or its connection has ended."""
        with self.conn.changed:
            self._wait(lambda: self.reset is not None, "reset", deadline)

    @property
    def gone(self) -> bool:
        return self.reset is not None

    def _room(self) -> int:
        if len(self.conn.out) >= _OUT:
            return 0
        return self.conn.h2.local_flow_control_window(self.number) if self.reset is None else 0

    def _unwanted(self) -> bool:
        """The answer is whole and the rest of the request is not asked for: RFC 9113 section 8.1."""
        return self.reset == h2.errors.ErrorCodes.NO_ERROR

    def _check_open(self) -> None:
        if self.reset is not None:
            raise Broken(f"stream {self.number} was reset with {self.reset}")


class H2Connection:
    """One connection. A server gets `on_stream`, called on a thread of its own for each request."""

    def __init__(self, sock: socket.socket, on_stream: Callable[[Stream], None] | None = None, *, window: int = WINDOW,
                 received: bytes = b"", settings: dict[int, int] | None = None):
        self.sock = sock
        self.changed = threading.Condition()
        self.out = bytearray()
        self.streams: dict[int, Stream] = {}
        self.closed = False
        self.goaway: int | None = None
        """Error code of the GOAWAY from the peer."""
        self.ping_answers = 0
        self.faults: list[str] = []
        """What the peer did against the protocol."""
        self.thread: threading.Thread | None = None
        self._on_stream = on_stream
        self._closing = False
        self._received = received
        self._frames = bytearray()
        self._preface_left = on_stream is not None
        self._odd = 1 if on_stream is None else 0
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=on_stream is None, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False))
        codes = h2.settings.SettingCodes
        self.h2.local_settings = h2.settings.Settings(client=on_stream is None, initial_values={
            codes.INITIAL_WINDOW_SIZE: window, codes.MAX_CONCURRENT_STREAMS: 1000, codes.MAX_HEADER_LIST_SIZE: 1 << 20,
            **({codes.ENABLE_PUSH: 0} if on_stream is None else {codes.ENABLE_CONNECT_PROTOCOL: 1}), **(settings or {})})
        with self.changed:
            self.h2.initiate_connection()
            self.h2.increment_flow_control_window(4 * WINDOW - 65535)
            self.flush()

    def start(self) -> "H2Connection":
        """Runs it on a thread of its own."""
        self.thread = threading.Thread(target=self.run, name="h2", daemon=True)
        self.thread.start()
        return self

    def open(self, fields: Iterable[tuple[str, str]], end: bool = False) -> Stream:
        """A request of ours."""
        with self.changed:
            if self.closed or self.goaway is not None:
                raise Broken(f"no new stream on a connection that ended ({self.goaway})")
            number = self.h2.get_next_available_stream_id()
            stream = self.streams[number] = Stream(self, number)
            self.h2.send_headers(number, list(fields), end_stream=end)
            self.flush()
            return stream

    def wait_settings(self, deadline: float = 10.0) -> None:
        """Until the peer's first SETTINGS are known."""
        end = Deadline(deadline)
        with self.changed:
            while not self._has_settings:
                assert not self.closed and not end.over(), "no SETTINGS from the peer"
                self.changed.wait(min(0.5, end.left()))

    _has_settings = False

    def peer_setting(self, code: int) -> int | None:
        self.wait_settings()
        with self.changed:
            return self.h2.remote_settings.get(code)

    def flush(self) -> None:
        """With the lock: what h2 wants to say goes out."""
        self.out += self.h2.data_to_send()
        if threading.current_thread() is not self.thread:
            self.wake()

    def acknowledge(self, n: int, number: int) -> None:
        """With the lock: gives credit for n bytes."""
        if n and not self.closed:
            self.h2.acknowledge_received_data(n, number)
            self.flush()

    def close(self, goaway: bool = True) -> None:
        with self.changed:
            if goaway and not self.closed:
                try:
                    self.h2.close_connection()
                    self.flush()
                except h2.exceptions.ProtocolError:
                    pass
            self._closing = True
            self.wake()
        if self.thread and self.thread is not threading.current_thread():
            self.thread.join(5)
            if self.thread.is_alive():  # the peer takes nothing
                self.cut()

    def wake(self) -> None:
        try:
            self._wake.send(b"x")
        except OSError:
            pass

    def round_trip(self, deadline: float = 10.0) -> None:
        """Until the peer has taken all that was sent so far."""
        end = Deadline(deadline)
        with self.changed:
            before = self.ping_answers
            self.h2.ping(b"roundtri")
            self.flush()
            while self.ping_answers == before:
                assert not self.closed and not end.over(), "no answer to a PING"
                self.changed.wait(min(0.5, end.left()))

    def say_goaway(self, last: int, code: int = 0) -> None:
        """Streams above `last` were not looked at; what is under way goes on (h2 itself would end it all)."""
        with self.changed:
            self.out += struct.pack(">I", 8)[1:] + struct.pack(">BBIII", 7, 0, 0, last, code)
            self.wake()

    def cut(self) -> None:
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self.changed:
            self.out.clear()
            self._closing = True
            self.wake()
        if self.thread:
            self.thread.join(10)

    # The thread of the connection.

    def run(self) -> None:
        self.thread = threading.current_thread()
        try:
            if self._received:
                self._take(self._received)
            while self._turn():
                pass
        except OSError:
            pass
        finally:
            with self.changed:
                self.closed = True
                for stream in self.streams.values():
                    if stream.reset is None:
                        stream.reset = -1
                self.changed.notify_all()
                self.sock.close()
                self._wake.close()
                self._woken.close()

    def _turn(self) -> bool:
        with self.changed:
            writers = [self.sock] if self.out else []
            if self._closing and not self.out:
                return False
        readable, writable, _ = poll.select([self.sock, self._woken], writers, [], 1.0)
        if self._woken in readable:
            self._woken.recv(4096)
        if writable:
            with self.changed:
                n = self.sock.send(bytes(self.out[:65536]))
                del self.out[:n]
                self.changed.notify_all()
        if self.sock in readable:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._take(data)
        return True

    def _without_goaway(self, data: bytes) -> bytes:
        """Whole frames out of all that came, but GOAWAY: h2 would end the connection with it, and so every stream under way."""
        self._frames += data
        out = bytearray()
        at = 0
        if self._preface_left:
            if len(self._frames) < len(PREFACE):
                return b""
            self._preface_left = False
            at = len(PREFACE)
            out += self._frames[:at]
        while len(self._frames) - at >= 9:
            size = 9 + int.from_bytes(self._frames[at:at + 3], "big")
            if len(self._frames) - at < size and size <= 9 + (1 << 20):
                break
            frame = self._frames[at:at + size]
            at += size
            if frame[3] == 7 and len(frame) >= 17:
                last, self.goaway = struct.unpack(">II", frame[9:17])
                for s in self.streams.values():
                    if s.number > last and s.number % 2 == self._odd and s.reset is None and not s.ended:
                        s.reset = -1
            else:
                out += frame
        del self._frames[:at]
        return bytes(out)

    def _take(self, data: bytes) -> None:
        with self.changed:
            try:
                for event in self.h2.receive_data(self._without_goaway(data)):
                    self._event(event)
            except (h2.exceptions.ProtocolError, ValueError) as e:
                self.faults.append(f"{type(e).__name__}: {e}")
                self._closing = True  # once the GOAWAY is out
            self.flush()
            self.changed.notify_all()

    def _event(self, event: h2.events.Event) -> None:
        stream = self.streams.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[event.stream_id] = Stream(self, event.stream_id)
            self._head(stream, event.headers)
            assert self._on_stream
            threading.Thread(target=self._on_stream, args=(stream,), name=f"h2-{stream.number}", daemon=True).start()
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self._has_settings = True
        elif isinstance(event, h2.events.PingAckReceived):
            self.ping_answers += 1
        elif stream is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            self._head(stream, event.headers)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(list(event.headers))
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            if stream.reset is not None:
                self.acknowledge(event.flow_controlled_length, event.stream_id)
                return
            self.acknowledge(event.flow_controlled_length - len(event.data), event.stream_id)
            stream._data += event.data
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            if stream.reset is None:
                stream.reset = int(event.error_code)

    def _head(self, stream: Stream, fields: Fields) -> None:
        stream.fields = list(fields)
        stream.has_head = True
