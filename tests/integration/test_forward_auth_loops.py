"""An authorization server that leads back to the route that asks it: docs/adr/0019.

`Aralez-Question` marks questions; no client can make a mark, and none that was not made here goes anywhere.
"""

from __future__ import annotations

import re
from typing import Any, Iterator

import pytest

from support.deadline import wait_until
from support.origin import Connection, Origin, answer
from support.http1 import Request
from support.pairs import PairClient, ServerExchange, Upstream
from support.proxy import Proxy, document, route
from support.tools import Nginx

MARK = "Aralez-Question"


def asks(server: str, path: str = "/verify") -> dict[str, Any]:
    return {"authorization": {"type": "forward", "data": f"http://{server}{path}"}}


def own(proxy: Proxy) -> str:
    return f"127.0.0.1:{proxy.port}"


@pytest.fixture
def auth() -> Iterator[Origin]:
    """Lets everybody in."""
    with Origin("auth") as o:
        o.on("/verify", answer("", "200 OK"))
        yield o
        o.check()


def looped(proxy: Proxy, times: int = 1) -> None:
    """One line for each loop, which is written behind the answer, and no more."""
    line = "503 auth_loop: the authorization server leads back to the route that asks it"
    wait_until(lambda: proxy.log().count(line) >= times, f"log lines: {times} times {line!r}")
    assert proxy.log().count(line) == times


def test_straight_back(origin: Origin) -> None:
    with Proxy() as proxy:
        proxy.apply({"127.0.0.1": {"/": route(origin, **asks(own(proxy)))}})
        r = proxy.get("/x", host="127.0.0.1")
        assert (r.status, r.get("cache-control")) == (503, "private, no-store")
        looped(proxy)
        proxy.wait_log("503 auth_server_error")
        assert proxy.log().count("503 auth_server_error") == 1, "that of the first request"
    assert origin.requests == []


def test_global_authorization_protects_the_server_from_itself(origin: Origin) -> None:
    """The usual mistake: the server is a host of the same proxy, and the block is at the top."""
    with Proxy() as proxy:
        hosts = {"a.test": {"/": route(origin)}, "127.0.0.1": {"/verify": route(origin)}}
        proxy.write_upstreams(document(hosts, **asks(own(proxy))))
        wait_until(lambda: proxy.get("/x").status == 503, "the block has its effect")
        looped(proxy)
    assert origin.requests == []


def test_two_routes_that_ask_each_other(origin: Origin) -> None:
    with Proxy() as proxy:
        proxy.apply({"127.0.0.1": {"/a": route(origin, **asks(own(proxy), "/b")), "/b": route(origin, **asks(own(proxy), "/a"))}})
        for target in ("/a", "/b"):
            assert proxy.get(target, host="127.0.0.1").status == 503
        looped(proxy, 2)
    assert origin.requests == []


def test_a_ring_that_is_too_long(origin: Origin, auth: Origin) -> None:
    """Routes that ask one another, and no loop at all; beyond eight it is taken for one."""
    with Proxy() as proxy:
        paths = {f"/{i}": route(origin, **asks(own(proxy), f"/{i + 1}")) for i in range(9)}
        proxy.apply({"127.0.0.1": {**paths, "/9": route(origin, **asks(auth.server))}})
        assert proxy.get("/2", host="127.0.0.1").status == 200
        assert [r.target for r in origin.requests] == [f"/{i}" for i in reversed(range(2, 10))]
        assert len((auth.requests[0].get(MARK) or "").split(", ")) == 8
        assert proxy.get("/1", host="127.0.0.1").status == 503
        looped(proxy)


def test_through_another_program(origin: Origin) -> None:
    nginx = Nginx("location / { proxy_pass http://127.0.0.1:PORT; proxy_set_header Host a.test; }")
    with Proxy() as proxy:
        conf = nginx.folder / "nginx.conf"
        conf.write_text(conf.read_text().replace("PORT", str(proxy.port)))
        with nginx:
            proxy.apply({"a.test": {"/": route(origin, **asks(nginx.server))}})
            assert proxy.get("/x").status == 503
            looped(proxy)
    assert origin.requests == []


def test_through_another_aralez_with_the_same_key(origin: Origin) -> None:
    key = {"master_key": "the same"}
    with Proxy(main=key) as inner, Proxy(main=key) as outer:
        inner.apply({"127.0.0.1": {"/": route(own(outer))}})
        outer.apply({"127.0.0.1": {"/": route(origin, **asks(own(inner)))}})
        assert outer.get("/x", host="127.0.0.1").status == 503
        looped(outer)
    assert origin.requests == []


def test_the_same_server_for_another_route_is_no_loop(origin: Origin, auth: Origin) -> None:
    """The server is behind this proxy, and protected by a second one."""
    with Proxy() as proxy:
        proxy.apply({"a.test": {"/": route(origin, **asks(own(proxy), "/first"))}, "127.0.0.1": {"/first": route(origin, **asks(auth.server))}})
        with proxy.client() as client:
            for _ in range(3):
                assert client.request("/x").status == 200
        assert "auth_loop" not in proxy.log()
        first, second = (auth.requests[0].get(MARK) or "").split(", ")
        assert re.fullmatch(r"[\w-]{36}", first) and re.fullmatch(r"[\w-]{36}", second) and first != second
        assert origin.seen("/first")[0].get(MARK) == first, "what is asked of it may lead back yet"
        assert origin.seen("/x")[0].get(MARK) is None, "a request is no question"


FORGED = ["1", "x" * 36, ", ".join(["A" * 36] * 8), "A" * 36 + "\r\n" + MARK + ": " + "B" * 36, ""]


@pytest.mark.parametrize("forged", FORGED, ids=["short", "one", "eight", "two lines", "empty"])
def test_a_forged_mark_has_no_effect_and_goes_nowhere(forged: str, origin: Origin, auth: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **asks(auth.server)), "/open": route(origin)}}) as proxy, proxy.client() as client:
        assert client.request("/x").status == 200
        for target in ("/x", "/open"):
            assert client.request(target, fields=f"{MARK}: {forged}\r\n").status == 200
            assert origin.seen(target)[-1].get(MARK) is None
        assert len(auth.requests) == 2 and len({r.get(MARK) for r in auth.requests}) == 1
        auth.on("/verify", answer("no", "403 Forbidden"))
        assert client.request("/x", fields=f"{MARK}: {forged}\r\n").status == 403
        assert "auth_loop" not in proxy.log()


@pytest.mark.parametrize("protocol", ["h1", "h2c"])
def test_a_forged_mark_in_trailers_goes_nowhere(protocol: str) -> None:
    def echo(exchange: ServerExchange) -> None:
        exchange.respond(200)
        exchange.read()
        exchange.send(b"begun")
        exchange.body()
        exchange.finish()
    with Upstream(protocol) as up, Proxy({"a.test": {"/": route(up.pinned)}}) as proxy, PairClient(protocol, proxy.address) as client:
        up.handle("/t", echo)
        exchange = client.open("POST", "/t", [("te", "trailers")] if client.version == 2 else [], body=True)
        exchange.send(b"x")
        assert exchange.read() == b"begun"  # so trailers have somebody to go to
        exchange.finish([("aralez-question", "A" * 36), ("x-after", "1")])
        assert exchange.body() == b""
        assert [(n.lower(), v) for n, v in up.of("/t")[0].trailers] == [("x-after", "1")]


def test_a_mark_of_another_process_is_a_forged_one(origin: Origin, auth: Origin) -> None:
    """And one of a process with the same master_key is not: it knows routes by their names."""
    hosts = {"a.test": {"/": route(origin, **asks(auth.server))}}
    with Proxy(hosts) as proxy:
        assert proxy.get("/x").status == 200
    mark = auth.requests[-1].get(MARK)
    with Proxy(hosts) as proxy:
        assert proxy.get("/x", fields=f"{MARK}: {mark}\r\n").status == 200
    key = {"master_key": "the same"}
    with Proxy(hosts, main=key) as proxy:
        assert proxy.get("/x").status == 200
    mark = auth.requests[-1].get(MARK)
    with Proxy(hosts, main=key) as proxy:
        assert proxy.get("/x", fields=f"{MARK}: {mark}\r\n").status == 503
        looped(proxy)


def test_a_reload_keeps_the_marks(origin: Origin) -> None:
    with Origin("auth") as auth:
        with Proxy() as proxy:
            hosts = {"a.test": {"/": route(origin, **asks(auth.server))}}
            proxy.apply(hosts)

            def reload_and_ask_back(conn: Connection, request: Request) -> None:
                proxy.apply({**hosts, "b.test": {"/": route(origin)}})
                r = proxy.get("/x", fields=f"{MARK}: {request.get(MARK)}\r\n")
                conn.send(answer(str(r.status), "403 Forbidden"))
            auth.on("/verify", reload_and_ask_back)
            r = proxy.get("/x")
            assert (r.status, r.body) == (403, b"503")
            looped(proxy)
