"""Health checks as a way in: rows 26 (requests to where nobody wanted them) and 28 (answers without end) of threats.md."""

from __future__ import annotations

import threading

import pytest

from support.http1 import Request
from support.origin import Connection, Origin, answer
from support.proxy import Proxy, route


def checked(origin: Origin, **check: object) -> dict[str, object]:
    return {**route(origin), "healthcheck": {"interval": 0.1, "timeout": 30, "method": "GET", **check}}


@pytest.mark.parametrize("path", ["//other.test/x", "/@other.test/", "/\\\\other.test/", "/x?http://other.test/", "/../../x", "/%2e%2e/x"])
def test_26_path_of_a_check_never_leads_to_another_host(origin: Origin, path: str) -> None:
    with Proxy({"a.test": {"/": checked(origin, path=path)}}) as proxy:
        origin.wait_connections(2)
        seen = [r.target for r in origin.requests][0]
        assert seen == path.replace("\\", "%5C")
        assert proxy.alive()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_26_redirects_of_a_server_are_not_followed(status: str) -> None:
    with Origin("server") as server, Origin("inside") as inside:
        server.on("/", answer("", status, f"Location: http://{inside.server}/admin\r\nRefresh: 0; url=http://{inside.server}/\r\n"))
        with Proxy({"a.test": {"/": checked(server)}}):
            server.wait_seen("/", 4)
        assert inside.connections == []


def test_28_body_without_end_is_read_no_further_than_needed(origin: Origin) -> None:
    def endless(conn: Connection, request: Request) -> None:
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            conn.send("1000\r\n" + "x" * 0x1000 + "\r\n")

    origin.on("/", endless)
    with Proxy({"a.test": {"/": checked(origin)}}) as proxy:
        origin.wait_seen("/", 4)
        assert "is down" not in proxy.log()
        assert max(c.sent for c in origin.connections) < 8_000_000  # what sockets hold


def test_28_head_without_end_is_refused() -> None:
    stopped = threading.Event()

    def endless(conn: Connection) -> None:
        try:
            conn.send("HTTP/1.1 200 OK\r\n")
            while True:
                conn.send("X-Filler: " + "x" * 1000 + "\r\n")
        finally:
            stopped.set()

    with Origin() as origin:
        origin.on_connection = endless
        with Proxy({"a.test": {"/": checked(origin)}}) as proxy:
            proxy.wait_log(r"health - \S+ is down: its head is too large")
            assert stopped.wait(20)


def test_28_interim_answers_without_end_are_refused() -> None:
    def endless(conn: Connection) -> None:
        while True:
            conn.send("HTTP/1.1 103 Early\r\nX-Filler: x\r\n\r\n")

    with Origin() as origin:
        origin.on_connection = endless
        with Proxy({"a.test": {"/": checked(origin)}}) as proxy:
            proxy.wait_log(r"health - \S+ is down: its head is too large")
