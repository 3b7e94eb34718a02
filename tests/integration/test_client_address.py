"""Who the client is behind proxies: issue 6 point 3, behaviour section 21.

127.0.0.2 is a proxy in front; 127.0.0.1 is anybody.
"""

from __future__ import annotations

import contextlib
import signal
from typing import Any, Iterator

import pytest

from support.client import Client
from support.deadline import wait_until
from support.haproxy import HAProxy
from support.http1 import Request
from support.origin import Origin
from support.pairs import CLIENTS, PROTOCOLS, PairClient
from support.ports import free_port
from support.proxy import Proxy, route
from support.proxy_protocol import version1, version2
from support.tls import install

FRONT = "127.0.0.2"


class World:
    def __init__(self, **main: Any):
        self.origin = Origin()
        self.tls_port = free_port()
        self.proxy = Proxy({"a.test": {"/": route(self.origin), "/secure": route(self.origin, to_https=True)}},
                           main={"proxy_address_tls": f"127.0.0.1:{self.tls_port}", **main})
        install(self.proxy.config / "certificates")

    def address(self, protocol: str) -> tuple[str, int]:
        return ("127.0.0.1", self.tls_port) if PROTOCOLS[protocol][1] else self.proxy.address

    def get(self, target: str = "/", fields: str = "", **connection: Any) -> Any:
        with self.proxy.client(**connection) as client:
            return client.request(target, fields=fields)

    def seen(self, fields: str = "", **connection: Any) -> Request:
        """The request as the upstream had it."""
        assert self.get(fields=fields, **connection).status == 200
        return self.origin.requests[-1]

    def __enter__(self) -> "World":
        self.proxy.__enter__()
        return self

    def __exit__(self, *why: Any) -> None:
        with contextlib.closing(self.origin):
            self.proxy.__exit__(*why)
            self.origin.check()


# trusted_proxies

@pytest.fixture(scope="module")
def trusting() -> Iterator[World]:
    with World(trusted_proxies=[FRONT, "10.0.0.0/8"], client_max_connections=4, access_log="all") as w:
        yield w


def test_client_is_the_last_address_that_is_not_trusted(trusting: World) -> None:
    r = trusting.seen("X-Forwarded-For: 198.51.100.1, 192.0.2.7\r\nX-Other: 1\r\nX-Forwarded-For: 10.1.1.1\r\n", source=FRONT)
    assert r.get("x-real-ip") == "192.0.2.7"
    assert r.get_all("x-forwarded-for") == ["198.51.100.1, 192.0.2.7, 10.1.1.1, 127.0.0.2"]


def test_without_the_header_the_proxy_is_the_client(trusting: World) -> None:
    assert trusting.seen(source=FRONT).get("x-real-ip") == FRONT


def test_scheme_and_host_of_a_trusted_proxy_are_kept(trusting: World) -> None:
    said = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nForwarded: for=192.0.2.7\r\n"
    r = trusting.seen(said, source=FRONT)
    assert (r.get("x-forwarded-proto"), r.get("x-forwarded-host"), r.get("forwarded")) == ("https", "shop.test", "for=192.0.2.7")
    r = trusting.seen(said)
    assert (r.get("x-forwarded-proto"), r.get("x-forwarded-host"), r.get("forwarded")) == ("http", "a.test", None)
    assert r.get("x-real-ip") == "127.0.0.1"


def test_to_https_is_about_the_client_and_not_the_proxy(trusting: World) -> None:
    assert trusting.get("/secure", source=FRONT).status == 301
    assert trusting.get("/secure", "X-Forwarded-Proto: http\r\n", source=FRONT).status == 301
    assert trusting.get("/secure", "X-Forwarded-Proto: https\r\n", source=FRONT).status == 200
    assert trusting.get("/secure", "X-Forwarded-Proto: https\r\n").status == 301, "anybody can say so"


def test_log_names_the_client(trusting: World) -> None:
    mark = trusting.proxy.log_mark()
    assert trusting.get("/secure", "X-Forwarded-For: 192.0.2.77\r\n", source=FRONT).status == 301
    trusting.proxy.wait_log("https_redirect.*client 192.0.2.77$", since=mark)
    assert trusting.get("/logged", "X-Forwarded-For: 192.0.2.78\r\n", source=FRONT).status == 200
    trusting.proxy.wait_log(r"GET /logged, .*client: 192\.0\.2\.78,", since=mark)


def test_each_request_of_a_connection_has_its_own_client(trusting: World) -> None:
    with trusting.proxy.client(source=FRONT) as client:
        for ip in ("192.0.2.1", "192.0.2.2", "2001:db8::3"):
            assert client.request("/", fields=f"X-Forwarded-For: {ip}\r\n").status == 200
            assert trusting.origin.requests[-1].get("x-real-ip") == ip
        assert client.request("/").status == 200
        assert trusting.origin.requests[-1].get("x-real-ip") == FRONT


@pytest.mark.parametrize("protocol", CLIENTS)
def test_trusted_proxies_may_speak_any_protocol(trusting: World, protocol: str) -> None:
    with PairClient(protocol, trusting.address(protocol), source=FRONT) as client:
        head, _ = client.request("GET", "/", [("x-forwarded-for", "192.0.2.9")])
        assert head.status == 200
    assert trusting.origin.requests[-1].get("x-real-ip") == "192.0.2.9"


def test_connections_of_a_trusted_proxy_are_not_limited(trusting: World) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(trusting.proxy.client(source=FRONT))
            assert client.request("/").status == 200
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(trusting.proxy.client(source="127.0.0.7")) for _ in range(5)]
        for client in clients[:4]:
            assert client.request("/").status == 200
        clients[4].expect_no_answer()


# proxy_protocol

@pytest.fixture(scope="module")
def naming() -> Iterator[World]:
    with World(proxy_protocol=[FRONT], trusted_proxies=["192.0.2.200"], client_max_connections=3) as w:
        yield w


@pytest.mark.parametrize("first, client", [
    (version1("192.0.2.7"), "192.0.2.7"),
    (version1("2001:db8::7"), "2001:db8::7"),
    (version2("192.0.2.8"), "192.0.2.8"),
    (version2("2001:db8::8", tlvs=b"\x05\x00\x03abc"), "2001:db8::8"),
    (version2("::ffff:192.0.2.9"), "192.0.2.9"),
    (b"PROXY UNKNOWN\r\n", FRONT),
    (version2(None), FRONT),
])
def test_header_names_the_client(naming: World, first: bytes, client: str) -> None:
    r = naming.seen("X-Forwarded-For: 203.0.113.1\r\n", source=FRONT, first=first)
    assert r.get("x-real-ip") == client
    assert r.get("x-forwarded-for") == f"203.0.113.1, {client}"


@pytest.mark.parametrize("protocol", CLIENTS)
@pytest.mark.parametrize("header", [version1, version2])
def test_header_comes_before_any_protocol(naming: World, protocol: str, header: Any) -> None:
    with PairClient(protocol, naming.address(protocol), source=FRONT, first=header("192.0.2.10")) as client:
        for _ in range(2):
            assert client.request("GET", "/")[0].status == 200
            assert naming.origin.requests[-1].get("x-real-ip") == "192.0.2.10"


def test_header_may_come_in_pieces_and_with_the_request(naming: World) -> None:
    with naming.proxy.client(source=FRONT) as client:
        for i, byte in enumerate(version2("192.0.2.11") + b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"):
            client.send(bytes([byte]))
        assert client.response().status == 200
    assert naming.origin.requests[-1].get("x-real-ip") == "192.0.2.11"
    assert naming.seen(source=FRONT, first=version1("192.0.2.12")).get("x-real-ip") == "192.0.2.12"


def test_listed_peer_without_a_header_is_not_served(naming: World) -> None:
    mark = naming.proxy.log_mark()
    before = len(naming.origin.requests)
    with naming.proxy.client(source=FRONT) as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.expect_no_answer()
    naming.proxy.wait_log("proxy_header: connection does not begin with a PROXY header, peer 127.0.0.2", since=mark)
    with Client(("127.0.0.1", naming.tls_port), source=FRONT, first=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") as client:
        client.expect_no_answer()
    wait_until(lambda: naming.proxy.log()[mark:].count("proxy_header: ") == 2, "both are logged")
    assert len(naming.origin.requests) == before


def test_peer_that_only_looks_makes_no_noise(naming: World) -> None:
    mark = naming.proxy.log_mark()
    naming.proxy.client(source=FRONT).close()
    assert naming.seen(source=FRONT, first=version1("192.0.2.13"))
    assert "proxy_header" not in naming.proxy.log()[mark:]


def test_connections_are_those_of_the_named_client(naming: World) -> None:
    with contextlib.ExitStack() as stack:
        def connect(ip: str) -> Client:
            return stack.enter_context(naming.proxy.client(source=FRONT, first=version1(ip)))
        for _ in range(3):
            assert connect("192.0.2.20").request("/").status == 200
        connect("192.0.2.20").expect_no_answer()
        for last in range(21, 26):
            assert connect(f"192.0.2.{last}").request("/").status == 200, "the proxy itself is not limited"
    wait_until(lambda: naming.get(source=FRONT, first=version1("192.0.2.20")).status == 200, "places are given back")


def test_client_of_the_header_may_be_a_trusted_proxy(naming: World) -> None:
    r = naming.seen("X-Forwarded-For: 198.51.100.7\r\n", source=FRONT, first=version1("192.0.2.200"))
    assert (r.get("x-real-ip"), r.get("x-forwarded-for")) == ("198.51.100.7", "198.51.100.7, 192.0.2.200")


def test_drain_serves_whose_header_is_on_its_way() -> None:
    with World(proxy_protocol=[FRONT]) as w:
        with w.proxy.client(source=FRONT, first=version1("192.0.2.30")[:10]) as client:
            assert w.get().status == 200  # by now that connection has been accepted
            w.proxy.send_signal(signal.SIGTERM)
            w.proxy.wait_log("draining: no new connections")
            client.send(version1("192.0.2.30")[10:] + b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert client.response().status == 200
        assert w.proxy.wait_exit() == 0
        assert w.origin.requests[-1].get("x-real-ip") == "192.0.2.30"


# A real HAProxy

@pytest.fixture(scope="module")
def behind_haproxy() -> Iterator[tuple[World, HAProxy]]:
    with World(proxy_protocol=[FRONT]) as w:
        lines = {f"{name}-{kind}": f"server s 127.0.0.1:{port} source {FRONT} {how}"
                 for name, port in (("plain", w.proxy.port), ("tls", w.tls_port))
                 for kind, how in (("v1", "send-proxy"), ("v2", "send-proxy-v2 proxy-v2-options ssl,unique-id"))}
        lines["checked"] = f"server s 127.0.0.1:{w.proxy.port} source {FRONT} check check-send-proxy inter 100 send-proxy-v2"
        with HAProxy(lines) as haproxy:
            yield w, haproxy


@pytest.mark.parametrize("protocol", CLIENTS)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy_in_front(behind_haproxy: tuple[World, HAProxy], protocol: str, version: str) -> None:
    w, haproxy = behind_haproxy
    address = haproxy.address(f"{'tls' if PROTOCOLS[protocol][1] else 'plain'}-{version}")
    with PairClient(protocol, address, source="127.0.0.9") as client:
        head, body = client.request("POST", "/x", data=b"hello")
        assert (head.status, body) == (200, b"origin POST /x")
    assert w.origin.requests[-1].get("x-real-ip") == "127.0.0.9"


def test_health_checks_of_haproxy_succeed_and_make_no_noise(behind_haproxy: tuple[World, HAProxy]) -> None:
    w, haproxy = behind_haproxy
    mark = w.proxy.log_mark()
    for _ in range(3):
        with Client(haproxy.address("checked"), source="127.0.0.9") as client:
            assert client.request("/").status == 200
    assert "proxy_header" not in w.proxy.log()[mark:]
