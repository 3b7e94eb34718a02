"""Slow, greedy and silent clients: threats row 19, issue 4 point 9."""

from __future__ import annotations

import concurrent.futures
import contextlib
import resource
import threading

import pytest

from support.client import Client
from support.deadline import Deadline, wait_until
from support.http1 import Truncated
from support.origin import Origin, answer
from support.proxy import Proxy, route


@pytest.fixture
def origin_and(origin: Origin):
    """A proxy for this test with the given limits."""
    with contextlib.ExitStack() as stack:
        yield lambda **main: stack.enter_context(Proxy({"a.test": {"/": route(origin)}}, main=main))


def test_head_that_does_not_end_is_answered_408_or_cut(origin_and) -> None:
    proxy = origin_and(client_head_timeout=0.4)
    with proxy.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ")
        rest = client.wait_closed(allow_bytes=True)
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


def test_dripping_does_not_extend_the_head_deadline(origin_and) -> None:
    proxy = origin_and(client_head_timeout=0.5)
    with proxy.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n")

        def cut() -> bool:
            if not client.is_open():
                return True
            try:
                client.send("X: y\r\n")
            except OSError:
                return True
            return False
        wait_until(cut, "dripping client cut off", pause=0.05)


def test_silent_new_connection_is_closed(origin_and) -> None:
    proxy = origin_and(client_head_timeout=0.4)
    with proxy.client() as client:
        client.wait_closed(allow_bytes=True)


def test_idle_connection_is_closed_after_the_idle_timeout_without_a_word(origin_and) -> None:
    proxy = origin_and(client_idle_timeout=0.4)
    with proxy.client() as client:
        assert client.request("/").status == 200
        client.wait_closed()


def test_idle_timeout_does_not_hit_a_waiting_client(origin: Origin, origin_and) -> None:
    gate = threading.Event()
    origin.on("/slow", lambda conn, request: (gate.wait(1.2), conn.send(answer("late"))))
    proxy = origin_and(client_idle_timeout=0.3, client_head_timeout=0.3)
    with proxy.client() as client:
        assert client.request("/slow").body == b"late"


def test_many_slow_heads_do_not_stop_others(origin_and) -> None:
    proxy = origin_and(client_head_timeout=30)
    slow = [proxy.client() for _ in range(300)]
    for c in slow:
        c.send("POST / HTTP/1.1\r\nHost: a.test\r\nX-A: ")
    for i in range(20):
        assert proxy.get(f"/{i}").status == 200
        for c in slow[i::20]:
            c.send("b")
    for c in slow:
        c.send("\r\nContent-Length: 0\r\n\r\n")
    for c in slow:
        assert c.response("POST").status == 200
        c.close()


def slow_upload(proxy: Proxy) -> None:
    with proxy.client() as client:
        client.send("POST /body HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n")

        def cut() -> bool:
            if not client.is_open():
                return True
            try:
                client.send("x")
            except OSError:
                return True
            return False
        wait_until(cut, "slow upload cut off", deadline=40, pause=0.1)


def slow_download(proxy: Proxy) -> None:
    with proxy.client(receive_buffer=4096) as client:
        client.send("GET /endless HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.reader.response_head(Deadline(10))
        got = 0
        pause = threading.Event()
        with pytest.raises((Truncated, ConnectionError)):
            # A little every now and then, so that the connection never looks dead, only slow.
            for _ in range(400):
                client.reader.buffer.clear()
                if not client.reader.fill(Deadline(10), size=64):
                    raise Truncated("closed")
                got += 64
                pause.wait(0.1)
            raise AssertionError("still served")


def steady_upload(proxy: Proxy) -> None:
    """Slow in total, but always above the least rate."""
    n = 14
    with proxy.client() as client:
        client.send(f"POST /steady HTTP/1.1\r\nHost: a.test\r\nContent-Length: {n * 1500}\r\n\r\n")
        pause = threading.Event()
        for _ in range(n):
            client.send(b"s" * 1500)
            pause.wait(1.0)
        assert client.response("POST").status == 200


def waiting_for_the_upstream(proxy: Proxy) -> None:
    """Not the client's fault: it has sent everything and waits longer than the rate window."""
    with proxy.client() as client:
        assert client.request("/think", method="POST", body=b"x" * 100, deadline=40).body == b"thought"


@pytest.mark.load
def test_minimum_rate_cuts_slow_bodies_and_spares_steady_ones(origin: Origin, origin_and) -> None:
    """The rate is averaged over ten seconds, so all cases share one wait of about twenty."""
    def endless(conn, request) -> None:
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            conn.send(b"e" * 65536)
    pause = threading.Event()
    origin.on("/endless", endless)
    origin.on("/think", lambda conn, request: (pause.wait(12), conn.send(answer("thought"))))
    proxy = origin_and(client_min_body_rate=1000, client_idle_timeout=1)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        cases = [pool.submit(case, proxy) for case in (slow_upload, slow_download, steady_upload, waiting_for_the_upstream)]
        for case in cases:
            case.result()
    assert not any(r.complete for r in origin.seen("/body"))
    wait_until(lambda: all(origin.connections[r.connection].ended.is_set() for r in origin.seen("/body") + origin.seen("/endless")),
               "upstream connections of cut clients closed")


def test_connections_per_client_are_bounded(origin_and) -> None:
    proxy = origin_and(client_max_connections=5)
    wait_until(lambda: proxy.get("/").status == 200, "first answer")
    kept = [proxy.client() for _ in range(5)]
    for c in kept:
        assert c.request("/").status == 200
    with proxy.client() as extra:
        rest = extra.wait_closed(allow_bytes=True)
        assert rest == b"" or rest.startswith((b"HTTP/1.1 429 ", b"HTTP/1.1 503 "))
    for c in kept:
        assert c.request("/").status == 200
    kept.pop().close()

    def served_again() -> bool:
        try:
            return proxy.get("/").status == 200
        except (AssertionError, OSError):
            return False
    wait_until(served_again, "a freed place is given again")
    for c in kept:
        c.close()


@pytest.mark.parametrize("threads", [1, 4])
def test_connections_per_client_are_bounded_over_all_workers(origin: Origin, threads: int) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main={"client_max_connections": 8, "threads": threads}) as proxy:
        clients: list[Client] = []

        def served(c: Client) -> bool:
            try:
                return c.request("/").status == 200
            except (AssertionError, OSError):
                return False
        for _ in range(40):
            clients.append(proxy.client())
        # A limit per worker is admitted when it never adds up to more than one place too many each.
        assert 1 <= sum(served(c) for c in clients) <= 8 + threads
        for c in clients:
            c.close()


def test_head_and_field_limits_are_configurable(origin_and) -> None:
    proxy = origin_and(client_max_head_bytes=2000, client_max_headers=10)
    assert proxy.get("/", fields="X: " + "a" * 1500 + "\r\n").status == 200
    assert proxy.get("/", fields="X: " + "a" * 2000 + "\r\n").status == 431
    assert proxy.get("/", fields="X: a\r\n" * 9).status == 200
    assert proxy.get("/", fields="X: a\r\n" * 10).status == 431


def test_running_out_of_descriptors_delays_new_clients_and_kills_nothing(origin: Origin) -> None:
    """The proxy is started with few descriptors; more clients come than fit."""

    with Proxy({"a.test": {"/": route(origin)}}, main={"client_idle_timeout": 30}) as proxy:
        used = proxy.open_files()
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))
        with proxy.client() as early:
            assert early.request("/").status == 200
            crowd = [proxy.client() for _ in range(60)]  # the kernel's queue takes them
            for c in crowd:
                c.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            for c in crowd:
                try:
                    assert c.response(deadline=20).status in (200, 502, 503)
                except (AssertionError, ConnectionError):
                    pass  # refused: allowed; what matters follows
                c.close()
            assert early.request("/").status == 200
        wait_until(lambda: proxy.get("/").status == 200, "served again")
