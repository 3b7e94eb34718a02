"""Requests wait for their turn at a server that answers fast, and never for one that does not: docs/adr/0022."""

from __future__ import annotations

import contextlib
import threading
from typing import Iterator

from support.client import Client
from support.deadline import wait_until
from support.http1 import Request
from support.origin import Connection, Origin, answer
from support.prometheus import value
from support.proxy import Proxy, route

MANY = 100
"""More than a worker gives a server at once."""


@contextlib.contextmanager
def hanging(proxy: Proxy, origin: Origin, gate: threading.Event, n: int = MANY) -> Iterator[list[Client]]:
    """Clients with a request each that is not answered before the gate opens."""
    def hold(conn: Connection, request: Request) -> None:
        conn.hold(gate)
        conn.send(answer("late"))

    origin.on("/hang", hold)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(proxy.client()) for _ in range(n)]
        for client in clients:
            client.send("GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n")
        yield clients


def hung(origin: Origin) -> int:
    return sum(r.path == "/hang" for r in origin.requests)


def one_worker(origin: Origin, **main: object) -> Proxy:
    return Proxy({"a.test": {"/": route(origin)}}, main=main)


def test_requests_that_hang_hold_up_no_other(origin: Origin) -> None:
    gate = threading.Event()
    with one_worker(origin) as proxy, hanging(proxy, origin, gate) as clients:
        with proxy.client() as other:
            assert other.request("/quick").status == 200
        wait_until(lambda: hung(origin) == MANY, "all of them at the server")
        assert value(proxy, "aralez_upstream_paced_total") > 0, "they did not go at once"
        gate.set()
        for client in clients:
            assert client.response().body == b"late"


def test_nobody_waits_when_it_is_switched_off(origin: Origin) -> None:
    gate = threading.Event()
    with one_worker(origin, upstream_pacing=False) as proxy, hanging(proxy, origin, gate):
        wait_until(lambda: hung(origin) == MANY, "all of them at the server")
        assert value(proxy, "aralez_upstream_paced_total") == 0
        gate.set()


def test_clients_that_leave_while_they_wait_are_forgotten(origin: Origin) -> None:
    gate = threading.Event()
    with one_worker(origin) as proxy:
        with hanging(proxy, origin, gate) as clients:
            for client in clients:
                client.reset()
            with proxy.client() as other:
                assert other.request("/quick").status == 200
        wait_until(lambda: value(proxy, "aralez_active_sessions") == 0, str(value(proxy, "aralez_active_sessions")))
        gate.set()


def test_requests_that_wait_outlive_a_reload_and_their_route(origin: Origin) -> None:
    gate = threading.Event()
    with one_worker(origin) as proxy, hanging(proxy, origin, gate) as clients:
        proxy.apply({"b.test": {"/": route(origin)}})
        wait_until(lambda: hung(origin) == MANY, "all of them at the server")
        gate.set()
        for client in clients:
            assert client.response().body == b"late"


def test_bodies_wait_as_well(origin: Origin) -> None:
    gate = threading.Event()
    body = b"x" * 100_000
    with one_worker(origin) as proxy, hanging(proxy, origin, gate):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(proxy.client()) for _ in range(30)]
            for client in clients:
                client.send(f"POST /body HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            for client in clients:
                assert client.response().status == 200
        assert [r.body for r in origin.requests if r.path == "/body"] == [body] * 30
        gate.set()
