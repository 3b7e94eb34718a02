"""Endpoints given by name: found, kept fresh, never lost (issue 4 point 7, docs/adr/0010)."""

from __future__ import annotations

import collections
import contextlib
import socket
from typing import Iterator

import pytest

from support.deadline import wait_until
from support.names import NameServer, ProxyWithNames
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, route


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


def test_endpoint_by_name_of_the_hosts_file() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(f"localhost:{origin.port}")}}) as proxy:
        with proxy.client() as client:
            for i in range(20):
                assert client.request(f"/{i}").status == 200
        assert len(origin.connections) == 1
        assert len(proxy_lines(proxy, "localhost resolves to")) == 1


def proxy_lines(proxy: Proxy, text: str) -> list[str]:
    return [line for line in proxy.log().splitlines() if text in line]


def test_hosts_file_comes_before_the_name_server(names: NameServer) -> None:
    names.set("b.test", "127.0.0.3")
    with Origin(host="127.0.0.2") as origin:
        hosts = {"a.test": {"/": route(f"b.test:{origin.port}")}}
        with ProxyWithNames(names, hosts, hosts_file="127.0.0.2 b.test\n") as proxy:
            assert proxy.get("/").status == 200
            assert names.asked("b.test") == 0


def test_requests_on_kept_connections_ask_no_name_server(names: NameServer) -> None:
    names.set("b.test", "127.0.0.1")
    with Origin() as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        with proxy.client() as client:
            for i in range(50):
                assert client.request(f"/{i}").status == 200
        assert names.questions.count(("b.test", 1)) == 1
        assert len(origin.connections) == 1


def test_new_connections_go_round_the_addresses(names: NameServer) -> None:
    port = free_port()
    names.set("b.test", "127.0.0.2", "127.0.0.3", "127.0.0.4")
    origins = [Origin(f"o{i}", host=f"127.0.0.{i}", port=port) for i in (2, 3, 4)]
    for o in origins:
        o.on("/x", lambda conn, request: (conn.send(answer(conn.origin.name, fields="Connection: close\r\n")), conn.close()))
    with ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{port}")}}) as proxy, proxy.client() as client:
        got = [client.request("/x").text() for _ in range(30)]
    for o in origins:
        o.close()
    assert collections.Counter(got) == {"o2": 10, "o3": 10, "o4": 10}


def test_every_address_is_tried_before_the_endpoint_has_failed(names: NameServer) -> None:
    names.set("b.test", "127.0.0.2", "127.0.0.3", "127.0.0.4", "::1")
    with Origin(host="127.0.0.3") as origin:
        origin.on("/x", lambda conn, request: (conn.send(answer(fields="Connection: close\r\n")), conn.close()))
        with ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
            for _ in range(8):
                assert proxy.get("/x", method="POST", body=b"once").status == 200
        assert len(origin.seen("/x")) == 8


def test_address_that_never_answers_leaves_time_for_the_others(names: NameServer) -> None:
    with black_hole("127.0.0.2") as port, Origin(host="127.0.0.3", port=port) as origin:
        names.set("b.test", "127.0.0.2", "127.0.0.3")
        origin.on("/x", lambda conn, request: (conn.send(answer(fields="Connection: close\r\n")), conn.close()))
        hosts = {"a.test": {"/": route(f"b.test:{port}")}}
        with ProxyWithNames(names, hosts, main={"upstream_connect_timeout": 1}) as proxy:
            assert [proxy.get("/x").status for _ in range(4)] == [200] * 4


def test_only_addresses_that_never_answer_is_504(names: NameServer) -> None:
    with black_hole("127.0.0.2") as port:
        names.set("b.test", "127.0.0.2")
        hosts = {"a.test": {"/": route(f"b.test:{port}")}}
        with ProxyWithNames(names, hosts, main={"upstream_connect_timeout": 0.3}) as proxy:
            assert proxy.get("/").status == 504
            proxy.wait_log("504 connect_timeout: ")


@contextlib.contextmanager
def black_hole(host: str) -> Iterator[int]:
    """A port whose full backlog swallows connection attempts."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind((host, free_port()))
        full.listen(0)
        for _ in range(8):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def test_no_address_answers_is_502(names: NameServer) -> None:
    names.set("b.test", "127.0.0.2", "127.0.0.3")
    with ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{free_port()}")}}) as proxy:
        assert proxy.get("/").status == 502
        proxy.wait_log("connect_failed")


def test_ipv6_address_of_a_name(names: NameServer) -> None:
    names.set("b.test", "::1")
    with Origin(host="::1") as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        assert proxy.get("/").status == 200


def test_traffic_follows_the_name_and_old_connections_end(names: NameServer) -> None:
    port = free_port()
    names.set("b.test", "127.0.0.2", ttl=1)
    with Origin("old", host="127.0.0.2", port=port) as old, Origin("new", host="127.0.0.3", port=port):
        with ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{port}")}}) as proxy, proxy.client() as client:
            assert client.request("/").get("x-origin") == "old"
            names.set("b.test", "127.0.0.3", ttl=1)
            wait_until(lambda: client.request("/").get("x-origin") == "new", "the new address in use")
            wait_until(lambda: old.open_connections() == 0, "idle connection to the old address closed")
            assert client.request("/").get("x-origin") == "new"


def test_request_under_way_outlives_a_change_of_addresses(names: NameServer) -> None:
    port = free_port()
    names.set("b.test", "127.0.0.2", ttl=1)
    with Origin("old", host="127.0.0.2", port=port) as old, Origin("new", host="127.0.0.3", port=port):
        def late(conn, request) -> None:
            names.set("b.test", "127.0.0.3", ttl=1)
            wait_until(lambda: proxy_lines(proxy, "b.test now resolves to 127.0.0.3"), "the change")
            conn.send(answer("late"))
        old.on("/slow", late)
        with ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{port}")}}) as proxy, proxy.client() as client:
            assert client.request("/slow", deadline=20).text() == "late"
            wait_until(lambda: old.open_connections() == 0, "connection to the old address not kept")
            assert client.request("/").get("x-origin") == "new"


@pytest.mark.parametrize("how", ["gone", "failing", "silent"])
def test_name_that_stops_resolving_keeps_its_addresses(names: NameServer, how: str) -> None:
    names.set("b.test", "127.0.0.1", ttl=1)
    with Origin() as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        origin.on("/x", lambda conn, request: (conn.send(answer(fields="Connection: close\r\n")), conn.close()))
        assert proxy.get("/x").status == 200
        if how == "gone":
            names.remove("b.test")
        names.broken = how == "failing"
        names.silent = how == "silent"
        proxy.wait_log("b.test does not resolve any more: .*; still using 127.0.0.1", deadline=20)
        asked = names.asked("b.test")
        wait_until(lambda: names.asked("b.test") >= asked + 4, "further lookups", 20)
        for _ in range(5):
            assert proxy.get("/x").status == 200
        names.silent = names.broken = False
        names.set("b.test", "127.0.0.1")
        proxy.wait_log("b.test resolves again, to 127.0.0.1", deadline=20)
        assert len(proxy_lines(proxy, "does not resolve")) == 1


def test_unknown_name_is_502_at_once_and_is_found_when_it_comes_up(names: NameServer) -> None:
    with Origin() as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        for _ in range(5):
            assert proxy.get("/").status == 502
        proxy.wait_log("dns_failed")
        assert len(proxy_lines(proxy, "b.test does not resolve: ")) == 1
        names.set("b.test", "127.0.0.1")
        wait_until(lambda: proxy.get("/").status == 200, "the name in use")
        assert len(proxy_lines(proxy, "b.test resolves to 127.0.0.1")) == 1


def test_name_server_that_says_nothing_is_504_after_the_connect_timeout(names: NameServer) -> None:
    """Defect 11: lookups held up the worker."""
    names.silent = True
    with Origin() as origin:
        hosts = {"a.test": {"/": route("b.test:80"), "/two": route("b.test:80", origin)}}
        with ProxyWithNames(names, hosts, main={"upstream_connect_timeout": 0.3}) as proxy:
            assert proxy.get("/").status == 504
            proxy.wait_log("504 connect_timeout: .*: looking up the server's name timed out")
            assert [proxy.get("/two").status for _ in range(4)] == [200] * 4


def test_client_that_leaves_while_a_name_is_looked_up_harms_nobody(names: NameServer) -> None:
    names.silent = True
    with Origin() as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        with proxy.client() as gone, proxy.client() as stays:
            gone.send("GET /gone HTTP/1.1\r\nHost: a.test\r\n\r\n")
            stays.send("GET /stays HTTP/1.1\r\nHost: a.test\r\n\r\n")
            wait_until(lambda: names.asked("b.test") >= 2, "the name asked for")
            gone.close()
            names.silent = False
            names.set("b.test", "127.0.0.1")
            assert stays.response().status == 200


@pytest.mark.parametrize("where", ["lookup", "connect"])
def test_stopping_while_a_request_waits_for_its_connection_ends_well(names: NameServer, where: str) -> None:
    with black_hole("127.0.0.2") as port:
        names.set("b.test", "127.0.0.2", "127.0.0.2")
        names.silent = where == "lookup"
        hosts = {"a.test": {"/": route(f"b.test:{port}")}}
        with ProxyWithNames(names, hosts, main={"upstream_connect_timeout": 30}) as proxy, proxy.client() as client:
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            if where == "lookup":
                wait_until(lambda: names.asked("b.test") >= 2, "the name asked for")
            else:
                proxy.wait_log("b.test resolves to 127.0.0.2")
            proxy.stop()


def test_client_that_leaves_while_connecting_harms_nobody(names: NameServer) -> None:
    with black_hole("127.0.0.2") as port, Origin(host="127.0.0.3", port=port):
        names.set("b.test", "127.0.0.2", "127.0.0.3")
        hosts = {"a.test": {"/": route(f"b.test:{port}")}}
        with ProxyWithNames(names, hosts, main={"upstream_connect_timeout": 1}) as proxy:
            with proxy.client() as gone:
                gone.send("GET /gone HTTP/1.1\r\nHost: a.test\r\n\r\n")
                proxy.wait_log("b.test resolves to")
            for _ in range(3):
                assert proxy.get("/").status == 200


def test_every_worker_finds_the_name(names: NameServer) -> None:
    names.set("b.test", "127.0.0.1", ttl=1)
    with Origin() as origin:
        hosts = {"a.test": {"/": route(f"b.test:{origin.port}")}}
        with ProxyWithNames(names, hosts, main={"threads": 4}) as proxy:
            def all_workers() -> bool:
                assert [proxy.get("/").status for _ in range(10)] == [200] * 10
                return len(proxy_lines(proxy, "b.test resolves to 127.0.0.1")) == 4
            wait_until(all_workers, "every worker has looked the name up", 20)


def test_route_that_is_removed_ends_the_interest_in_its_name(names: NameServer) -> None:
    names.set("b.test", "127.0.0.1", ttl=1)
    with Origin() as origin, ProxyWithNames(names, {"a.test": {"/": route(f"b.test:{origin.port}")}}) as proxy:
        assert proxy.get("/").status == 200
        wait_until(lambda: names.asked("b.test") >= 4, "the name asked for again")
        proxy.apply({"a.test": {"/": route(f"c.test:{origin.port}")}})
        names.set("c.test", "127.0.0.1", ttl=1)
        wait_until(lambda: proxy.get("/").status == 200, "the other name in use")
        asked = names.asked("b.test")
        wait_until(lambda: names.asked("c.test") >= 8, "the other name asked for again", 20)
        assert names.asked("b.test") == asked
