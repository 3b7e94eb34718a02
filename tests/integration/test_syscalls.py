"""System calls of a steady HTTP/1.1 keep-alive request: design section 4.3.

One receive and one send on each side, and nothing else that is paid per request: no epoll_ctl, no timer call, no
clock call that reaches the kernel, no receive that only finds out that there is nothing.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest

from support.client import Client
from support.deadline import seconds, wait_until
from support.origin import Origin, answer
from support.proxy import Proxy, instrumented, route
from support.tools import need

RECEIVE = {"recvfrom", "recvmsg", "read", "readv", "recvmmsg"}
SEND = {"sendto", "sendmsg", "write", "writev", "sendmmsg"}
TIMERS = {"timerfd_settime", "timerfd_create", "setitimer", "timer_settime", "alarm", "nanosleep", "clock_nanosleep"}
CLOCKS = {"clock_gettime", "gettimeofday", "time"}
_LINE = re.compile(r"^(\d+)\s+(?:[\d:.]+ )?(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")


class Trace:
    """strace on a running process between `with` and its end; only the calls of the thread that moves the bytes."""

    def __init__(self, proxy: Proxy, folder: pathlib.Path):
        self.file = folder / "strace"
        self.process = subprocess.Popen([need("strace"), "-f", "-p", str(proxy.pid), "-o", str(self.file)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr or []), daemon=True)
        self.tasks = len(os.listdir(f"/proc/{proxy.pid}/task"))
        self.proxy = proxy

    def traced_tasks(self) -> int:
        n = 0
        for task in os.listdir(f"/proc/{self.proxy.pid}/task"):
            text = pathlib.Path(f"/proc/{self.proxy.pid}/task/{task}/status").read_text(encoding="ascii")
            n += "TracerPid:\t0\n" not in text
        return n

    def __enter__(self) -> "Trace":
        self.reader.start()

        def attached() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"strace cannot attach (run as root, or set kernel.yama.ptrace_scope to 0): {self.said}")
            return self.traced_tasks() >= self.tasks
        wait_until(attached, "strace attached to every thread", 20)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(seconds(20))
        self.reader.join()

    def calls(self) -> list[tuple[str, str]]:
        """(name, rest of the line) of the busiest thread, in order."""
        threads: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
        for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
            m = _LINE.match(line)
            if not m:
                continue
            task, resumed, started, rest = m.groups()
            if resumed:
                threads[task].append((resumed, rest))
            elif "<unfinished" not in rest:
                threads[task].append((started, rest))
        return max(threads.values(), key=lambda calls: sum(name in SEND for name, _ in calls))


@pytest.fixture
def steady(tmp_path: pathlib.Path):
    """Runs `n` requests over one connection under strace and gives the calls they cost."""
    def run(proxy: Proxy, request: bytes, method: str, n: int = 300, clients: int = 1, status: int = 200) -> collections.Counter[str]:
        connections = [proxy.client() for _ in range(clients)]

        def once(c: Client) -> None:
            c.send(request)
            assert c.response(method).status == status
        for _ in range(20):
            for c in connections:
                once(c)
        with Trace(proxy, tmp_path) as trace:
            for i in range(n):
                once(connections[i % clients])
        for c in connections:
            c.close()
        calls = trace.calls()
        empty = [f"{name}({rest}" for name, rest in calls if name in RECEIVE and "EAGAIN" in rest]
        assert not empty, f"{len(empty)} receives found nothing, such as {empty[:3]}"
        short = [f"{name}({rest}" for name, rest in calls if name in SEND and "EAGAIN" in rest]
        assert not short, short[:3]
        return collections.Counter(name for name, _ in calls)
    if instrumented():
        pytest.skip("sanitizers make system calls of their own")
    return run


SLACK = 6  # calls at the edges of the trace: attaching, a timer of the loop, the end


def check(counts: collections.Counter[str], n: int) -> None:
    shown = dict(counts)
    receives, sends = sum(counts[c] for c in RECEIVE), sum(counts[c] for c in SEND)
    assert 2 * n <= receives <= 2 * n + SLACK, f"receives for {n} requests: {shown}"
    assert 2 * n <= sends <= 2 * n + SLACK, f"sends for {n} requests: {shown}"
    assert counts["epoll_ctl"] <= SLACK, shown
    assert sum(counts[c] for c in TIMERS) == 0, shown
    assert sum(counts[c] for c in CLOCKS) == 0, f"clock calls that are not served by the vDSO: {shown}"
    waits = sum(v for k, v in counts.items() if k.startswith("epoll_") and k != "epoll_ctl") + counts["poll"] + counts["io_uring_enter"]
    assert waits <= 2 * n + SLACK, f"more waits than arrivals: {shown}"
    known = RECEIVE | SEND | {"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "restart_syscall", "io_uring_enter", "poll"}
    other = {k: v for k, v in counts.items() if k not in known}
    assert sum(other.values()) <= SLACK, f"other calls: {other}"


@pytest.mark.parametrize("access_log", [None, "all"])
def test_get_costs_two_receives_and_two_sends(origin: Origin, steady, access_log: str | None) -> None:
    hosts = {"a.test": {"/": route(origin, server_headers=["X-A: b"], client_headers=["X-C: d"])}}
    with Proxy(hosts, main={"log_level": "info", "access_log": access_log}) as proxy:
        check(steady(proxy, b"GET /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n", "GET"), 300)


def test_small_post_costs_no_more(origin: Origin, steady) -> None:
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        body = b"p" * 1024
        check(steady(proxy, b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1024\r\n\r\n" + body, "POST"), 300)


def test_answer_of_several_kilobytes_costs_no_more(origin: Origin, steady) -> None:
    origin.on("/x", answer(b"r" * 6000))
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        check(steady(proxy, b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET"), 300)


def test_small_chunked_answer_costs_no_more(origin: Origin, steady) -> None:
    origin.on("/x", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        check(steady(proxy, b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET"), 300)


def test_local_answer_costs_one_receive_and_one_send(steady) -> None:
    n = 300
    with Proxy({"a.test": {"/": route("127.0.0.1:1", redirect_to="http://b.test")}},
               main={"log_level": "warn"}) as proxy:  # no log line per answer
        counts = steady(proxy, b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", n, status=301)
    receives, sends = sum(counts[c] for c in RECEIVE), sum(counts[c] for c in SEND)
    assert n <= receives <= n + SLACK and n <= sends <= n + SLACK, dict(counts)
    assert counts["epoll_ctl"] <= SLACK


def test_many_connections_share_the_waits(origin: Origin, steady) -> None:
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        check(steady(proxy, b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", 320, clients=16), 320)
