"""The access log: behaviour section 15.2, issue 6 point 8."""

from __future__ import annotations

import contextlib
import gzip
import json
import pathlib
import re
import signal
import threading
from typing import Any

import grpc
import pytest

from support.client import Client
from support.deadline import seconds, wait_until
from support.grpc_peers import OwnServer, call, channel
from support.http2 import H2Connection
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import client_context, install

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO aralez::web::logging - "


def texts(content: str) -> list[str]:
    """What stands behind the stamps of the access lines."""
    return re.findall(rf"^{STAMP}(.*)$", content, re.MULTILINE)


def wait_lines(proxy: Proxy, count: int) -> list[str]:
    return wait_until(lambda: (found := texts(proxy.log())) and len(found) >= count and found, f"{count} lines of the access log")


def logged(own: str = "", **main: Any) -> Proxy:
    """A proxy without routes yet; `own` names a file for the access log."""
    proxy = Proxy({}, main={"access_log": "all", **main})
    if own:
        proxy.main["access_log_file"] = str(proxy.folder / own)
    return proxy


def test_a_line_is_that_of_the_original() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": "all", "log_level": "error"}) as proxy:
        with proxy.client() as client:
            client.request("/x?y=1,2", fields="User-Agent: agent/1.0 (a, b)\r\n")
            client.request("/", method="POST")
            client.send("GET / HTTP/1.1\r\nHost:\r\nUser-Agent: u\r\n\r\n").response()
        assert wait_lines(proxy, 3) == [
            "200, GET /x?y=1,2, Host: a.test, client: 127.0.0.1, version: HTTP/1.1, useragent: agent/1.0 (a, b)",
            "200, POST /, Host: a.test, client: 127.0.0.1, version: HTTP/1.1, useragent: -",
            "502, GET /, Host: , client: 127.0.0.1, version: HTTP/1.1, useragent: u"]


def test_error_mode_leaves_out_what_went_well() -> None:
    hosts = lambda origin: {"a.test": {"/": route(origin), "/down": route("127.0.0.1:1"), "/to": route(origin, redirect_to="http://b")}}
    with Origin() as origin, Proxy(hosts(origin), main={"access_log": "error"}) as proxy:
        origin.on("/404", answer(status="404 Not Found"))
        for target in ("/", "/to", "/404", "/down"):
            proxy.get(target)
        proxy.get("/", host="other.test")
        assert [t.split(", Host")[0] for t in wait_lines(proxy, 3)] == ["404, GET /404", "502, GET /down", "502, GET /"]
        proxy.stop()
        assert len(texts(proxy.log())) == 3


@pytest.mark.parametrize("mode", ["off", None])
def test_off_is_off(mode: str | None) -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": mode}) as proxy:
        proxy.get("/")
        proxy.stop()
        assert not texts(proxy.log())


def test_a_client_that_leaves_has_a_line_with_no_status() -> None:
    gate = threading.Event()
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": "error"}) as proxy:
        origin.on("/slow", lambda conn, request: conn.hold(gate))
        with proxy.client() as client:
            client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
            origin.wait_seen("/slow")
            client.reset()
        assert wait_lines(proxy, 1)[0].startswith("0, GET /slow, Host: a.test")
        gate.set()


def test_http2_and_tls_are_named() -> None:
    port = free_port()
    main = {"access_log": "all", "access_log_format": "json", "proxy_address_tls": f"127.0.0.1:{port}"}
    proxy = Proxy({}, main=main)
    install(proxy.config / "certificates")
    with Origin() as origin, proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        with Client(("127.0.0.1", port), tls=client_context(["h2"]), name="a.test") as client:
            conn = H2Connection(client.sock).start()
            stream = conn.open([(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/h2")], end=True)
            stream.wait_head()
            conn.close()
        with Client(("127.0.0.1", port), tls=client_context(), name="a.test") as client:
            client.request("/h1")
        lines = wait_until(lambda: (f := {t: line for line in json_lines(proxy.log()) if (t := line["target"]) in ("/h1", "/h2")})
                           and len(f) == 2 and f, "both lines")
        assert (lines["/h2"]["version"], lines["/h2"]["tls"], lines["/h2"]["host"]) == ("HTTP/2.0", "TLSv1.3", "a.test")
        assert (lines["/h1"]["version"], lines["/h1"]["tls"]) == ("HTTP/1.1", "TLSv1.3")


def json_lines(content: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines() if line.startswith("{")]


def test_json_tells_times_bytes_route_and_upstream(tmp_path: pathlib.Path) -> None:
    with Origin() as origin, logged("access.json", access_log_format="json") as proxy:
        origin.on("/a/x", answer(b"four"))
        proxy.apply({"a.test": {"/a": route(origin), "/down": route("127.0.0.1:1", "127.0.0.1:1")}})
        with proxy.client() as client:
            client.request("/a/./x?k=v", method="POST", fields="User-Agent: u\"\r\n", body=b"abc")
            client.request("/a/x", method="HEAD")
            client.request("/down")
            client.request("/", host="none.test")
        path = proxy.folder / "access.json"
        mine = wait_until(lambda: (f := [x for x in json_lines(path.read_text()) if x["host"] != "generation.marker"]) and len(f) == 4 and f,
                          "four lines")
        first, head, down, none = mine
        for line in mine:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
        times = [first.pop(k) for k in ("connect_ms", "first_byte_ms", "total_ms")]
        assert times == sorted(times) and times[-1] < 10_000
        assert re.fullmatch(r"[0-9a-f]{32}", first["request_id"])
        assert first.pop("request_id") == origin.seen("/a/x")[0].get("x-request-id") != head["request_id"]
        assert "request_id" in down and "request_id" not in none
        assert first == {"status": 200, "method": "POST", "target": "/a/./x?k=v", "host": "a.test", "client": "127.0.0.1", "version": "HTTP/1.1",
                         "user_agent": 'u"', "route_host": "a.test", "route_path": "/a", "upstream": origin.server, "upstream_protocol": "http/1.1",
                         "attempts": 1, "bytes_in": 3, "bytes_out": 4}
        assert head["bytes_out"] == 0
        assert (down["reason"], down["upstream"], down["attempts"]) == ("connect_failed", "127.0.0.1:1", 2)
        assert "connect_ms" not in down and "upstream_protocol" not in down
        assert none["reason"] == "no_route" and "route_host" not in none and "attempts" not in none
        assert (proxy.folder / "stdout").read_text().find('{"time"') == -1


def test_json_has_the_status_of_calls_of_grpc() -> None:
    with OwnServer(False) as own, logged("access.json", access_log_format="json") as proxy:
        proxy.apply({"a.test": {"/": route(f"h2c://127.0.0.1:{own.port}"), "/dead.Service": route(f"h2c://127.0.0.1:{free_port()}")}})
        with channel(proxy.port, "a.test", False) as ch:
            for method, status in (("own.Service/FailAs", 0), ("own.Service/FailAs", 5), ("own.Service/FailLateAs", 15), ("dead.Service/M", 14)):
                kind = "unary_stream" if "Late" in method else "unary_unary"
                with contextlib.suppress(grpc.RpcError):
                    list(call(ch, f"/{method}", kind)(b"%d" % status, timeout=seconds(10)))
        path = proxy.folder / "access.json"
        lines = wait_until(lambda: (f := [x for x in json_lines(path.read_text()) if ".Service/" in x["target"]]) and len(f) == 4 and f, "four lines")
        assert [(x["status"], x["grpc_status"]) for x in lines] == [(200, 0), (200, 5), (200, 15), (200, 14)]
        assert [x.get("reason") for x in lines] == [None, None, None, "connect_failed"]
        assert all("grpc_status" not in x for x in json_lines(path.read_text()) if ".Service/" not in x["target"])


def test_only_a_trusted_proxy_names_requests() -> None:
    for trusted in ([], ["127.0.0.1"]):
        with Origin() as origin, logged("access.json", access_log_format="json", trusted_proxies=trusted) as proxy:
            proxy.apply({"a.test": {"/": route(origin)}})
            proxy.get("/x", fields="X-Request-ID: theirs\r\nX-Forwarded-For: 192.0.2.9\r\n")
            line = wait_until(lambda: [x for x in json_lines((proxy.folder / "access.json").read_text()) if x["target"] == "/x"], "the line")[0]
            seen = origin.seen("/x")[0].get("x-request-id")
            assert seen == line["request_id"] and (seen == "theirs") == bool(trusted)
            assert line["client"] == ("192.0.2.9" if trusted else "127.0.0.1")


def test_without_json_there_is_no_request_id() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": "all"}) as proxy:
        proxy.get("/x")
        assert origin.seen("/x")[0].get("x-request-id") is None


def test_large_bodies_are_counted() -> None:
    size = 3_000_000
    with Origin() as origin, logged("access.json", access_log_format="json") as proxy:
        origin.on("/big", answer(b"x" * size))
        proxy.apply({"a.test": {"/": route(origin)}})
        assert len(proxy.get("/big", method="POST", body=b"y" * size).body) == size
        line = wait_until(lambda: [x for x in json_lines((proxy.folder / "access.json").read_text()) if x["target"] == "/big"], "the line")[0]
        assert (line["bytes_in"], line["bytes_out"]) == (size, size)


def test_own_file_and_server_log_do_not_mix() -> None:
    with Origin() as origin, logged("access.log") as proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        proxy.get("/mine")
        path = proxy.folder / "access.log"
        wait_until(lambda: "/mine" in path.read_text(), "the line")
        assert not texts(proxy.log())
        assert all(re.match(STAMP, line) for line in path.read_text().splitlines())


def requests_on(proxy: Proxy, name: str, count: int) -> None:
    with proxy.client() as client:
        for i in range(count):
            client.request(f"/{name}.{i}.")


def targets(folder: pathlib.Path, pattern: str) -> list[str]:
    found: list[str] = []
    for path in folder.glob(pattern):
        data = path.read_bytes()
        found += re.findall(r"GET (/\w+\.\d+\.)", (gzip.decompress(data) if path.suffix == ".gz" else data).decode())
    return found


def test_hangups_under_load_lose_no_line() -> None:
    """Moved away and reopened while four clients ask."""
    with Origin() as origin, logged("access.log", threads=2) as proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        clients = [threading.Thread(target=requests_on, args=(proxy, f"c{i}", 250)) for i in range(4)]
        for c in clients:
            c.start()
        path = proxy.folder / "access.log"
        moved = 0
        while any(c.is_alive() for c in clients):
            if path.exists():
                path.rename(proxy.folder / f"access.log.moved{moved}")
                moved += 1
                proxy.send_signal(signal.SIGHUP)
                wait_until(path.exists, "a new file")
        for c in clients:
            c.join()
        assert moved > 1
        proxy.stop()
        assert sorted(targets(proxy.folder, "access.log*")) == sorted(f"/c{i}.{n}." for i in range(4) for n in range(250))


def test_rotation_under_load_loses_no_line() -> None:
    proxy = logged()
    path = proxy.folder / "access.log"
    path.write_text("x" * (1024 * 1024 - 20_000) + "\n")
    proxy.main["access_log_file"] = f"{path}, 1, 3, compress"
    with Origin() as origin, proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        requests_on(proxy, "r", 500)
        wait_until(lambda: (proxy.folder / "access.log.1.gz").exists(), "rotated and compressed")
        proxy.stop()
        assert targets(proxy.folder, "access.log*.gz") + targets(proxy.folder, "access.log") == [f"/r.{n}." for n in range(500)]


def test_all_lines_are_there_after_an_immediate_stop() -> None:
    with Origin() as origin, logged("access.log") as proxy:
        proxy.apply({"a.test": {"/": route(origin)}})
        requests_on(proxy, "s", 300)
        proxy.stop()
        assert targets(proxy.folder, "access.log") == [f"/s.{n}." for n in range(300)]


def test_mistakes_are_refused() -> None:
    proxy = Proxy({}, main={"access_log": "all", "access_log_format": "xml", "log_file": "one.log", "access_log_file": "one.log, many"})
    try:
        proxy.start(ready=False)
        assert proxy.wait_exit() == 1
        said = proxy.stderr()
        assert re.search(r"main\.yaml:\d+:\d+: access_log_format: .*write text or json", said)
        assert re.search(r"access_log_file: the size is not a number of megabytes", said)
        assert re.search(r"access_log_file: is the file of log_file", said)
    finally:
        proxy.close()


def test_a_file_that_cannot_be_opened_stops_the_start() -> None:
    proxy = Proxy({}, main={"access_log": "all", "access_log_file": "no/such/folder/access.log"})
    try:
        proxy.start(ready=False)
        assert proxy.wait_exit() == 1
        assert "no/such/folder/access.log: No such file or directory" in proxy.stderr()
    finally:
        proxy.close()


def test_requests_of_the_file_server_itself_have_no_line() -> None:
    port = free_port()
    with logged(file_server_address=f"127.0.0.1:{port}", file_server_folder=".") as proxy:
        proxy.apply({"a.test": {"/": route(f"127.0.0.1:{port}")}})
        proxy.get("/none")
        found = wait_until(lambda: [t for t in texts(proxy.log()) if "/none" in t], "the line")
        proxy.stop()
        assert found == [t for t in texts(proxy.log()) if "/none" in t] and len(found) == 1
