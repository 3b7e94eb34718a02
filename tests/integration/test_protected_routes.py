"""A route that carries `authorization` is never served open: issue 4 point 10."""

from __future__ import annotations

import pytest

from support.origin import Origin
from support.proxy import Proxy, route

BASIC = {"type": "basic", "data": "user:secret"}


@pytest.mark.parametrize("kind, data", [("basic", "u:p"), ("apikey", "k"), ("jwt", "secret"), ("forward", "http://127.0.0.1:1/auth"),
                                        ("basic", ["a:b", "c:d"])])
def test_protected_path_answers_503_and_says_so_at_start(origin: Origin, kind: str, data: object) -> None:
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization={"type": kind, "data": data})}}
    with Proxy(hosts) as proxy:
        proxy.wait_log(r" (WARN|ERROR) .*authorization")
        assert "secret" not in proxy.log()
        for target in ("/locked", "/locked/", "/locked/x", "//locked", "/x/../locked", "/%6cocked", "/./locked/y?z"):
            assert proxy.get(target, fields="Authorization: Basic dTpw\r\n").status == 503, target
        assert not origin.requests
        assert proxy.get("/open").status == 200


def test_absolute_form_does_not_go_round_it(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization=BASIC)}}
    with Proxy(hosts) as proxy, proxy.client() as client:
        client.send("GET http://a.test/locked HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.response().status == 503
    assert not origin.requests


def test_cookie_of_an_open_route_does_not_go_round_it(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization=BASIC)}}
    with Proxy(hosts, globals_={"sticky_sessions": 3600}) as proxy:
        cookie = (proxy.get("/open").get("set-cookie") or "backend_id=" + "0" * 50).partition(";")[0]
        assert proxy.get("/locked", fields=f"Cookie: {cookie}\r\n").status == 503
        assert [r.path for r in origin.requests] == ["/open"]


def test_global_authorization_protects_every_route(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}, "DEFAULT": {"/": route(origin)}}, globals_={"authorization": BASIC}) as proxy:
        assert proxy.get("/").status == 503
        assert proxy.get("/x", host="other.test").status == 503
        assert not origin.requests


def test_redirects_of_a_protected_route_come_after_it(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin, authorization=BASIC, redirect_to="https://new.test")}}
    with Proxy(hosts) as proxy:
        assert proxy.get("/").status == 503


def test_body_for_a_protected_route_is_not_read_as_a_request(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization=BASIC)}}
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
    with Proxy(hosts) as proxy, proxy.client() as client:
        r = client.request("/locked", method="POST", body=smuggled)
        assert r.status == 503
        if (r.get("connection") or "").lower() == "close":
            client.wait_closed()
        else:
            assert client.request("/next").text() == "origin GET /next"
    assert not origin.seen("/smuggled")


def test_upgrade_does_not_go_round_it(origin: Origin) -> None:
    hosts = {"a.test": {"/locked": route(origin, authorization=BASIC)}}
    with Proxy(hosts) as proxy:
        r = proxy.get("/locked", fields="Connection: Upgrade\r\nUpgrade: websocket\r\n")
        assert r.status == 503
        assert not origin.requests
