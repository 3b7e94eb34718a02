"""What a server speaks is found out, not configured: issue 5 point 6."""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
from typing import Any, Callable, Iterator

import pytest

from support.client import Client
from support.deadline import Deadline, seconds, wait_until
from support.origin import Connection, Origin, answer
from support.pairs import Upstream
from support.ports import free_port
from support.proxy import Proxy, detected, route
from support.tls import certificate, server_context
from support.tools import Nginx, need

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CLIENT_HELLO = b"\x16\x03\x01"


def spoken(proxy: Proxy, count: int = 1) -> list[str]:
    """What the log says of servers, in order. It is written by a thread of its own: `count` lines are waited for."""
    def said() -> list[str]:
        return [line.partition(" speaks ")[2].strip() for line in proxy.log().splitlines() if " speaks " in line]
    wait_until(lambda: len(said()) >= count, f"{count} lines on what servers speak")
    return said()


class Programs:
    """Real servers, each on a port of its own."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="aralez-test-programs-")
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, port: int) -> str:
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL, cwd=self.folder.name))

        def listening() -> bool:
            assert self.processes[-1].poll() is None, f"{command} ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        wait_until(listening, f"{command[0]} listening", 15)
        return f"127.0.0.1:{port}"

    def node(self, make: str) -> str:
        port = free_port()
        crt, key = certificate()
        return self.start(need("node"), "-e", f"""
          const tls = {{cert: require('fs').readFileSync('{crt}'), key: require('fs').readFileSync('{key}')}};
          const handler = (q, s) => {{ s.setHeader('x-version', q.httpVersion); s.end('node ' + q.method + ' ' + q.url); }};
          {make}.listen({port}, '127.0.0.1');""", port=port)

    def nghttpd(self, tls: bool) -> str:
        port = free_port()
        (pathlib.Path(self.folder.name) / "index.html").write_text("nghttpd")
        crt, key = certificate()
        return self.start(need("nghttpd"), "-a", "127.0.0.1", *([] if tls else ["--no-tls"]), "-d", self.folder.name, str(port),
                          *([str(key), str(crt)] if tls else []), port=port)

    def python(self) -> str:
        port = free_port()
        return self.start("/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", str(port), port=port)

    def close(self) -> None:
        for p in self.processes:
            p.terminate()
            p.wait(seconds(10))
        self.folder.cleanup()


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    p = Programs()
    yield p
    p.close()


REAL: dict[str, tuple[Callable[[Programs], str], str]] = {
    "node-http": (lambda p: p.node("require('http').createServer(handler)"), "HTTP/1.1"),
    "node-https": (lambda p: p.node("require('https').createServer(tls, handler)"), "HTTP/1.1 over TLS"),
    "node-http2": (lambda p: p.node("require('http2').createSecureServer({...tls, allowHTTP1: true}, handler)"), "HTTP/2 over TLS"),
    "node-h2c": (lambda p: p.node("require('http2').createServer({}, handler)"), "HTTP/2"),
    "nghttpd-tls": (lambda p: p.nghttpd(True), "HTTP/2 over TLS"),
    "nghttpd-h2c": (lambda p: p.nghttpd(False), "HTTP/2"),
    "python": (lambda p: p.python(), "HTTP/1.1"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_servers_are_found_out_at_once(name: str, programs: Programs) -> None:
    make, speaks = REAL[name]
    with Proxy({"a.test": {"/": detected(make(programs))}}) as proxy, proxy.client() as client:
        for _ in range(3):
            assert client.request("/").status == 200
        assert spoken(proxy) == [speaks]


@pytest.mark.parametrize("listen,speaks", [("", "HTTP/1.1"), (" ssl", "HTTP/1.1 over TLS"), (" ssl http2", "HTTP/2 over TLS"),
                                           (" http2", "HTTP/2")])
def test_nginx_is_found_out_at_once(listen: str, speaks: str) -> None:
    port = free_port()
    crt, key = certificate()
    tls = f"ssl_certificate {crt}; ssl_certificate_key {key};" if "ssl" in listen else ""
    with Nginx(f"listen 127.0.0.1:{port}{listen}; {tls} location / {{ return 200 $server_protocol; }}"):
        with Proxy({"a.test": {"/": detected(f"127.0.0.1:{port}")}}) as proxy, proxy.client() as client:
            for _ in range(3):
                r = client.request("/")
                assert (r.status, r.text()) == (200, "HTTP/2.0" if "HTTP/2" in speaks else "HTTP/1.1")
            assert spoken(proxy) == [speaks]


@pytest.mark.parametrize("protocol", ["h1s", "h2c", "h2s"])
def test_many_first_requests_make_one_probe_and_each_arrives_once(protocol: str) -> None:
    with Upstream(protocol) as up, Proxy({"a.test": {"/": detected(up.server)}}) as proxy:
        got: list[int] = []

        def post(i: int) -> None:
            with proxy.client() as client:
                got.append(client.request(f"/{i}", method="POST", body=b"x" * i).status)
        threads = [threading.Thread(target=post, args=(i,)) for i in range(24)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        assert got == [200] * 24
        assert sorted(e.path for e in up.exchanges) == sorted(f"/{i}" for i in range(24))
        if protocol.startswith("h2"):
            # The probe of TLS that h2c does not answer, and one connection for all.
            assert len(up.connections) == (1 if protocol == "h2s" else 2)


def test_plain_server_sees_two_probes_and_never_half_a_request() -> None:
    greetings: list[bytes] = []

    def serve(conn: Connection) -> None:
        first = conn.sock.recv(16384) if origin._wait_readable(conn) else b""
        greetings.append(first)
        if first.startswith(b"GET"):
            conn.send(answer("plain"))
            conn.hold_until_closed()
        elif first:
            conn.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin)}}) as proxy:
            assert proxy.get("/").text() == "plain"
    assert [g[:3] for g in greetings] == [CLIENT_HELLO, b"PRI", b"GET"]
    assert b"\r\n\r\n" in greetings[0], "a server that reads lines must not wait for more"
    assert greetings[1].startswith(PREFACE)


ODD: dict[str, Callable[[Connection], object]] = {
    "closes": lambda conn: conn.close(),
    "resets": lambda conn: conn.reset(),
    "talks_nonsense": lambda conn: conn.send(b"\x00\x01\x02 nonsense \r\n" * 50),
    "answers_http09": lambda conn: (conn.send("<html>hello</html>"), conn.close()),
    "speaks_first": lambda conn: conn.send("220 mail.test ESMTP\r\n"),
}


@pytest.mark.parametrize("how", ODD)
def test_what_is_no_protocol_of_ours_is_taken_for_plain_http(how: str) -> None:
    def serve(conn: Connection) -> None:
        if not origin._wait_readable(conn):
            return
        first = conn.sock.recv(16384)
        if first.startswith(b"GET"):
            conn.send(answer("plain"))
            conn.hold_until_closed()
        elif first:
            ODD[how](conn)

    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin)}}) as proxy:
            assert proxy.get("/").text() == "plain"
            assert spoken(proxy) == ["HTTP/1.1"]


def test_server_that_answers_no_greeting_is_taken_for_plain_http_in_bounded_time() -> None:
    def serve(conn: Connection) -> None:
        while origin._wait_readable(conn) and (got := conn.sock.recv(16384)):
            if got.startswith(b"GET"):
                conn.send(answer("plain"))

    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin, upstream_connect_timeout=2)}}) as proxy:
            assert proxy.get("/", deadline=10).text() == "plain"
            before = len(origin.connections)
            assert proxy.get("/", deadline=10).text() == "plain"
            assert len(origin.connections) <= before + 1, "it is not asked again so soon"


def test_server_that_never_answers_anything_costs_each_request_its_own_time_only() -> None:
    with Origin() as origin:
        origin.on_connection = lambda conn: conn.hold_until_closed(60)
        block = detected(origin, upstream_connect_timeout=1, upstream_first_byte_timeout=1)
        with Proxy({"a.test": {"/": block}}) as proxy, proxy.client() as one, proxy.client() as two:
            for client in (one, two):
                client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi")
            for client in (one, two):
                assert client.response("POST", deadline=20).status == 504


def test_tls_server_that_refuses_the_handshake_is_not_sent_the_request_in_clear() -> None:
    seen: list[bytes] = []

    def serve(conn: Connection) -> None:
        if origin._wait_readable(conn):
            seen.append(conn.sock.recv(16384))
            conn.send(b"\x15\x03\x03\x00\x02\x02\x28")  # alert: handshake_failure
    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin)}}) as proxy:
            assert proxy.get("/", fields="Cookie: secret\r\n").status == 502
            proxy.wait_log("502 upstream_tls")
    assert all(s.startswith(CLIENT_HELLO) for s in seen) and seen


def test_tls_server_that_starts_anew_is_not_sent_the_request_in_clear() -> None:
    """Known to speak TLS, it closes on one greeting: that says nothing about what it speaks."""
    context = server_context()
    seen: list[bytes] = []
    closing = threading.Event()

    def serve(conn: Connection) -> None:
        if not origin._wait_readable(conn):
            return
        seen.append(conn.sock.recv(3, socket.MSG_PEEK))
        if closing.is_set():
            conn.close()
            return
        conn.sock.setblocking(True)
        with context.wrap_socket(conn.sock, server_side=True) as tls:
            conn.sock = tls
            tls.recv(8192)
            tls.sendall(answer("tls", fields="Connection: close\r\n"))

    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin)}}) as proxy:
            assert proxy.get("/").text() == "tls"
            closing.set()
            assert proxy.get("/").status == 502
            closing.clear()
            assert proxy.get("/").text() == "tls"
    assert all(s == CLIENT_HELLO for s in seen), seen


def serve_plain(port: int) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b"tls" if isinstance(self.connection, ssl.SSLSocket) else b"plain"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)


def start(server: http.server.ThreadingHTTPServer, tls: bool) -> http.server.ThreadingHTTPServer:
    if tls:
        server.socket = server_context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@pytest.mark.parametrize("first_tls", [True, False])
def test_server_that_changes_is_found_out_again(first_tls: bool) -> None:
    port = free_port()
    server = start(serve_plain(port), first_tls)
    with Proxy({"a.test": {"/": detected(f"127.0.0.1:{port}")}}) as proxy:
        assert proxy.get("/").text() == ("tls" if first_tls else "plain")
        server.shutdown()
        server.server_close()
        wait_until(lambda: proxy.get("/").status == 502, "the end of the first server")
        server = start(serve_plain(port), not first_tls)
        wanted = "plain" if first_tls else "tls"
        wait_until(lambda: proxy.get("/", deadline=20).text() == wanted, "an answer of the second", 20)
        assert len(spoken(proxy, 2)) == 2
        server.shutdown()
        server.server_close()


def test_detected_protocol_survives_a_reload() -> None:
    with Upstream("h2s") as up:
        hosts = {"a.test": {"/": detected(up.server)}}
        with Proxy(hosts) as proxy:
            assert proxy.get("/1").status == 200
            proxy.apply({**hosts, "b.test": {"/": route(up.server)}})
            assert proxy.get("/2").status == 200
            assert len(up.connections) == 1


def test_upgrade_uses_http11_although_the_server_prefers_h2() -> None:
    with Upstream("h2s") as up, Proxy({"a.test": {"/": detected(up.server)}}) as proxy:
        assert proxy.get("/one").status == 200
        with proxy.client() as client:
            client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            client.reader.response_head(Deadline(10))
        versions = {e.path: e.version for e in up.exchanges}
        assert (versions["/one"], versions["/ws"]) == (2, 1)


def test_first_request_may_be_an_upgrade() -> None:
    with Upstream("h2s") as up, Proxy({"a.test": {"/": detected(up.server)}}) as proxy, proxy.client() as client:
        client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        client.reader.response_head(Deadline(10))
        assert [e.version for e in up.exchanges] == [1]


@pytest.mark.parametrize("pin,works", [("http", "h1"), ("https", "h1s"), ("https", "h2s"), ("h2c", "h2c")])
def test_scheme_pins_the_protocol(pin: str, works: str) -> None:
    with Upstream(works) as up, Proxy({"a.test": {"/": detected(f"{pin}://{up.server}")}}) as proxy:
        assert proxy.get("/").status == 200
        assert len(up.connections) == 1


@pytest.mark.parametrize("pin,speaks,reason", [("https", "h1", "upstream_protocol"), ("h2c", "h1", "upstream_protocol")])
def test_pinned_protocol_that_the_server_does_not_speak_is_502_with_a_reason(pin: str, speaks: str, reason: str) -> None:
    with Nginx("location / { return 200; }") as nginx:
        with Proxy({"a.test": {"/": detected(f"{pin}://{nginx.server}")}}) as proxy:
            assert proxy.get("/").status == 502
            proxy.wait_log(f"502 {reason}")
            assert Client(("127.0.0.1", nginx.port)).request("/").status == 200


def explained(hosts: dict[str, Any]) -> list[str]:
    """What --explain says of the servers' protocols."""
    with contextlib.closing(Proxy(hosts).prepare()) as proxy:
        done = subprocess.run([*proxy.command(), "--explain", "GET http://a.test/"], capture_output=True, text=True, timeout=seconds(20),
                              check=True)
    return [line.removeprefix("protocol: ") for line in done.stdout.splitlines() if line.startswith("protocol: ")]


@pytest.mark.parametrize("protocol,speaks", [("h1", "HTTP/1.1"), ("h1s", "HTTP/1.1 over TLS"), ("h2c", "HTTP/2"), ("h2s", "HTTP/2 over TLS")])
def test_explain_finds_out_what_servers_speak_and_sends_no_request(protocol: str, speaks: str) -> None:
    with Upstream(protocol) as up:
        assert explained({"a.test": {"/": detected(up.server)}}) == [f"{up.server} {speaks}"]
        assert up.exchanges == []


def test_explain_asks_all_servers_of_the_route_whose_scheme_does_not_say_it() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with Upstream("h2s") as tls, Upstream("h1") as plain, Upstream("h2c") as clear, Origin() as silent:
        silent.on_connection = lambda conn: conn.hold_until_closed(30)
        servers = (f"https://{tls.server}", f"http://{plain.server}", f"h2c://{clear.server}", nobody, silent.server)
        assert explained({"a.test": {"/": detected(*servers)}}) == [
            f"{tls.server} HTTP/2 over TLS", f"{plain.server} HTTP/1.1", f"{clear.server} HTTP/2",
            f"{nobody} not known: connection refused", f"{silent.server} HTTP/1.1"]
        assert not plain.connections and not clear.connections
