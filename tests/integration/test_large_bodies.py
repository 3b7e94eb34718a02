"""Large bodies and bounded memory: issue 4 point 15."""

from __future__ import annotations

import hashlib
import threading

import pytest

from support.deadline import Deadline, wait_until
from support.origin import Origin
from support.proxy import Proxy, instrumented, route

MIB = 1 << 20
SIZE = 100 * MIB
PIECE = bytes(i * 17 % 255 for i in range(MIB))
ROOM = 24 * MIB
"""What the process may grow by; the buffers of an exchange are far smaller."""


def digest() -> str:
    h = hashlib.sha256()
    for _ in range(SIZE // MIB):
        h.update(PIECE)
    return h.hexdigest()


@pytest.fixture(scope="module")
def expected() -> str:
    return digest()


@pytest.fixture
def proxy(origin: Origin):
    with Proxy({"a.test": {"/": route(origin)}}, main={"log_level": "warn"}) as p:
        assert p.get("/warm").status == 200
        yield p


def grown(proxy: Proxy, before: int) -> int:
    return 0 if instrumented() else proxy.rss_bytes() - before


def stalled(counter) -> bool:
    """True when the number has stopped growing."""
    pause = threading.Event()
    last = -1
    while (now := counter()) != last:
        last = now
        pause.wait(0.15)
    return True


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_large_response_to_a_reader_that_pauses(origin: Origin, proxy: Proxy, expected: str, framing: str) -> None:
    def send(conn, request) -> None:
        head = {"length": f"Content-Length: {SIZE}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "close": ""}[framing]
        conn.send(f"HTTP/1.1 200 OK\r\n{head}\r\n")
        for _ in range(SIZE // MIB):
            conn.send(b"%x\r\n" % MIB + PIECE + b"\r\n" if framing == "chunked" else PIECE)
        if framing == "chunked":
            conn.send(b"0\r\n\r\n")
        if framing == "close":
            conn.close()
    origin.on("/down", send)
    before = proxy.rss_bytes()
    with proxy.client(receive_buffer=65536) as client:
        client.send("GET /down HTTP/1.1\r\nHost: a.test\r\n\r\n")
        wait_until(lambda: origin.connections[origin.seen("/down")[0].connection].sent > 0 if origin.seen("/down") else False, "response begun")
        conn = origin.connections[origin.seen("/down")[0].connection]
        assert stalled(lambda: conn.sent)
        assert conn.sent < SIZE, "the proxy took the whole body although nobody reads it"
        assert grown(proxy, before) < ROOM
        h = hashlib.sha256()
        got = 0

        def sink(piece: bytes) -> None:
            nonlocal got
            h.update(piece)
            got += len(piece)
        client.response(deadline=60, sink=sink)
        assert got == SIZE and h.hexdigest() == expected
        assert grown(proxy, before) < ROOM
        assert client.request("/after").status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_large_request_to_an_upstream_that_pauses(origin: Origin, proxy: Proxy, expected: str, framing: str) -> None:
    gate = threading.Event()
    h = hashlib.sha256()

    def receive(conn, request) -> None:
        conn.hold(gate)
        conn.read_body(request, h.update, deadline=60)
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    origin.on_head("/up", receive)
    before = proxy.rss_bytes()
    with proxy.client() as client:
        sent = 0
        failed: list[BaseException] = []

        def upload() -> None:
            nonlocal sent
            try:
                head = f"Content-Length: {SIZE}" if framing == "length" else "Transfer-Encoding: chunked"
                client.send(f"POST /up HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n")
                for _ in range(SIZE // MIB):
                    if framing == "chunked":
                        client.send(b"%x\r\n" % MIB)
                    for at in range(0, MIB, 65536):
                        client.send(PIECE[at:at + 65536], 60)
                        sent += 65536
                    if framing == "chunked":
                        client.send(b"\r\n")
                if framing == "chunked":
                    client.send(b"0\r\n\r\n")
            except BaseException as e:  # noqa: BLE001 - shown by the test below
                failed.append(e)
        thread = threading.Thread(target=upload)
        thread.start()
        origin.wait_seen("/up")
        assert stalled(lambda: sent)
        assert sent < SIZE, "the proxy took the whole body although nobody reads it"
        assert grown(proxy, before) < ROOM
        gate.set()
        thread.join()
        assert not failed, failed
        assert client.response("POST", deadline=60).status == 200
    assert h.hexdigest() == expected
    assert grown(proxy, before) < ROOM


def test_many_slow_readers_of_large_responses_stay_bounded(origin: Origin, proxy: Proxy) -> None:
    n = 100

    def send(conn, request) -> None:
        conn.send(f"HTTP/1.1 200 OK\r\nContent-Length: {8 * MIB}\r\n\r\n")
        for _ in range(8):
            conn.send(PIECE)
    origin.on("/down", send)
    before = proxy.rss_bytes()
    clients = [proxy.client(receive_buffer=16384) for _ in range(n)]
    for c in clients:
        c.send("GET /down HTTP/1.1\r\nHost: a.test\r\n\r\n")
    origin.wait_seen("/down", n)
    assert stalled(lambda: sum(c.sent for c in origin.connections))
    assert grown(proxy, before) < n * MIB  # window and blocks of an exchange, with room
    total = 0

    def count(piece: bytes) -> None:
        nonlocal total
        total += len(piece)
    for c in clients:
        c.response(deadline=60, sink=count)
        c.close()
    assert total == n * 8 * MIB


def test_both_directions_at_once(origin: Origin, proxy: Proxy) -> None:
    """An upstream that answers while it reads: nothing may wait for the other direction to end."""
    size = 20 * MIB

    def echo(conn, request) -> None:
        conn.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        conn.read_body(request, lambda piece: conn.send(piece), deadline=60)
    origin.on_head("/echo", echo)
    with proxy.client() as client:
        client.send(f"POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n")
        sender = threading.Thread(target=lambda: [client.send(PIECE, 60) for _ in range(size // MIB)])
        sender.start()
        h = hashlib.sha256()
        r = client.response("POST", deadline=60, sink=h.update)
        sender.join()
        assert r.complete
        want = hashlib.sha256()
        for _ in range(size // MIB):
            want.update(PIECE)
        assert h.hexdigest() == want.hexdigest()
        # An answer that came before its request had been read ends the connection, and says so (threats row 4).
        assert (r.get("connection") or "").lower() == "close"
        client.wait_closed()
    assert proxy.get("/after").status == 200
