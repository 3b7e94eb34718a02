"""Which route a request takes: behaviour sections 3.1, 3.2 and 20.2."""

from __future__ import annotations

from typing import Iterator

import pytest

from support.client import Client
from support.origin import Origin
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, dict[str, Origin]]]:
    names = ["root", "app", "app-deep", "exact", "encoded", "upper", "default", "only"]
    origins = {n: Origin(n) for n in names}
    hosts = {
        "a.test": {
            "/": route(origins["root"]),
            "/app": route(origins["app"]),
            "/app/deep/er": route(origins["app-deep"]),
            "/exact/": route(origins["exact"]),
        },
        "Mixed.Test": {"/": route(origins["upper"])},
        "only.test": {"/only": route(origins["only"])},
        "DEFAULT": {"/": route(origins["default"])},
    }
    with Proxy(hosts) as proxy:
        yield proxy, origins
    for o in origins.values():
        o.close()
        o.check()


@pytest.fixture
def client(world: tuple[Proxy, dict[str, Origin]]) -> Iterator[Client]:
    with world[0].client() as c:
        yield c


@pytest.mark.parametrize("target, expected", [
    ("/", "root"),
    ("/index.html", "root"),
    ("/app", "app"),
    ("/app/", "app"),
    ("/app/x", "app"),
    ("/app?x=/app/deep/er", "app"),
    ("/app/x/y/z.html", "app"),
    ("/apple", "root"),
    ("/ap", "root"),
    ("/app.html", "root"),
    ("/App", "root"),
    ("/app/deep", "app"),
    ("/app/deep/er", "app-deep"),
    ("/app/deep/er/", "app-deep"),
    ("/app/deep/er/and/more", "app-deep"),
    ("/app/deep/eren", "app"),
    ("/x/app", "root"),
    ("/exact/", "exact"),
    ("//", "root"),
    ("/?/app", "root"),
    # One normalised path for matching: behaviour section 21.
    ("//app", "app"),
    ("/app//deep///er", "app-deep"),
    ("/x/../app", "app"),
    ("/./app/./deep/er", "app-deep"),
    ("/app/..", "root"),
    ("/app/../..", "root"),
    ("/../../app", "app"),
    ("/%61pp", "app"),
    ("/a%70p/%64eep/er", "app-deep"),
    ("/app%2Ehtml", "root"),
    ("/x/%2e%2e/app", "app"),
    ("/x/%2E./app", "app"),
    ("/x;y/../app", "app"),
    ("/app;v=1", "root"),
    ("/app%20", "root"),
])
def test_path_takes_the_longest_segment_prefix(client: Client, target: str, expected: str) -> None:
    r = client.request(target)
    assert (r.status, r.get("x-origin")) == (200, expected)


def test_key_with_a_trailing_slash_matches_that_path_only(client: Client) -> None:
    assert client.request("/exact/").get("x-origin") == "exact"
    assert client.request("/exact").get("x-origin") == "root"
    assert client.request("/exact/x").get("x-origin") == "root"


@pytest.mark.parametrize("host, expected", [
    ("a.test", "root"),
    ("A.TEST", "root"),
    ("a.test.", "root"),
    ("a.test:80", "root"),
    ("a.test:8080", "root"),
    ("A.Test.:8080", "root"),
    ("mixed.test", "upper"),
    ("MIXED.TEST", "upper"),
    ("b.test", "default"),
    ("x.a.test", "default"),
    ("a.test.example", "default"),
    ("127.0.0.1", "default"),
    ("[::1]", "default"),
    ("[::1]:8080", "default"),
    ("", "default"),
])
def test_host_is_matched_without_case_port_and_final_dot(client: Client, host: str, expected: str) -> None:
    """Defect 18."""
    r = client.request("/", host=host)
    assert (r.status, r.get("x-origin")) == (200, expected)


def test_host_without_matching_path_does_not_fall_through_to_default(client: Client) -> None:
    assert client.request("/only/x", host="only.test").get("x-origin") == "only"
    assert client.request("/other", host="only.test").status == 502


def test_query_takes_no_part_and_is_forwarded(world: tuple[Proxy, dict[str, Origin]], client: Client) -> None:
    assert client.request("/q?a=1&b=%2F..%00&c=/../x").status == 200
    assert world[1]["root"].requests[-1].target == "/q?a=1&b=%2F..%00&c=/../x"


@pytest.mark.parametrize("target, forwarded", [
    ("/app/%41%7e", "/app/%41%7e"),
    ("//app//x", "//app//x"),
    ("/x/../app/y?z", "/app/y?z"),
    ("/app/./y", "/app/y"),
    ("/app/%2e/y", "/app/y"),
    ("/app/a%20b", "/app/a%20b"),
    ("/app/a;b=c,d!e'(f)*:@&=+$", "/app/a;b=c,d!e'(f)*:@&=+$"),
    ("/app?", "/app?"),
])
def test_target_is_forwarded_as_it_came_but_for_dot_segments(
        world: tuple[Proxy, dict[str, Origin]], client: Client, target: str, forwarded: str) -> None:
    assert client.request(target).status == 200
    assert world[1]["app"].requests[-1].target == forwarded


def test_host_is_forwarded_as_it_came(world: tuple[Proxy, dict[str, Origin]], client: Client) -> None:
    client.request("/app/host", host="A.Test:8080")
    assert world[1]["app"].requests[-1].get("host") == "A.Test:8080"


def test_unknown_host_without_default_is_502() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        r = proxy.get("/", host="b.test")
        assert (r.status, r.text(), r.get("cache-control"), r.get("retry-after")) == (502, "502 Bad Gateway\n", "private, no-store", None)
        assert not origin.requests


def test_dead_route_does_not_fall_back_to_its_parent() -> None:
    from support.ports import free_port
    with Origin() as origin:
        hosts = {"a.test": {"/": route(origin), "/admin": route(f"127.0.0.1:{free_port()}"), "/none": route()}}
        with Proxy(hosts) as proxy:
            for path in ("/admin", "/admin/x", "/none", "/none/x"):
                assert proxy.get(path).status == 502, path
            assert not origin.requests
            assert proxy.get("/other").status == 200


def test_ten_thousand_routes_load_and_match() -> None:
    with Origin() as origin:
        hosts = {f"h{i}.test": {f"/p{j}": route(origin) for j in range(10)} for i in range(1000)}
        with Proxy(hosts) as proxy, proxy.client() as client:
            for host, path in (("h0.test", "/p0"), ("h999.test", "/p9/x"), ("h500.test", "/p5")):
                assert client.request(path, host=host).status == 200
            assert client.request("/p10", host="h0.test").status == 502
            assert client.request("/p1", host="h1000.test").status == 502


@pytest.mark.parametrize("scheme", ["http://", "h2c://", ""])
def test_a_route_that_leads_back_to_the_proxy_is_warned_of_and_answers_508(origin: Origin, scheme: str) -> None:
    with Proxy({}) as proxy:
        loop = {"servers": [f"{scheme}127.0.0.1:{proxy.port}"], "healthcheck": False}
        mark = proxy.log_mark()
        proxy.apply({"a.test": {"/": loop, "/good": route(origin)}})
        proxy.wait_log(r"upstreams\.yaml:\d+:\d+: warning: servers: a\.test/ leads to proxy_address_http", since=mark)
        assert proxy.get("/x").status == 508
        proxy.wait_log("508 route_loop: route leads back to this proxy", since=mark)
        assert proxy.get("/x", fields="CDN-Loop: other; version=1\r\n").status == 508
        assert proxy.get("/good", fields="CDN-Loop: other; version=1\r\n").status == 200
    assert origin.requests[-1].get_all("cdn-loop") == ["other; version=1"], "routes that lead elsewhere add nothing"
