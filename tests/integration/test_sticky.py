"""Sticky sessions: issue 6 point 4, behaviour sections 4.2 and 21, defects 1, 34 and 37 of section 19."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.cookiejar
import pathlib
import re
import subprocess
import threading
import urllib.request
from typing import Any, Iterator

import pytest

from support.deadline import Deadline, seconds
from support.http1 import Response
from support.origin import Origin, answer
from support.pairs import ACTIVE, PairClient, Upstream
from support.ports import free_port
from support.proxy import Hosts, Proxy, detected, route
from support.tls import client_context, install

KEY = "a master key of some length"
AGE = 3600
COOKIE = re.compile(r"backend_id=([0-9a-f]{50}); Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")


def expected(server: str, key: str = KEY) -> str:
    """What a node with this key calls a server: the same everywhere and in every version."""
    derived = hmac.new(key.encode(), b"aralez sticky session 1", hashlib.sha256).digest()
    return hmac.new(derived, server.encode(), hashlib.sha256).hexdigest()[:50]


def sticky(hosts: Hosts, *, age: Any = AGE, key: str | None = KEY, main: dict[str, Any] | None = None, **globals_: Any) -> Proxy:
    return Proxy(hosts, main={"master_key": key, **(main or {})}, globals_={"sticky_sessions": age, **globals_})


def with_cookie(value: str) -> dict[str, str]:
    return {"fields": f"Cookie: backend_id={value}\r\n"}


def given(response: Response) -> str | None:
    """The id of the one cookie of ours, whose form is checked."""
    ours = [c for c in response.get_all("set-cookie") if "backend_id" in c]
    assert len(ours) < 2, ours
    if not ours:
        return None
    found = COOKIE.fullmatch(ours[0])
    assert found, ours[0]
    return found[1]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, list[Origin]]]:
    with contextlib.ExitStack() as stack:
        origins = [stack.enter_context(Origin(f"s{i}")) for i in range(3)]
        proxy = stack.enter_context(sticky({"a.test": {"/": route(*origins)}}))
        yield proxy, origins
        for origin in origins:
            origin.check()


# The cookie.

def test_the_first_answer_sets_it_and_whoever_sends_it_back_stays(world) -> None:
    proxy, origins = world
    for origin in origins:
        for _ in range(3):
            r = proxy.get("/x", **with_cookie(expected(origin.server)))
            assert (r.text(), given(r)) == (f"{origin.name} GET /x", None)
    seen = set()
    for _ in range(3):
        r = proxy.get("/y")
        name = r.text().split()[0]
        seen.add(name)
        assert given(r) == expected(next(o.server for o in origins if o.name == name))
    assert seen == {"s0", "s1", "s2"}, "without a cookie they take turns"


@pytest.mark.parametrize("text", ["xbackend_id={}", "backend_idx={}", "Backend_Id={}", "a=backend_id={}", "backend_id=\"{}\"", "backend_id={}0",
                                  "backend_id ={}", "backend_id={}x; backend_id=", "x; y;;;=; {}"])
def test_nothing_else_is_taken_for_it(world, text: str) -> None:
    proxy, origins = world
    wanted = expected(origins[0].server)
    got = [proxy.get("/", fields=f"Cookie: {text.format(wanted)}\r\n") for _ in range(2)]
    assert any(not r.text().startswith("s0 ") for r in got)
    assert all(given(r) for r in got)


def test_it_is_found_among_others_in_any_of_several_lines(world) -> None:
    proxy, origins = world
    wanted = expected(origins[1].server)
    for lines in (f"Cookie: a=1;backend_id={wanted};c=d\r\n", f"Cookie: a=1\r\ncookie: b=2; backend_id={wanted}\r\n",
                  f"Cookie: backend_id=; backend_id={'0' * 50};\t backend_id={wanted} ; z\r\n"):
        for _ in range(3):
            r = proxy.get("/", fields=lines)
            assert (r.text(), given(r)) == ("s1 GET /", None), lines


def test_thousands_of_them_are_no_burden(world) -> None:
    proxy, origins = world
    many = "; ".join([f"backend_id={'%050x' % i}" for i in range(900)] + [f"backend_id={expected(origins[2].server)}"])
    r = proxy.get("/", fields=f"Cookie: {many}\r\n")
    assert (r.text(), given(r)) == ("s2 GET /", None)


def test_cookies_of_the_server_stay_as_they_are(world) -> None:
    proxy, origins = world
    for origin in origins:
        origin.on("/own", answer("own", fields="Set-Cookie: session=1; Path=/\r\nSet-Cookie: backend_id=theirs\r\n"))
    r = proxy.get("/own")
    assert r.get_all("set-cookie")[:2] == ["session=1; Path=/", "backend_id=theirs"]
    assert len(r.get_all("set-cookie")) == 3 and COOKIE.fullmatch(r.get_all("set-cookie")[2])
    assert proxy.get("/own", **with_cookie(expected(origins[0].server))).get_all("set-cookie") == ["session=1; Path=/", "backend_id=theirs"]


def test_defect_37_not_on_interim_answers(world) -> None:
    proxy, origins = world

    def hints(conn, _request) -> None:
        conn.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        conn.send(answer("late"))
    for origin in origins:
        origin.on("/hints", hints)
    r = proxy.get("/hints")
    assert given(r) and len(r.interim) == 1 and r.interim[0].get_all("set-cookie") == []


def test_answers_to_a_websocket_handshake_carry_it(world) -> None:
    proxy, origins = world

    def switch(conn, _request) -> None:
        conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        conn.hold_until_closed()
    for origin in origins:
        origin.on("/ws", switch)
    with proxy.client() as client:
        client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        head = client.reader.response_head(Deadline())
        assert head.status == 101 and given(head)


def test_not_on_answers_of_our_own() -> None:
    hosts = {"a.test": {"/": route("127.0.0.1:1"), "/moved": route(redirect_to="https://new.test"), "/tls": route("127.0.0.1:1", to_https=True)}}
    with sticky(hosts) as proxy:
        for target, status in (("/", 502), ("/moved", 301), ("/tls", 301), ("/%00", 400)):
            r = proxy.get(target)
            assert (r.status, r.get_all("set-cookie")) == (status, []), target


@pytest.mark.parametrize("off", [False, None, 0])
def test_off_there_is_none(origin: Origin, off: Any) -> None:
    with sticky({"a.test": {"/": route(origin)}}, age=off) as proxy:
        assert proxy.get("/", **with_cookie("0" * 50)).get_all("set-cookie") == []


def test_true_is_a_day(origin: Origin) -> None:
    with sticky({"a.test": {"/": route(origin)}}, age=True) as proxy:
        assert "; Max-Age=86400; " in proxy.get("/").get("set-cookie")


# What follows from it: the endpoint and nothing else.

def elsewhere(origin: Origin, **keys: Any) -> Hosts:
    """An open route and another with the same server and a rule of its own."""
    return {"a.test": {"/": route(origin), "/other": route(origin, **keys)}, "b.test": {"/": route(origin)}}


def test_defect_1_a_cookie_of_an_open_route_does_not_open_another(origin: Origin) -> None:
    with sticky(elsewhere(origin, authorization={"type": "basic", "data": "u:p"})) as proxy:
        for host in ("a.test", "b.test"):
            cookie = given(proxy.get("/open", host=host))
            assert cookie
            r = proxy.get("/other/secret", **with_cookie(cookie))
            assert r.status in (401, 503) and r.get_all("set-cookie") == []
    assert {r.path for r in origin.requests} == {"/open"}


def test_defect_34_a_cookie_brings_no_redirect_of_another_route(origin: Origin) -> None:
    with sticky(elsewhere(origin, redirect_to="https://new.test")) as proxy:
        cookie = given(proxy.get("/"))
        assert proxy.get("/other", **with_cookie(cookie)).status == 301
        assert proxy.get("/", **with_cookie(cookie)).status == 200


def test_settings_are_those_of_the_route(origin: Origin) -> None:
    with sticky(elsewhere(origin, client_headers=["X-Route: other"], server_headers=["X-To: other"], to_https=False)) as proxy:
        cookie = given(proxy.get("/"))
        assert proxy.get("/", **with_cookie(cookie)).get("x-route") is None
        r = proxy.get("/other/x", **with_cookie(cookie))
        assert r.get("x-route") == "other" and given(r) is None
        assert origin.seen("/other/x")[0].get("x-to") == "other"


def test_a_server_of_another_route_is_not_reached() -> None:
    with Origin("mine") as mine, Origin("theirs") as theirs, sticky({"a.test": {"/": route(mine), "/t": route(theirs)}}) as proxy:
        r = proxy.get("/", **with_cookie(expected(theirs.server)))
        assert (r.text(), given(r)) == ("mine GET /", expected(mine.server))


def test_the_servers_of_a_route_are_known_by_address_and_port_alone() -> None:
    """As `http://…` here and without a scheme there, or twice in the list."""
    with Origin() as origin, sticky({"a.test": {"/": route(origin, origin), "/d": detected(origin)}}) as proxy:
        for target in ("/", "/", "/", "/d"):
            assert given(proxy.get(target)) == expected(origin.server)
            assert given(proxy.get(target, **with_cookie(expected(origin.server)))) is None


# When the endpoint is gone or down.

def test_a_server_that_is_down_is_replaced_and_the_new_one_named() -> None:
    with Origin("up") as up:
        down = f"127.0.0.1:{free_port()}"
        with sticky({"a.test": {"/": route(down, up)}}) as proxy:
            for _ in range(4):
                r = proxy.get("/", **with_cookie(expected(down)))
                assert (r.text(), given(r)) == ("up GET /", expected(up.server))
            assert given(proxy.get("/", **with_cookie(expected(up.server)))) is None


def test_all_but_one_are_down_and_that_one_is_found() -> None:
    with Origin("up") as up:
        down = [f"127.0.0.1:{free_port()}" for _ in range(3)]
        with sticky({"a.test": {"/": route(*down, up)}}) as proxy:
            for wanted in down:
                r = proxy.get("/", **with_cookie(expected(wanted)))
                assert (r.text(), given(r)) == ("up GET /", expected(up.server))


def test_a_connection_that_ended_while_idle_does_not_move_the_client(world) -> None:
    proxy, origins = world
    wanted = origins[1]

    def then_close(conn, _request) -> None:
        conn.send(answer("last"))
        conn.close()
    wanted.on("/then-close", then_close)
    for _ in range(4):
        proxy.get("/then-close", **with_cookie(expected(wanted.server)))
        r = proxy.get("/after", **with_cookie(expected(wanted.server)))
        assert (r.text(), given(r)) == ("s1 GET /after", None)


def test_servers_that_go_and_come_back_with_a_reload() -> None:
    with Origin("a") as a, Origin("b") as b, sticky({"a.test": {"/": route(a, b)}}) as proxy:
        keep = {"sticky_sessions": AGE}
        r = proxy.get("/", **with_cookie(expected(a.server)))
        assert (r.text(), given(r)) == ("a GET /", None)
        proxy.apply({"a.test": {"/": route(b)}}, **keep)
        r = proxy.get("/", **with_cookie(expected(a.server)))
        assert (r.text(), given(r)) == ("b GET /", expected(b.server))
        proxy.apply({"a.test": {"/": route(b, a)}}, **keep)
        r = proxy.get("/", **with_cookie(expected(a.server)))
        assert (r.text(), given(r)) == ("a GET /", None)
        proxy.apply({"a.test": {"/": route(b, a)}})
        assert proxy.get("/").get_all("set-cookie") == []


def test_clients_stay_through_reloads_while_they_work() -> None:
    """Each on its own server, though the list is turned round all the time."""
    with contextlib.ExitStack() as stack:
        origins = [stack.enter_context(Origin(f"s{i}")) for i in range(3)]
        proxy = stack.enter_context(sticky({"a.test": {"/": route(*origins)}}, main={"threads": 2}))
        wrong: list[str] = []
        stop = threading.Event()

        def client(mine: Origin) -> None:
            with proxy.client() as c:
                while not stop.is_set():
                    r = c.request("/w", **with_cookie(expected(mine.server)))
                    if (r.text(), given(r)) != (f"{mine.name} GET /w", None):
                        wrong.append(r.text())
        threads = [threading.Thread(target=client, args=(o,)) for o in origins]
        for t in threads:
            t.start()
        for i in range(1, 6):
            proxy.apply({"a.test": {"/": route(*origins[i % 3:], *origins[:i % 3])}}, sticky_sessions=AGE)
        stop.set()
        for t in threads:
            t.join(seconds(10))
        assert not wrong and all(o.requests for o in origins)


# Who understands it.

def test_it_survives_a_restart_and_every_node_with_the_key_understands_it(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin)}}
    ids = []
    for main, env in (({}, {}), ({"threads": 2}, {}), ({"master_key": "other"}, {"JWT_KEY": KEY})):
        with Proxy(hosts, main={"master_key": KEY, **main}, env=env, globals_={"sticky_sessions": AGE}) as proxy:
            ids.append(given(proxy.get("/")))
    assert ids == [expected(origin.server)] * 3


def test_without_a_key_it_is_kept_over_reloads_and_means_nothing_elsewhere(origin: Origin) -> None:
    hosts = {"a.test": {"/": route(origin)}}
    ids = []
    for _ in range(2):
        with sticky(hosts, key=None, main={"threads": 2}) as proxy:
            first = given(proxy.get("/"))
            proxy.apply({**hosts, "b.test": {"/": route(origin)}}, sticky_sessions=AGE)
            assert given(proxy.get("/", host="b.test")) == first
            assert given(proxy.get("/", **with_cookie(first))) is None
            ids.append(first)
    assert ids[0] != ids[1] and expected(origin.server, "") not in ids


def test_the_key_is_in_no_log(world) -> None:
    proxy, origins = world
    proxy.get("/")
    assert KEY not in proxy.log()


# All protocols, and who keeps cookies in the world.

@pytest.mark.parametrize("pair", ACTIVE, ids="-".join)
def test_pairs(pair: tuple[str, str]) -> None:
    protocol, upstream = pair
    tls_port = free_port()
    tls = protocol.endswith("s")
    with contextlib.ExitStack() as stack:
        servers = []
        for _ in range(2):
            servers.append(Upstream(upstream))
            stack.callback(servers[-1].close)
        proxy = sticky({"a.test": {"/": route(*(s.pinned for s in servers))}}, main={"proxy_address_tls": f"127.0.0.1:{tls_port}"} if tls else None)
        if tls:
            install(proxy.config / "certificates")
        stack.enter_context(proxy)
        with PairClient(protocol, ("127.0.0.1", tls_port) if tls else proxy.address) as client:
            head, _ = client.request("GET", "/first")
            cookie = head.get("set-cookie") or ""
            assert COOKIE.fullmatch(cookie.removesuffix("; Secure")) and cookie.endswith("; Secure") == tls
            mine = next(s for s in servers if s.of("/first"))
            pair_of_it = cookie.partition(";")[0]
            # Split as a browser does over HTTP/2; over HTTP/1 two lines are as good.
            for i in range(4):
                head, _ = client.request("GET", f"/crumbs{i}", [("cookie", "a=1"), ("cookie", pair_of_it), ("cookie", "z=2")])
                assert head.get("set-cookie") is None and mine.of(f"/crumbs{i}")


def test_browsers_rules(world) -> None:
    """http.cookiejar has those of RFC 2965 and Netscape, stricter than today's about what it sends back."""
    proxy, _ = world
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    got = set()
    for _ in range(5):
        request = urllib.request.Request(f"http://127.0.0.1:{proxy.port}/deep/er", headers={"Host": "a.test"})
        got.add(opener.open(request, timeout=seconds(10)).read())
    assert len(got) == 1
    (cookie,) = list(jar)
    assert (cookie.path, cookie.secure, cookie.get_nonstandard_attr("SameSite"), cookie.has_nonstandard_attr("HttpOnly")) == ("/", False, "Lax", True)
    assert not cookie.domain_specified and not cookie.discard


def test_curl_keeps_it(world, tmp_path: pathlib.Path) -> None:
    proxy, _ = world
    jar = str(tmp_path / "jar")
    out = subprocess.run(["curl", "-sS", "-b", jar, "-c", jar, "--resolve", f"a.test:{proxy.port}:127.0.0.1",
                          *[f"http://a.test:{proxy.port}/p{i}" for i in range(5)]], capture_output=True, text=True, timeout=seconds(20), check=True).stdout
    assert len(set(re.findall(r"s\d(?= GET)", out))) == 1 and out.count("GET") == 5
    assert "#HttpOnly_a.test" in pathlib.Path(jar).read_text(encoding="ascii")


def test_no_time_at_all_is_said_to_be_none(origin: Origin) -> None:
    with sticky({"a.test": {"/": route(origin)}}, age=0) as proxy:
        assert re.search(r"warning: sticky_sessions: .*false", proxy.stderr())


def test_explain_shows_it(origin: Origin) -> None:
    with sticky({"a.test": {"/": route(origin)}}) as proxy:
        done = subprocess.run([*proxy.command(), "--explain", "GET http://a.test/"], capture_output=True, text=True, timeout=seconds(20), check=True)
        assert "sticky: cookie backend_id for 3600 s" in done.stdout
