"""Servers that cannot be connected to are left out without any check: defect 10 of section 19, docs/adr/0017."""

from __future__ import annotations

import collections
import re

from support.deadline import wait_until
from support.origin import Origin
from support.ports import free_port
from support.proxy import Proxy, route


def left_out(server: str, fails: int = 3) -> str:
    return rf"WARN aralez::cluster - {re.escape(server)} takes no connections: {fails} in a row failed, the last one: connection refused"


def taken_back(server: str) -> str:
    return rf"INFO aralez::cluster - {re.escape(server)} takes connections again"


def refused() -> str:
    return f"127.0.0.1:{free_port()}"


def test_defect_10_server_that_cannot_be_connected_to_is_left_out_and_comes_back() -> None:
    port = free_port()
    dead = f"127.0.0.1:{port}"
    with Origin("a") as a, Origin("b") as b, Proxy({"a.test": {"/": route(dead, a, b)}}) as proxy, proxy.client() as client:
        for _ in range(30):
            assert client.request("/").status == 200
        proxy.wait_log(left_out(dead))
        assert len(re.findall(left_out(dead), proxy.log())) == 1, "said once"
        # Left out of the turn: the others share evenly.
        order = [client.request("/").get("x-origin") for _ in range(10)]
        assert abs(collections.Counter(order)["a"] - 5) <= 1
        with Origin("back", port=port):
            wait_until(lambda: client.request("/").get("x-origin") == "back", "the next trial", 20)
            proxy.wait_log(taken_back(dead))
            assert {client.request("/").get("x-origin") for _ in range(3)} == {"a", "b", "back"}
        assert len(re.findall(left_out(dead), proxy.log())) == 1


def test_posts_lose_nothing_to_a_server_that_is_tried_again(origin: Origin) -> None:
    dead = refused()
    with Proxy({"a.test": {"/": route(dead, origin)}}) as proxy, proxy.client() as client:
        proxy_log_has = lambda: re.search(left_out(dead), proxy.log())  # noqa: E731
        n = 0
        while not proxy_log_has():
            assert client.request(f"/{n}", method="POST", body=b"x").status == 200
            n += 1
        for i in range(n, n + 50):
            assert client.request(f"/{i}", method="POST", body=b"x").status == 200
        assert sorted(int(r.path[1:]) for r in origin.requests) == list(range(n + 50)), "each once"


def test_only_server_of_a_route_is_never_left_out() -> None:
    port = free_port()
    with Proxy({"a.test": {"/": route(f"127.0.0.1:{port}")}}) as proxy, proxy.client() as client:
        for _ in range(10):
            assert client.request("/").status == 502
        proxy.wait_log(left_out(f"127.0.0.1:{port}"))
        with Origin(port=port):
            assert client.request("/").status == 200, "at once"


def test_last_one_standing_is_reached_although_most_are_left_out() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(refused(), refused(), origin, refused())}}) as proxy, proxy.client() as client:
        for i in range(60):
            assert client.request(f"/{i}").status == 200
        assert len(origin.requests) == 60


def test_failures_outlive_a_reload_that_keeps_the_server(origin: Origin) -> None:
    dead = refused()
    hosts = {"a.test": {"/": route(dead, origin)}}
    with Proxy(hosts) as proxy:
        wait_until(lambda: proxy.get("/").status == 200 and re.search(left_out(dead), proxy.log()), "left out")
        proxy.apply({**hosts, "b.test": {"/": route(dead, origin)}})
        for host in ("a.test", "b.test") * 5:
            assert proxy.get("/", host=host).status == 200
        assert len(re.findall(left_out(dead), proxy.log())) == 1


def test_many_workers_say_it_once() -> None:
    port = free_port()
    dead = f"127.0.0.1:{port}"
    with Origin() as origin, Proxy({"a.test": {"/": route(dead, origin)}}, main={"threads": 3}) as proxy:
        def asked() -> bool:
            for _ in range(20):  # connections go to any of the workers
                assert proxy.get("/").status == 200
            return bool(re.search(left_out(dead), proxy.log()))
        wait_until(asked, "left out")
        for _ in range(10):
            asked()
        assert len(re.findall(left_out(dead), proxy.log())) == 1
        with Origin("back", port=port):
            wait_until(lambda: asked() and re.search(taken_back(dead), proxy.log()), "taken back by all of them", 30)
        assert len(re.findall(taken_back(dead), proxy.log())) == 1


def test_upstream_max_fails_0_leaves_nothing_out() -> None:
    port = free_port()
    with Origin("a") as a, Proxy({"a.test": {"/": route(f"127.0.0.1:{port}", a)}}, main={"upstream_max_fails": 0}) as proxy, \
            proxy.client() as client:
        for _ in range(600):  # every second one fails: more than a count of failures has room for
            assert client.request("/").get("x-origin") == "a"
        assert "takes no connections" not in proxy.log()
        with Origin("back", port=port):
            assert {client.request("/").get("x-origin") for _ in range(2)} == {"a", "back"}, "its turn, at once"


def test_upstream_max_fails_and_the_times_are_kept() -> None:
    port = free_port()
    dead = f"127.0.0.1:{port}"
    keys = {"upstream_max_fails": 1, "upstream_fail_timeout": 3600, "upstream_max_fail_timeout": 7200}
    with Origin("a") as a, Proxy({"a.test": {"/": route(dead, a)}}, main=keys) as proxy, proxy.client() as client:
        for _ in range(2):
            assert client.request("/").get("x-origin") == "a"
        proxy.wait_log(left_out(dead, 1))
        with Origin("back", port=port) as back:
            for _ in range(50):
                assert client.request("/").get("x-origin") == "a"
            assert back.connections == []


def test_upstream_fail_timeout_may_be_short() -> None:
    port = free_port()
    dead = f"127.0.0.1:{port}"
    keys = {"upstream_fail_timeout": 0.05, "upstream_max_fail_timeout": 0.1}
    with Origin("a") as a, Proxy({"a.test": {"/": route(dead, a)}}, main=keys) as proxy, proxy.client() as client:
        wait_until(lambda: client.request("/").get("x-origin") == "a" and re.search(left_out(dead), proxy.log()), "left out")
        with Origin("back", port=port):
            wait_until(lambda: client.request("/").get("x-origin") == "back", "the next trial")
            proxy.wait_log(taken_back(dead))


def test_a_longest_time_below_the_first_is_warned_of() -> None:
    keys = {"upstream_fail_timeout": 5, "upstream_max_fail_timeout": 2}
    with Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main=keys) as proxy:
        assert re.search(r"main\.yaml:\d+:\d+: warning: upstream_max_fail_timeout: less than upstream_fail_timeout", proxy.stderr())
