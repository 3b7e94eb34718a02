"""TLS under load: five hundred rotations, ten thousand idle connections: issue 5 points 2 and 10 (at most 15 KiB each)."""

from __future__ import annotations

import resource
import signal
import socket
import ssl
import threading
from typing import Any

import pytest

from support.certificates import Authority, der, save
from support.client import Client
from support.deadline import wait_until
from support.origin import Origin
from support.ports import free_port
from support.proxy import Proxy, instrumented, route
from support.tools import Nginx

ROTATIONS = 500
IDLE = 10_000
BYTES_EACH = 8 * 1024


def proxy_with_tls(server: Any, pairs: dict[str, tuple[str, str]], **main: Any) -> tuple[Proxy, int]:
    port = free_port()
    proxy = Proxy({"DEFAULT": {"/": route(server)}}, main={"proxy_address_tls": f"127.0.0.1:{port}", "log_level": "info", **main})
    for stem, pair in pairs.items():
        save(proxy.config / "certificates", stem, pair)
    return proxy, port


class Load:
    """Clients that do nothing but shake hands, verify what they are shown, and ask once."""

    def __init__(self, port: int, context: ssl.SSLContext, threads: int = 2):
        self.port, self.context = port, context
        self.done = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client(("127.0.0.1", self.port), tls=self.context, name="a.test") as c:
                    assert c.request("/load").status == 200
                self.done += 1
            except Exception as e:  # every kind of failure counts
                self.failures.append(repr(e))

    def __enter__(self) -> "Load":
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for t in self._threads:
            t.join()


@pytest.mark.load
def test_five_hundred_rotations_under_load_fail_no_handshake() -> None:
    authority = Authority()
    pairs = [authority.issue("a.test") for _ in range(4)]
    rotations = ROTATIONS if not instrumented() else ROTATIONS // 5
    with Nginx('location / { return 200 "hello"; }') as nginx:
        proxy, port = proxy_with_tls(nginx.server, {"a": pairs[0]}, threads=2, log_level="error")
        with proxy, Client(("127.0.0.1", port), tls=authority.context(), name="a.test") as kept:
            with Load(port, authority.context()) as load:
                for i in range(1, rotations + 1):
                    save(proxy.config / "certificates", "a", pairs[i % len(pairs)])
                    proxy.send_signal(signal.SIGHUP)  # at once, instead of after the pause that editors are given
                    want = der(pairs[i % len(pairs)][0])

                    def served() -> bool:
                        with Client(("127.0.0.1", port), tls=authority.context(), name="a.test") as c:
                            return c.sock._raw.getpeercert(True) == want  # type: ignore[attr-defined]
                    wait_until(served, f"rotation {i} served", 5)
                    assert not load.failures, load.failures[:3]
                    if i % 50 == 0:
                        assert kept.request("/kept").status == 200
            assert not load.failures, load.failures[:3]
            assert load.done > 0
            print(f"\n{rotations} rotations, {load.done} handshakes beside them")


@pytest.mark.load
@pytest.mark.skipif(instrumented(), reason="a sanitizer's memory is not that of a release")
def test_ten_thousand_idle_tls_connections_cost_half_of_what_they_may() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= 2 * IDLE, f"only {soft} descriptors allowed: ulimit -n 25000"
    authority = Authority()
    context = authority.context()
    with Nginx('location / { return 200 "idle"; }') as nginx:
        proxy, port = proxy_with_tls(nginx.server, {"a": authority.issue("a.test")}, client_max_connections=0, client_idle_timeout=600,
                                     client_handshake_timeout=60, log_level="warn")
        with proxy:
            def open_idle(n: int) -> list[ssl.SSLSocket]:
                out = []
                for _ in range(n):
                    raw = socket.create_connection(("127.0.0.1", port))
                    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    tls = context.wrap_socket(raw, server_hostname="a.test")
                    tls.sendall(b"GET /idle HTTP/1.1\r\nHost: a.test\r\nUser-Agent: idle\r\n\r\n")
                    answer = b""
                    while not answer.endswith(b"idle"):
                        answer += tls.recv(4096)
                    out.append(tls)
                return out
            warm = open_idle(300)
            before = proxy.rss_bytes()
            clients = open_idle(IDLE)
            each = (proxy.rss_bytes() - before) / IDLE
            print(f"\n{each:.0f} bytes per idle TLS connection")
            for tls in clients[::100] + warm[::50]:
                tls.sendall(b"GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert tls.recv(4096).startswith(b"HTTP/1.1 200 ")
            files = proxy.open_files()
            for tls in clients + warm:
                tls.close()
            wait_until(lambda: proxy.open_files() <= files - IDLE, "closed connections released", 30)
            assert each <= BYTES_EACH
