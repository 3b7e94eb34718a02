"""Threats row 6 (and 15, 16, 17 where they meet HTTP/2): a request that HTTP/1.1 cannot say must not become one.

Every malformed request of RFC 9113 section 8.1.1 ends its stream with an error or a 400, nothing of it reaches the upstream,
and the next request on the same connection is served.
"""

from __future__ import annotations

from typing import Iterator

import pytest

from support.deadline import wait_until
from support.frames import DATA, DOORS, END_STREAM, RST_STREAM, RawH2, attack_on, behind, frame, headers, literal, request
from support.origin import Origin, answer
from support.proxy import Proxy, route

PROTOCOL_ERROR = 1


@pytest.fixture(scope="module", params=DOORS)
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Proxy, Origin]]:
    with Origin() as origin:
        with behind(request.param, {"a.test": {"/": route(origin)}}) as proxy:
            yield proxy, origin
        origin.check()


def with_field(name: str | bytes, value: str | bytes) -> list[tuple[str | bytes, str | bytes]]:
    return [*request("/attack"), (name, value)]


def replaced(name: str, value: str | None) -> list[tuple[str, str]]:
    return [(n, value if n == name else v) for n, v in request("/attack") if n != name or value is not None]  # type: ignore[misc]


MALFORMED: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "LF in a value": with_field("x-a", "b\nx-injected: 1"),
    "CR LF in a value": with_field("x-a", "b\r\nx-injected: 1\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    "CR in a value": with_field("x-a", "b\rc"),
    "NUL in a value": with_field("x-a", "b\0c"),
    "space before a value": with_field("x-a", " b"),
    "tab after a value": with_field("x-a", "b\t"),
    "CR LF in a name": with_field("x-a: 1\r\nx-injected", "1"),
    "colon in a name": with_field("x-a:b", "1"),
    "space in a name": with_field("x a", "1"),
    "upper case in a name": with_field("X-A", "1"),
    "empty name": with_field("", "1"),
    "byte above 127 in a name": with_field(b"x-\xe9", "1"),
    "DEL in a name": with_field("x-\x7f", "1"),
    "connection": with_field("connection", "close"),
    "connection with a list": with_field("connection", "x-forwarded-for"),
    "transfer-encoding": with_field("transfer-encoding", "chunked"),
    "keep-alive": with_field("keep-alive", "timeout=5"),
    "proxy-connection": with_field("proxy-connection", "keep-alive"),
    "upgrade": with_field("upgrade", "h2c"),
    "te other than trailers": with_field("te", "gzip"),
    "content-length that is no number": with_field("content-length", "1x"),
    "negative content-length": with_field("content-length", "-1"),
    "content-length with a sign": with_field("content-length", "+0"),
    "two content-lengths": [*with_field("content-length", "0"), ("content-length", "1")],
    "content-length with a list": with_field("content-length", "0, 1"),
    "content-length without a body": with_field("content-length", "5"),
    "no method": replaced(":method", None),
    "no scheme": replaced(":scheme", None),
    "no path": replaced(":path", None),
    "empty path": replaced(":path", ""),
    "path without a slash": replaced(":path", "attack"),
    "space in the path": replaced(":path", "/attack HTTP/1.1\r\nX: y"),
    "CR LF in the path": replaced(":path", "/attack\r\nx-injected: 1"),
    "NUL in the path": replaced(":path", "/attack\0"),
    "asterisk with GET": replaced(":path", "*"),
    "CR LF in the method": replaced(":method", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"),
    "space in the method": replaced(":method", "GET x"),
    "empty method": replaced(":method", ""),
    "CR LF in the authority": replaced(":authority", "a.test\r\nx-injected: 1"),
    "user in the authority": replaced(":authority", "user@a.test"),
    "comma in the authority": replaced(":authority", "a.test,b.test"),
    "space in the authority": replaced(":authority", "a.test b"),
    "no authority and no host": replaced(":authority", None),
    "authority and another host": with_field("host", "b.test"),
    "two hosts": [*replaced(":authority", None), ("host", "a.test"), ("host", "b.test")],
    "two paths": [*request("/attack")[:4], (":path", "/other")],
    "two authorities": [*request("/attack"), (":authority", "b.test")],
    "two methods": [(":method", "POST"), *request("/attack")],
    "unknown pseudo-field": [*request("/attack"), (":secret", "1")],
    "pseudo-field of an answer": [*request("/attack"), (":status", "200")],
    "pseudo-field after a field": [("x-a", "1"), *request("/attack")],
    "pseudo-field last": [*replaced(":path", None), ("x-a", "1"), (":path", "/attack")],
    "protocol without CONNECT": [*request("/attack"), (":protocol", "websocket")],
    "CONNECT with a path": [(":method", "CONNECT"), *request("/attack")[1:]],
}


def refused(raw: RawH2, stream: int) -> str:
    """How the stream ended, once it did."""
    def look() -> str:
        if raw.statuses.get(stream):
            return str(raw.statuses[stream])
        if raw.of(RST_STREAM, stream):
            return f"reset {raw.of(RST_STREAM, stream)[0].code}"
        return f"goaway {raw.goaway}" if raw.goaway is not None else ""
    return raw.read_until(look, f"an end of stream {stream}")


@pytest.mark.parametrize("what", MALFORMED)
def test_row_6_malformed_request(world, what: str) -> None:
    proxy, origin = world
    count = len(origin.requests)
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal(MALFORMED[what])))
        assert refused(raw, 1) in ("400", "405", "501", f"reset {PROTOCOL_ERROR}"), "not refused"
        raw.send(headers(3, literal(request("/good"))))
        raw.read_until(lambda: raw.statuses.get(3) == 200, "the next request on the same connection")
    assert [r.target for r in origin.requests[count:]] == ["/good"]


LENGTHS = {
    # content-length, and DATA frames of which the last ends the stream
    "more than said": ("3", [b"abcdef"]),
    "more than said, later": ("3", [b"abc", b"def"]),
    "less than said": ("10", [b"abc"]),
    "nothing of what was said": ("3", [b""]),
    "something where nothing was said": ("0", [b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"]),
}


@pytest.mark.parametrize("what", LENGTHS)
def test_row_6_body_that_contradicts_its_length(world, what: str) -> None:
    """CVE-2026-33555: the upstream must never take what follows for a request, nor a part for the whole."""
    proxy, origin = world
    length, pieces = LENGTHS[what]
    count = len(origin.requests)
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal([*request("/attack", "POST"), ("content-length", length)]), end=False))
        for i, piece in enumerate(pieces):
            raw.send(frame(DATA, END_STREAM if i == len(pieces) - 1 else 0, 1, piece))
        end = refused(raw, 1)
        # An upstream that has all that was announced may have answered before the rest came.
        assert end in ("400", f"reset {PROTOCOL_ERROR}") or not what.startswith(("less", "nothing of")) and end == "200", end
        raw.send(headers(3, literal(request("/good"))))
        raw.read_until(lambda: raw.statuses.get(3) == 200, "the next request on the same connection")
    wait_until(origin.quiet, "all of it read by the upstream")
    got = origin.requests[count:]
    assert [r.target for r in got if r.target != "/attack"] == ["/good"]
    for r in got:
        if r.target == "/attack":
            assert not r.complete or r.body == b"".join(pieces)[:int(length)], r.body


TRAILERS = {
    "pseudo-field": [(":path", "/smuggled")],
    "CR LF in a value": [("x-t", "1\r\nx-injected: 1")],
    "upper case in a name": [("X-T", "1")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "connection": [("connection", "close")],
}


@pytest.mark.parametrize("what", TRAILERS)
def test_row_6_malformed_trailers(world, what: str) -> None:
    proxy, origin = world
    count = len(origin.requests)
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal(request("/attack", "POST")), end=False))
        raw.send(frame(DATA, 0, 1, b"body"))
        raw.send(headers(1, literal(TRAILERS[what])))
        assert refused(raw, 1) in ("400", f"reset {PROTOCOL_ERROR}")
        raw.send(headers(3, literal(request("/good"))))
        raw.read_until(lambda: raw.statuses.get(3) == 200, "the next request on the same connection")
    wait_until(origin.quiet, "all of it read by the upstream")
    assert not [r for r in origin.requests[count:] if r.target == "/attack" and r.complete]


def test_row_6_what_looks_like_a_chunk_in_the_body_stays_a_body(world) -> None:
    proxy, origin = world
    body = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
    origin.on("/chunky", lambda conn, request: conn.send(answer(request.body)))
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal(request("/chunky", "POST")), end=False) + frame(DATA, END_STREAM, 1, body))
        raw.read_until(lambda: raw.statuses.get(1) == 200, "the answer")
    assert origin.seen("/chunky")[-1].body == body
    assert not origin.seen("/smuggled")


def test_row_6_body_of_a_get_has_a_frame_around_it(world) -> None:
    """An end of the request without END_STREAM on its head: the body, though empty, is announced to the upstream or left out."""
    proxy, origin = world
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal(request("/late-end")), end=False))
        origin.wait_seen("/late-end")
        raw.send(frame(DATA, END_STREAM, 1))
        raw.read_until(lambda: raw.statuses.get(1) == 200, "the answer")
    wait_until(lambda: origin.seen("/late-end")[-1].complete, "the end at the upstream")


def test_row_14_names_with_underscores_are_dropped(world) -> None:
    proxy, origin = world
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal([*request("/alias"), ("x_forwarded_for", "1.2.3.4"), ("proxy", "evil")])))
        raw.read_until(lambda: raw.statuses.get(1) == 200, "the answer")
    names = origin.seen("/alias")[-1].names()
    assert "x_forwarded_for" not in names and "proxy" not in names


def test_row_18_extended_connect_to_something_else(world) -> None:
    proxy, origin = world
    count = len(origin.requests)
    with attack_on(proxy) as raw:
        raw.send(headers(1, literal([(":method", "CONNECT"), (":protocol", "h2c"), (":scheme", "http"), (":authority", "a.test"),
                                     (":path", "/attack")]), end=False))
        assert refused(raw, 1) in ("400", "501", f"reset {PROTOCOL_ERROR}")
        raw.send(headers(3, literal([(":method", "CONNECT"), (":authority", "a.test:80")]), end=False))
        assert refused(raw, 3) in ("400", "405", "501", f"reset {PROTOCOL_ERROR}")
    assert len(origin.requests) == count
