"""Message framing on both sides: RFC 9112 sections 6, 7 and 9."""

from __future__ import annotations

import threading

import pytest

from support.deadline import wait_until
from support.http1 import Truncated
from support.origin import Origin, answer
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        yield proxy, origin
        origin.check()


def test_connection_is_kept_for_many_requests_on_both_sides(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        for i in range(50):
            assert client.request(f"/keep/{i}").text() == f"origin GET /keep/{i}"
    seen = [r for r in origin.requests if r.path.startswith("/keep/")]
    assert len({r.connection for r in seen}) == 1


def test_connection_close_is_honoured(world) -> None:
    with world[0].client() as client:
        r = client.request("/", fields="Connection: close\r\n")
        assert (r.get("connection") or "").lower() == "close"
        client.wait_closed()


def test_pipelined_requests_are_answered_in_order(world) -> None:
    """Defect 38."""
    proxy, origin = world
    n = 40
    with proxy.client() as client:
        client.send("".join(f"GET /pipe/{i} HTTP/1.1\r\nHost: a.test\r\n\r\n" for i in range(n)))
        for i in range(n):
            assert client.response().text() == f"origin GET /pipe/{i}"


def test_pipelined_requests_behind_a_slow_one_and_with_bodies(world) -> None:
    proxy, origin = world
    gate = threading.Event()
    origin.on("/gate", lambda conn, request: (conn.hold(gate), conn.send(answer("late"))))
    with proxy.client() as client:
        client.send("GET /gate HTTP/1.1\r\nHost: a.test\r\n\r\n"
                    "POST /p1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello"
                    "POST /p2 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    "HEAD /p3 HTTP/1.1\r\nHost: a.test\r\n\r\n"
                    "GET /p4 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/gate")
        gate.set()
        assert client.response().text() == "late"
        assert client.response("POST").text() == "origin POST /p1"
        assert client.response("POST").text() == "origin POST /p2"
        assert client.response("HEAD").body == b""
        assert client.response().text() == "origin GET /p4"
    assert origin.seen("/p1")[0].body == b"hello"
    assert origin.seen("/p2")[0].body == b"abc"


def test_request_arriving_byte_by_byte(world) -> None:
    proxy, origin = world
    raw = b"POST /drip HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nX-Y: z\r\n\r\nbody"
    with proxy.client() as client:
        for i in range(len(raw)):
            client.send(raw[i:i + 1])
        assert client.response("POST").text() == "origin POST /drip"
    r = origin.seen("/drip")[0]
    assert r.body == b"body" and r.get("x-y") == "z"


@pytest.mark.parametrize("size", [0, 1, 1000, 16 * 1024, 65_536, 300_000, 2_000_000])
def test_body_of_known_length_goes_both_ways(world, size: int) -> None:
    proxy, origin = world
    body = bytes(i * 7 % 251 for i in range(size))
    origin.on("/echo", lambda conn, request: conn.send(answer(request.body)))
    r = proxy.get("/echo", method="POST", body=body)
    assert r.framing == "length" and r.body == body
    seen = origin.seen("/echo")[-1]
    assert seen.get("content-length") == str(size) and seen.body == body


@pytest.mark.parametrize("chunks", [[b"a"], [b"hello", b" ", b"world"], [b"x" * 100_000], [b"y" * 10] * 500, [b"z" * 65_536] * 8])
def test_chunked_bodies_go_both_ways(world, chunks: list[bytes]) -> None:
    proxy, origin = world
    body = b"".join(chunks)
    framed = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
    origin.on("/chunked", lambda conn, request: conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed))
    with proxy.client() as client:
        client.send(b"POST /chunked HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + framed)
        r = client.response("POST")
        assert r.framing == "chunked" and r.body == body
        assert client.request("/after").status == 200
    seen = origin.seen("/chunked")[-1]
    assert seen.body == body
    assert seen.get("transfer-encoding") == "chunked" or seen.get("content-length") == str(len(body))


def test_chunk_size_may_have_capitals_leading_zeros_and_extensions(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        client.send("POST /ext HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    "000A;a=b;c=\"d\"\r\n0123456789\r\n1 \r\nx\r\n00;last\r\n\r\n")
        assert client.response("POST").status in (200, 400)  # a blank before CRLF may be refused
    with proxy.client() as client:
        client.send("POST /ext2 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    "000A;a=b;c=\"d\"\r\n0123456789\r\n00;last\r\n\r\n")
        assert client.response("POST").status == 200
    assert origin.seen("/ext2")[0].body == b"0123456789"


def test_first_piece_of_a_response_is_not_held_back(world) -> None:
    proxy, origin = world
    gate = threading.Event()

    def slowly(conn, request) -> None:
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        conn.hold(gate)
        conn.send("4\r\nlast\r\n0\r\n\r\n")
    origin.on("/slow", slowly)
    with proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        got = bytearray()
        seen_first = threading.Event()

        def sink(piece: bytes) -> None:
            got.extend(piece)
            if got == b"first":
                seen_first.set()
                gate.set()
        client.response(sink=sink)
        assert seen_first.is_set() and got == b"firstlast"


def test_first_piece_of_a_request_body_is_not_held_back(world) -> None:
    proxy, origin = world
    arrived = threading.Event()
    origin.on_head("/up", lambda conn, request: (conn.read_body(request, lambda piece: arrived.set()), conn.send(answer("got"))))
    with proxy.client() as client:
        client.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nfirst")
        wait_until(arrived.is_set, "first half of the body at the origin")
        client.send("-last")
        assert client.response("POST").text() == "got"


def test_trailers_go_both_ways(world) -> None:
    proxy, origin = world
    origin.on("/trailers", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\n"
                           b"X-Sum: abc\r\nContent-Length: 99\r\n\r\n")
    with proxy.client() as client:
        client.send("POST /trailers HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
                    "X-Check: 1\r\nHost: evil.test\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
        r = client.response("POST")
        assert r.body == b"ok"
        assert r.trailers == [("X-Sum", "abc")]
        assert client.request("/after").status == 200
    assert origin.seen("/trailers")[-1].trailers == [("X-Check", "1")]


def test_trailers_that_are_there_before_the_connection(origin: Origin) -> None:
    request = ("POST /early HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\nX-Check: 1\r\n"
               "Host: evil.test\r\n\r\n")
    bodies = ["3\r\nabc\r\n", ""]
    for body in bodies:
        with Proxy({"a.test": {"/": route("127.0.0.1:1", origin)}}) as proxy, proxy.client() as client:
            client.send(request.format(body))
            assert client.response("POST").status == 200
    assert [(r.body, r.trailers) for r in origin.seen("/early")] == [(b"abc", [("X-Check", "1")]), (b"", [("X-Check", "1")])]


@pytest.mark.parametrize("status, fields", [
    ("204 No Content", ""), ("304 Not Modified", "ETag: \"x\"\r\n"), ("304 Not Modified", "Content-Length: 500\r\n"),
])
def test_statuses_without_body_end_at_the_head(world, status: str, fields: str) -> None:
    proxy, origin = world
    origin.on("/nobody", f"HTTP/1.1 {status}\r\n{fields}\r\n".encode())
    with proxy.client() as client:
        for _ in range(3):
            assert client.request("/nobody").status == int(status[:3])
        assert client.request("/after").text() == "origin GET /after"


@pytest.mark.parametrize("fields, length", [("Content-Length: 5000\r\n", "5000"), ("Transfer-Encoding: chunked\r\n", None), ("", None)])
def test_answer_to_head_has_no_body_and_keeps_its_length(world, fields: str, length: str | None) -> None:
    proxy, origin = world
    origin.on("/head", f"HTTP/1.1 200 OK\r\n{fields}X-A: b\r\n\r\n".encode())
    with proxy.client() as client:
        for _ in range(2):
            r = client.request("/head", method="HEAD")
            assert (r.status, r.get("x-a"), r.body) == (200, "b", b"")
            if length:
                assert r.get("content-length") == length
        assert client.request("/after").text() == "origin GET /after"


def test_head_on_an_answer_of_the_proxy_itself_has_no_body(world) -> None:
    with world[0].client() as client:
        r = client.request("/", host="unknown.test", method="HEAD")
        assert r.status == 502
        if (r.get("connection") or "").lower() != "close":
            assert client.request("/after").status == 200


# HTTP/1.0 and bodies that end with the connection.

def test_http10_client_gets_a_length_and_a_close(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        client.send("GET /old HTTP/1.0\r\nHost: a.test\r\n\r\n")
        r = client.response()
        assert (r.status, r.text(), r.framing) == (200, "origin GET /old", "length")
        client.wait_closed()


def test_http10_client_never_gets_chunks(world) -> None:
    """Defect 36."""
    proxy, origin = world
    origin.on("/old-chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n")
    with proxy.client() as client:
        client.send("GET /old-chunked HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n")
        r = client.response()
        assert r.body == b"hello world"
        assert r.framing in ("close", "length")
        if r.framing == "close":
            assert "keep-alive" not in (r.get("connection") or "").lower()


def test_http10_client_may_ask_for_keep_alive(world) -> None:
    with world[0].client() as client:
        for _ in range(3):
            client.send("GET /ka HTTP/1.0\r\nHost: a.test\r\nConnection: Keep-Alive\r\n\r\n")
            r = client.response()
            assert r.status == 200 and r.framing == "length"
            assert (r.get("connection") or "").lower() == "keep-alive"


def test_http10_client_gets_no_interim_answers(world) -> None:
    proxy, origin = world
    origin.on("/old-hints", b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer())
    with proxy.client() as client:
        client.send("GET /old-hints HTTP/1.0\r\nHost: a.test\r\n\r\n")
        r = client.response()
        assert r.status == 200 and r.interim == []


def test_http10_request_with_a_body(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        client.send("POST /old-post HTTP/1.0\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc")
        assert client.response("POST").status == 200
    assert origin.seen("/old-post")[0].body == b"abc"


def test_http10_upstream_with_length(world) -> None:
    proxy, origin = world
    origin.on("/ten", lambda conn, request: (conn.send("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nten"), conn.close()))
    with proxy.client() as client:
        for _ in range(3):
            r = client.request("/ten")
            assert (r.status, r.body, r.version) == (200, b"ten", "HTTP/1.1")


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
@pytest.mark.parametrize("size", [0, 11, 500_000])
def test_upstream_body_that_ends_with_the_connection_is_reframed(world, version: str, size: int) -> None:
    proxy, origin = world
    body = b"c" * size
    origin.on("/until-close", lambda conn, request: (conn.send(f"{version} 200 OK\r\n\r\n".encode() + body), conn.close()))
    with proxy.client() as client:
        for _ in range(2):
            r = client.request("/until-close")
            assert r.framing in ("chunked", "length") and r.body == body
    with proxy.client() as client:
        client.send("GET /until-close HTTP/1.0\r\nHost: a.test\r\n\r\n")
        assert client.response().body == body


# Messages that end too early.

@pytest.mark.parametrize("head, body", [
    ("Content-Length: 1000\r\n", b"x" * 500),
    ("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
    ("Transfer-Encoding: chunked\r\n", b"64\r\nhello"),
    ("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n"),
])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_truncated_response_never_looks_complete(world, head: str, body: bytes, end: str) -> None:
    proxy, origin = world
    delivered = threading.Event()

    def cut(conn, request) -> None:
        conn.send(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
        conn.hold(delivered)
        conn.send(body)
        conn.close() if end == "close" else conn.reset()
    origin.on("/cut", cut)
    with proxy.client() as client:
        client.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\n")
        delivered.set()
        try:
            r = client.response()
        except (Truncated, ConnectionError):
            return
        assert r.status == 502  # nothing had been sent yet


def test_truncated_request_never_reaches_the_upstream_as_complete(world) -> None:
    proxy, origin = world
    for framing, body in (("Content-Length: 100", b"half"), ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n")):
        before = len(origin.seen("/half"))
        with proxy.client() as client:
            client.send(f"POST /half HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n".encode() + body)
            client.half_close()
            client.wait_closed(allow_bytes=True)
        seen = origin.seen("/half")[before:]
        for r in seen:
            wait_until(lambda: origin.connections[r.connection].ended.is_set(), "upstream connection ended")
        assert not any(r.complete for r in seen)


def test_client_that_half_closes_after_its_request_still_gets_the_answer(world) -> None:
    with world[0].client() as client:
        client.send("GET /half-closed HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.half_close()
        assert client.response().text() == "origin GET /half-closed"
        client.wait_closed()


def test_early_answer_to_an_unread_body_arrives_whole(world) -> None:
    proxy, origin = world
    origin.on_head("/early", lambda conn, request: (conn.send(answer("too big", "413 Content Too Large", "Connection: close\r\n")),
                                                    conn.half_close(), conn.hold_until_closed()))
    with proxy.client() as client:
        client.send("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000000\r\n\r\n")
        client.send_what_is_taken(b"x" * 200_000)
        r = client.response("POST")
        assert (r.status, r.body) == (413, b"too big")
        if (r.get("connection") or "").lower() == "close":
            client.wait_closed()


def test_upstream_connection_with_an_unfinished_request_is_not_reused(world) -> None:
    proxy, origin = world

    def early(conn, request) -> None:
        conn.send(answer("early"))
        conn.hold_until_closed()
    origin.on_head("/unread", early)
    with proxy.client() as client:
        client.send("POST /unread HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\npart")
        assert client.response("POST").text() == "early"
        used = origin.seen("/unread")[-1].connection
        client.send(b"x" * 996)
        try:
            assert client.request("/next").text() == "origin GET /next"
        except (AssertionError, ConnectionError):
            pass  # closing the client connection is as good
    assert proxy.get("/next2").text() == "origin GET /next2"
    assert origin.seen("/next2")[-1].connection != used


def test_client_that_goes_away_frees_the_upstream(world) -> None:
    proxy, origin = world
    ended = threading.Event()
    origin.on("/away", lambda conn, request: (conn.hold_until_closed(), ended.set()))
    client = proxy.client()
    client.send("GET /away HTTP/1.1\r\nHost: a.test\r\n\r\n")
    origin.wait_seen("/away")
    client.reset()
    wait_until(ended.is_set, "upstream connection of an aborted request closed")


@pytest.mark.parametrize("lines", ["\r\n", "\r\n\r\n"], ids=["one", "two"])
def test_empty_lines_before_a_request_are_tolerated(world, lines: str) -> None:
    with world[0].client() as client:
        for i in range(3):
            client.send(f"{lines}GET /crlf{i} HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert client.response().text() == f"origin GET /crlf{i}"
        client.send(f"POST /body HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc{lines}")
        assert client.response("POST").text() == "origin POST /body"
        assert client.request("/behind").text() == "origin GET /behind"


def test_empty_lines_may_come_byte_by_byte(world) -> None:
    with world[0].client() as client:
        for c in "\r\n\r\nGET /drip HTTP/1.1\r\nHost: a.test\r\n\r\n":
            client.send(c)
        assert client.response().text() == "origin GET /drip"


def test_a_third_empty_line_is_refused(world) -> None:
    with world[0].client() as client:
        assert client.request("/first").status == 200
        client.send("\r\n\r\n\r\nGET /behind HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.response().status == 400
        client.wait_closed()
