"""Fields about one connection stay on it: RFC 9110 section 7.6.1, threats rows 14, 15, 18, 30."""

from __future__ import annotations

import pytest

from support.origin import Origin, answer
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        yield proxy, origin
        origin.check()


def upstream_sees(world, fields: str, method: str = "GET", body: bytes = b""):
    proxy, origin = world
    assert proxy.get("/", fields=fields, method=method, body=body).status == 200
    return origin.requests[-1]


@pytest.mark.parametrize("fields, gone", [
    ("Connection: keep-alive\r\n", ["connection"]),
    ("Connection: close\r\n", ["connection"]),
    ("Connection: X-Private\r\nX-Private: 1\r\n", ["connection", "x-private"]),
    ("X-Private: 1\r\nConnection: close, x-private\r\n", ["connection", "x-private"]),
    ("Connection: keep-alive\r\nConnection: X-One\r\nX-One: 1\r\nConnection: X-Two\r\nx-two: 2\r\n",
     ["connection", "x-one", "x-two"]),
    ("Keep-Alive: timeout=5\r\n", ["keep-alive"]),
    ("Proxy-Connection: keep-alive\r\n", ["proxy-connection"]),
    ("TE: trailers\r\nConnection: TE\r\n", ["te", "connection"]),
    ("TE: gzip\r\n", ["te"]),
    ("Upgrade: websocket\r\n", ["upgrade"]),
    ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings\r\n",
     ["upgrade", "connection", "http2-settings"]),
    ("Connection: upgrade\r\nUpgrade: H2C\r\n", ["upgrade", "connection"]),
    ("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", ["upgrade"]),
    ("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", []),
    ("Proxy: http://evil.test:8080\r\n", ["proxy"]),
    ("PROXY: x\r\nproxy: y\r\n", ["proxy"]),
    ("X_User: admin\r\n", ["x_user"]),
    ("X_Forwarded_For: 1.2.3.4\r\nContent_Length: 5\r\n", ["x_forwarded_for", "content_length"]),
])
def test_request_field_does_not_reach_the_upstream(world, fields: str, gone: list[str]) -> None:
    """Defect 19."""
    r = upstream_sees(world, fields + "X-Kept: yes\r\n")
    assert r.get("x-kept") == "yes"
    for name in gone:
        assert name not in r.names()
    assert "h2c" not in (r.get("upgrade") or "").lower()


@pytest.mark.parametrize("named, value", [
    ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a.test"),
    ("X-Real-IP", "127.0.0.1"), ("Host", "a.test"), ("Cookie", "a=b"), ("Authorization", "Basic eDp5"),
])
def test_connection_cannot_strip_protected_fields(world, named: str, value: str) -> None:
    r = upstream_sees(world, f"Connection: close, {named}\r\nCookie: a=b\r\nAuthorization: Basic eDp5\r\n")
    assert r.get_all(named) == [value]


def test_connection_cannot_strip_the_body_length(world) -> None:
    r = upstream_sees(world, "Connection: Content-Length\r\n", "POST", b"hello")
    assert r.body == b"hello" and r.complete


@pytest.mark.parametrize("fields, gone", [
    ("Connection: X-Inner\r\nX-Inner: 1\r\n", ["x-inner"]),
    ("Keep-Alive: timeout=5, max=10\r\n", ["keep-alive"]),
    ("Proxy-Connection: keep-alive\r\n", ["proxy-connection"]),
    ("Upgrade: h2,h2c\r\nConnection: Upgrade\r\n", ["upgrade"]),
])
def test_response_field_does_not_reach_the_client(world, fields: str, gone: list[str]) -> None:
    proxy, origin = world
    origin.on("/r", answer(fields=fields + "X-Kept: yes\r\n"))
    r = proxy.get("/r")
    assert (r.status, r.get("x-kept")) == (200, "yes")
    for name in gone:
        assert name not in r.names()


def test_close_of_the_upstream_is_not_a_close_for_the_client(world) -> None:
    proxy, origin = world
    origin.on("/close", lambda conn, request: (conn.send(answer(fields="Connection: close\r\n")), conn.close()))
    with proxy.client() as client:
        for _ in range(3):
            r = client.request("/close")
            assert (r.status, r.body) == (200, b"ok")
            assert "close" not in (r.get("connection") or "")


def test_close_of_the_client_is_not_a_close_for_the_upstream(world) -> None:
    proxy, origin = world
    first = proxy.get("/", fields="Connection: close\r\n")
    assert (first.get("connection") or "").lower() == "close"
    used = origin.requests[-1].connection
    proxy.get("/", fields="Connection: close\r\n")
    assert origin.requests[-1].connection == used


# Max-Forwards: RFC 9110 section 7.6.2.

def test_options_that_may_go_no_further_is_answered_here(world) -> None:
    proxy, origin = world
    before = len(origin.requests)
    with proxy.client() as client:
        for target in ("/x", "*"):
            r = client.request(target, method="OPTIONS", fields="Max-Forwards: 0\r\n")
            assert (r.status, r.body, r.get("content-length")) == (200, b"", "0")
            assert "OPTIONS" in (r.get("allow") or "")
    assert len(origin.requests) == before


def test_trace_that_may_go_no_further_is_refused(world) -> None:
    """What it would show its client holds what its client may not see (RFC 9110 section 9.3.8)."""
    proxy, origin = world
    before = len(origin.requests)
    r = proxy.get("/x", method="TRACE", fields="Max-Forwards: 0\r\n")
    assert r.status == 405 and "TRACE" not in (r.get("allow") or "TRACE")
    assert len(origin.requests) == before


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize("value, forwarded", [("1", "0"), ("70", "69"), ("007", "6")])
def test_max_forwards_is_counted_down(world, method: str, value: str, forwarded: str) -> None:
    assert upstream_sees(world, f"Max-Forwards: {value}\r\n", method).get_all("max-forwards") == [forwarded]


@pytest.mark.parametrize("fields", ["Max-Forwards: x\r\n", "Max-Forwards:\r\n", "Max-Forwards: 3\r\nMax-Forwards: 2\r\n"])
def test_max_forwards_that_is_no_number_is_refused(world, fields: str) -> None:
    proxy, origin = world
    before = len(origin.requests)
    assert proxy.get("/x", method="OPTIONS", fields=fields).status == 400
    assert len(origin.requests) == before


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
@pytest.mark.parametrize("value", ["0", "5", "x"])
def test_max_forwards_of_other_methods_is_left_alone(world, method: str, value: str) -> None:
    assert upstream_sees(world, f"Max-Forwards: {value}\r\n", method).get("max-forwards") == value
