"""Autobahn's WebSocket cases: an echo server behind the proxy gives the verdicts that it gives without it.

Left out: 9 (load), 12 and 13 (compression, which the proxy does not look into).
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import threading
from typing import Iterator

import pytest

from support.client import Address
from support.http2 import Broken
from support.pairs import ACTIVE, PROTOCOLS, PairClient, ServerExchange, Tunnel, Upstream
from support.peers import peer
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import install, server_context
from support.tools import run
from support.websocket import EchoServer

CASES = 247
ATTEMPTS = 3
"""Whether a connection that is failed for a bad frame still brings the answer to the good one before it is a matter of moments
(OK or NON-STRICT in cases 3.x, without a proxy too). Such a case has to end as without the proxy in one of so many runs."""

Verdicts = dict[str, tuple[str, str]]


def verdicts(address: Address, folder: pathlib.Path) -> Verdicts:
    """Behaviour and way of closing for each case."""
    run(peer("kosoku"), "-m", "fuzzingclient", "-p", "8", *(x for group in (9, 12, 13) for x in ("-x", f"{group}.*")),
        "-o", str(folder), f"{address[0]}:{address[1]}", deadline=120, check=False)
    (agent,) = json.loads((folder / "index.json").read_text()).values()
    return {case: (v["behavior"], v["behaviorClose"]) for case, v in agent.items()}


@contextlib.contextmanager
def entry(protocol: str, address: Address) -> Iterator[Address]:
    """Where the suite, which speaks plain HTTP/1.1 only, can reach `address` over another protocol."""
    if protocol == "h1":
        yield address
        return

    def relay(exchange: ServerExchange) -> None:
        with PairClient(protocol, address) as client:
            there, here = client.websocket("/"), exchange.accept_websocket()
            back = threading.Thread(target=pump, args=(there, here), daemon=True)
            back.start()
            pump(here, there)
            back.join(30)
    with Upstream("h1") as door:
        door.handle("/", relay)
        yield door.address


def pump(source: Tunnel, sink: Tunnel) -> None:
    """All bytes and then the end, of whichever kind."""
    try:
        while piece := source.read():
            sink.send(piece)
        sink.end()
    except (Broken, OSError, ValueError, AssertionError):
        sink.reset()


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    with EchoServer() as echo:
        found = verdicts(("127.0.0.1", echo.port), tmp_path_factory.mktemp("direct"))
    assert len(found) == CASES
    assert "FAILED" not in {behaviour for behaviour, _ in found.values()}
    return found


@pytest.mark.parametrize("client, upstream", [(c, u) for c, u in ACTIVE if PROTOCOLS[u][0] == 1])
def test_every_case_ends_as_without_the_proxy(direct: Verdicts, tmp_path: pathlib.Path, client: str, upstream: str) -> None:
    tls_port = free_port()
    main = {"log_level": "warn"} | ({"proxy_address_tls": f"127.0.0.1:{tls_port}"} if PROTOCOLS[client][1] else {})
    with EchoServer(server_context() if PROTOCOLS[upstream][1] else None) as echo:
        echo_route = route(f"{'https' if PROTOCOLS[upstream][1] else 'http'}://{echo.server}")
        proxy = Proxy({"127.0.0.1": {"/": echo_route}, "a.test": {"/": echo_route}}, main=main)
        install(proxy.config / "certificates")
        with proxy, entry(client, ("127.0.0.1", tls_port) if PROTOCOLS[client][1] else proxy.address) as address:
            left = direct
            for attempt in range(ATTEMPTS):
                found = verdicts(address, tmp_path / str(attempt))
                assert "FAILED" not in {behaviour for behaviour, _ in found.values()}
                left = {case: v for case, v in left.items() if found.get(case) != v}
                if not left:
                    return
            assert {case: (found.get(case), v) for case, v in left.items()} == {}
