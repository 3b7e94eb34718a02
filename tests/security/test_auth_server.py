"""Threats rows 14, 15, 26 and 28 where a request is judged by another server: what clients say about themselves, and what a server of
authorization can do to the proxy.
"""

from __future__ import annotations

import socket
from typing import Any, Iterator

import pytest

from support.deadline import wait_until
from support.origin import Connection, Origin, answer
from support.pairs import PairClient
from support.proxy import Proxy, instrumented, route

YES = b"HTTP/1.1 200 OK\r\nRemote-User: ann\r\nContent-Length: 0\r\n\r\n"


def forward(auth: Origin, **keys: Any) -> dict[str, Any]:
    return {"authorization": {"type": "forward", "data": f"http://{auth.server}/verify", **keys}}


@pytest.fixture
def auth() -> Iterator[Origin]:
    with Origin("auth") as o:
        o.on("/verify", YES)
        yield o


# Row 14: names that the server of authorization may set are not the client's to send.

SPOOFED = ["Remote-User", "REMOTE-USER", "remote-groups", "Remote-Email", "X-Auth-Request-User", "X-Auth-User", "X-Forwarded-User",
           "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Access-Token", "X-User", "X-User-Id", "X-Email", "X-Roles", "X-WebAuth-User",
           "X-Remote-User", "X-authentik-username", "X-Vouch-User", "X-Pomerium-Jwt-Assertion", "X-Amzn-Oidc-Identity", "X-Forwarded-Uri",
           "X-Forwarded-Method", "X-Goog-Authenticated-User-Email", "X-MS-CLIENT-PRINCIPAL", "X-Any-Thing", "Location"]


@pytest.mark.parametrize("protocol", ["h1", "h2c"])
def test_identity_of_a_client_is_never_its_own_word(protocol: str, auth: Origin, origin: Origin) -> None:
    fields = [(n if protocol == "h1" else n.lower(), "root") for n in SPOOFED] * 2
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, PairClient(protocol, proxy.address) as client:
        assert client.request("GET", "/", fields)[0].status == 200
    got = origin.requests[0]
    assert got.get("remote-user") == "ann"
    assert "root" not in [v for _, v in got.fields]
    assert "root" not in [v for _, v in auth.requests[0].fields], "nor is it asked about"


@pytest.mark.parametrize("fields", [
    "Remote_User: root\r\n", "X_Auth_User: root\r\n", "remote-user:root\r\nRemote_User: root\r\n",
    "Connection: Remote-User\r\nRemote-User: root\r\n", "Connection: X-Role, remote-user\r\nX-Role: root\r\n",
    "Connection: close, X-Forwarded-For, X-Real-IP\r\nRemote-User: root\r\n"])
def test_no_spelling_and_no_connection_option_changes_that(fields: str, auth: Origin, origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        assert proxy.get("/", fields=fields).status == 200
    got = origin.requests[0]
    assert got.get("remote-user") == "ann" and "root" not in [v for _, v in got.fields]
    assert got.get("x-real-ip") == "127.0.0.1"
    assert auth.requests[0].get("x-forwarded-for") == "127.0.0.1"


def test_authorization_that_comes_twice_is_judged_by_nobody(auth: Origin, origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        assert proxy.get("/", fields="Authorization: Bearer mine\r\nauthorization: Bearer theirs\r\n").status == 401
    assert auth.requests == [] and origin.requests == []


def test_trailers_bring_no_identity(auth: Origin, origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: Remote-User\r\n\r\n0\r\nRemote-User: root\r\n\r\n")
        assert client.response("POST").status == 200
    assert origin.requests[0].get("remote-user") == "ann"


# The question says what policy has judged, and nothing can be put into it.

@pytest.mark.parametrize("target", ["/a%0d%0aX-Forwarded-Uri:%20/open", "/x/../../open", "/%2e%2e/open", "/open%3f"])
def test_the_question_is_about_what_the_upstream_gets(target: str, auth: Origin, origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        assert proxy.get(target).status == 200
    assert auth.requests[0].get("x-forwarded-uri") == origin.requests[0].target
    assert len(auth.requests) == 1


# Row 28 and others: a server of authorization that is broken or bought.

def interim(n: int) -> bytes:
    return b"HTTP/1.1 103 Early Hints\r\nRemote-User: root\r\nX-Role: admin\r\n\r\n" * n


GARBAGE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a status that is none": b"HTTP/1.1 600 Much\r\nContent-Length: 0\r\n\r\n",
    "another status that is none": b"HTTP/1.1 999 Most\r\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nRemote-User: root\r\n\r\n",
    "1xx without end": interim(1000),
    "a head without end": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000,
    "fields without end": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(2000)) + b"\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nRemote-User: ro",
    "nothing": b"",
    "1xx and nothing": interim(1),
    "a NUL in a field": b"HTTP/1.1 200 OK\r\nRemote-User: ro\0ot\r\n\r\n",
    "a name that is none": b"HTTP/1.1 200 OK\r\nRemote User: root\r\n\r\n",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_answer_is_a_no(what: str, auth: Origin, origin: Origin) -> None:
    def say(conn: Connection, _request: object) -> None:
        conn.send(GARBAGE[what])
        conn.half_close()
        conn.hold_until_closed()
    auth.on("/verify", say)
    with Proxy({"a.test": {"/": route(origin, **forward(auth)), "/open": route(origin)}}) as proxy, proxy.client() as client:
        for _ in range(2):
            assert client.request("/secret").status == 401
        assert client.request("/open").status == 200
        wait_until(lambda: auth.open_connections() == 0, "its connection is closed")
    assert [r.path for r in origin.requests] == ["/open"]


def test_interim_answers_of_it_say_nothing_of_the_client(auth: Origin, origin: Origin) -> None:
    auth.on("/verify", interim(5) + b"HTTP/1.1 204 No Content\r\n\r\n")
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
        r = proxy.get("/")
        assert r.status == 200 and r.interim == []
    assert not [v for n, v in origin.requests[0].fields if n.lower() in ("remote-user", "x-role")]


def endless(conn: Connection, head: bytes) -> None:
    conn.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    try:
        while True:
            conn.send(piece)
    except ConnectionError:
        pass


@pytest.mark.parametrize("status, then", [("200 OK", 200), ("403 No", 403), ("302 Found", 302)])
def test_a_body_without_end_costs_nothing(status: str, then: int, auth: Origin, origin: Origin) -> None:
    auth.on("/verify", lambda conn, _: endless(conn, f"HTTP/1.1 {status}\r\n".encode()))
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        for _ in range(5):
            r = client.request("/")
            assert (r.status, len(r.body) < 100) == (then, True)
        wait_until(lambda: auth.open_connections() == 0, "its connections are closed")
        assert instrumented() or proxy.rss_bytes() < 60 << 20
    assert len(origin.requests) == (5 if then == 200 else 0)


def test_a_body_that_never_comes_is_not_waited_for_longer_than_said(auth: Origin, origin: Origin) -> None:
    def dribble(conn: Connection, _request: object) -> None:
        conn.send("HTTP/1.1 403 No\r\nContent-Length: 1000\r\n\r\nx")
        conn.hold_until_closed()
    auth.on("/verify", dribble)
    with Proxy({"a.test": {"/": route(origin, **forward(auth, timeout=0.3))}}) as proxy:
        r = proxy.get("/")
        assert (r.status, r.body) == (403, b"")
    assert origin.requests == []


def test_bytes_behind_an_answer_are_no_answer(auth: Origin, origin: Origin) -> None:
    """A connection that says more than it was asked is not used again."""
    def twice(conn: Connection, _request: object) -> None:
        conn.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" + YES.replace(b"ann", b"root"))
    auth.on("/verify", twice)
    with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy, proxy.client() as client:
        for _ in range(5):
            assert client.request("/").status == 403
    assert origin.requests == []


def test_redirects_of_it_are_not_followed(auth: Origin, origin: Origin) -> None:
    """Row 26: it cannot make the proxy ask somebody else."""
    with Origin("inner") as inner:
        auth.on("/verify", answer("", "302 Found", f"Location: http://{inner.server}/latest/meta-data\r\n"))
        with Proxy({"a.test": {"/": route(origin, **forward(auth))}}) as proxy:
            assert proxy.get("/").status == 302
        assert inner.connections == [] and origin.requests == []


def test_questions_under_way_are_bounded(origin: Origin) -> None:
    """1024 per worker; what comes then is refused at once, and served again when they have ended."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(4096)  # connects, and never says a word
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        hosts = {"a.test": {"/": route(origin, authorization={"type": "forward", "data": url, "timeout": 60}), "/open": route(origin)}}
        with Proxy(hosts, main={"log_level": "info"}) as proxy:
            clients = [PairClient("h2c", proxy.address) for _ in range(11)]
            try:
                waiting = [c.open("GET", f"/{i}") for c in clients[:-1] for i in range(100)]
                last = clients[-1]
                waiting += [last.open("GET", f"/{i}") for i in range(24)]
                late = last.open("GET", "/late")
                assert late.head(30).status == 503
                proxy.wait_log("503 auth_busy: ")
                assert last.request("GET", "/open")[0].status == 200
                for exchange in waiting[-24:]:
                    exchange.reset()
                assert last.request("GET", "/open")[0].status == 200  # so they are gone
                again = last.open("GET", "/again")
                assert last.request("GET", "/open")[0].status == 200  # so `again` has been seen
                assert proxy.log().count("auth_busy") == 1
                again.reset()
            finally:
                for c in clients:
                    c.close()
    assert {r.path for r in origin.requests} == {"/open"}
