"""Threats rows 7 to 11: what a client can make an HTTP/2 server do with cheap frames.

Each attack runs against a proxy of its own while another client is served by the same worker. Memory is held to a bound that
is far below what the attacker asks for; the time of the processor is shown, not judged.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import struct
import threading
from typing import Callable, Iterator

import pytest

from support import frames
from support.deadline import stalled, wait_until
from support.frames import (
    ACK, CONTINUATION, DATA, DOORS, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    RawH2, attack_on, behind, frame, headers, indexed, literal, literal_to_table, request, rst_stream, settings, window_update)
from support.origin import Origin, answer
from support.proxy import Proxy, instrumented, route

MIB = 1 << 20
REQUESTS = 2000
"""What one connection may send upstream of a flood of 20,000 requests that it throws away. The limits allow 200 at once and
20 a second; the rest is for requests that were answered before they were thrown away."""


@pytest.fixture(params=DOORS)
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Proxy, Origin]]:
    with Origin() as origin, behind(request.param, {"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/warm").status == 200
        with attack_on(proxy) as raw:
            raw.send(headers(1, literal(frames.request("/warm"))))
            raw.read_until(lambda: raw.statuses, "an answer over h2")
        yield proxy, origin
        origin.check()


@pytest.fixture(scope="module", autouse=True)
def shut_window() -> Iterator[RawH2]:
    """An answer in front of a window that stays shut, from before the first test on: its limit needs twenty seconds."""
    with Origin() as origin:
        origin.on("/large", answer(b"z" * MIB))
        with Proxy({"a.test": {"/": route(origin)}}) as proxy, attack_on(proxy, {4: 0}) as raw:
            raw.send(headers(1, literal(request("/large"))))
            raw.read_until(lambda: raw.statuses.get(1) == 200, "the head")
            yield raw


def cpu_seconds(proxy: Proxy) -> float:
    fields = pathlib.Path(f"/proc/{proxy.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def attack(proxy: Proxy, room: int = 8 * MIB) -> Iterator[Callable[[], None]]:
    """Around an attack. Gives what to call while its peak is held: memory is looked at, and another client must be served."""
    before, cpu = proxy.rss_bytes(), cpu_seconds(proxy)
    peak = [0]

    def look() -> None:
        peak[0] = max(peak[0], proxy.rss_bytes() - before)
        assert proxy.get("/bystander", deadline=5).status == 200
    yield look
    look()
    print(f"\nCPU {cpu_seconds(proxy) - cpu:.2f} s, memory grew by {peak[0] / MIB:.2f} MiB")
    if not instrumented():
        assert peak[0] < room, f"memory grew by {peak[0]} bytes"


def flood(raw: RawH2, pieces: Iterator[bytes], look: Callable[[], None], reads: bool = True) -> bool:
    """Sends it all unless the server ends the connection or stops taking; true when it ended it."""
    for i, piece in enumerate(pieces):
        if not raw.send(piece, 3.0, reads):
            break
        if i % 10 == 0:
            look()
    look()
    return raw.ended or raw.read_to_end(5.0)


def calmed(raw: RawH2) -> bool:
    """Ended with GOAWAY, or with a reset that overtook it."""
    return raw.ended and raw.goaway in (None, ENHANCE_YOUR_CALM, 1, 2)


# Row 7: CVE-2023-44487.

@pytest.mark.parametrize("when", ["at once", "in one packet per hundred", "after the answer has begun"])
def test_row_7_rapid_reset(world, when: str) -> None:
    proxy, origin = world
    block = literal(request("/reset"))
    n = 20_000
    begun = threading.Event()
    if when == "after the answer has begun":
        origin.on("/reset", lambda conn, request: (conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nx"), begun.set(), conn.hold_until_closed()))
        n = 3000

    def pieces() -> Iterator[bytes]:
        batch = 1 if when == "at once" else 100
        for at in range(0, n, batch):
            streams = [1 + 2 * i for i in range(at, at + batch)]
            if when == "after the answer has begun":
                yield b"".join(headers(s, block) for s in streams)
                begun.wait(0.2)
                yield b"".join(rst_stream(s) for s in streams)
            else:
                yield b"".join(headers(s, block) + rst_stream(s) for s in streams)
    with attack(proxy) as look, attack_on(proxy) as raw:
        assert flood(raw, pieces(), look), "20,000 requests were thrown away and the connection goes on"
        assert raw.goaway in (None, ENHANCE_YOUR_CALM)
    assert len(origin.seen("/reset")) < REQUESTS
    wait_until(lambda: sum(1 for c in origin.connections if not c.waiting and not c.ended.is_set()) == 0, "upstream rid of them")


def test_row_7_a_client_that_changes_its_mind_now_and_then_is_served(world) -> None:
    """As browsers do when a page is left: a hundred streams are reset, and the connection goes on."""
    proxy, origin = world
    with attack_on(proxy) as raw:
        for i in range(100):
            raw.send(headers(1 + 2 * i, literal(request("/page"))) + rst_stream(1 + 2 * i))
        raw.send(headers(201, literal(request("/next"))))
        raw.read_until(lambda: raw.statuses.get(201) == 200, "the next answer")


# Row 8: CVE-2026-49975, CVE-2016-6581.

@pytest.mark.parametrize("size", [30, 3000], ids=["many small fields", "few large ones"])
def test_row_8_indexed_references_to_one_large_field(world, size: int) -> None:
    """A byte each for fields that were sent once: decoded they would be hundreds of times as much."""
    proxy, origin = world
    first = literal(request("/bomb")) + literal_to_table("x-bomb", "b" * size)
    bomb = literal(request("/bomb")) + indexed(62) * 16000
    with attack(proxy) as look, attack_on(proxy) as raw:
        raw.send(headers(1, first))
        raw.read_until(lambda: raw.statuses.get(1) == 200, "the first answer")
        for i in range(1, 60):
            if not raw.send(headers(1 + 2 * i, bomb)):
                break
            look()
        raw.read_some()
        assert all(status in (431, 400) for stream, status in raw.statuses.items() if stream > 1), raw.statuses
    assert len(origin.seen("/bomb")) == 1


@pytest.mark.parametrize("stays_open", [True, False])
def test_row_8_heads_that_are_held_are_counted_together(world, stays_open: bool) -> None:
    """Each head within its limit, all of them together not: 100 requests at once, each decoding to 50 KiB."""
    proxy, origin = world
    gate = threading.Event()
    origin.on_head("/held", lambda conn, request: (conn.hold(gate), conn.close()))
    block = literal_to_table("x-held", "h" * 3000)
    with attack(proxy, 16 * MIB) as look, contextlib.ExitStack() as stack:
        raws = [stack.enter_context(attack_on(proxy)) for _ in range(4)]
        for raw in raws:
            raw.send(headers(1, literal(request("/first")) + block))
            raw.read_until(lambda: raw.statuses.get(1), "the first answer")
            for i in range(1, 101):
                if not raw.send(headers(1 + 2 * i, literal(request("/held")) + indexed(62) * 17, end=not stays_open)):
                    break
        look()
        gate.set()


def test_row_8_answers_that_nobody_takes(world) -> None:
    """A window of zero on every stream: what waits is bounded over all streams, 2 MiB and 16 KiB for each beyond."""
    proxy, origin = world
    body = b"z" * MIB
    origin.on("/large", lambda conn, request: conn.send(answer(body)))
    with attack(proxy, 8 * MIB) as look, attack_on(proxy, {4: 0}) as raw:
        for i in range(100):
            raw.send(headers(1 + 2 * i, literal(request("/large"))))
        raw.read_until(lambda: len(raw.statuses) == 100, "all heads")
        assert stalled(lambda: sum(c.sent for c in origin.connections))
        look()


# Row 9: CVE-2024-27316 and its kin.

@pytest.mark.parametrize("payload", [b"", b"\x00\x01a\x01b", literal([("x-y", "v" * 16000)])], ids=["empty", "small", "large"])
def test_row_9_continuation_flood(world, payload: bytes) -> None:
    proxy, origin = world

    def pieces() -> Iterator[bytes]:
        yield frame(HEADERS, END_STREAM, 1, literal(request("/flood")))
        batch = max(1, 16384 // (9 + len(payload)))
        for _ in range(64 * MIB // (batch * (9 + len(payload)))):
            yield frame(CONTINUATION, 0, 1, payload) * batch
    with attack(proxy) as look, attack_on(proxy) as raw:
        assert flood(raw, pieces(), look), "a head without end is still being read"
        assert calmed(raw)
        assert raw.sent < 16 * MIB
    assert not origin.seen("/flood")


# Row 10: CVE-2025-8671.

ZERO_WINDOW = "a window update of zero"
MADE: dict[str, Callable[[int], bytes]] = {
    # What makes the server reset a stream that it is working on.
    ZERO_WINDOW: lambda s: window_update(s, 0),
    "a window above its maximum": lambda s: window_update(s, 0x7fffffff) + window_update(s, 0x7fffffff),
    "data after the end": lambda s: frame(DATA, 0, s, b"late"),
    "a head after the end": lambda s: headers(s, literal([("x-late", "1")])),
}


@pytest.mark.parametrize("trick", MADE)
def test_row_10_made_you_reset(world, trick: str) -> None:
    proxy, origin = world
    gate = threading.Event()
    origin.on("/made", lambda conn, request: (conn.hold(gate), conn.send(answer("late"))))
    block = literal(request("/made"))

    def pieces() -> Iterator[bytes]:
        for at in range(0, 10_000, 50):
            yield b"".join(headers(s, block) + MADE[trick](s) for s in range(1 + 2 * at, 1 + 2 * (at + 50), 2))
    with attack(proxy) as look, attack_on(proxy) as raw:
        assert flood(raw, pieces(), look), "10,000 streams were reset by the server and the connection goes on"
        assert calmed(raw)
    gate.set()
    assert len(origin.seen("/made")) < REQUESTS


# Row 11: CVE-2019-9511 to -9518.

def _small_windows() -> bytes:
    return window_update(0, 1)


FLOODS: dict[str, Callable[[], bytes]] = {
    "ping": lambda: frame(PING, 0, 0, b"12345678"),
    "ping answers": lambda: frame(PING, ACK, 0, b"12345678"),
    "settings": lambda: settings({3: 100}),
    "empty settings": lambda: settings(),
    "settings answers": lambda: frame(SETTINGS, ACK),
    "priority": lambda: frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 7)),
    "priority of idle streams": lambda: frame(PRIORITY, 0, random.randrange(1001, 1 << 20, 2), struct.pack(">IB", 0, 7)),
    "small window updates": _small_windows,
    "table sizes": lambda: settings({1: random.randrange(0, 4096)}),
    "unknown frames": lambda: frame(0xbb, 0, 0, b"x"),
}


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "never reads"])
@pytest.mark.parametrize("kind", FLOODS)
def test_row_11_flood(world, kind: str, reads: bool) -> None:
    proxy, _ = world

    def pieces() -> Iterator[bytes]:
        for _ in range(400):
            yield FLOODS[kind]() * 500
    with attack(proxy) as look, attack_on(proxy, receive_buffer=8192) as raw:
        raw.send(headers(1, literal(request("/")), end=False))
        assert flood(raw, pieces(), look, reads), f"200,000 frames of {kind} and the connection goes on"
        assert calmed(raw)


@pytest.mark.parametrize("kind", ["data", "padded data"])
def test_row_11_empty_data_frames(world, kind: str) -> None:
    proxy, _ = world
    empty = frame(DATA, 0, 1) if kind == "data" else frame(DATA, 8, 1, b"\x01\x00")
    with attack(proxy) as look, attack_on(proxy) as raw:
        raw.send(headers(1, literal(request("/empty", "POST")), end=False))
        assert flood(raw, (empty * 500 for _ in range(400)), look)
        assert calmed(raw)


def test_row_11_answers_that_are_never_read_do_not_pile_up(world) -> None:
    """CVE-2019-9517: windows wide open, and the socket shut."""
    proxy, origin = world
    body = b"z" * MIB
    origin.on("/large", lambda conn, request: conn.send(answer(body)))
    with attack(proxy, 16 * MIB) as look, attack_on(proxy, {4: 0x7fffffff}, receive_buffer=4096) as raw:
        raw.send(window_update(0, 0x7fffffff - 65535), reads=False)
        for i in range(100):
            if not raw.send(headers(1 + 2 * i, literal(request("/large"))), 2.0, reads=False):
                break
        origin.wait_seen("/large", 20)
        look()


def test_row_11_more_streams_than_allowed_are_refused(world) -> None:
    proxy, origin = world
    gate = threading.Event()
    origin.on("/held", lambda conn, request: (conn.hold(gate), conn.send(answer())))
    with attack(proxy) as look, attack_on(proxy) as raw:
        raw.read_until(lambda: raw.of(SETTINGS), "SETTINGS")
        told = dict(struct.iter_unpack(">HI", next(f.payload for f in raw.of(SETTINGS) if not f.flags & ACK)))
        limit = told[3]
        assert limit <= 256
        for i in range(limit + 20):
            raw.send(headers(1 + 2 * i, literal(request("/held"))))
        raw.read_until(lambda: len(raw.of(RST_STREAM)) >= 20 or raw.goaway is not None, "refusals")
        assert {f.code for f in raw.of(RST_STREAM)} <= {7, 11}
        look()
        gate.set()
        if raw.goaway is None:
            raw.read_until(lambda: len(raw.statuses) >= limit, "the others served")
    assert len(origin.seen("/held")) <= limit


def test_row_11_is_named_in_the_log() -> None:
    with Proxy({}) as proxy, attack_on(proxy) as raw:
        flood(raw, (frame(PING, 0, 0, b"12345678") * 500 for _ in range(100)), lambda: None)
        assert raw.goaway == ENHANCE_YOUR_CALM
        proxy.wait_log(r"h2_flood: .*client 127\.0\.0\.1")


def test_row_8_a_window_that_stays_shut_has_a_deadline(shut_window: RawH2) -> None:
    shut_window.read_until(lambda: shut_window.of(RST_STREAM, 1) or shut_window.goaway is not None, "an end of the stalled stream", 30)
    assert not shut_window.of(DATA)
