"""Signals, draining and the files of the process: behaviour section 15.4, issue 4 point 13."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import signal
import threading
from typing import Callable, Iterator

import pytest

from support.client import Client
from support.deadline import wait_until
from support.http1 import Closed
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import client_context, install
from support.websocket import EchoClient, EchoServer

STOPS = [signal.SIGTERM, signal.SIGQUIT]


def slow_origin() -> tuple[Origin, threading.Event]:
    gate = threading.Event()
    origin = Origin()
    origin.on("/slow", lambda conn, request: (conn.hold(gate), conn.send(answer("finished"))))
    return origin, gate


def refuses(proxy: Proxy) -> bool:
    try:
        Client(proxy.address).close()
        return False
    except OSError:
        return True


def test_int_exits_at_once_with_status_0() -> None:
    origin, _ = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}) as proxy, proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow")
        proxy.stop(signal.SIGINT)
        client.wait_closed(allow_bytes=True)


@pytest.mark.parametrize("number", STOPS)
def test_drain_finishes_running_requests_and_takes_no_new_ones(number: signal.Signals) -> None:
    """Defect 14."""
    origin, gate = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 60}) as proxy:
        with proxy.client() as busy, proxy.client() as idle, proxy.client() as fresh:
            assert idle.request("/").status == 200
            busy.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
            origin.wait_seen("/slow")
            proxy.send_signal(number)
            wait_until(lambda: refuses(proxy), "no new connections")
            idle.wait_closed()
            fresh.wait_closed()
            assert proxy.alive()
            gate.set()
            r = busy.response()
            assert (r.status, r.body) == (200, b"finished")
            busy.wait_closed()
        assert proxy.wait_exit() == 0


class KeepAliveClients:
    """Each asks on one connection until an answer says that it is the last; what fails is kept."""

    def __init__(self, connect: Callable[[], Client], count: int):
        self.answers = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(connect(),)) for _ in range(count)]
        for t in self._threads:
            t.start()

    def _ask(self, client: Client) -> None:
        with client:
            while True:
                try:
                    response = client.request("/")
                except (AssertionError, Closed, OSError) as e:
                    self.failed.append(repr(e))
                    return
                self.answers += 1
                if response.status != 200:
                    self.failed.append(f"status {response.status}")
                if (response.get("connection") or "").lower() == "close":
                    return

    def join(self) -> None:
        for t in self._threads:
            t.join()


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("tls", [False, True])
def test_drain_under_load_fails_no_request(number: signal.Signals, tls: bool) -> None:
    """Clients with keep-alive cannot know that a drain has begun: every request that they send is answered."""
    port = free_port()
    proxy = Proxy({}, main={"threads": 2, "grace_period_seconds": 60, **({"proxy_address_tls": f"127.0.0.1:{port}"} if tls else {})})
    if tls:
        install(proxy.config / "certificates")
    with Origin() as origin, proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        connect = (lambda: Client(("127.0.0.1", port), tls=client_context(), name="a.test")) if tls else proxy.client
        clients = KeepAliveClients(connect, 16)
        wait_until(lambda: clients.answers > 500, "load")
        proxy.send_signal(number)
        clients.join()
        assert not clients.failed
        assert proxy.wait_exit() == 0


@pytest.mark.parametrize("number", STOPS)
def test_drain_without_work_ends_at_once(number: signal.Signals) -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 600}) as proxy:
        assert proxy.get("/").status == 200
        proxy.stop(number)


def test_drain_lets_a_running_upload_finish() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 60}) as proxy:
        with proxy.client() as client:
            client.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nfirst")
            origin.wait_seen("/up")
            proxy.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(proxy), "no new connections")
            client.send("-last")
            r = client.response("POST")
            assert r.status == 200
            assert (r.get("connection") or "").lower() == "close"
        assert proxy.wait_exit() == 0
        assert origin.seen("/up")[0].body == b"first-last"


def test_grace_period_bounds_the_drain() -> None:
    origin, _ = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 1}) as proxy, proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow")
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit() == 0


def test_int_ends_a_drain() -> None:
    origin, _ = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 600}) as proxy, proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow")
        proxy.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(proxy), "draining")
        proxy.send_signal(signal.SIGINT)
        assert proxy.wait_exit() == 0


def test_file_events_while_draining_do_no_harm() -> None:
    """Defect 32."""
    origin, gate = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}, main={"grace_period_seconds": 60}) as proxy, proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow")
        proxy.send_signal(signal.SIGQUIT)
        wait_until(lambda: refuses(proxy), "draining")
        for text in ("provider: file\n", "broken: [", "provider: file\nupstreams: {}\n"):
            proxy.replace_upstreams(text)
            proxy.send_signal(signal.SIGHUP)
        gate.set()
        assert client.response().body == b"finished"
        assert proxy.wait_exit() == 0


def test_tunnels_are_ended_by_the_grace_period_at_the_latest() -> None:
    with EchoServer() as echo, Proxy({"ws.test": {"/": route(echo.server)}}, main={"grace_period_seconds": 1}) as proxy:
        with EchoClient(proxy.address, "ws.test") as ws:
            assert ws.echo("x") == "x"
            proxy.send_signal(signal.SIGTERM)
            assert proxy.wait_exit() == 0


def test_several_workers_drain_together() -> None:
    origin, gate = slow_origin()
    with origin, Proxy({"a.test": {"/": route(origin)}}, main={"threads": 4, "grace_period_seconds": 60}) as proxy:
        clients = [proxy.client() for _ in range(16)]
        for c in clients:
            c.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow", 16)
        proxy.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(proxy), "no new connections")
        gate.set()
        for c in clients:
            assert c.response().body == b"finished"
            c.close()
        assert proxy.wait_exit() == 0


def test_pipe_is_ignored() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        for _ in range(5):
            proxy.send_signal(signal.SIGPIPE)
        assert proxy.get("/").status == 200


def test_pid_file_names_the_process() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        path = proxy.folder / "pid"
        wait_until(lambda: path.exists() and path.read_text().strip(), "pid file")
        assert int(path.read_text()) == proxy.pid


def test_pid_file_is_not_written_through_a_symlink() -> None:
    proxy = Proxy({})
    victim = proxy.folder / "victim"
    victim.write_text("precious")
    (proxy.folder / "pid").symlink_to(victim)
    try:
        proxy.start(ready=False)
        wait_until(lambda: not proxy.alive() or not refuses(proxy), "started or refused to")
        assert victim.read_text() == "precious"
    finally:
        proxy.close()


def log_to_file(**keys: object) -> Proxy:
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main=dict(keys))
    proxy.main["log_file"] = str(proxy.folder / "server.log")
    return proxy


def test_hangup_reopens_the_log_file() -> None:
    with log_to_file() as proxy:
        path = proxy.folder / "server.log"
        moved = path.rename(proxy.folder / "server.log.old")
        assert proxy.get("/moved").status == 502
        wait_until(lambda: "/moved" in moved.read_text(), "the old file goes on")
        proxy.send_signal(signal.SIGHUP)
        wait_until(path.exists, "a new log file")
        assert proxy.get("/after").status == 502
        wait_until(lambda: "/after" in path.read_text(), "the new file is used")
        assert "/after" not in moved.read_text()
        proxy.stop()


def test_hangup_that_cannot_reopen_keeps_the_old_file() -> None:
    with log_to_file() as proxy:
        path = proxy.folder / "server.log"
        moved = path.rename(proxy.folder / "server.log.old")
        path.mkdir()
        proxy.send_signal(signal.SIGHUP)
        wait_until(lambda: re.search(r" ERROR aralez::server - .*server\.log: Is a directory", moved.read_text()), "an error")
        path.rmdir()
        proxy.send_signal(signal.SIGHUP)
        wait_until(path.exists, "a new log file")
        proxy.stop()


def test_hangup_reopens_the_log_file_while_draining() -> None:
    origin, gate = slow_origin()
    proxy = log_to_file(grace_period_seconds=60)
    with origin, proxy, proxy.client() as client:
        proxy.apply({"a.test": {"/": route(origin)}})
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.wait_seen("/slow")
        proxy.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(proxy), "draining")
        path = proxy.folder / "server.log"
        path.rename(proxy.folder / "server.log.old")
        proxy.send_signal(signal.SIGHUP)
        wait_until(path.exists, "a new log file")
        gate.set()
        assert client.response().body == b"finished"
        assert proxy.wait_exit() == 0


def test_refused_requests_are_all_in_the_log_after_an_immediate_stop() -> None:
    with log_to_file() as proxy:
        for i in range(200):
            assert proxy.get(f"/r{i}.").status == 502
        proxy.stop()
        assert [f"/r{i}." for i in range(200)] == re.findall(r"/r\d+\.", proxy.log())


def test_log_files_rotate_and_are_compressed() -> None:
    proxy = log_to_file()
    path = proxy.folder / "server.log"
    path.write_text("x" * (1024 * 1024 - 100) + "\n")
    proxy.main["log_file"] = f"{path}, 1, 2, compress"
    with proxy:
        assert proxy.get("/").status == 502
        wait_until(lambda: (proxy.folder / "server.log.1.gz").exists() and not (proxy.folder / "server.log.1").exists(), "compressed")
        old = gzip.decompress((proxy.folder / "server.log.1.gz").read_bytes())
        assert old.startswith(b"x" * 1000)
        assert path.stat().st_size < 10_000
        proxy.stop()


@contextlib.contextmanager
def stuck_output(**main: object) -> Iterator[tuple[Proxy, int]]:
    """A proxy whose standard output is a full pipe that nobody reads, and the end to read it from."""
    reader, writer = os.pipe()
    proxy = Proxy({}, main={"grace_period_seconds": 60, **main})
    proxy.stdout = writer
    try:
        with Origin() as origin, proxy:
            os.close(writer)
            proxy.apply({"a.test": {"/": route(origin)}})
            # Each is refused and is said: more than a pipe and the proxy's buffer hold.
            refused = [("GET /%d?%s HTTP/1.1\r\nHost: none.test\r\n\r\n" % (i, "x" * 2000)).encode() for i in range(500)]
            with proxy.client() as client:
                for request in refused:
                    client.send(request)
                    assert client.response().status == 502
            yield proxy, reader
    finally:
        os.close(reader)


def dropped_records(proxy: Proxy) -> int:
    found = re.search(r"^aralez_server_log_dropped_total (\d+)$", proxy.call("/metrics").body.decode(), re.MULTILINE)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("number", [*STOPS, signal.SIGINT])
def test_a_log_that_nobody_reads_holds_up_neither_requests_nor_reloads_nor_the_end(number: signal.Signals) -> None:
    with stuck_output(access_log="all") as (proxy, _):
        wait_until(lambda: dropped_records(proxy) > 0, "records are dropped")
        with Origin() as other:
            proxy.apply({"a.test": {"/": route(other)}})
            assert proxy.get("/").status == 200
            proxy.send_signal(signal.SIGHUP)
            proxy.apply({"a.test": {"/": route(other)}, "b.test": {"/": route(other)}})
            assert proxy.get("/", host="b.test").status == 200
        proxy.stop(number)


def test_the_log_says_how_much_was_dropped_when_it_is_read_again() -> None:
    with stuck_output() as (proxy, reader):
        dropped = wait_until(lambda: dropped_records(proxy), "records are dropped")
        text = bytearray()
        said = re.compile(rb" WARN aralez::observe - (\d+) records of the server log were dropped: .*\n")
        os.set_blocking(reader, False)

        def read() -> re.Match[bytes] | None:
            with contextlib.suppress(BlockingIOError):
                text.extend(os.read(reader, 1 << 20))
            return said.search(text)

        assert int(wait_until(read, "the log tells of them")[1]) >= dropped
        refusals = [line for line in text.decode().splitlines() if "no_route" in line][:-1]  # the last may still be coming
        assert refusals and all(LINE.fullmatch(line) and line.endswith(" client 127.0.0.1") for line in refusals), "no line is torn"


LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN|ERROR) [A-Za-z0-9_:]+ - .*")


@pytest.mark.parametrize("to_file", [False, True])
def test_log_lines_have_the_known_shape(to_file: bool) -> None:
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:1")}})
    if to_file:
        proxy.main["log_file"] = str(proxy.folder / "server.log")
    with proxy:
        assert proxy.get("/").status == 502
        proxy.write_upstreams("broken: [")
        proxy.wait_log(r"upstreams\.yaml")
        proxy.stop()
        lines = proxy.log().splitlines()
        assert lines and LINE.fullmatch(lines[0]), lines[:3]
        # A record may span several lines; the continuation is indented or belongs to the route table.
        assert sum(1 for line in lines if LINE.fullmatch(line)) >= 2
        assert not any(line.startswith("20") and not LINE.fullmatch(line) for line in lines), lines
        if to_file:
            assert (proxy.folder / "stdout").read_text() == ""


def test_log_level_silences_what_is_below_it() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"log_level": "error"}) as proxy:
        proxy.get("/")
        assert not re.search(r" (DEBUG|INFO|WARN|TRACE) ", proxy.log())


def test_client_bytes_cannot_forge_log_lines() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"log_level": "trace", "access_log": "all"}) as proxy:
        for bad in ("GET / HTTP/1.1\r\nHost: a\x0b\n2026-01-01 00:00:00 ERROR forged - x\r\n\r\n", "GET /%0aERROR HTTP/1.1\r\nHost: \r\n\r\n",
                    "GET /\x1b[31m HTTP/1.1\r\nHost: a.test\r\n\r\n"):
            with proxy.client() as client:
                client.send(bad)
                client.response()
        with proxy.client() as client:
            client.send("\n2026-01-01 00:00:00 ERROR forged - y\r\n\r\n")
            client.expect_no_answer()
        proxy.stop()
        assert "ERROR forged" not in "\n".join(line[:40] for line in proxy.log().splitlines())
        assert "\x1b" not in proxy.log()
