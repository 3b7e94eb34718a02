"""`server_headers`, `client_headers` and what the proxy adds itself: behaviour sections 9 and 21."""

from __future__ import annotations

import pytest

from support.origin import Origin, answer
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin() as origin:
        hosts = {
            "a.test": {
                "/": route(origin, server_headers=["X-Root: root", "X-Both: from-root"],
                           client_headers=["X-Out: root", "X-Twice: 1", "X-Twice: 2"]),
                "/own": route(origin, server_headers=["X-Own: own", "X-Global: from-route"], client_headers=["X-Out: own"]),
                "/own/deep": route(origin),
                "/inherits": route(origin),
                "/server-only": route(origin, server_headers=["X-Server-Only: 1"]),
                "/host": route(origin, server_headers=["Host: inner.test"]),
                "/forwarded": route(origin, server_headers=["X-Forwarded-Proto: https", "X-Real-IP: 192.0.2.9",
                                                            "X-Forwarded-Host: shown.test"]),
                "/last": route(origin, server_headers=["X-Rep: first", "X-Rep: last"]),
                "/colons": route(origin, server_headers=["X-Url: http://x:1/y", "  X-Trim  :   spaced out   "],
                                 client_headers=["X-Time: 10:20:30"]),
            },
            "plain.test": {"/": route(origin)},
        }
        globals_ = {"server_headers": ["X-Global: from-global", "X-Both: from-global"], "client_headers": ["X-Served-By: edge"]}
        with Proxy(hosts, globals_=globals_) as proxy:
            yield proxy, origin
        origin.check()


def upstream_sees(world, target: str, host: str = "a.test", fields: str = ""):
    proxy, origin = world
    assert proxy.get(target, host=host, fields=fields).status == 200
    return origin.requests[-1]


def test_server_headers_replace_what_the_client_sent(world) -> None:
    r = upstream_sees(world, "/", fields="X-Root: spoofed\r\nx-root: again\r\nX-Other: kept\r\n")
    assert r.get_all("x-root") == ["root"]
    assert r.get("x-other") == "kept"


def test_defect_21_route_beats_global_and_globals_always_apply(world) -> None:
    r = upstream_sees(world, "/own")
    assert r.get_all("x-own") == ["own"]
    assert r.get_all("x-global") == ["from-route"]
    assert upstream_sees(world, "/").get_all("x-both") == ["from-root"]
    assert upstream_sees(world, "/own").get_all("x-both") == ["from-global"]
    assert upstream_sees(world, "/", host="plain.test").get_all("x-global") == ["from-global"]


def test_lists_are_inherited_from_the_nearest_route_that_has_one(world) -> None:
    assert upstream_sees(world, "/inherits/x").get("x-root") == "root"
    assert upstream_sees(world, "/own/deep/x").get("x-own") == "own"
    assert upstream_sees(world, "/own/deep/x").get("x-root") is None
    # Each list for itself: a route with its own server headers still inherits the response headers.
    r = world[0].get("/server-only")
    assert r.get("x-out") == "root"


def test_client_headers_are_added_to_what_the_upstream_sent(world) -> None:
    proxy, origin = world
    origin.on("/own/set", answer(fields="X-Out: upstream\r\nX-Served-By: inner\r\n"))
    r = proxy.get("/own/set")
    assert r.get_all("x-out") == ["upstream", "own"]
    assert r.get_all("x-served-by") == ["inner", "edge"]


def test_repeated_names_all_are_sent_to_the_client_and_the_last_wins_upstream(world) -> None:
    assert world[0].get("/").get_all("x-twice") == ["1", "2"]
    assert upstream_sees(world, "/last").get_all("x-rep") == ["last"]


def test_entries_split_at_the_first_colon_and_are_trimmed(world) -> None:
    r = upstream_sees(world, "/colons")
    assert r.get("x-url") == "http://x:1/y"
    assert r.get("x-trim") == "spaced out"
    assert world[0].get("/colons").get("x-time") == "10:20:30"


def test_host_may_be_set(world) -> None:
    r = upstream_sees(world, "/host")
    assert r.get_all("host") == ["inner.test"]
    assert r.get("x-forwarded-host") == "a.test"


def test_client_headers_are_not_on_answers_of_the_proxy_itself(world) -> None:
    r = world[0].get("/", host="unknown.test")
    assert r.status == 502
    assert r.get("x-served-by") is None


def test_client_headers_are_not_on_interim_answers(world) -> None:
    proxy, origin = world
    origin.on("/hints", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + answer())
    r = proxy.get("/hints")
    assert [i.status for i in r.interim] == [103]
    assert r.interim[0].get("link") == "</a>; rel=preload"
    assert r.interim[0].get("x-served-by") is None
    assert r.get("x-served-by") == "edge"


def test_forwarded_for_is_appended_to_and_merged_into_one_line(world) -> None:
    assert upstream_sees(world, "/").get_all("x-forwarded-for") == ["127.0.0.1"]
    r = upstream_sees(world, "/", fields="X-Forwarded-For: 192.0.2.1\r\n")
    assert r.get_all("x-forwarded-for") == ["192.0.2.1, 127.0.0.1"]
    r = upstream_sees(world, "/", fields="X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nA: b\r\nx-forwarded-for: 192.0.2.3\r\n")
    assert r.get_all("x-forwarded-for") == ["192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"]


def test_forwarded_copies_of_the_client_are_replaced(world) -> None:
    r = upstream_sees(world, "/", fields="X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Real-IP: 1.2.3.4\r\n"
                                         "Forwarded: for=1.2.3.4;proto=https\r\nx-real-ip: 5.6.7.8\r\n")
    assert r.get_all("x-forwarded-proto") == ["http"]
    assert r.get_all("x-forwarded-host") == ["a.test"]
    assert r.get_all("x-real-ip") == ["127.0.0.1"]
    assert r.get_all("forwarded") == []


def test_configured_forwarded_values_win(world) -> None:
    r = upstream_sees(world, "/forwarded", fields="X-Forwarded-Proto: gopher\r\n")
    assert r.get_all("x-forwarded-proto") == ["https"]
    assert r.get_all("x-real-ip") == ["192.0.2.9"]
    assert r.get_all("x-forwarded-host") == ["shown.test"]


def test_other_fields_pass_with_their_names_values_and_order(world) -> None:
    sent = [("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("Cookie", "a=b; c=d"), ("X-Empty", ""), ("X-High", "caf\xe9 \xff"),
            ("Accept", "text/html, */*;q=0.1"), ("X-Tab", "a\tb")]
    r = upstream_sees(world, "/", host="plain.test", fields="".join(f"{n}: {v}\r\n" for n, v in sent))
    got = [f for f in r.fields if f[0] in {n for n, _ in sent}]
    assert got == sent


def test_response_fields_pass_with_their_names_values_and_order(world) -> None:
    proxy, origin = world
    sent = [("Server", "inner/1.0"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-Empty", ""), ("X-High", "caf\xe9"),
            ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"), ("ETag", "\"x\"")]
    origin.on("/fields", answer(fields="".join(f"{n}: {v}\r\n" for n, v in sent)))
    r = proxy.get("/fields", host="plain.test")
    assert [f for f in r.fields if f[0] in {n for n, _ in sent} and f[0] != "Date"] == [f for f in sent if f[0] != "Date"]
    assert len(r.get_all("date")) == 1


def test_reason_phrase_and_odd_status_pass(world) -> None:
    proxy, origin = world
    origin.on("/teapot", answer(status="418 I'm a teapot, caf\xe9"))
    origin.on("/noreason", b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n")
    assert proxy.get("/teapot").status == 418
    assert proxy.get("/noreason").status == 299
