"""A thousand reloads while wrk and WebSockets are at work: not one request fails, no tunnel breaks."""

from __future__ import annotations

import re
import signal
import subprocess
import threading

import pytest

from support.deadline import SLOW
from support.origin import Origin
from support.proxy import Proxy, instrumented, route
from support.tools import Nginx, need
from support.websocket import EchoServer, EchoClient

RELOADS = 1000


@pytest.mark.load
def test_thousand_reloads_under_load_lose_nothing() -> None:
    """About 25 s on two cores; sanitizer builds do a fifth of the reloads."""
    reloads = RELOADS // 5 if instrumented() else RELOADS
    files = 'location / { return 200 "steady"; }'
    with Nginx(files) as first, Nginx(files) as second, EchoServer() as echo, Origin() as origin:
        def hosts(n: int):
            """What carries the load changes with every reload; the WebSocket's route does not."""
            return {
                "127.0.0.1": {"/": route(first.server, second.server) if n % 2 else route(second.server),
                              f"/n{n % 7}": route(first.server, client_headers=[f"X-N: {n}"])},
                "ws.test": {"/": route(echo.server)},
                "a.test": {"/": route(origin)},
            }
        with Proxy(main={"log_level": "warn"}) as proxy:
            proxy.apply(hosts(0))
            load = subprocess.Popen([need("wrk"), "-t1", "-c24", f"-d{int(120 * SLOW)}s", "--timeout", "10s",
                                     f"http://127.0.0.1:{proxy.port}/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            sockets = [EchoClient(proxy.address, "ws.test") for _ in range(4)]
            stop = threading.Event()
            broken: list[str] = []

            def chat(ws: EchoClient) -> None:
                i = 0
                while not stop.wait(0.01):
                    i += 1
                    try:
                        if ws.echo(f"message {i}") != f"message {i}":
                            broken.append("wrong echo")
                            return
                    except Exception as e:  # noqa: BLE001 - whatever breaks it is the finding
                        broken.append(repr(e))
                        return
            chats = [threading.Thread(target=chat, args=(ws,)) for ws in sockets]
            for c in chats:
                c.start()
            try:
                for n in range(1, reloads + 1):
                    proxy.replace_upstreams(proxy.marked(hosts(n)))
                    proxy.send_signal(signal.SIGHUP)
                    proxy.wait_applied(deadline=20)
                    assert not broken, broken
                    assert load.poll() is None
            finally:
                stop.set()
                for c in chats:
                    c.join()
                load.send_signal(signal.SIGINT)
                said = load.communicate()[0].decode()
            for ws in sockets:
                ws.close()
            assert not broken, broken
    requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    assert requests > reloads, said
    assert "Non-2xx" not in said and "Socket errors" not in said, said
