"""Health checks: behaviour section 5, and defects 5, 6, 12, 24 and 42 of section 19."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import threading
from typing import Any, Iterator

import pytest

from support.deadline import stays, wait_until
from support.grpc_peers import OwnServer
from support.http1 import Request
from support.origin import Connection, Origin, answer
from support.pairs import Upstream
from support.ports import free_port
from support.proxy import Proxy, document, has_asan, route
from support.tls import certificate
from support.tools import Nginx

FAST = {"interval": 0.1, "timeout": 10}
ROUNDS = 4


def checked(*servers: Origin | str, check: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A path block with checks that come often enough for a test."""
    return {**route(*servers, **keys), "healthcheck": {**FAST, **(check or {})}}


class Moody:
    """An origin whose answer to checks a test can change; requests of clients go to other paths."""

    def __init__(self, name: str = "moody", port: int = 0):
        self.status = "200 OK"
        self.hangs = False
        self.origin = Origin(name, port=port)
        self.origin.on("/", self._answer)
        self.server = self.origin.server

    def _answer(self, conn: Connection, request: Request) -> None:
        if self.hangs:
            conn.hold_until_closed()
        else:
            data = answer("", self.status)
            conn.send(data)

    def checks(self) -> int:
        return len(self.origin.seen("/"))

    def wait_checks(self, more: int = ROUNDS) -> None:
        before = self.checks()
        wait_until(lambda: self.checks() >= before + more, f"{more} more checks", 20)

    def __enter__(self) -> "Moody":
        return self

    def __exit__(self, *_: object) -> None:
        self.origin.close()


@pytest.fixture
def moody() -> Iterator[Moody]:
    with Moody() as m:
        yield m


def is_down(server: str) -> str:
    return rf"WARN aralez::control::health - {re.escape(server)} is down: .*"


def is_up(server: str) -> str:
    return rf"INFO aralez::control::health - {re.escape(server)} is up \(.*was down for \d+\.\d s\)"


def lines(proxy: Proxy) -> list[str]:
    """Of the checker, without first good verdicts."""
    return re.findall(r"(?:WARN|INFO) aralez::control::health - (.*)", proxy.log())


# Down and up.

def test_server_whose_check_fails_gets_no_request_until_it_is_well_again(moody: Moody, origin: Origin) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin, origin)}}) as proxy:
        wait_until(lambda: {proxy.get("/x").get("x-origin") for _ in range(4)} == {"moody", "origin"}, "both to serve")
        moody.wait_checks(2)
        moody.status = "503 Service Unavailable"
        assert "status 503 (check HEAD /, was up for" in proxy.wait_log(is_down(moody.server))[0]
        before = len(moody.origin.seen("/x"))
        assert [proxy.get("/x").get("x-origin") for _ in range(10)] == ["origin"] * 10
        assert len(moody.origin.seen("/x")) == before
        moody.status = "200 OK"
        proxy.wait_log(is_up(moody.server))
        assert {proxy.get("/x").get("x-origin") for _ in range(4)} == {"moody", "origin"}


def test_each_change_is_one_line_whatever_the_rounds(moody: Moody) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        moody.wait_checks()
        moody.status = "500 Oops"
        proxy.wait_log(is_down(moody.server))
        moody.wait_checks()
        moody.status = "200 OK"
        proxy.wait_log(is_up(moody.server))
        moody.wait_checks()
        assert len(lines(proxy)) == 2, lines(proxy)


def test_server_that_nobody_listens_for_is_down_for_that_reason_and_new_ones_serve_at_once(origin: Origin) -> None:
    dead = f"127.0.0.1:{free_port()}"
    with Proxy({"a.test": {"/": checked(dead, origin)}}) as proxy:
        assert "is down: Connection refused" in proxy.wait_log(is_down(dead))[0]
        late = Origin("late")
        # Its first check would come in a minute.
        proxy.apply({"a.test": {"/": checked(late, check={"interval": 60})}})
        assert proxy.get("/x").get("x-origin") == "late"
        late.close()


@pytest.mark.parametrize("status,good", [("200 OK", True), ("204 No", True), ("301 Moved", True), ("404 No", True), ("498 X", True),
                                         ("499 X", False), ("500 X", False), ("503 X", False), ("999 X", False)])
def test_status_that_counts_as_well(moody: Moody, status: str, good: bool) -> None:
    moody.status = status
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        moody.wait_checks()
        if good:
            assert lines(proxy) == []
        else:
            proxy.wait_log(is_down(moody.server))
            assert proxy.get("/x").status == 502


def test_expected_statuses_may_be_named(moody: Moody) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin, check={"expect": [204, "300-302"]})}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        moody.status = "302 Found"
        proxy.wait_log(is_up(moody.server))


def test_rise_and_fall_take_checks_in_a_row(moody: Moody) -> None:
    statuses = iter(["200 OK"] + ["500 X", "200 OK"] * 3 + ["500 X"] * 3 + ["200 OK", "500 X"] * 2 + ["200 OK"] * 2)

    def one(conn: Connection, request: Request) -> None:
        conn.send(answer("", next(statuses, "200 OK")))

    moody.origin.on("/", one)
    with Proxy({"a.test": {"/": checked(moody.origin, check={"rise": 2, "fall": 3})}}) as proxy:
        proxy.wait_log(is_up(moody.server), deadline=20)
        assert next(statuses, None) is None, "only two in a row make it up"
        assert len(lines(proxy)) == 2


def test_all_servers_down_is_502_with_retry_after_and_a_reason(moody: Moody) -> None:
    moody.status = "500 X"
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        r = proxy.get("/x")
        assert (r.status, r.get("retry-after")) == (502, "1")
        assert r.text() == "502 Bad Gateway\n"
        proxy.wait_log("502 no_endpoint: route has no usable server")
        assert moody.origin.seen("/x") == []


# What is asked.

def test_check_asks_for_the_routes_path_at_the_servers_address(origin: Origin) -> None:
    with Proxy({"a.test": {"/deep/er": checked(origin)}}, main={"hc_method": "GET"}) as proxy:
        seen = origin.wait_seen("/deep/er")[0]
        assert (seen.method, seen.get("host"), seen.version) == ("GET", origin.server, "HTTP/1.1")
        assert re.fullmatch(r"aralez/\d+\.\d+\.\d+ health", seen.get("user-agent") or "")
        assert seen.get("x-forwarded-for") is None
        assert proxy.alive()


@pytest.mark.parametrize("method", ["HEAD", "GET", "POST"])
def test_method_path_and_host_may_be_named(origin: Origin, method: str) -> None:
    check = {"path": "/up?deep=%20", "method": method.lower(), "host": "other.test:81"}
    with Proxy({"a.test": {"/": checked(origin, check=check)}}, main={"hc_method": "GET" if method != "GET" else "HEAD"}) as proxy:
        seen = origin.wait_seen("/up", 2)[1]
        assert (seen.method, seen.target, seen.get("host"), seen.body) == (method, "/up?deep=%20", "other.test:81", b"")
        assert lines(proxy) == []


def test_servers_of_a_route_without_checks_are_never_asked_and_always_serve(moody: Moody) -> None:
    moody.status = "500 X"
    unchecked = {**route(moody.origin), "healthcheck": False}
    with Proxy({"a.test": {"/off": unchecked, "/": checked(moody.origin)}}) as proxy:
        moody.wait_checks()
        proxy.wait_log(is_down(moody.server))
        assert proxy.get("/x").status == 502
        assert proxy.get("/off").status == 200
        assert [r.method for r in moody.origin.seen("/off")] == ["GET"]


def test_verdicts_belong_to_the_check_and_not_to_the_server(moody: Moody) -> None:
    moody.status = "500 X"
    with Proxy({"a.test": {"/": checked(moody.origin), "/well": checked(moody.origin)}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        moody.origin.wait_seen("/well", 2)
        assert proxy.get("/x").status == 502
        assert proxy.get("/well").status == 200


def test_defect_24_one_check_for_all_routes_that_ask_for_the_same(origin: Origin) -> None:
    hosts = {f"h{i}.test": {"/": checked(origin)} for i in range(20)}
    hosts["other.test"] = {"/other": checked(origin)}
    with Proxy(hosts):
        origin.wait_seen("/other", 6)
        assert len(origin.seen("/")) < 2 * len(origin.seen("/other"))


def test_defect_24_redirects_are_not_followed(moody: Moody, origin: Origin) -> None:
    moody.origin.on("/", answer("", "302 Found", f"Location: http://{origin.server}/elsewhere\r\n"))
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        moody.wait_checks()
        assert lines(proxy) == []
    assert origin.requests == [] and origin.connections == []


def test_defect_24_one_that_hangs_delays_no_other(moody: Moody) -> None:
    """More of them than the places that checks of servers which are down may take."""
    with Origin("hanging") as hanging:
        hanging.on_connection = lambda conn: conn.hold_until_closed(120)
        slow = {f"/{i}": checked(hanging, check={"timeout": 600}) for i in range(140)}
        with Proxy({"a.test": {"/": checked(moody.origin), **slow}}) as proxy:
            hanging.wait_connections(140, 30)
            moody.status = "500 X"
            proxy.wait_log(is_down(moody.server))
            moody.status = "200 OK"
            proxy.wait_log(is_up(moody.server))
            assert len(hanging.connections) == 140, "each is asked once at a time"


def test_defect_24_port_that_only_accepts_is_not_well() -> None:
    with Origin("mute") as mute, Origin("mail") as mail:
        mute.on_connection = lambda conn: conn.hold_until_closed(60)
        mail.on_connection = lambda conn: (conn.send("220 mail.test ESMTP\r\n"), conn.hold_until_closed(60))
        block = {"servers": [mute.server, mail.server], "healthcheck": {"interval": 0.1, "timeout": 1}}
        with Proxy({"a.test": {"/": block}}) as proxy:
            proxy.wait_log(is_down(mute.server), deadline=20)
            proxy.wait_log(is_down(mail.server), deadline=20)
            assert proxy.get("/", deadline=20).status == 502


# Protocols.

@pytest.mark.parametrize("protocol", ["h1", "h1s", "h2c", "h2s"])
@pytest.mark.parametrize("pinned", [True, False])
def test_server_of_any_protocol_is_well_by_its_own(protocol: str, pinned: bool) -> None:
    with Upstream(protocol) as up:
        block = {"servers": [up.pinned if pinned else up.server], "healthcheck": {**FAST, "path": "/check"}}
        with Proxy({"a.test": {"/": block}}) as proxy:
            wait_until(lambda: len(up.of("/check")) >= 3, "checks", 20)
            versions = {e.version for e in up.of("/check")}
            assert versions == {2 if protocol.startswith("h2") else 1}
            assert proxy.get("/x").status == 200
            assert lines(proxy) == []
            if not pinned and protocol == "h1":  # found out once, then known
                wait_until(lambda: len(up.of("/check")) >= 5, "more checks")
                assert len(up.connections) < 12


def test_protocol_found_by_requests_is_taken_over() -> None:
    with Nginx("location / { return 200; }") as nginx:
        block = {"servers": [nginx.server], "healthcheck": {"interval": 0.1, "timeout": 2}}
        with Proxy({"a.test": {"/": block}}) as proxy:
            assert proxy.get("/").status == 200
            stays(lambda: lines(proxy) == [], "well")


def test_grpc_says_itself_how_it_is() -> None:
    with OwnServer(tls=False) as server:
        address = f"127.0.0.1:{server.port}"
        with Proxy({"a.test": {"/": {"servers": [address], "healthcheck": FAST}}}) as proxy:
            wait_until(lambda: "speaks" in proxy.log() or proxy.get("/").status, "first request")
            server.stop_serving.set()
            assert "says by gRPC that it is not serving" in proxy.wait_log(is_down(address), deadline=20)[0]
            server.stop_serving.clear()
            proxy.wait_log(is_up(address))


@pytest.mark.parametrize("tls", [True, False])
def test_grpc_may_be_asked_for(tls: bool) -> None:
    with OwnServer(tls) as server:
        address = f"127.0.0.1:{server.port}"
        pinned = ("https://" if tls else "h2c://") + address
        block = {"servers": [pinned], "healthcheck": {**FAST, "grpc": "any.Service"}}
        with Proxy({"a.test": {"/": block}}) as proxy:
            server.stop_serving.set()
            assert "(check gRPC any.Service" in proxy.wait_log(is_down(address), deadline=20)[0]
            server.stop_serving.clear()
            proxy.wait_log(is_up(address))


def test_server_without_grpc_is_not_well_when_it_is_asked_for() -> None:
    with Upstream("h2c") as up, Proxy({"a.test": {"/": {"servers": [up.server], "healthcheck": {**FAST, "grpc": True}}}}) as proxy:
        assert "no answer of gRPC, but status 200" in proxy.wait_log(is_down(up.server), deadline=20)[0]


def test_http2_in_clear_that_answers_no_request_is_well_when_it_shows_that_it_is_http2() -> None:
    """Behaviour section 5.1: the original takes any port that accepts for one."""
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    greeted = threading.Semaphore(0)

    def serve(conn: Connection) -> None:
        conn.send(settings)
        if not origin._wait_readable(conn):
            return
        data = b""
        while origin._wait_readable(conn) and (got := conn.sock.recv(16384)):
            data += got
            if b"grpc.health" in data or len(data) > 120:
                return  # closes instead of an answer
            if data.endswith(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"):
                greeted.release()

    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": {"servers": [f"h2c://{origin.server}"], "healthcheck": FAST}}}) as proxy:
            for _ in range(3):
                assert greeted.acquire(timeout=20)
            assert lines(proxy) == []


def test_certificates_count_where_the_route_says_so() -> None:
    crt = str(certificate()[0])
    with Upstream("h1s") as up:
        def block(path: str, **keys: Any) -> dict[str, Any]:
            return {"servers": [up.server], "healthcheck": {**FAST, "path": path}, **keys}
        hosts = {"a.test": {"/": block("/any"), "/good": block("/good", verify_upstream=True, ca_file=crt),
                            "/bad": block("/bad", verify_upstream=True)},
                 "b.example": {"/": block("/name", verify_upstream=True, ca_file=crt)}}  # no name of the certificate
        with Proxy(hosts) as proxy:
            assert "certificate refused" in proxy.wait_log(is_down(up.server) + r"HEAD /bad\)")[0]
            wait_until(lambda: up.of("/good") and up.of("/any"), "checks")
            assert proxy.get("/x").status == 200
            assert proxy.get("/good").status == 200
            assert proxy.get("/bad").status == 502
            proxy.wait_log(is_down(up.server) + r"HEAD /name\)")
            assert proxy.get("/x", host="b.example").status == 502
            assert not up.of("/bad") and not up.of("/name")


# Changes while it runs.

def test_defect_6_server_down_during_a_reload_is_not_forgotten(moody: Moody) -> None:
    moody.status = "500 X"
    block = checked(moody.origin)
    with Proxy({"a.test": {"/": block}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        proxy.apply({"a.test": {"/": block, "/new": block}})
        assert proxy.get("/x").status == 502, "the verdict stands"
        assert len(lines(proxy)) == 1
        moody.wait_checks()
        moody.status = "200 OK"
        proxy.wait_log(is_up(moody.server))
        assert proxy.get("/x").status == 200


def test_removed_server_is_asked_no_more(moody: Moody, origin: Origin) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        moody.wait_checks()
        proxy.apply({"a.test": {"/": checked(origin)}})
        origin.wait_seen("/", 2)
        before = moody.checks()
        origin.wait_seen("/", 2 + 2 * ROUNDS)
        assert moody.checks() <= before + 1


def test_changed_check_is_used_from_the_reload_on(moody: Moody) -> None:
    moody.status = "500 X"
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        proxy.apply({"a.test": {"/": checked(moody.origin, check={"path": "/other"})}})
        wait_until(lambda: proxy.get("/x").status == 200, "a verdict by the new check")


def test_defect_12_no_request_fails_while_verdicts_and_routes_change(moody: Moody, origin: Origin) -> None:
    hosts = {"a.test": {"/": checked(moody.origin, origin)}}
    stop = threading.Event()
    statuses: list[int] = []

    def ask(proxy: Proxy) -> None:
        with proxy.client() as client:
            while not stop.is_set():
                statuses.append(client.request("/x").status)

    with Proxy(hosts, main={"threads": 2}) as proxy:
        clients = [threading.Thread(target=ask, args=(proxy,)) for _ in range(2)]
        for c in clients:
            c.start()
        try:
            for i in range(4):
                mark = proxy.log_mark()
                moody.status = "500 X"
                proxy.wait_log(is_down(moody.server), since=mark)
                proxy.apply({**hosts, f"n{i}.test": {"/": checked(origin)}})
                moody.status = "200 OK"
                proxy.wait_log(is_up(moody.server), since=mark)
        finally:
            stop.set()
            for c in clients:
                c.join()
    assert len(statuses) > 50 and set(statuses) == {200}


def test_defect_5_route_that_is_down_does_not_fall_back_to_the_route_above(moody: Moody, origin: Origin) -> None:
    moody.origin.on("/admin", answer("", "500 X"))
    with Proxy({"a.test": {"/": checked(origin), "/admin": checked(moody.origin)}}) as proxy:
        proxy.wait_log(is_down(moody.server))
        for path in ("/admin", "/admin/x", "/admin/../admin/y"):
            assert proxy.get(path).status == 502
        assert proxy.get("/x").status == 200
    assert [r.path for r in origin.requests if r.method == "GET"] == ["/x"]


def test_defect_42_checks_pass_every_proxy_by() -> None:
    dead = f"127.0.0.1:{free_port()}"
    with Origin("proxy") as forward:
        url = f"http://{forward.server}"
        env = {name: url for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")}
        env["NO_PROXY"] = env["no_proxy"] = ""
        with Proxy({"a.test": {"/": {"servers": [dead, f"https://{dead}"], "healthcheck": FAST}}}, env=env) as proxy:
            proxy.wait_log(is_down(dead))
            assert proxy.get("/").status == 502
        assert forward.connections == []


# The process.

@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_process_ends_at_once_whatever_checks_wait_for(how: signal.Signals) -> None:
    with Origin("hanging") as hanging:
        hanging.on_connection = lambda conn: conn.hold_until_closed(120)
        hosts = {"a.test": {"/": checked(hanging, check={"timeout": 3600}),
                            "/name": checked("a-name-that-does-not-exist.test:80", check={"timeout": 3600})}}
        with Proxy(hosts, main={"grace_period_seconds": 60}) as proxy:
            hanging.wait_connections(1)
            proxy.send_signal(how)
            assert proxy.wait_exit(10) == 0


def test_process_that_was_stopped_blames_no_server(moody: Moody) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin, check={"timeout": 0.5})}}) as proxy:
        moody.wait_checks()
        proxy.send_signal(signal.SIGSTOP)
        stays(lambda: True, "", during=1.8)  # longer than a check may take, and than the checker's turn
        proxy.send_signal(signal.SIGCONT)
        moody.wait_checks(2)
        assert lines(proxy) == []


def test_name_without_an_address_is_down_for_that_reason() -> None:
    name = "no-such-name.invalid:80"
    with Proxy({"a.test": {"/": checked(name)}}) as proxy:
        assert "its name has no address" in proxy.wait_log(is_down(name), deadline=30)[0]


def test_thousands_of_checks_take_bounded_descriptors_and_hurt_no_request() -> None:
    paths = {f"/{i}": {} for i in range(3000)}
    with Nginx("location / { return 204; }") as nginx:
        block = {"servers": [f"http://{nginx.server}"], "healthcheck": {"interval": 1, "timeout": 30}}
        with Proxy({"a.test": {path: block for path in paths}}, main={"log_level": "info"}) as proxy:
            most = 0
            with proxy.client() as client:
                for i in range(300):
                    assert client.request(f"/{i}").status == 204
                    most = max(most, proxy.open_files())
            assert most < 400
            assert lines(proxy) == []
            assert has_asan() or proxy.rss_bytes() < 200_000_000


def test_reload_with_wrong_check_is_refused_with_line_and_what_would_be_right(moody: Moody) -> None:
    with Proxy({"a.test": {"/": checked(moody.origin)}}) as proxy:
        mark = proxy.log_mark()
        proxy.write_upstreams(document({"a.test": {"/": checked(moody.origin, check={"path": "health", "expect": "fine"})}}))
        text = proxy.wait_log(r"reload refused(.|\n)*?write /health(.|\n)*?write a status", since=mark)[0]
        assert re.search(r"upstreams\.yaml:\d+:\d+: path: ", text)
        before = moody.checks()
        wait_until(lambda: moody.checks() > before + 2, "the old checks to go on")


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """An address whose connects neither succeed nor fail: a full backlog."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        held = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(listener.getsockname())
            held.append(s)
        yield "127.0.0.1:%d" % listener.getsockname()[1]
        for s in held:
            s.close()


def test_black_holed_server_is_down_after_its_own_time_and_delays_no_other(moody: Moody) -> None:
    with black_hole() as hole:
        hosts = {"a.test": {"/": checked(moody.origin), "/hole": checked(hole, check={"timeout": 0.5})}}
        with Proxy(hosts) as proxy:
            moody.wait_checks()
            assert "no connection within 0.5 s" in proxy.wait_log(is_down(hole))[0]
            moody.wait_checks()
            assert len(lines(proxy)) == 1
