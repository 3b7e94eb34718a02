"""Ten thousand idle connections: design section 4.4, issue 4 point 17."""

from __future__ import annotations

import resource
import selectors
import time

import pytest

from support.client import Client
from support.deadline import Deadline, wait_until
from support.origin import Origin
from support.proxy import Proxy, instrumented, route
from support.tools import Nginx

IDLE = 10_000
BYTES_EACH = 2048


def open_idle(proxy: Proxy, n: int) -> list[Client]:
    """n connections that have each been answered once and now say nothing."""
    clients = []
    for at in range(0, n, 250):
        batch = [proxy.client() for _ in range(min(250, n - at))]
        for c in batch:
            c.send("GET /idle HTTP/1.1\r\nHost: a.test\r\nUser-Agent: idle\r\n\r\n")
        for c in batch:
            assert c.response().status == 200
        clients += batch
    return clients


@pytest.mark.load
@pytest.mark.skipif(instrumented(), reason="a sanitizer's memory is not that of a release")
def test_ten_thousand_idle_connections_cost_two_kib_each() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= IDLE + 500, f"only {soft} descriptors allowed: ulimit -n 20000"
    with Nginx('location / { return 200 "idle"; }') as nginx:
        main = {"client_max_connections": 0, "client_idle_timeout": 600, "log_level": "warn"}
        with Proxy({"a.test": {"/": route(nginx.server)}}, main=main) as proxy:
            warm = open_idle(proxy, 300)  # pools and tables have their working size
            before = proxy.rss_bytes()
            files = proxy.open_files()
            clients = open_idle(proxy, IDLE)
            assert proxy.open_files() >= files + IDLE
            each = (proxy.rss_bytes() - before) / IDLE
            print(f"\n{each:.0f} bytes per idle connection")
            # All of them are alive and still served.
            for c in clients[::100] + warm[::50]:
                assert c.request("/again").status == 200
            for c in clients + warm:
                c.close()
            wait_until(lambda: proxy.open_files() <= files, "closed connections released")
            assert each <= BYTES_EACH


@pytest.mark.load
@pytest.mark.skipif(instrumented(), reason="a sanitizer's memory is not that of a release")
def test_memory_of_a_burst_is_used_again(origin: Origin) -> None:
    """The same burst three times: the third does not need more than the second."""
    with Proxy({"a.test": {"/": route(origin)}}, main={"log_level": "warn"}) as proxy:
        def burst() -> int:
            clients = [proxy.client() for _ in range(500)]
            selector = selectors.DefaultSelector()
            for c in clients:
                c.send(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20000\r\n\r\n" + b"b" * 20000)
                selector.register(c.sock, selectors.EVENT_READ, c)
            end = Deadline(30)
            while selector.get_map() and not end.over():
                for key, _ in selector.select(end.left()):
                    assert key.data.response("POST").status == 200
                    selector.unregister(key.fileobj)
            assert not selector.get_map()
            for c in clients:
                c.close()
            return proxy.rss_bytes()
        burst()
        second = burst()
        third = burst()
        assert third <= second + (2 << 20)


@pytest.mark.load
@pytest.mark.skipif(instrumented(), reason="a sanitizer's memory is not that of a release")
def test_a_body_that_comes_byte_by_byte_costs_its_bytes(origin: Origin) -> None:
    """Each byte once pinned a block of its own: 16 KiB for whoever sends slowly enough."""
    with Proxy({"a.test": {"/": route(origin)}}, main={"log_level": "warn"}) as proxy:
        with proxy.client() as client:
            client.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60000\r\n\r\nb")
            before = proxy.rss_bytes()
            for _ in range(4000):
                client.send(b"b")
                time.sleep(0.0005)  # the attack's own pace: what is coalesced costs nothing
            assert proxy.rss_bytes() - before < 2 << 20
