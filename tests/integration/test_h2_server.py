"""HTTP/2 towards clients beyond what every pair has: real clients, draining, limits of heads, settings of clients."""

from __future__ import annotations

import pathlib
import re
import signal
from typing import Iterator

import pytest

from support.deadline import stays, wait_until
from support.frames import ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, REFUSED_STREAM, RST_STREAM, SETTINGS, RawH2, frame, headers, literal, request, settings
from support.http2 import Broken
from support.origin import Origin
from support.pairs import Gate, PairClient, ServerExchange, Upstream
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import certificate, install
from support.tools import Nginx, need, run


class World:
    def __init__(self, nginx: Nginx, main: dict[str, object] | None = None):
        self.tls_port = free_port()
        self.proxy = Proxy({"a.test": {"/": route(nginx.server)}}, main={"proxy_address_tls": f"127.0.0.1:{self.tls_port}", **(main or {})})
        install(self.proxy.config / "certificates")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Nginx('location /echo { return 200 "$request_method $request_uri $http_host $http_x_forwarded_proto"; }') as nginx:
        (nginx.root / "big.bin").write_bytes(bytes(range(256)) * 20_000)
        (nginx.root / "file.txt").write_text("from nginx\n")
        w = World(nginx)
        with w.proxy:
            yield w


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream("h1") as u:
        yield u
    u.check()


# Real clients.

def curl(world: World, *arguments: str, tls: bool = True) -> bytes:
    port = world.tls_port if tls else world.proxy.port
    mode = ["--http2", "--cacert", str(certificate()[0])] if tls else ["--http2-prior-knowledge"]
    connect = f"a.test:{443 if tls else 80}:127.0.0.1:{port}"
    return run(need("curl"), "-sS", "--noproxy", "*", "--max-time", "60", *mode, "--connect-to", connect, *arguments).stdout


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "prior knowledge"])
def test_curl(world: World, tls: bool, tmp_path: pathlib.Path) -> None:
    scheme = "https" if tls else "http"
    assert curl(world, "-w", " %{http_version}", f"{scheme}://a.test/echo?x=1", tls=tls) == f"GET /echo?x=1 a.test {scheme} 2".encode()
    assert curl(world, f"{scheme}://a.test/big.bin", tls=tls) == bytes(range(256)) * 20_000
    assert curl(world, "-r", "10-19", f"{scheme}://a.test/big.bin", tls=tls) == bytes(range(10, 20))
    assert b"content-length: 11" in curl(world, "-I", f"{scheme}://a.test/file.txt", tls=tls).lower()
    if not tls:
        return  # curl 7.88 breaks off its own parallel transfers there, with nghttpd as well
    said = curl(world, "-Z", "-w", "%{num_connects} ", *[x for i in range(20) for x in (f"{scheme}://a.test/echo?{i}", "-o", "/dev/null")], tls=tls)
    assert sum(int(n) for n in said.split()) <= 2 and len(said.split()) == 20


def test_nghttp_with_trailers_padding_and_many_streams(world: World) -> None:
    said = run(need("nghttp"), "-nv", "-b", "32", "-m", "30", "-H", "host: a.test", "-H", ":authority: a.test", f"http://127.0.0.1:{world.proxy.port}/big.bin",
               deadline=60).stdout.decode("utf-8", "replace")
    assert len(re.findall(r":status: 200", said)) == 30, said[-2000:]
    assert "RST_STREAM" not in said


@pytest.mark.load
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "prior knowledge"])
def test_h2load_sees_no_failure(world: World, tls: bool) -> None:
    url = f"https://127.0.0.1:{world.tls_port}/file.txt" if tls else f"http://127.0.0.1:{world.proxy.port}/file.txt"
    said = run(need("h2load"), "-n", "5000", "-c", "20", "-m", "50", "-H", ":authority: a.test", "--connect-to", url.split("/")[2], url, deadline=60).stdout.decode()
    assert "5000 succeeded, 0 failed, 0 errored, 0 timeout" in said and "5000 2xx" in said, said


# The end of a connection.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_drain_says_goaway_finishes_streams_and_takes_no_new_ones(upstream: Upstream, number: signal.Signals) -> None:
    gate = Gate()
    upstream.handle("/slow", lambda exchange: (gate.hold(), exchange.answer("finished")))
    with Proxy({"a.test": {"/": route(upstream.server)}}, main={"grace_period_seconds": 60}) as proxy:
        with PairClient("h2c", proxy.address) as client:
            busy = client.open("GET", "/slow")
            upload = client.open("POST", "/upload", body=True)
            upload.send(b"before ")
            upstream.wait_exchange("/slow")
            upstream.wait_exchange("/upload")
            proxy.send_signal(number)
            wait_until(lambda: client.h2.goaway is not None, "GOAWAY")
            assert client.h2.goaway == 0
            upload.send(b"after")
            upload.finish()
            assert upload.body() == b"POST /upload before after"
            stays(lambda: not client.h2.closed, "open while a stream is under way")
            gate.set()
            assert busy.body() == b"finished"
            wait_until(lambda: client.h2.closed, "the end of the connection")
        assert proxy.wait_exit() == 0


def test_a_request_that_crosses_the_goaway_is_served_or_may_be_sent_again(upstream: Upstream) -> None:
    """RFC 9113 section 6.8: the last stream of the last GOAWAY decides; nothing is both done and denied."""
    with Proxy({"a.test": {"/": route(upstream.server)}}, main={"grace_period_seconds": 60}) as proxy:
        with RawH2(proxy.address) as raw:
            raw.send(headers(1, literal(request("/crossing1"))))
            raw.read_until(lambda: raw.statuses.get(1), "the first answer")
            proxy.send_signal(signal.SIGTERM)
            for i in range(2, 200):
                if not raw.send(headers(2 * i - 1, literal(request(f"/crossing{2 * i - 1}")))):
                    break
                raw.read_some()
            assert raw.read_to_end(20)
            last = int.from_bytes(raw.of(GOAWAY)[-1].payload[:4], "big")
            assert raw.of(GOAWAY)[-1].code == 0
            refused = {f.stream for f in raw.of(RST_STREAM) if f.code == REFUSED_STREAM}  # more than a hundred at once
            for stream in range(1, last + 1, 2):
                assert raw.statuses.get(stream) == 200 or stream in refused, f"stream {stream} up to {last} not answered"
            assert not [s for s in raw.statuses if s > last]
        assert proxy.wait_exit() == 0
    assert {int(e.path[9:]) for e in upstream.exchanges} == set(range(1, last + 1, 2)) - refused


def test_idle_connection_ends_with_goaway(upstream: Upstream) -> None:
    with Proxy({"a.test": {"/": route(upstream.server)}}, main={"client_idle_timeout": 0.3}) as proxy, PairClient("h2c", proxy.address) as client:
        assert client.request("GET", "/")[0].status == 200
        wait_until(lambda: client.h2.closed, "the end of the idle connection")
        assert client.h2.goaway == 0


def test_connection_with_a_stream_under_way_is_not_idle(upstream: Upstream) -> None:
    gate = Gate()
    upstream.handle("/slow", lambda exchange: (gate.hold(), exchange.answer("late")))
    with Proxy({"a.test": {"/": route(upstream.server)}}, main={"client_idle_timeout": 0.2}) as proxy, PairClient("h2c", proxy.address) as client:
        slow = client.open("GET", "/slow")
        stays(lambda: not client.h2.closed, "open while a stream is under way", during=0.8)
        gate.set()
        assert slow.body() == b"late"


def test_silent_connection_is_closed_after_the_head_timeout(upstream: Upstream) -> None:
    with Proxy({"a.test": {"/": route(upstream.server)}}, main={"client_head_timeout": 0.3}) as proxy:
        with RawH2(proxy.address) as raw:
            raw.send(frame(HEADERS, END_STREAM, 1, literal(request("/never"))))  # and no CONTINUATION
            assert raw.read_to_end(10)
        with proxy.client() as half:
            half.send("PRI * HTTP/2.0\r\n\r\n")
            half.wait_closed(allow_bytes=True)
        assert proxy.get("/").status == 200
    assert not upstream.of("/never")


def test_the_end_of_a_client_tells_the_upstreams_of_all_its_streams(upstream: Upstream) -> None:
    gone: list[str] = []

    def hold(exchange: ServerExchange) -> None:
        exchange.wait_gone()
        gone.append(exchange.path)
    for i in range(10):
        upstream.handle(f"/held{i}", hold)
    with Proxy({"a.test": {"/": route(upstream.server)}}) as proxy:
        client = PairClient("h2c", proxy.address)
        exchanges = [client.open("GET", f"/held{i}") for i in range(10)]
        wait_until(lambda: len(upstream.exchanges) == 10, "all of them at the upstream")
        client.h2.cut()
        wait_until(lambda: len(gone) == 10, "all of them told")
        with pytest.raises(Broken):
            exchanges[0].head()


# Heads and settings.

def test_head_in_many_frames(world: World) -> None:
    block = literal(request("/echo", fields=[(f"x-{i}", "v" * 100) for i in range(60)]))
    pieces = [block[i:i + 499] for i in range(0, len(block), 499)]
    with RawH2(world.proxy.address) as raw:
        raw.send(frame(HEADERS, END_STREAM, 1, pieces[0]) + b"".join(
            frame(CONTINUATION, END_HEADERS if i == len(pieces) - 1 else 0, 1, p) for i, p in enumerate(pieces) if i))
        raw.read_until(lambda: raw.statuses.get(1) == 200, "the answer")


@pytest.mark.parametrize("fields, status", [([("x-large", "v" * 70_000)], 431), ([(f"x-{i}", "") for i in range(130)], 431)],
                         ids=["too large", "too many"])
def test_head_beyond_the_limits_is_431_and_the_connection_goes_on(world: World, fields: list[tuple[str, str]], status: int) -> None:
    with RawH2(world.proxy.address) as raw:
        raw.send(headers(1, literal(request("/echo", fields=fields))))
        raw.read_until(lambda: raw.statuses.get(1) == status or raw.goaway is not None, "a refusal")
        if raw.goaway is None:
            raw.send(headers(3, literal(request("/echo"))))
            raw.read_until(lambda: raw.statuses.get(3) == 200, "the next answer")


@pytest.mark.parametrize("initial", [{1: 0}, {1: 1 << 20}, {5: 1 << 20}, {4: 1}, {3: 0}, {6: 100}, {2: 0}, {0xabc: 7}],
                         ids=["no table", "large table", "large frames", "window of one byte", "no streams", "short heads", "no push", "unknown"])
def test_settings_of_a_client(world: World, initial: dict[int, int]) -> None:
    """None of them keeps a request from being served; a window of one byte takes it byte by byte."""
    with RawH2(world.proxy.address, initial) as raw:
        for stream in (1, 3, 5):
            raw.send(headers(stream, literal(request("/file.txt"))))
            raw.read_until(lambda: raw.statuses.get(stream) == 200, "the head")
            got = b""
            while True:
                raw.read_until(lambda: b"".join(f.payload for f in raw.of(DATA, stream)) != got or any(
                    f.flags & END_STREAM for f in raw.of(DATA, stream)), "more of the body")
                got = b"".join(f.payload for f in raw.of(DATA, stream))
                if any(f.flags & END_STREAM for f in raw.of(DATA, stream)):
                    break
                if initial == {4: 1}:
                    raw.send(frame(8, 0, stream, (1).to_bytes(4, "big")))
            assert got == b"from nginx\n"


def test_settings_that_change_are_acknowledged_and_kept(world: World) -> None:
    with RawH2(world.proxy.address) as raw:
        for stream, size in ((1, 0), (3, 4096), (5, 100)):
            raw.send(settings({1: size}) + headers(stream, literal(request("/echo"))))
            raw.read_until(lambda: raw.statuses.get(stream) == 200, "an answer")
        assert len([f for f in raw.of(SETTINGS) if f.flags & ACK]) == 4


def test_another_name_on_a_connection_of_tls_is_served_by_its_certificate_or_is_421(world: World) -> None:
    """RFC 9110 section 7.4, threats rows 16 and 22: the certificate of the connection stands for *.a.test."""
    with PairClient("h2s", ("127.0.0.1", world.tls_port)) as client:
        for host, status in (("a.test", 200), ("b.a.test", 502), ("elsewhere.example", 421), ("a.test:8443", 200), ("A.Test", 200), ("c.b.a.test", 421)):
            client.host = host
            assert client.request("GET", "/echo")[0].status == status, host
    world.proxy.wait_log(r"421 misdirected: .*elsewhere\.example")


def test_tunnel_over_h2_outlives_the_other_limits(upstream: Upstream) -> None:
    def echo(exchange: ServerExchange) -> None:
        tunnel = exchange.accept_websocket()
        while piece := tunnel.read():
            tunnel.send(piece)
        tunnel.end()
    upstream.handle("/ws", echo)
    main = {"client_idle_timeout": 0.2, "upstream_idle_timeout": 0.2, "upstream_first_byte_timeout": 0.2, "tunnel_idle_timeout": 2.5}
    with Proxy({"a.test": {"/": route(upstream.server)}}, main=main) as proxy, PairClient("h2c", proxy.address) as client:
        tunnel = client.websocket("/ws")
        tunnel.send(b"hello")
        assert tunnel.exactly(5) == b"hello"
        stays(lambda: not client.h2.closed, "tunnel open beyond the other limits", during=0.8)
        tunnel.send(b"again")
        assert tunnel.exactly(5) == b"again"
        try:
            assert tunnel.read() == b""  # its own limit
        except Broken:
            pass
