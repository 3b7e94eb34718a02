"""Issue 6 point 2: clients without number cost no memory without bound, and nobody is refused for others.

The clients are made up by a trusted proxy, which is what an attacker with many addresses looks like.
"""

from __future__ import annotations

from support.client import Client
from support.deadline import Deadline
from support.origin import Origin
from support.proxy import Proxy, document, instrumented, route

FRONT = "127.0.0.3"
MIB = 1 << 20
CLIENTS = 4_000 if instrumented() else 60_000


def test_flood_of_clients_is_bounded_and_refuses_nobody() -> None:
    with Origin() as origin:
        hosts = {"a.test": {"/": route("127.0.0.1:1", redirect_to="http://b.test")}}
        upstreams = document(hosts, rate_limit=1, x4xx_limit=1)
        with Proxy(upstreams=upstreams, main={"trusted_proxies": [FRONT], "log_level": "warn"}) as proxy:
            with Client(proxy.address, source=FRONT) as client:
                before = proxy.rss_bytes()
                for first in range(0, CLIENTS, 50):
                    numbers = range(first, first + 50)
                    client.send("".join(f"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 2001:db8:{n >> 16:x}:{n & 0xffff:x}::1\r\n\r\n"
                                        for n in numbers))
                    for n in numbers:
                        assert client.reader.response("GET", Deadline(10)).status == 301, f"client {n} asks for the first time"
                if not instrumented():
                    assert proxy.rss_bytes() - before < 20 * MIB
