"""Threats row 31 and the trust of row 14: addresses that a client makes up.

127.0.0.2 is a proxy in front that speaks the PROXY protocol, 127.0.0.3 one whose X-Forwarded-For is trusted; 127.0.0.1 is the attacker.
"""

from __future__ import annotations

import random
from typing import Iterator

import pytest

from support.client import Client
from support.deadline import wait_until
from support.origin import Origin
from support.ports import free_port
from support.proxy import Proxy, instrumented, route
from support.proxy_protocol import SIGNATURE, version1, version2
from support.tls import client_context, install

PROXY, TRUSTED = "127.0.0.2", "127.0.0.3"
MIB = 1 << 20


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, Origin, int]]:
    tls = free_port()
    with Origin() as origin:
        proxy = Proxy({"a.test": {"/": route(origin)}},
                      main={"proxy_address_tls": f"127.0.0.1:{tls}", "proxy_protocol": [PROXY], "trusted_proxies": [TRUSTED],
                            "client_head_timeout": 1, "client_max_head_bytes": 65536})
        install(proxy.config / "certificates")
        with proxy:
            yield proxy, origin, tls
        origin.check()


@pytest.fixture(autouse=True)
def others_are_served(world) -> Iterator[None]:
    yield
    proxy, origin, _ = world
    with proxy.client(source=PROXY, first=version2("192.0.2.1")) as client:
        assert client.request("/alive").status == 200
    assert origin.requests[-1].get("x-real-ip") == "192.0.2.1"


# Headers from strangers

@pytest.mark.parametrize("header", [version1("192.0.2.66"), version2("192.0.2.66"), version2(None), b"PROXY UNKNOWN\r\n"])
def test_header_of_a_stranger_is_no_request(world, header: bytes) -> None:
    proxy, origin, _ = world
    before = len(origin.requests)
    with proxy.client(first=header) as client:
        client.send_what_is_taken(b"GET /stranger HTTP/1.1\r\nHost: a.test\r\n\r\n")
        rest = client.wait_closed(allow_bytes=True)
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400 "), rest
    assert len(origin.requests) == before


@pytest.mark.parametrize("header", [version1("192.0.2.66"), version2("192.0.2.66")])
def test_header_of_a_stranger_is_no_handshake(world, header: bytes) -> None:
    with pytest.raises((OSError, AssertionError)):
        Client(("127.0.0.1", world[2]), first=header, tls=client_context(), name="a.test")


def test_header_within_tls_is_no_request(world) -> None:
    with Client(("127.0.0.1", world[2]), tls=client_context(), name="a.test") as client:
        client.send(version1("192.0.2.66") + b"GET /inside HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.expect_no_answer()
    assert not world[1].seen("/inside")


def test_second_header_is_no_request(world) -> None:
    proxy, origin, _ = world
    with proxy.client(source=PROXY, first=version1("192.0.2.2") + version1("192.0.2.66")) as client:
        client.send_what_is_taken(b"GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.expect_no_answer()
    assert not origin.seen("/second")


# Headers that cost

def test_slow_header_is_cut_off_at_the_head_timeout(world) -> None:
    proxy = world[0]
    mark = proxy.log_mark()
    with proxy.client(source=PROXY, first=b"PRO") as client, proxy.client(source=PROXY) as silent:
        def cut() -> bool:
            if not client.is_open():
                return True
            try:
                client.send(b"")
            except OSError:
                return True
            return False
        wait_until(cut, "slow header cut off", pause=0.05)
        client.expect_no_answer()
        silent.expect_no_answer()
    proxy.wait_log("proxy_header_timeout: .*peer 127.0.0.2", since=mark)


@pytest.mark.parametrize("bytes_", [
    SIGNATURE + b"\x21\x11\xff\xff",
    SIGNATURE + b"\x21\x11\x0f\xff" + b"\xc0\x00\x02\x07" * 1000,
    SIGNATURE + b"\x21\x11\x00\x04\xc0\x00\x02\x07",
    SIGNATURE + b"\x2f\x11\x00\x0c",
    SIGNATURE + b"\x11\x11\x00\x0c",
    b"PROXY " + b"x" * 101,
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2" + b" " * 100,
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1\n",
    b"\0" * 5000,
])
def test_malformed_header_is_closed_without_an_answer(world, bytes_: bytes) -> None:
    proxy = world[0]
    mark = proxy.log_mark()
    with proxy.client(source=PROXY) as client:
        client.send_what_is_taken(bytes_)
        client.send_what_is_taken(b"\r\n\r\n")
        client.expect_no_answer()
    proxy.wait_log("proxy_header: .*peer 127.0.0.2", since=mark)


def test_random_headers_break_nothing(world) -> None:
    proxy = world[0]
    dice = random.Random(31)
    good = [version1("192.0.2.7"), version1("2001:db8::7"), version2("192.0.2.7", tlvs=b"\x04\x00\x08" + b"x" * 8), version2("2001:db8::7")]
    for _ in range(300):
        header = bytearray(dice.choice(good))
        for _ in range(dice.randint(1, 4)):
            header[dice.randrange(len(header))] = dice.randrange(256)
        with proxy.client(source=PROXY, first=bytes(header[:dice.randint(0, len(header))])):
            pass


def test_waiting_connections_cost_little(world) -> None:
    proxy = world[0]
    before = proxy.rss_bytes()
    clients = [proxy.client(source=PROXY, first=b"PROXY TCP4 192.0.2.7 ") for _ in range(300)]
    if not instrumented():
        assert proxy.rss_bytes() - before < MIB
    for client in clients:
        client.close()


# X-Forwarded-For

def ask(world, fields: str, source: str | None = None) -> str:
    proxy, origin, _ = world
    with proxy.client(source=source) as client:
        assert client.request("/", fields=fields).status == 200
    return origin.requests[-1].get("x-real-ip") or ""


def test_nobody_else_is_believed(world) -> None:
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "X_Forwarded_For"):
        assert ask(world, f"{name}: 192.0.2.66\r\n") == "127.0.0.1", name


def test_client_of_a_trusted_proxy_cannot_put_itself_in_front(world) -> None:
    for spoofed in ("192.0.2.66", TRUSTED, "127.0.0.1", "garbage", "192.0.2.66\r\nX-Forwarded-For: 192.0.2.67"):
        assert ask(world, f"X-Forwarded-For: {spoofed}\r\nX-Forwarded-For: 198.51.100.9\r\n", TRUSTED) == "198.51.100.9"
        assert ask(world, f"X-Forwarded-For: {spoofed}, 198.51.100.9\r\n", TRUSTED) == "198.51.100.9"


def test_long_chains_are_not_followed(world) -> None:
    bomb = ", ".join(["192.0.2.66"] + [TRUSTED] * 4000)
    assert ask(world, f"X-Forwarded-For: {bomb}\r\n", TRUSTED) == TRUSTED
    assert ask(world, f"X-Forwarded-For: 192.0.2.66{',' * 40000}\r\n", TRUSTED) == TRUSTED


def test_connection_field_does_not_take_the_address_away(world) -> None:
    assert ask(world, "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.7\r\n", TRUSTED) in ("192.0.2.7", TRUSTED)
    proxy, origin, _ = world
    with proxy.client() as client:
        assert client.request("/", fields="Connection: X-Forwarded-For, X-Real-IP\r\n").status == 200
    assert origin.requests[-1].get("x-forwarded-for") == "127.0.0.1"
