"""`Expect: 100-continue` and 1xx answers: RFC 9110 sections 10.1.1 and 15.2."""

from __future__ import annotations

import threading

import pytest

from support.deadline import Deadline
from support.origin import Origin, answer
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        yield proxy, origin
        origin.check()


EXPECT = "POST {} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"


def test_client_is_told_to_continue_and_the_body_follows(world) -> None:
    proxy, origin = world

    def polite(conn, request) -> None:
        if request.get("expect"):
            conn.send("HTTP/1.1 100 Continue\r\n\r\n")
        conn.read_body(request)
        conn.send(answer(request.body))
    origin.on_head("/polite", polite)
    with proxy.client() as client:
        client.send(EXPECT.format("/polite"))
        assert client.reader.response_head(Deadline()).status == 100
        client.send("hello")
        assert client.response("POST").body == b"hello"
        assert client.request("/after").status == 200


def test_client_that_does_not_wait_for_the_100_is_served(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        client.send(EXPECT.format("/hasty") + "hello")
        r = client.response("POST")
        assert r.status == 200
        assert client.request("/after").status == 200
    assert origin.seen("/hasty")[0].body == b"hello"


def test_refusal_instead_of_100_reaches_the_client_and_the_body_is_not_read_as_a_request(world) -> None:
    proxy, origin = world
    origin.on_head("/refuse", lambda conn, request: (conn.send(answer("no", "403 Forbidden", "Connection: close\r\n")), conn.close()))
    with proxy.client() as client:
        client.send(EXPECT.format("/refuse"))
        r = client.response("POST")
        assert (r.status, r.body, r.interim) == (403, b"no", [])
        # Whether the body still comes cannot be known, so the connection must end or wait for exactly that body.
        if (r.get("connection") or "").lower() == "close":
            client.wait_closed()
        else:
            client.send("hello")
            assert client.request("/after").text() == "origin GET /after"


def test_expectation_without_a_body_is_no_reason_to_wait(world) -> None:
    proxy, _ = world
    with proxy.client() as client:
        client.send("GET /nothing HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n\r\n")
        assert client.response().text() == "origin GET /nothing"


def test_expectation_in_http10_is_ignored(world) -> None:
    proxy, origin = world
    with proxy.client() as client:
        client.send("POST /ten HTTP/1.0\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        client.send("hello")
        r = client.response("POST")
        assert r.status == 200 and r.interim == []
    assert origin.seen("/ten")[0].body == b"hello"


def test_expectation_on_a_route_answered_locally(world) -> None:
    proxy, _ = world
    with proxy.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        r = client.response("POST")
        assert (r.status, r.interim) == (502, [])
        client.wait_closed()


def test_interim_answers_pass_in_order(world) -> None:
    proxy, origin = world
    origin.on("/many", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                       b"HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n" + answer("done"))
    with proxy.client() as client:
        for _ in range(2):
            r = client.request("/many")
            assert [i.status for i in r.interim] == [102, 103, 103]
            assert [i.get("link") for i in r.interim] == [None, "</a>", "</b>"]
            assert (r.status, r.body) == (200, b"done")


def test_interim_answer_is_passed_before_the_final_one_exists(world) -> None:
    proxy, origin = world
    gate = threading.Event()
    origin.on("/hint", lambda conn, request: (conn.send("HTTP/1.1 103 Early Hints\r\n\r\n"), conn.hold(gate), conn.send(answer())))
    with proxy.client() as client:
        client.send("GET /hint HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.reader.response_head(Deadline()).status == 103
        gate.set()
        assert client.response().status == 200
