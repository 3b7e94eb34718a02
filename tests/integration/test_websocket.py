"""Upgrades: WebSocket through the proxy with a real library, and tunnels byte by byte."""

from __future__ import annotations

import hashlib
import signal
import threading

import pytest

from support.deadline import Deadline, stays, wait_until
from support.origin import Origin, answer
from support.proxy import Proxy, route
from support.websocket import EchoClient, EchoServer

UPGRADE = "GET {} HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: {}\r\n\r\n"
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {}\r\n\r\n"


@pytest.fixture(scope="module")
def world():
    with EchoServer() as echo, Origin() as origin:
        with Proxy({"ws.test": {"/": route(echo.server, client_headers=["X-Edge: 1"])}, "a.test": {"/": route(origin)}}) as proxy:
            yield proxy, echo, origin
        origin.check()


def test_messages_of_all_sizes_are_echoed(world) -> None:
    proxy, _, _ = world
    with EchoClient(proxy.address, "ws.test", "/chat?x=1") as ws:
        for message in ("hi", "", "\u00e9\u4e2d", "x" * 70_000, b"", b"\x00\xff" * 10, bytes(1_000_000)):
            assert ws.echo(message) == message
        ws.ping()


def test_close_code_and_reason_pass(world) -> None:
    proxy, _, _ = world
    with EchoClient(proxy.address, "ws.test") as ws:
        ws.send("please close")
        assert ws.wait_closed() == (4001, "as asked")


def test_subprotocol_and_extensions_are_negotiated_end_to_end(world) -> None:
    proxy, echo, _ = world
    with EchoClient(proxy.address, "ws.test", subprotocols=["chat"], extra_headers={"X-Mine": "1", "Origin": "http://x.test"}) as ws:
        assert ws.subprotocol == "chat"
        assert ws.echo("compressible " * 1000) == "compressible " * 1000
    head = echo.handshakes[-1]
    assert head["X-Mine"] == "1"
    assert head["X-Forwarded-For"] == "127.0.0.1"
    assert head["Host"] == "ws.test"


def test_many_at_once(world) -> None:
    proxy, _, _ = world
    sockets = [EchoClient(proxy.address, "ws.test") for _ in range(20)]
    for round_ in range(5):
        for i, ws in enumerate(sockets):
            ws.send(f"{round_} {i}")
        for i, ws in enumerate(sockets):
            assert ws.receive() == f"{round_} {i}"
    for ws in sockets:
        ws.close()


def test_tunnel_survives_reloads_of_other_routes_and_of_its_own(world) -> None:
    with EchoServer() as echo, Origin() as origin:
        with Proxy({"ws.test": {"/": route(echo.server)}}) as proxy, EchoClient(proxy.address, "ws.test") as ws:
            for i in range(20):
                proxy.replace_upstreams(proxy.marked({"ws.test": {"/": route(echo.server)}, f"h{i}.test": {"/": route(origin)}}))
                proxy.send_signal(signal.SIGHUP)
                proxy.wait_applied()
                assert ws.echo(f"{i}") == f"{i}"


def test_tunnel_is_transparent_for_bytes_in_both_directions(world) -> None:
    proxy, _, origin = world
    data = bytes(i * 13 % 256 for i in range(3_000_000))

    def tunnel(conn, request) -> None:
        conn.send(SWITCH.format("binary").encode() + b"hello")
        got = bytearray()
        conn.reader.exactly(len(data), Deadline(30), got.extend)
        conn.send(hashlib.sha256(got).digest())
        conn.send(data)
        conn.half_close()
        conn.hold_until_closed()
    origin.on("/tunnel", tunnel)
    with proxy.client() as client:
        client.send(UPGRADE.format("/tunnel", "binary"))
        r = client.response()
        assert (r.status, r.get("upgrade"), (r.get("connection") or "").lower()) == (101, "binary", "upgrade")
        client.send(data, 30)
        got = bytearray()
        client.reader.exactly(5 + 32 + len(data), Deadline(30), got.extend)
        assert bytes(got[:5]) == b"hello"
        assert bytes(got[5:37]) == hashlib.sha256(data).digest()
        assert bytes(got[37:]) == data
        client.half_close()
        client.wait_closed()


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_half_close_passes_through_the_tunnel(world, who: str) -> None:
    proxy, _, origin = world
    heard = threading.Event()

    def tunnel(conn, request) -> None:
        conn.send(SWITCH.format("x").encode())
        if who == "client":
            assert conn.hold_until_closed() == b"last words"
            heard.set()
            conn.send(b"answer after the end")
        else:
            conn.send(b"last words")
            conn.half_close()
            if conn.hold_until_closed() == b"answer after the end":
                heard.set()
    origin.on("/half", tunnel)
    with proxy.client() as client:
        client.send(UPGRADE.format("/half", "x"))
        assert client.response().status == 101
        got = bytearray()
        if who == "client":
            client.send("last words").half_close()
            client.reader.to_end(Deadline(), got.extend)
            assert got == b"answer after the end"
        else:
            client.reader.to_end(Deadline(), got.extend)
            assert got == b"last words"
            client.send("answer after the end")
            client.close()
        wait_until(heard.is_set, "the other direction heard")


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_reset_ends_both_sides(world, who: str) -> None:
    proxy, _, origin = world
    ended, go = threading.Event(), threading.Event()

    def tunnel(conn, request) -> None:
        conn.send(SWITCH.format("x").encode())
        if who == "upstream":
            conn.hold(go)
            conn.reset()
        else:
            conn.hold_until_closed()
            ended.set()
    origin.on("/reset", tunnel)
    client = proxy.client()
    client.send(UPGRADE.format("/reset", "x"))
    assert client.response().status == 101
    if who == "client":
        client.reset()
        wait_until(ended.is_set, "upstream side of the tunnel ended")
    else:
        go.set()
        client.wait_closed()
        client.close()


def test_early_tunnel_bytes_are_not_forwarded_before_the_101(world) -> None:
    """Threats row 2: what follows the upgrade request is tunnel data only once the upstream has agreed."""
    proxy, _, origin = world
    gate = threading.Event()
    origin.on("/no", lambda conn, request: (conn.hold(gate), conn.send(answer("no", "426 Upgrade Required"))))
    with proxy.client() as client:
        client.send(UPGRADE.format("/no", "x") + "GET /smuggled HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: spoof\r\n\r\n")
        origin.wait_seen("/no")
        stays(lambda: not origin.seen("/smuggled"), "nothing forwarded before the answer")
        gate.set()
        assert client.response().status == 426
        assert client.response().text() == "origin GET /smuggled"
    # It was a request of its own: parsed, judged and forwarded like any other.
    assert origin.seen("/smuggled")[0].get_all("x-forwarded-for") == ["spoof, 127.0.0.1"]


def test_refused_upgrade_is_an_ordinary_answer_and_the_connection_goes_on(world) -> None:
    proxy, _, origin = world
    origin.on("/refused", answer("plain"))
    with proxy.client() as client:
        client.send(UPGRADE.format("/refused", "websocket"))
        assert client.response().body == b"plain"
        assert client.request("/after").text() == "origin GET /after"


def test_idle_tunnel_ends_after_its_own_limit_only() -> None:
    with Origin() as origin:
        origin.on("/t", lambda conn, request: (conn.send(SWITCH.format("x")), conn.hold_until_closed()))
        main = {"tunnel_idle_timeout": 2.5, "client_idle_timeout": 0.2, "upstream_idle_timeout": 0.2, "upstream_first_byte_timeout": 0.2}
        with Proxy({"a.test": {"/": route(origin)}}, main=main) as proxy, proxy.client() as client:
            client.send(UPGRADE.format("/t", "x"))
            assert client.response().status == 101
            stays(client.is_open, "tunnel open beyond the other limits", during=0.7)
            client.wait_closed()
