"""HTTP/2 towards servers: shared connections, refused requests, GOAWAY as clients see it. Issue 5 point 5."""

from __future__ import annotations

import threading

from support.deadline import wait_until
from support.pairs import Gate, ServerExchange, Upstream
from support.proxy import Proxy, route


def at_once(proxy: Proxy, paths: list[str], method: str = "GET", body: bytes = b"") -> dict[str, int]:
    got: dict[str, int] = {}

    def ask(path: str) -> None:
        with proxy.client() as client:
            got[path] = client.request(path, method=method, body=body, deadline=20).status
    threads = [threading.Thread(target=ask, args=(p,)) for p in paths]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    return got


def test_requests_at_once_share_one_connection() -> None:
    with Upstream("h2c") as up, Proxy({"a.test": {"/": route(up.pinned)}}) as proxy:
        paths = [f"/{i}" for i in range(40)]
        assert at_once(proxy, paths) == dict.fromkeys(paths, 200)
        assert at_once(proxy, paths) == dict.fromkeys(paths, 200)
        assert len(up.connections) == 1


def test_request_that_is_refused_goes_out_again_with_its_body() -> None:
    tries = []

    def refuse_once(exchange: ServerExchange) -> None:
        tries.append(exchange)
        if len(tries) == 1:
            exchange.stream.cancel(7)  # type: ignore[attr-defined]
        else:
            exchange.answer(exchange.body())

    with Upstream("h2c") as up, Proxy({"a.test": {"/": route(up.pinned)}}) as proxy:
        up.handle("/post", refuse_once)
        r = proxy.get("/post", method="POST", body=b"once" * 1000)
        assert (r.status, r.body) == (200, b"once" * 1000)
        assert len(tries) == 2


def test_connection_that_says_goodbye_finishes_what_it_has_and_gets_no_more() -> None:
    with Upstream("h2c") as up, Proxy({"a.test": {"/": route(up.pinned)}}) as proxy, proxy.client() as client:
        gate = Gate()
        up.handle("/slow", lambda e: (gate.hold(), e.answer(b"late")))
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        up.wait_exchange("/slow")
        up.h2_connections[0].say_goaway(1)
        wait_until(lambda: proxy.get("/next").status == 200 and len(up.connections) == 2, "a second connection")
        gate.set()
        assert client.response().text() == "late"


def test_server_that_dies_gives_502_or_the_next_one() -> None:
    with Upstream("h2c") as up, Proxy({"a.test": {"/": route(up.pinned, "127.0.0.1:1")}}) as proxy:
        for i in range(6):
            assert proxy.get(f"/{i}").status == 200
