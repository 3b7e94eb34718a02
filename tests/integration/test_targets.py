"""Forms of the request target: RFC 9112 section 3.2."""

from __future__ import annotations

import pytest

from support.origin import Origin
from support.proxy import Proxy, route


@pytest.fixture(scope="module")
def world():
    with Origin("root") as root, Origin("admin") as admin, Origin("other") as other:
        hosts = {"a.test": {"/": route(root), "/admin": route(admin)}, "other.test": {"/": route(other)}}
        with Proxy(hosts) as proxy:
            yield proxy, {"root": root, "admin": admin, "other": other}
        for o in (root, admin, other):
            o.check()


def ask(proxy: Proxy, head: str, method: str = "GET"):
    with proxy.client() as client:
        client.send(head + "\r\n")
        return client.response(method)


@pytest.mark.parametrize("target, host, origin, forwarded", [
    ("http://a.test/admin", "a.test", "admin", "/admin"),
    ("http://a.test/admin/x?y=z", "a.test", "admin", "/admin/x?y=z"),
    ("http://a.test/x/../admin", "a.test", "admin", "/admin"),
    ("http://a.test", "a.test", "root", "/"),
    ("http://a.test/", "a.test", "root", "/"),
    ("http://a.test?q", "a.test", "root", "/?q"),
    ("http://a.test?/admin", "a.test", "root", "/?/admin"),
    ("http://a.test?", "a.test", "root", "/?"),
    ("HTTP://A.TEST/", "a.test", "root", "/"),
    ("http://other.test/admin", "other.test", "other", "/admin"),
    ("http://a.test:80/admin", "a.test:80", "admin", "/admin"),
    ("https://a.test/admin", "a.test", "admin", "/admin"),
])
def test_absolute_form_is_routed_by_host_and_path(world, target: str, host: str, origin: str, forwarded: str) -> None:
    proxy, origins = world
    r = ask(proxy, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n")
    assert (r.status, r.get("x-origin")) == (200, origin)
    seen = origins[origin].requests[-1]
    assert seen.target == forwarded
    assert (seen.get("host") or "").lower() == host


def test_absolute_form_naming_another_host_than_the_field_is_refused(world) -> None:
    proxy, origins = world
    before = sum(len(o.requests) for o in origins.values())
    assert ask(proxy, "GET http://a.test/ HTTP/1.1\r\nHost: other.test\r\n").status == 400
    assert ask(proxy, "GET http://other.test/admin HTTP/1.1\r\nHost: a.test\r\n").status == 400
    assert sum(len(o.requests) for o in origins.values()) == before


def test_options_asterisk_goes_to_the_root_route(world) -> None:
    proxy, origins = world
    r = ask(proxy, "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n", "OPTIONS")
    assert (r.status, r.get("x-origin")) == (200, "root")
    assert origins["root"].requests[-1].target == "*"


def test_options_with_an_absolute_url_without_path_becomes_asterisk(world) -> None:
    proxy, origins = world
    r = ask(proxy, "OPTIONS http://a.test HTTP/1.1\r\nHost: a.test\r\n", "OPTIONS")
    assert (r.status, r.get("x-origin")) == (200, "root")
    assert origins["root"].requests[-1].target == "*"


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PROPFIND", "TRACE", "M-SEARCH", "x", "get", "BREW!#$%&'*+.^_`|~"])
def test_any_method_token_is_forwarded(world, method: str) -> None:
    proxy, origins = world
    r = ask(proxy, f"{method} /m HTTP/1.1\r\nHost: a.test\r\n")
    assert r.status == 200
    assert origins["root"].requests[-1].method == method


def test_connect_is_not_allowed(world) -> None:
    proxy, origins = world
    before = sum(len(o.requests) for o in origins.values())
    assert ask(proxy, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n").status == 405
    assert sum(len(o.requests) for o in origins.values()) == before
