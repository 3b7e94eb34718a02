"""Forward authorization: issue 6 point 1, behaviour section 8.5, defects 2, 4, 5, 22 and 30 of section 19.

The authorization server of most tests is a script: it answers 204 with Remote-User to whoever sends `Cookie: session=NAME`,
and sends everyone else away.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import pathlib
import re
import signal
import subprocess
import threading
from typing import Any, Iterator

import grpc
import pytest

from support.certificates import Authority
from support.deadline import Deadline, seconds, wait_until
from support.grpc_peers import SERVING, OwnServer, channel
from support.http1 import Request
from support.origin import Connection, Origin, answer
from support.pairs import ACTIVE, Gate, PairClient, ServerExchange, Upstream
from support.peers import peer
from support.ports import free_port
from support.proxy import BINARY, Hosts, Proxy, document, route
from support.tls import certificate, install
from support.tools import Nginx, listens
from support.websocket import EchoClient, EchoServer

LOGIN = "https://login.test/?rd=1"
ALLOWED = {"fields": "Cookie: session=ann\r\n"}
CA = str(certificate()[0])


def judge(conn: Connection, request: Request) -> None:
    found = re.search(r"session=(\w+)", request.get("cookie") or "")
    if found:
        conn.send(f"HTTP/1.1 204 No Content\r\nRemote-User: {found[1]}\r\nX-Seen-By: auth\r\nServer: judge\r\n\r\n")
    else:
        conn.send(answer("go away", "302 Found", f"Location: {LOGIN}\r\nSet-Cookie: csrf=1\r\n"))


def forward(auth: Origin | str, path: str = "/verify", **keys: Any) -> dict[str, Any]:
    url = auth if isinstance(auth, str) else f"http://{auth.server}{path}"
    return {"authorization": {"type": "forward", "data": url, **keys}}


class World:
    def __init__(self) -> None:
        self.auth = Origin("auth")
        self.auth.on("/verify", judge)
        self.up = Origin("up")
        self.proxy = Proxy({"a.test": {"/": route(self.up, **forward(self.auth)), "/open": route(self.up)}})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    w = World()
    with w.auth, w.up, w.proxy:
        yield w
        w.auth.check()
        w.up.check()


@pytest.fixture
def auth() -> Iterator[Origin]:
    with Origin("auth") as o:
        o.on("/verify", judge)
        yield o
        o.check()


def questions(auth: Origin) -> list[Request]:
    return auth.seen("/verify")


# Yes.

def test_allowed_requests_pass_with_what_the_server_says_of_the_client(world: World) -> None:
    r = world.proxy.get("/a?b=c", **ALLOWED)
    assert (r.status, r.text()) == (200, "up GET /a?b=c")
    (got,) = world.up.seen("/a")
    assert ("remote-user", "ann") in got.fields and ("x-seen-by", "auth") in got.fields, "lower case, as it always was"
    assert got.get("server") is None and got.get("cookie") == "session=ann"


def test_the_question(world: World) -> None:
    count = len(questions(world.auth))
    world.proxy.get("/dir/../x%20y?q=1&r", fields="Cookie: session=ann\r\nAuthorization: Bearer t\r\ncookie: b=2\r\nAccept: text/html\r\n"
                    "User-Agent: me\r\nX-Forwarded-For: 10.9.9.9\r\nX-Forwarded-Uri: /open\r\nX-Other: no\r\nContent-Type: a/b\r\n",
                    method="POST", body=b"data")
    question = questions(world.auth)[count]
    assert re.fullmatch(r"[\w-]{36}", question.get("aralez-question") or ""), "test_forward_auth_loops.py"
    question.fields = [(n, v) for n, v in question.fields if n.lower() != "aralez-question"]
    assert question.raw_head.startswith(b"GET /verify HTTP/1.1\r\nHost: ")
    assert dict((n.lower(), v) for n, v in question.fields) == {
        "host": world.auth.server, "x-forwarded-method": "POST", "x-forwarded-proto": "http", "x-forwarded-host": "a.test",
        "x-forwarded-uri": "/x%20y?q=1&r", "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "authorization": "Bearer t",
        "cookie": "session=ann; b=2", "accept": "text/html", "user-agent": "me"}
    assert len(question.fields) == len({n.lower() for n in question.names()}) and question.body == b""


def test_what_trusted_proxies_say_of_the_client_is_asked_about(origin: Origin, auth: Origin) -> None:
    fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outside.test\r\nX-Forwarded-User: root\r\n"
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}, main={"trusted_proxies": ["127.0.0.0/8"]}) as proxy:
        assert proxy.get("/", fields=fields + ALLOWED["fields"]).status == 200
    question = questions(auth)[0]
    assert [question.get(n) for n in ("x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-user")] == [
        "203.0.113.9", "203.0.113.9", "https", "outside.test", None]
    assert origin.requests[0].get("x-forwarded-proto") == "https" and origin.requests[0].get("x-forwarded-user") is None


def test_guesses_are_throttled_and_nothing_else_is(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", answer("no", "401 Unauthorized"))
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}, main={"auth_failure_limit": 5}) as proxy, proxy.client() as client:
        for fields in ("", "Cookie: some=1\r\n"):
            assert {client.request("/", fields=fields).status for _ in range(10)} == {401}
        got = [client.request("/", fields=f"Authorization: Basic {i}\r\n").status for i in range(10)]
        assert got == [401] * 6 + [429] * 4
        assert len(questions(auth)) == 26
    assert origin.requests == []


def test_head_asks_by_head(world: World) -> None:
    world.auth.on("/verify", judge)
    count = len(questions(world.auth))
    with world.proxy.client() as client:
        assert client.request("/head", method="HEAD", **ALLOWED).status == 200
        assert client.request("/open", method="HEAD").status == 200
    assert questions(world.auth)[count].method == "HEAD"


def test_url_of_the_server_is_used_as_it_is_written(origin: Origin) -> None:
    with Origin("auth", host="127.0.0.1") as auth:
        auth.on("/a/b", answer("", "200 OK"))
        url = f"http://LocalHost:{auth.port}/a/b?rd=https://x/&k=1"
        with Proxy({"a.test": {"/": route(origin, **forward(url))}}) as proxy:
            assert proxy.get("/").status == 200
        assert (auth.requests[0].target, auth.requests[0].get("host")) == ("/a/b?rd=https://x/&k=1", f"LocalHost:{auth.port}")


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Whatever"])
def test_any_2xx_is_a_yes_and_the_last_of_several_fields_counts(status: str, origin: Origin) -> None:
    with Origin("auth") as auth:
        auth.on("/verify", f"HTTP/1.1 {status}\r\nX-Role: one\r\nLocation: /where\r\nX-Role: two\r\nRemote-User: \r\n"
                f"{'' if '204' in status else 'Content-Length: 0'}\r\n\r\n".replace("\r\n\r\n\r\n", "\r\n\r\n").encode())
        with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
            assert proxy.get("/").status == 200
    got = origin.requests[0]
    assert (got.get("x-role"), got.get("location"), got.get("remote-user")) == ("two", "/where", "")


RENEWED = "session=ann2; Path=/; HttpOnly"


def renewing(cookies: tuple[str, ...] = (RENEWED, "csrf=2"), status: str = "204 No Content") -> bytes:
    lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    return f"HTTP/1.1 {status}\r\nRemote-User: ann\r\n{lines}X-Other: auth\r\n\r\n".encode()


@pytest.mark.parametrize("client, upstream", [("h1", "h1"), ("h2c", "h1"), ("h1", "h2c"), ("h2c", "h2c")])
def test_cookies_of_a_yes_reach_the_client_beside_those_of_the_upstream(client: str, upstream: str, auth: Origin) -> None:
    auth.on("/verify", renewing())
    with Upstream(upstream) as up, Proxy({"a.test": {"/": route(up.pinned, **forward(auth))}}) as proxy, PairClient(client, proxy.address) as c:
        up.handle("/own", lambda exchange: exchange.answer("hi", 200, [("Set-Cookie", "own=1"), ("X-Own", "1")]))
        up.handle("/404", lambda exchange: exchange.answer("no", 404, []))
        for _ in range(2):
            head, body = c.request("GET", "/own")
            assert (head.status, body, head.get_all("set-cookie")) == (200, b"hi", ["own=1", RENEWED, "csrf=2"])
            assert head.get("x-own") == "1" and head.get("x-other") is None and head.get("remote-user") is None
            assert c.request("GET", "/404")[0].get_all("set-cookie") == [RENEWED, "csrf=2"]
        auth.on("/verify", renewing(()))
        assert c.request("GET", "/own")[0].get_all("set-cookie") == ["own=1"], "each request has its own"
        assert up.of("/own")[0].get("set-cookie") is None
        up.check()


def test_cookies_of_a_yes_come_with_answers_of_the_proxy_too(auth: Origin) -> None:
    """A session that was renewed is lost otherwise: the old one may be good no more."""
    auth.on("/verify", renewing())
    paths = {"/": route(f"127.0.0.1:{free_port()}", **forward(auth)), "/moved": route(redirect_to="https://new.test", **forward(auth)),
             "/none": route("127.0.0.1:1", rate_limit=0, **forward(auth))}
    with Proxy({"a.test": paths}) as proxy:
        for target, status in (("/", 502), ("/moved", 301), ("/none", 429)):
            r = proxy.get(target)
            assert (r.status, r.get_all("set-cookie")) == (status, [RENEWED, "csrf=2"]), target


def test_cookies_of_a_yes_come_with_101(auth: Origin) -> None:
    auth.on("/verify", renewing())
    with EchoServer() as echo, Proxy({"a.test": {"/": route(echo.server, **forward(auth))}}) as proxy:
        with EchoClient(proxy.address, "a.test") as ws:
            assert ws.echo("hello") == "hello"
        r = proxy.get("/", fields="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        assert (r.status, r.get_all("set-cookie")) == (101, [RENEWED, "csrf=2"])


@pytest.mark.parametrize("count, size, passed", [(16, 1000, 16), (17, 10, 0), (4, 4000, 4), (5, 4000, 0)])
def test_cookies_of_a_yes_are_bounded(count: int, size: int, passed: int, origin: Origin, auth: Origin) -> None:
    auth.on("/verify", renewing(tuple(f"part{i}={'x' * size}" for i in range(count)), "200 OK\r\nContent-Length: 0"))
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        r = proxy.get("/")
        assert (r.status, len(r.get_all("set-cookie"))) == (200, passed)


def test_many_requests_share_a_connection_whatever_the_body_of_the_yes() -> None:
    """Defect 22: a body that was not read became the next answer."""
    def wordy(conn: Connection, request: Request) -> None:
        body = b"HTTP/1.1 200 OK\r\nX-Role: admin\r\nContent-Length: 0\r\n\r\n" * 200
        conn.send(b"HTTP/1.1 200 OK\r\nX-Role: user\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body))
        conn.send(b"0\r\n\r\n")
    with Origin("auth") as auth, Origin("up") as up:
        auth.on("/verify", wordy)
        with Proxy({"a.test": {"/": route(up, **forward(auth))}}) as proxy, proxy.client() as client:
            for i in range(20):
                assert client.request(f"/{i}").status == 200
        assert [r.get("x-role") for r in up.requests] == ["user"] * 20
        assert len(auth.connections) <= 2


def test_a_kept_connection_that_has_ended_is_not_a_no(origin: Origin, auth: Origin) -> None:
    def once(conn: Connection, request: Request) -> None:
        judge(conn, request)
        conn.close()
    auth.on("/verify", once)
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        for _ in range(10):
            assert client.request("/", **ALLOWED).status == 200


# No.

@pytest.mark.parametrize("protocol", ["h1", "h2c"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 400, 401, 403, 404, 429, 500, 503, 599])
def test_defect_2_a_no_is_the_clients_as_it_is_and_the_request_stops_there(status: int, protocol: str) -> None:
    fields = [("Location", LOGIN), ("WWW-Authenticate", 'Negotiate, Basic realm="x"'), ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"),
              ("Content-Type", "text/html"), ("Cache-Control", "no-store"), ("X-Why", "because")]
    body = "<p>no</p>" * 100
    with Origin("auth") as auth, Origin("up") as up:
        lines = "".join(f"{n}: {v}\r\n" for n, v in fields)
        auth.on("/verify", answer(body, f"{status} Whatever", lines))
        with Proxy({"a.test": {"/": route(up, **forward(auth), client_headers=["X-Edge: 1"])}}) as proxy:
            with PairClient(protocol, proxy.address) as client:
                for method, data in (("GET", None), ("POST", b"x" * 1000), ("GET", None)):
                    head, got = client.request(method, "/secret", data=data)
                    assert (head.status, got.decode()) == (status, body)
                    for name, value in fields:
                        assert value in head.get_all(name.lower()), (name, head.fields)
                    assert head.get_all("set-cookie") == ["a=1; Path=/", "b=2"] and head.get("x-edge") is None
                    assert len(head.get_all("date")) == 1
            proxy.wait_log(rf"{status} auth_\w+: ")
        assert up.requests == [] and up.connections == []


def test_a_no_to_head_has_no_body(world: World) -> None:
    with world.proxy.client() as client:
        r = client.request("/head", method="HEAD")
        assert (r.status, r.get("location"), r.get("content-length")) == (302, LOGIN, "7")
        assert client.request("/open").status == 200


def test_a_body_that_is_too_long_is_left_out(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", answer("x" * (64 * 1024 + 1), "403 Forbidden", "Content-Type: text/plain\r\nContent-Language: en\r\nX-A: b\r\n"))
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        for _ in range(2):
            r = client.request("/")
            assert (r.status, r.body, r.get("content-type"), r.get("content-language"), r.get("x-a")) == (403, b"", None, None, "b")
        auth.on("/verify", answer("y" * 64 * 1024, "403 Forbidden"))
        assert client.request("/").body == b"y" * 64 * 1024
    assert origin.requests == []


@pytest.mark.parametrize("cut", ["HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 302 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_a_no_whose_body_breaks_off_is_a_no(cut: str, origin: Origin, auth: Origin) -> None:
    auth.on("/verify", lambda conn, _: (conn.send(cut), conn.close()))
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        r = proxy.get("/")
        assert (r.status, r.body) == (int(cut[9:12]), b"")
    assert origin.requests == []


def test_a_304_has_no_body(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n")
    with Proxy({"a.test": {"/": route(origin, **forward(auth)), "/open": route(origin)}}) as proxy, proxy.client() as client:
        r = client.request("/")
        assert (r.status, r.get("etag"), r.body) == (304, '"x"', b"")
        assert client.request("/open").status == 200


# No answer.

def refused_by(proxy: Proxy, reason: str, target: str = "/secret") -> None:
    r = proxy.get(target)
    assert (r.status, r.body, r.get("www-authenticate"), r.get("cache-control")) == (401, b"", "Forward", "private, no-store")
    proxy.wait_log(rf"401 {reason}: ")


def test_nobody_listens(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward(f"http://127.0.0.1:{free_port()}/"))}}) as proxy:
        refused_by(proxy, "auth_unreachable")
    assert origin.requests == []


def test_defect_4_a_name_without_an_address_is_no_reason_to_end(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward("http://nowhere.invalid/")), "/open": route(origin)}}) as proxy:
        refused_by(proxy, "auth_unreachable")
        assert proxy.get("/open").status == 200
    assert [r.path for r in origin.requests] == ["/open"]


def test_it_never_answers(origin: Origin, auth: Origin) -> None:
    gate = Gate()
    auth.on("/verify", lambda conn, _: conn.hold_until_closed())
    with Proxy({"a.test": {"/": route(origin, **forward(auth, timeout=0.2))}}) as proxy:
        refused_by(proxy, "auth_timeout")
        wait_until(lambda: auth.open_connections() == 0, "the connection is closed")
    gate.set()
    assert origin.requests == []


def test_it_accepts_and_closes(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", lambda conn, _: conn.close())
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        refused_by(proxy, "auth_unreachable")
    assert origin.requests == []


# The request while it waits.

def test_a_body_waits_and_follows(world: World) -> None:
    gate = Gate()

    def later(conn: Connection, request: Request) -> None:
        gate.hold()
        judge(conn, request)
    world.up.on("/upload", lambda conn, request: conn.send(answer(str(len(request.body)))))
    with Origin("auth") as auth:
        auth.on("/verify", later)
        with Proxy({"a.test": {"/": route(world.up, **forward(auth))}}) as proxy, proxy.client() as client:
            size = 3 << 20
            client.send(f"POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\nCookie: session=ann\r\n\r\n")
            client.send(b"x" * 200_000)
            auth.wait_seen("/verify")
            assert not world.up.seen("/upload")
            gate.set()
            client.send(b"x" * (size - 200_000), 30)
            assert client.response("POST", 30).text() == str(size)


@pytest.mark.parametrize("trailers", [(), (("x-after", "1"),)], ids=["plain", "trailers"])
@pytest.mark.parametrize("client, upstream", [("h1", "h1"), ("h2c", "h1"), ("h2c", "h2c"), ("h1", "h2c")])
def test_a_body_that_ends_without_a_byte_while_it_waits(client: str, upstream: str, trailers: tuple[tuple[str, str], ...], auth: Origin) -> None:
    gate = Gate()
    auth.on("/verify", lambda conn, request: (gate.hold(), judge(conn, request)))
    with Upstream(upstream) as up, Proxy({"a.test": {"/": route(up.pinned, **forward(auth))}}) as proxy, PairClient(client, proxy.address) as c:
        exchange = c.open("POST", "/late", [("cookie", "session=ann")], body=True)
        auth.wait_seen("/verify")
        exchange.finish(trailers)
        if client == "h2c":
            c.h2.round_trip()
        gate.set()
        assert (exchange.head().status, exchange.body()) == (200, b"POST /late ")
        assert [(n.lower(), v) for n, v in up.of("/late")[0].trailers] == list(trailers)
        up.check()


def test_a_body_of_a_refused_request_goes_nowhere(world: World) -> None:
    with world.proxy.client() as client:
        r = client.request("/upload-no", method="POST", body=b"GET /open/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert r.status == 302
        assert client.request("/open/next").text() == "up GET /open/next"
    assert not world.up.seen("/open/smuggled") and not world.up.seen("/upload-no")


def test_expect_100_continue(world: World) -> None:
    head = "POST {} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n{}\r\n"
    with world.proxy.client() as client:
        client.send(head.format("/expect", ""))
        assert client.response("POST").status == 302

    def polite(conn: Connection, request: Request) -> None:
        conn.send("HTTP/1.1 100 Continue\r\n\r\n")
        conn.read_body(request)
        conn.send(answer(request.body))
    world.up.on_head("/expect", polite)
    with world.proxy.client() as client:
        client.send(head.format("/expect", "Cookie: session=ann\r\n"))
        assert client.reader.response_head(Deadline()).status == 100
        client.send("ok")
        assert client.response("POST").body == b"ok"


def test_a_client_that_goes_takes_its_question_along(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", lambda conn, _: conn.hold_until_closed())
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        with proxy.client() as client:
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            auth.wait_seen("/verify")
            client.reset()
        wait_until(lambda: auth.open_connections() == 0, "the question is given up")
    assert origin.requests == []


def test_clients_of_http2_that_reset_take_their_questions_along(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", lambda conn, _: conn.hold_until_closed())
    with Proxy({"a.test": {"/": route(origin, **forward(auth)), "/open": route(origin)}}) as proxy, PairClient("h2c", proxy.address) as client:
        exchanges = [client.open("GET", f"/{i}") for i in range(20)]
        auth.wait_seen("/verify", 20)
        for exchange in exchanges:
            exchange.reset()
        wait_until(lambda: auth.open_connections() == 0, "all questions are given up")
        assert client.request("GET", "/open")[0].status == 200


def test_an_end_of_the_process_does_not_wait_for_answers(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", lambda conn, _: conn.hold_until_closed())
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        auth.wait_seen("/verify")
        proxy.stop()


# Where it stands among the rest.

def test_it_comes_before_redirects_and_covers_everything_when_it_is_global(origin: Origin, auth: Origin) -> None:
    hosts: Hosts = {"a.test": {"/": route(origin), "/moved": route(redirect_to="https://new.test")}, "DEFAULT": {"/": route(origin)}}
    with Proxy(hosts, globals_=forward(auth)) as proxy:
        for target, host in (("/", "a.test"), ("/moved", "a.test"), ("//moved", "a.test"), ("/x", "other.test")):
            assert proxy.get(target, host=host).status == 302
        assert proxy.get("/moved", **ALLOWED).get("location") == "https://new.test/moved"
    assert origin.requests == []


@pytest.mark.parametrize("target", ["/locked", "/locked/", "//locked", "/x/../locked", "/%6cocked", "/./locked/y?z", "http://a.test/locked"])
def test_no_spelling_goes_round_it(target: str, origin: Origin, auth: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin), "/locked": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        assert client.request(target).status == 302
    assert origin.requests == []


def test_defect_5_a_route_that_is_down_stays_protected(origin: Origin, auth: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin), "/locked": route(f"127.0.0.1:{free_port()}", **forward(auth))}}) as proxy:
        assert proxy.get("/locked").status == 302
        assert proxy.get("/locked", **ALLOWED).status == 502
    assert origin.requests == []


def test_defect_30_upgrade_of_a_request_that_is_sent_away(world: World) -> None:
    def switch(conn: Connection, _request: Request) -> None:
        conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        conn.hold_until_closed()
    world.up.on("/ws", switch)
    for _ in range(20):
        r = world.proxy.get("/ws", fields="Connection: Upgrade\r\nUpgrade: websocket\r\n")
        assert (r.status, r.get("location")) == (302, LOGIN)
    assert not world.up.seen("/ws") and world.proxy.alive()


def test_websocket_behind_it(auth: Origin) -> None:
    with EchoServer() as echo, Proxy({"ws.test": {"/": route(echo.server, **forward(auth))}}) as proxy:
        with EchoClient(proxy.address, "ws.test", extra_headers={"Cookie": "session=ann"}) as ws:
            assert ws.echo("hello") == "hello"
        assert echo.handshakes[-1]["Remote-User"] == "ann"
        assert auth.requests[-1].get("x-forwarded-method") == "GET"


def test_grpc_behind_it(auth: Origin) -> None:
    with OwnServer(False) as own, Proxy({"a.test": {"/": route(f"h2c://127.0.0.1:{own.port}", **forward(auth))}}) as proxy:
        with channel(proxy.port, "a.test", False) as ch:
            check = ch.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"", timeout=seconds(10), metadata=[("cookie", "session=ann")]) == SERVING
            auth.on("/verify", answer("no", "403 Forbidden"))
            with pytest.raises(grpc.RpcError) as e:
                check(b"", timeout=seconds(10))
            assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED


# All protocols, reloads, settings.

@pytest.mark.parametrize("pair", ACTIVE, ids="-".join)
def test_pairs(pair: tuple[str, str], auth: Origin) -> None:
    protocol, upstream = pair
    tls = protocol.endswith("s")
    tls_port = free_port()
    with contextlib.ExitStack() as stack:
        up = Upstream(upstream)
        stack.callback(up.close)
        proxy = Proxy({"a.test": {"/": route(up.pinned, **forward(auth))}}, main={"proxy_address_tls": f"127.0.0.1:{tls_port}"} if tls else None)
        if tls:
            install(proxy.config / "certificates")
        stack.enter_context(proxy)
        client = stack.enter_context(PairClient(protocol, ("127.0.0.1", tls_port) if tls else proxy.address))
        for i in range(3):
            head, body = client.request("POST", f"/no{i}", data=b"n" * 100)
            assert (head.status, head.get("location"), body) == (302, LOGIN, b"go away")
            head, body = client.request("POST", f"/yes{i}", [("cookie", "a=1"), ("cookie", "session=ann"), ("remote-user", "root")], data=b"y" * 100_000)
            assert (head.status, body) == (200, f"POST /yes{i} ".encode() + b"y" * 100_000)
            assert up.of(f"/yes{i}")[0].get("remote-user") == "ann" and not up.of(f"/no{i}")
        question = auth.requests[-1]
        assert question.get("x-forwarded-proto") == ("https" if tls else "http")
        assert question.get("cookie") == "a=1; session=ann"


@pytest.mark.parametrize("protocol", ["h1s", "h2s"])
def test_server_behind_tls(protocol: str, origin: Origin) -> None:
    """Its certificate is verified, whatever verify_upstream says; several questions at once share a connection of HTTP/2."""
    def yes(exchange: ServerExchange) -> None:
        exchange.answer("", 200, [("X-Role", "tls")])
    with Upstream(protocol) as up:
        up.handle("/verify", yes)
        url = f"https://127.0.0.1:{up.port}/verify"
        with Proxy({"a.test": {"/": route(origin, **forward(url))}}, main={"ca_file": CA}) as proxy:
            for _ in range(3):
                assert proxy.get("/").status == 200
            assert origin.requests[0].get("x-role") == "tls"
            assert len(up.connections) == 1 and {e.version for e in up.of("/verify")} == {2 if protocol == "h2s" else 1}
        with Proxy({"a.test": {"/": route(origin, **forward(url))}}) as proxy:  # the system does not know it
            refused_by(proxy, "auth_unreachable")
            proxy.wait_log("self.signed certificate")
        with Proxy({"a.test": {"/": route(origin, **forward(f"https://localhost:{up.port}/verify"))}}, main={"ca_file": CA}) as proxy:
            refused_by(proxy, "auth_unreachable")
            proxy.wait_log("hostname mismatch")
    assert len(origin.requests) == 3


def test_renewed_ca_file_counts_from_the_next_hangup(origin: Origin, tmp_path: pathlib.Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text(Authority().issue("other.test")[0])
    with Upstream("h1s") as up:
        hosts = {"a.test": {"/": route(origin, **forward(f"https://127.0.0.1:{up.port}/verify"))}}
        with Proxy(hosts, main={"ca_file": str(trusted)}) as proxy:
            refused_by(proxy, "auth_unreachable")
            trusted.write_text(pathlib.Path(CA).read_text())
            proxy.send_signal(signal.SIGHUP)
            proxy.wait_log("configuration 2:")
            assert proxy.get("/").status == 200


def test_reload_while_it_is_asked(auth: Origin) -> None:
    """Under way are requests of the old configuration and of the new one, with servers of authorization that change."""
    with Origin("up") as up, Origin("auth2") as other:
        other.on("/verify", judge)
        with Proxy({"a.test": {"/": route(up, **forward(auth))}}, main={"threads": 2}) as proxy:
            stop = threading.Event()
            wrong: list[object] = []

            def client(fields: dict[str, str], status: int) -> None:
                with proxy.client() as c:
                    while not stop.is_set():
                        r = c.request("/", **fields)
                        if r.status != status:
                            wrong.append((r.status, fields))
            threads = [threading.Thread(target=client, args=a) for a in ((ALLOWED, 200), ({}, 302), (ALLOWED, 200))]
            for t in threads:
                t.start()
            for i in range(6):
                proxy.apply({"a.test": {"/": route(up, **forward(other if i % 2 == 0 else auth))}})
            stop.set()
            for t in threads:
                t.join(seconds(10))
            assert not wrong and other.requests
            assert all(r.get("remote-user") == "ann" for r in up.requests)


def test_the_old_configuration_ends_while_its_answer_is_under_way(origin: Origin, auth: Origin) -> None:
    gate = Gate()

    def slow_body(conn: Connection, _request: Request) -> None:
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        gate.hold()
        conn.send("of it.")
    auth.on("/verify", slow_body)
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        assert proxy.get("/").status == 200, "the head says yes; nobody waits for the body"
        for _ in range(2):
            proxy.apply({"a.test": {"/": route(origin)}})
        gate.set()
        wait_until(lambda: auth.open_connections() == 0 or auth.quiet(), "the rest is read or dropped")
        assert proxy.get("/").status == 200


def test_names_make_it_exact(origin: Origin, auth: Origin) -> None:
    auth.on("/verify", answer("", "200 OK", "X-Team: a\r\nUserid: 7\r\nRemote-User: ann\r\n"))
    with Proxy({"a.test": {"/": route(origin, **forward(auth, headers=["X-Team", "userid"]))}}) as proxy:
        assert proxy.get("/", fields="X-Tenant: mine\r\nX-Team: evil\r\nUserid: 0\r\nRemote-User: root\r\n").status == 200
    got = origin.requests[0]
    assert (got.get("x-team"), got.get("userid"), got.get("x-tenant"), got.get("remote-user")) == ("a", "7", "mine", None)


@pytest.mark.parametrize("block, said", [
    ({"type": "forward", "data": "auth.test"}, "not a URL"),
    ({"type": "forward", "data": "http://u:s3cret@auth.test/"}, "user name"),
    ({"type": "forward", "data": "http://auth.test/#s3cret"}, "fragment"),
    ({"type": "forward", "data": ["http://a/", "http://b/"]}, "one text"),
    ({"type": "forward", "data": "http://auth.test/", "headers": ["Host"]}, "set by the proxy alone"),
    ({"type": "forward", "data": "http://auth.test/", "headers": ["a b"]}, "not a name of a header field"),
    ({"type": "forward", "data": "http://auth.test/", "timeout": 0}, "out of range"),
    ({"type": "basic", "data": "u:s3cret", "headers": ["X-A"]}, "only type forward has it"),
])
def test_mistakes_are_named_where_they_stand(block: dict[str, Any], said: str) -> None:
    proxy = Proxy(upstreams=document({"a.test": {"/": {"servers": ["127.0.0.1:1"], "authorization": block}}})).prepare()
    try:
        done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True, timeout=seconds(20),
                              check=False)
        assert done.returncode == 1 and re.search(rf"upstreams\.yaml:\d+:\d+: [\w\[\]]+: .*{said}", done.stderr), done.stderr
        assert "s3cret" not in done.stderr
    finally:
        proxy.close()


def test_explain_names_it_without_its_query(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward("https://auth.test/verify?token=s3cret"))}}) as proxy:
        done = subprocess.run([*proxy.command(), "--explain", "GET http://a.test/"], capture_output=True, text=True, timeout=seconds(20), check=True)
        assert "authorization: forward, asks https://auth.test/verify\n" in done.stdout
        assert "s3cret" not in done.stdout + proxy.log()


# A server that people use.

@pytest.fixture(scope="module")
def oauth2_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """oauth2-proxy with a password file instead of a provider; its port."""
    folder = tmp_path_factory.mktemp("oauth2-proxy")
    digest = base64.b64encode(hashlib.sha1(b"s3cret").digest()).decode()
    (folder / "users").write_text(f"ann:{{SHA}}{digest}\n")
    port = free_port()
    with open(folder / "log", "wb") as log, subprocess.Popen(
            [peer("oauth2-proxy"), f"--http-address=127.0.0.1:{port}", f"--htpasswd-file={folder}/users", "--htpasswd-user-group=ops",
             "--provider=github", "--client-id=x", "--client-secret=y", f"--cookie-secret={'0' * 32}", "--cookie-secure=false", "--email-domain=*",
             "--upstream=static://202", "--set-xauthrequest", "--reverse-proxy"], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: listens(port), "oauth2-proxy listens", 15)
            yield port
        finally:
            process.kill()


def test_oauth2_proxy(oauth2_proxy: int, origin: Origin) -> None:
    """Its pages behind the proxy as well, as its manual has it: log in, use the session, log out."""
    hosts = {"a.test": {"/": route(origin, **forward(f"http://127.0.0.1:{oauth2_proxy}/oauth2/auth")),
                        "/oauth2": route(f"127.0.0.1:{oauth2_proxy}")}}
    with Proxy(hosts) as proxy, proxy.client() as client:
        r = client.request("/app", fields="X-Auth-Request-User: root\r\n")
        assert (r.status, r.text().strip()) == (401, "Unauthorized") and origin.requests == []
        form = b"username=ann&password=s3cret&rd=/app"
        r = client.request("/oauth2/sign_in", method="POST", body=form, fields="Content-Type: application/x-www-form-urlencoded\r\n")
        assert (r.status, r.get("location")) == (302, "/app")
        session = (r.get("set-cookie") or "").partition(";")[0]
        assert session.startswith("_oauth2_proxy=")
        for i in range(3):
            assert client.request(f"/app?{i}", fields=f"Cookie: x=1; {session}\r\nX-Auth-Request-User: root\r\n").status == 200
        got = origin.requests[-1]
        assert (got.get("x-auth-request-user"), got.get("x-auth-request-groups")) == ("ann", "ops")
        assert client.request("/app", fields=f"Cookie: {session[:-3]}\r\n").status == 401
        basic = base64.b64encode(b"ann:s3cret").decode()
        assert client.request("/app", fields=f"Authorization: Basic {basic}\r\n").status == 200
    assert len(origin.requests) == 4


def test_nginx_as_the_server(origin: Origin) -> None:
    """With a password file: its challenge reaches the client, and so do its keep-alive habits."""
    check = ("keepalive_requests 3; location / { auth_basic inner; auth_basic_user_file USERS; add_header X-Who $remote_user; "
             "add_header X-About $http_x_forwarded_uri; return 200; }")
    nginx = Nginx(check)
    users = nginx.root / "users"
    users.write_text("ann:{PLAIN}s3cret\n")
    conf = nginx.folder / "nginx.conf"
    conf.write_text(conf.read_text().replace("USERS", str(users)).replace("return 200;", "try_files /users =404;"))
    with nginx, Proxy({"a.test": {"/": route(origin, **forward(f"http://{nginx.server}/check"))}}) as proxy, proxy.client() as client:
        r = client.request("/x")
        assert (r.status, r.get("www-authenticate")) == (401, 'Basic realm="inner"')
        basic = base64.b64encode(b"ann:s3cret").decode()
        for i in range(10):
            assert client.request(f"/x?{i}", fields=f"Authorization: Basic {basic}\r\n").status == 200
    assert (origin.requests[-1].get("x-who"), origin.requests[-1].get("x-about")) == ("ann", "/x?9")
