"""Choosing endpoints, failing over, replaying, pooling and giving up: behaviour sections 4, 6.1 and 21."""

from __future__ import annotations

import collections
import os
import socket
import threading

import pytest

from support.deadline import wait_until
from support.http1 import Truncated
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, route


def refused() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


# Round robin and endpoints.

def test_requests_go_round_the_endpoints_evenly() -> None:
    origins = [Origin(f"o{i}") for i in range(3)]
    with Proxy({"a.test": {"/": route(*origins)}}) as proxy, proxy.client() as client:
        order = [client.request("/").get("x-origin") for _ in range(30)]
    for o in origins:
        o.close()
    assert collections.Counter(order) == {"o0": 10, "o1": 10, "o2": 10}
    assert all(order[i] == order[i % 3] for i in range(30))


def test_routes_have_counters_of_their_own() -> None:
    with Origin("x") as x, Origin("y") as y:
        with Proxy({"a.test": {"/": route(x, y), "/b": route(x, y)}}) as proxy, proxy.client() as client:
            got = [client.request(p).get("x-origin") for p in ["/", "/b"] * 10]
    assert collections.Counter(got[0::2]) == {"x": 5, "y": 5}
    assert collections.Counter(got[1::2]) == {"x": 5, "y": 5}


@pytest.mark.parametrize("spelling", ["[::1]:{}", "::1:{}"])
def test_ipv6_endpoint(spelling: str) -> None:
    with Origin(host="::1") as origin, Proxy({"a.test": {"/": route(spelling.format(origin.port))}}) as proxy:
        assert proxy.get("/v6").text() == "origin GET /v6"


def test_name_that_does_not_resolve_is_an_answer_and_not_an_end() -> None:
    with Origin() as origin:
        with Proxy({"a.test": {"/": route("no-such-host.invalid:80"), "/ok": route(origin)}}) as proxy:
            assert proxy.get("/", deadline=20).status in (502, 504)
            assert proxy.get("/ok").status == 200


def test_one_bad_name_among_good_endpoints_costs_no_request() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route("no-such-host.invalid:80", origin)}}) as proxy:
        for _ in range(4):
            assert proxy.get("/", deadline=20).status == 200


# Connection refused.

def test_connection_refused_tries_the_next_endpoint() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(refused(), origin, refused())}}) as proxy, proxy.client() as client:
        for i in range(12):
            assert client.request(f"/{i}").status == 200
        # A body that has not been sent yet does not forbid another try.
        for i in range(6):
            assert client.request(f"/post/{i}", method="POST", body=b"x" * 1000).status == 200
        assert client.request("/big", method="POST", body=b"x" * 500_000).status == 200
    assert [len(r.body) for r in origin.requests if r.path == "/big"] == [500_000]
    assert len(origin.requests) == 19


def test_all_endpoints_refused_is_502_with_retry_after() -> None:
    with Proxy({"a.test": {"/": route(refused(), refused())}}) as proxy, proxy.client() as client:
        r = client.request("/")
        assert r.status == 502
        assert (r.get("retry-after") or "").isdigit()


def test_endpoint_that_comes_back_is_used_again() -> None:
    port = free_port()
    with Proxy({"a.test": {"/": route(f"127.0.0.1:{port}")}}) as proxy:
        assert proxy.get("/").status == 502
        with Origin(port=port):
            wait_until(lambda: proxy.get("/").status == 200, "endpoint in use again")


# What may be sent twice.

def dying_on_reuse(origin: Origin, path: str, reset: bool = False) -> None:
    """The first request of each connection is answered, later ones end the connection."""
    def handler(conn, request) -> None:
        if request.index == 0:
            conn.send(answer("fresh"))
        elif reset:
            conn.reset()
        else:
            conn.close()
    origin.on(path, handler)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_idempotent_request_is_replayed_when_a_reused_connection_dies(origin: Origin, method: str, reset: bool) -> None:
    dying_on_reuse(origin, "/x", reset)
    with Proxy({"a.test": {"/": route(origin)}}) as proxy, proxy.client() as client:
        body = b"kept" if method == "PUT" else b""
        for _ in range(4):
            assert client.request("/x", method=method, body=body).status == 200
        assert all(r.body == body for r in origin.seen("/x"))


@pytest.mark.parametrize("method", ["POST", "PATCH", "BREW"])
def test_other_request_is_never_sent_twice(origin: Origin, method: str) -> None:
    dying_on_reuse(origin, "/x")
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/x", method=method, body=b"a").status == 200
        assert proxy.get("/x", method=method, body=b"b").status == 502
        assert [r.body for r in origin.seen("/x")] == [b"a", b"b"]


def test_body_too_large_to_be_held_is_not_replayed(origin: Origin) -> None:
    dying_on_reuse(origin, "/x")
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/x", method="PUT", body=b"x").status == 200
        assert proxy.get("/x", method="PUT", body=b"y" * 1_000_000).status == 502
        assert len(origin.seen("/x")) == 2


def test_replay_ends(origin: Origin) -> None:
    origin.on("/x", lambda conn, request: conn.close())
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/", ).status == 200
        assert proxy.get("/x").status == 502
        assert 1 <= len(origin.seen("/x")) <= 17


def test_fresh_connection_that_dies_is_not_tried_again_for_post(origin: Origin) -> None:
    origin.on("/x", lambda conn, request: conn.close())
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/x", method="POST", body=b"once").status == 502
        assert len(origin.seen("/x")) == 1


def test_no_replay_after_the_first_byte_of_an_answer(origin: Origin) -> None:
    def partly(conn, request) -> None:
        if request.index == 0:
            conn.send(answer())
        else:
            conn.send("HTTP/1.1 200 OK\r\nContent-")
            conn.close()
    origin.on("/x", partly)
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.get("/x").status == 200
        assert proxy.get("/x").status == 502
        assert len(origin.seen("/x")) == 2


# The pool.

def test_idle_connection_closed_by_the_upstream_costs_no_request(origin: Origin) -> None:
    origin.on("/x", lambda conn, request: (conn.send(answer()), conn.close()))
    with Proxy({"a.test": {"/": route(origin)}}) as proxy, proxy.client() as client:
        for i in range(10):
            assert client.request("/x", method="POST", body=b"b").status == 200
            n = len(origin.connections)
            wait_until(lambda: all(c.ended.is_set() for c in origin.connections[:n]), "idle connection ended")
            wait_until(lambda: upstream_sockets(proxy, origin) == 0, "the proxy has noticed")


def upstream_sockets(proxy: Proxy, origin: Origin) -> int:
    """How many sockets the kernel lists as connected from anyone to the origin."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        lines = [line.split() for line in f.readlines()[1:]]
    inodes = {x[9] for x in lines if int(x[2].split(":")[1], 16) == origin.port and x[9] != "0"}

    held = set()
    for fd in os.listdir(f"/proc/{proxy.pid}/fd"):
        try:
            held.add(os.readlink(f"/proc/{proxy.pid}/fd/{fd}"))
        except OSError:
            pass
    return sum(1 for i in inodes if f"socket:[{i}]" in held)


def test_unsolicited_bytes_on_an_idle_connection_end_it(origin: Origin) -> None:
    push = threading.Event()

    def pushing(conn, request) -> None:
        conn.send(answer())
        conn.hold(push)
        conn.send(answer("not asked for"))
    origin.on("/x", pushing)
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        with proxy.client() as client:
            assert client.request("/x").body == b"ok"
            used = origin.connections[0]
            push.set()
            wait_until(used.ended.is_set, "connection with unsolicited bytes closed")
            assert client.request("/y").text() == "origin GET /y"


def test_pool_is_bounded(origin: Origin) -> None:
    n = 12
    gate = threading.Event()
    origin.on("/x", lambda conn, request: (conn.hold(gate), conn.send(answer())))
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_keepalive_pool_size": 3}) as proxy:
        clients = [proxy.client() for _ in range(n)]
        for c in clients:
            c.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/x", n)
        gate.set()
        for c in clients:
            assert c.response().status == 200
        wait_until(lambda: origin.open_connections() <= 3, "at most 3 idle upstream connections")
        for c in clients:
            c.close()
        assert proxy.get("/y").status == 200


def test_pool_size_of_nothing_keeps_no_connection(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_keepalive_pool_size": 0}) as proxy, proxy.client() as client:
        for i in range(5):
            assert client.request(f"/{i}").status == 200
            wait_until(lambda: origin.open_connections() == 0, "connection closed after its request")
    assert len(origin.connections) == 5


def test_idle_upstream_connection_is_closed_after_the_pool_timeout(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_pool_timeout": 0.3}) as proxy:
        assert proxy.get("/").status == 200
        wait_until(lambda: origin.open_connections() == 0, "idle connection closed")
        assert proxy.get("/").status == 200


# Time-outs.

def test_connect_timeout_is_504_and_another_endpoint_is_tried() -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(8):  # a full backlog swallows further connection attempts
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(full.getsockname())
        fillers.append(s)
    black_hole = f"127.0.0.1:{full.getsockname()[1]}"
    try:
        with Origin() as origin:
            hosts = {"a.test": {"/": route(black_hole), "/two": route(black_hole, origin)}}
            with Proxy(hosts, main={"upstream_connect_timeout": 0.3}) as proxy:
                assert proxy.get("/").status == 504
                proxy.wait_log("504 connect_timeout: connecting to the server took too long: ")
                assert [proxy.get("/two").status for _ in range(4)] == [200] * 4
    finally:
        for s in fillers:
            s.close()
        full.close()


def test_silent_upstream_is_504_after_the_first_byte_timeout(origin: Origin) -> None:
    origin.on("/x", lambda conn, request: conn.hold_until_closed())
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_first_byte_timeout": 0.3}) as proxy, proxy.client() as client:
        assert client.request("/x").status == 504
        proxy.wait_log("504 upstream_timeout: server took too long to answer: ")
        assert len(origin.seen("/x")) == 1
        wait_until(origin.connections[0].ended.is_set, "given up upstream connection closed")
        assert proxy.get("/y").status == 200


def test_first_byte_timeout_does_not_count_while_the_client_still_sends(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_first_byte_timeout": 0.5}) as proxy, proxy.client() as client:
        client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\n")
        gate = threading.Event()
        for _ in range(12):
            gate.wait(0.1)
            client.send("x")
        assert client.response("POST").status == 200


def test_upstream_that_stops_inside_a_body_is_given_up(origin: Origin) -> None:

    origin.on("/x", lambda conn, request: (conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), conn.hold_until_closed()))
    with Proxy({"a.test": {"/": route(origin)}}, main={"upstream_idle_timeout": 0.3}) as proxy, proxy.client() as client:
        client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises((Truncated, ConnectionError)):
            client.response()
        wait_until(origin.connections[0].ended.is_set, "given up upstream connection closed")
        proxy.wait_log("200 upstream_timeout: server took too long to answer: answer cut off, GET /x ")
        assert proxy.log().count("cut off") == 1


@pytest.mark.parametrize("sent, reason", [
    ("Content-Length: 10\r\n\r\nhalf", "upstream_reset"),
    ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "upstream_reset"),
    ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n", "upstream_protocol"),
])
def test_answer_that_breaks_off_is_logged_once_with_its_reason(origin: Origin, sent: str, reason: str) -> None:
    origin.on("/x", lambda conn, request: (conn.send(f"HTTP/1.1 200 OK\r\n{sent}"), conn.close()))
    with Proxy({"a.test": {"/": route(origin)}}) as proxy, proxy.client() as client:
        client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises((Truncated, ConnectionError)):
            client.response()
        proxy.wait_log(rf"200 {reason}: .*: answer cut off, GET /x host a\.test client 127\.0\.0\.1$")
        assert proxy.log().count("cut off") == 1


def test_slow_but_steady_upstream_is_not_given_up(origin: Origin) -> None:
    pause = threading.Event()

    def drip(conn, request) -> None:
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            pause.wait(0.1)
            conn.send("x")
    origin.on("/x", drip)
    main = {"upstream_idle_timeout": 0.6, "upstream_first_byte_timeout": 0.6}
    with Proxy({"a.test": {"/": route(origin)}}, main=main) as proxy:
        assert proxy.get("/x").body == b"x" * 10


def test_time_outs_of_a_path_override_those_of_main(origin: Origin) -> None:
    origin.on("/quick/x", lambda conn, request: conn.hold_until_closed())
    hosts = {"a.test": {"/": route(origin), "/quick": route(origin, upstream_first_byte_timeout=0.3)}}
    with Proxy(hosts) as proxy:
        assert proxy.get("/quick/x").status == 504
        assert proxy.get("/").status == 200
