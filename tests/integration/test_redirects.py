"""`redirect_to` and `to_https`: behaviour sections 3.3, 3.4 and 21."""

from __future__ import annotations

import pytest

from support.origin import Origin
from support.ports import free_port
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin() as origin:
        hosts = {
            "old.test": {"/": route("127.0.0.1:1", redirect_to="https://new.test"),
                         "/base": route("127.0.0.1:1", redirect_to="https://new.test/under"),
                         "/both": route("127.0.0.1:1", redirect_to="http://first.test", to_https=True)},
            "secure.test": {"/": route(origin), "/tls": route(origin, to_https=True)},
            "empty.test": {"/": {"redirect_to": "https://new.test", "servers": []}},
            "DEFAULT": {"/": route(origin, to_https=True)},
        }
        with Proxy(hosts) as proxy:
            yield proxy, origin
        origin.check()


@pytest.mark.parametrize("host, target, location", [
    ("old.test", "/", "https://new.test/"),
    ("old.test", "/a/b?c=d&e", "https://new.test/a/b?c=d&e"),
    ("old.test", "/base/x?y", "https://new.test/under/base/x?y"),
    ("old.test", "/both/x", "http://first.test/both/x"),
    ("empty.test", "/x?y=z", "https://new.test/x?y=z"),
    ("secure.test", "/tls/x?y=z", "https://secure.test/tls/x?y=z"),
    ("Secure.Test:8080", "/tls", "https://secure.test/tls"),
    ("somewhere.test", "/x?y", "https://somewhere.test/x?y"),
    ("somewhere.test:81", "/", "https://somewhere.test/"),
])
def test_redirect_keeps_path_and_query_and_never_names_default(world, host: str, target: str, location: str) -> None:
    """Defect 17."""
    r = world[0].get(target, host=host)
    assert r.status == 301
    got = r.get("location")
    assert got is not None and got.lower() == location.lower()


@pytest.mark.parametrize("method, status", [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("DELETE", 308)])
def test_other_methods_keep_their_method(world, method: str, status: int) -> None:
    with world[0].client() as client:
        r = client.request("/x", host="old.test", method=method, body=b"abc" if method in ("POST", "PUT") else b"")
        assert r.status == status
        assert r.get("location") == "https://new.test/x"
        assert r.body == b""


def test_body_of_a_redirected_request_is_drained_and_the_connection_kept(world) -> None:
    with world[0].client() as client:
        for _ in range(3):
            assert client.request("/x", host="old.test", method="POST", body=b"z" * 50_000).status == 308
        assert client.request("/", host="secure.test").status == 200


def test_redirects_are_made_without_the_upstream(world) -> None:
    proxy, origin = world
    before = len(origin.requests)
    proxy.get("/tls", host="secure.test")
    proxy.get("/", host="anything.test")
    assert len(origin.requests) == before


def test_redirect_target_holds_no_line_break_from_the_request(world) -> None:
    r = world[0].get("/a%0d%0aSet-Cookie:%20x=y", host="old.test")
    assert r.status == 301
    assert r.get("location") == "https://new.test/a%0d%0aSet-Cookie:%20x=y"
    assert r.get("set-cookie") is None


def test_global_to_https_covers_every_route() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, globals_={"to_https": True}) as proxy:
        r = proxy.get("/x?y")
        assert (r.status, r.get("location")) == (301, "https://a.test/x?y")
        assert not origin.requests


def test_https_port_is_named_unless_it_is_443() -> None:
    port = free_port()
    with Origin() as origin:
        main = {"proxy_address_tls": f"127.0.0.1:{port}"}
        with Proxy({"a.test": {"/": route(origin, to_https=True)}}, main=main) as proxy:
            assert proxy.get("/x").get("location") == f"https://a.test:{port}/x"
