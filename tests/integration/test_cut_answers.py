"""What becomes of an answer that breaks off at the upstream: RFC 9112 section 8."""

from __future__ import annotations

from typing import Iterator

import pytest

from support.client import Client
from support.deadline import Deadline
from support.frames import DATA, END_STREAM, RST_STREAM, RawH2, headers, literal, request
from support.origin import Origin
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import client_context, install

COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"


class World:
    def __init__(self, origin: Origin):
        self.origin = origin
        self.tls = ("127.0.0.1", free_port())
        self.proxy = Proxy({"a.test": {"/": route(origin)}}, main={"proxy_address_tls": f"127.0.0.1:{self.tls[1]}"})
        install(self.proxy.config / "certificates")

    def breaks_off(self, path: str, answer: bytes) -> None:
        self.origin.on(path, lambda conn, _: (conn.send(answer), conn.close()))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Origin() as origin:
        w = World(origin)
        with w.proxy:
            yield w
        origin.check()


def until_fin(client: Client) -> bytes:
    """All that comes before a close; a reset is a ConnectionError."""
    end = Deadline(10)
    while client.reader.fill(end):
        pass
    return client.reader.take(len(client.reader.buffer))


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("answer, ends", [(COUNTED, b"\r\n\r\nok"), (CHUNKED, b"\r\n\r\n2\r\nok\r\n")], ids=["counted", "chunked"])
def test_client_gets_what_there_is_and_then_a_close(world: World, tls: bool, answer: bytes, ends: bytes) -> None:
    world.breaks_off("/cut", answer)
    with Client(world.tls, tls=client_context(), name="a.test") if tls else world.proxy.client() as client:
        client.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\n")
        got = until_fin(client)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") and got.endswith(ends), got


def test_client_that_still_sends_gets_it_too(world: World) -> None:
    world.origin.on_head("/early", lambda conn, _: (conn.send(COUNTED), conn.close()))
    with world.proxy.client() as client:
        client.send("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n")
        assert until_fin(client).endswith(b"\r\n\r\nok")


def test_client_that_has_sent_its_next_request_gets_it_too(world: World) -> None:
    world.breaks_off("/cut", COUNTED)
    with world.proxy.client() as client:
        client.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\nGET /behind HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert until_fin(client).endswith(b"\r\n\r\nok")
    assert not world.origin.seen("/behind")


@pytest.mark.parametrize("answer", [COUNTED, CHUNKED], ids=["counted", "chunked"])
def test_http10_client_is_reset(world: World, answer: bytes) -> None:
    """It may take the close for the end."""
    world.breaks_off("/cut", answer)
    with world.proxy.client() as client:
        client.send("GET /cut HTTP/1.0\r\nHost: a.test\r\n\r\n")
        with pytest.raises(ConnectionError):
            until_fin(client)


def test_http2_client_gets_what_there_is_and_then_a_reset_of_its_stream(world: World) -> None:
    world.breaks_off("/cut", COUNTED)
    with RawH2(world.proxy.address) as raw:
        raw.send(headers(1, literal(request("/cut"))))
        raw.read_until(lambda: raw.of(RST_STREAM, 1), "the reset")
        assert raw.statuses[1] == 200
        assert b"".join(f.payload for f in raw.of(DATA, 1)) == b"ok"
        assert not any(f.flags & END_STREAM for f in raw.frames if f.stream == 1 and f.kind == DATA)
        raw.send(headers(3, literal(request("/next"))))
        raw.read_until(lambda: raw.statuses.get(3) == 200, "the next answer on the same connection")
