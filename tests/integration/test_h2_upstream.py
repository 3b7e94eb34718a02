"""Upstream connections of HTTP/2: shared, limited, drained and lost. Issue 5 point 5."""

from __future__ import annotations

import threading
from typing import Iterator

import pytest

from support.deadline import stalled, wait_until
from support.http2 import Broken
from support.pairs import Gate, PairClient, ServerExchange, Upstream
from support.proxy import Proxy, detected, route

REFUSED_STREAM = 7
HTTP_1_1_REQUIRED = 13


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream("h2c") as u:
        yield u
    u.check()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy({"a.test": {"/": route(upstream.pinned)}}) as p:
        yield p


def client(proxy: Proxy) -> PairClient:
    return PairClient("h1", proxy.address)


def stream_of(exchange: ServerExchange):
    return exchange.stream  # type: ignore[attr-defined]


def open_connections(upstream: Upstream) -> int:
    return sum(1 for c in upstream.h2_connections if not c.closed)


def test_requests_of_many_clients_share_a_connection(upstream: Upstream, proxy: Proxy) -> None:
    """Defect 19."""
    gate = Gate()
    upstream.handle("/held", lambda exchange: (gate.hold(), exchange.answer("held")))
    with client(proxy) as first:
        first.request("GET", "/warm")
        clients = [client(proxy) for _ in range(20)]
        exchanges = [c.open("GET", "/held") for c in clients]
        wait_until(lambda: len(upstream.of("/held")) == 20, "all of them at the upstream")
        assert len({id(stream_of(e).conn) for e in upstream.of("/held")}) == 1
        gate.set()
        for e in exchanges:
            assert e.body() == b"held"
        for c in clients:
            c.close()


def test_streams_beyond_the_limit_of_the_upstream_go_elsewhere() -> None:
    gate = Gate()
    with Upstream("h2c", settings={3: 4}) as upstream, Proxy({"a.test": {"/": route(upstream.pinned)}}) as proxy:
        upstream.handle("/held", lambda exchange: (gate.hold(), exchange.answer("held")))
        with client(proxy) as first:
            first.request("GET", "/warm")
        clients = [client(proxy) for _ in range(22)]
        exchanges = [c.open("GET", "/held") for c in clients]
        wait_until(lambda: len(upstream.of("/held")) >= 4, "the first of them at the upstream")
        gate.set()
        for e in exchanges:
            assert e.head(20).status == 200
            assert e.body() == b"held"
        for c in clients:
            c.close()
        upstream.check()  # h2 counts the streams


def test_goaway_lets_what_is_under_way_end_and_sends_the_next_elsewhere(upstream: Upstream, proxy: Proxy) -> None:
    gate = Gate()

    def leave(exchange: ServerExchange) -> None:
        exchange.respond()
        exchange.send(b"before ")
        gate.hold()
        exchange.send(b"after")
        exchange.finish()
    upstream.handle("/leave", leave)
    with client(proxy) as one, client(proxy) as other:
        under_way = one.open("GET", "/leave")
        assert under_way.read() == b"before "
        old = stream_of(upstream.of("/leave")[0])
        old.conn.say_goaway(old.number)
        wait_until(lambda: other.request("GET", "/next")[0].status == 200 and stream_of(upstream.of("/next")[-1]).conn is not old.conn,
                   "requests on another connection")
        gate.set()
        assert under_way.body() == b"after"
    wait_until(lambda: old.conn.closed, "the connection that said GOAWAY closed")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_goaway_says_was_not_looked_at_is_sent_again(upstream: Upstream, proxy: Proxy, method: str) -> None:
    def leave(exchange: ServerExchange) -> None:
        stream = stream_of(exchange)
        if len(upstream.of("/again")) == 1:
            stream.conn.say_goaway(stream.number - 2)
            return
        exchange.answer(exchange.body())
    upstream.handle("/again", leave)
    with client(proxy) as c:
        assert c.request("GET", "/warm")[0].status == 200
        head, body = c.request(method, "/again", data=b"data" if method == "POST" else None)
        assert (head.status, body) == (200, b"data" if method == "POST" else b"")
    assert len(upstream.of("/again")) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_stream_is_sent_again(upstream: Upstream, proxy: Proxy, method: str) -> None:
    """RFC 9113 section 8.7: REFUSED_STREAM promises that nothing was done, so that even a POST is safe."""
    def refuse(exchange: ServerExchange) -> None:
        if len(upstream.of("/refused")) <= 2:
            stream_of(exchange).cancel(REFUSED_STREAM)
            return
        exchange.answer(exchange.body())
    upstream.handle("/refused", refuse)
    with client(proxy) as c:
        head, body = c.request(method, "/refused", data=b"data" if method == "POST" else None)
        assert (head.status, body) == (200, b"data" if method == "POST" else b"")


def wants_http1(upstream: Upstream, path: str, how: str) -> None:
    """Takes requests for `path` by HTTP/1.1 only."""
    def refuse(exchange: ServerExchange) -> None:
        if exchange.version == 1:
            exchange.answer(exchange.body())
        elif how == "reset":
            stream_of(exchange).cancel(HTTP_1_1_REQUIRED)
        else:
            stream_of(exchange).conn.say_goaway(max(stream_of(exchange).number - 2, 0), HTTP_1_1_REQUIRED)
    upstream.handle(path, refuse)


@pytest.mark.parametrize("how", ["reset", "goaway"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("protocol", ["h2c", "h2s"])
def test_what_the_upstream_wants_by_http1_is_sent_by_http1(protocol: str, method: str, how: str) -> None:
    """RFC 9113 section 7: HTTP_1_1_REQUIRED. It is kept in mind, so that the next request does not ask again."""
    data = b"data" if method == "POST" else None
    with Upstream(protocol) as upstream, Proxy({"a.test": {"/": detected(upstream.server)}}) as proxy, client(proxy) as c:
        wants_http1(upstream, "/old", how)
        assert c.request("GET", "/warm")[0].status == 200
        for _ in range(3):
            head, body = c.request(method, "/old", data=data)
            assert (head.status, body) == (200, data or b"")
        assert [e.version for e in upstream.of("/warm")] == [2]
        assert [e.version for e in upstream.of("/old")] == [2, 1, 1, 1]
        proxy.wait_log("wants HTTP/1.1 for its requests")
        if protocol == "h2s":  # in the clear the handshake that found out about TLS is a fault to it
            upstream.check()


def test_what_the_upstream_wants_by_http1_is_not_sent_again_when_its_body_is_gone() -> None:
    with Upstream("h2s") as upstream, Proxy({"a.test": {"/": detected(upstream.server)}}) as proxy, client(proxy) as c:
        upstream.handle("/old", lambda exchange: (exchange.body(), stream_of(exchange).cancel(HTTP_1_1_REQUIRED))
                        if exchange.version == 2 else exchange.answer(exchange.body()))
        data = b"x" * 200_000
        assert c.request("POST", "/old", data=data)[0].status == 502
        assert c.request("POST", "/old", data=data)[1] == data, "the next one goes by HTTP/1.1 at once"
        assert [e.version for e in upstream.of("/old")] == [2, 1]


def test_a_reset_after_the_upstream_began_is_not_sent_again_for_a_post(upstream: Upstream, proxy: Proxy) -> None:
    upstream.handle("/once", lambda exchange: (exchange.body(), exchange.reset()))
    with client(proxy) as c:
        assert c.request("POST", "/once", data=b"data")[0].status == 502
    assert len(upstream.of("/once")) == 1


def test_connection_lost_with_streams_under_way(upstream: Upstream, proxy: Proxy) -> None:
    def begin(exchange: ServerExchange) -> None:
        exchange.respond(length=100)
        exchange.send(b"half")
        exchange.wait_gone()
    upstream.handle("/begun", begin)
    clients = [client(proxy) for _ in range(5)]
    begun = [c.open("GET", "/begun") for c in clients]
    for e in begun:
        assert e.read() == b"half"
    stream_of(upstream.of("/begun")[0]).conn.cut()
    for e in begun:
        with pytest.raises(Broken):
            e.body()
    for c in clients:
        c.close()
    with client(proxy) as c:
        assert c.request("GET", "/after")[0].status == 200


def test_connection_that_was_closed_while_idle_costs_nothing(upstream: Upstream, proxy: Proxy) -> None:
    with client(proxy) as c:
        for i in range(5):
            assert c.request("GET" if i % 2 else "POST", f"/idle{i}", data=None if i % 2 else b"x")[0].status == 200
            wait_until(lambda: upstream.of(f"/idle{i}")[0].finished, "the answer ended")  # noqa: B023
            idle = upstream.h2_connections[-1]
            idle.round_trip()
            idle.close() if i % 2 else idle.cut()


def test_a_client_that_leaves_does_not_cost_the_others_their_connection(upstream: Upstream, proxy: Proxy) -> None:
    gone = threading.Event()
    upstream.handle("/left", lambda exchange: (exchange.wait_gone(), gone.set()))
    with client(proxy) as stays:
        assert stays.request("GET", "/before")[0].status == 200
        leaves = client(proxy)
        exchange = leaves.open("GET", "/left")
        upstream.wait_exchange("/left")
        exchange.reset()
        wait_until(gone.is_set, "the upstream told")
        leaves.close()
        assert stays.request("GET", "/after")[0].status == 200
    assert len({id(stream_of(e).conn) for e in upstream.exchanges}) == 1


def test_a_slow_stream_does_not_hold_up_others_on_its_connection(upstream: Upstream, proxy: Proxy) -> None:
    """One client takes nothing of a large answer; the others share its upstream connection."""
    def large(exchange: ServerExchange) -> None:
        exchange.respond()
        for _ in range(400):
            exchange.send(b"x" * 65536)
        exchange.finish()
    upstream.handle("/large", large)
    with client(proxy) as slow:
        held = slow.open("GET", "/large")
        assert held.head().status == 200
        assert stalled(lambda: stream_of(upstream.of("/large")[0]).sent)
        assert stream_of(upstream.of("/large")[0]).sent < 400 * 65536
        with client(proxy) as other:
            for i in range(20):
                head, body = other.request("POST", f"/other{i}", data=b"y" * 50_000)
                assert (head.status, len(body)) == (200, len(f"POST /other{i} ") + 50_000)
        total = 0
        while piece := held.read():
            total += len(piece)
        assert total == 400 * 65536
