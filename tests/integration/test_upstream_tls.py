"""TLS towards servers: verification, names, sessions, and what must not get through. Issue 5 point 6, threats rows 21 and 22."""

from __future__ import annotations

import pathlib
import re
import signal
import socket
import ssl
import subprocess

import pytest

from support.certificates import Authority
from support.deadline import seconds
from support.origin import Connection, Origin, answer
from support.pairs import Upstream
from support.proxy import BINARY, Proxy, detected, document
from support.tls import certificate, server_context

CA = str(certificate()[0])
"""Self-signed, for *.test and 127.0.0.1."""


@pytest.mark.parametrize("protocol", ["h1s", "h2s"])
@pytest.mark.parametrize("scheme", ["", "https://"])
def test_good_certificate_passes_verification(protocol: str, scheme: str) -> None:
    with Upstream(protocol) as up, Proxy({"a.test": {"/": detected(scheme + up.server, verify_upstream=True, ca_file=CA)}}) as proxy:
        assert proxy.get("/").status == 200
        assert len(up.connections) == 1


def test_address_stands_for_itself_where_no_host_of_the_configuration_is_meant() -> None:
    with Upstream("h1s") as up, Proxy({"DEFAULT": {"/": detected(up.server, verify_upstream=True, ca_file=CA)}}) as proxy:
        assert proxy.get("/", host="whatever.example").status == 200


def test_refused_certificate_is_502_and_the_request_is_not_sent() -> None:
    with Upstream("h1s") as up:
        with Proxy({"a.test": {"/": detected(up.server, verify_upstream=True)}}) as proxy:  # the system does not know it
            assert proxy.get("/").status == 502
            proxy.wait_log("502 upstream_unverified.*self.signed certificate")
        assert up.exchanges == []


def test_certificate_for_another_name_is_refused() -> None:
    hosts = {h: {"/": detected("", verify_upstream=True, ca_file=CA)} for h in ("a.test", "b.example")}
    with Upstream("h1s") as up:
        for paths in hosts.values():
            paths["/"]["servers"] = [up.server]
        with Proxy(hosts) as proxy:
            assert proxy.get("/", host="a.test").status == 200
            assert proxy.get("/", host="b.example").status == 502
            proxy.wait_log("502 upstream_unverified.*hostname mismatch")
        assert len(up.exchanges) == 1


def test_verified_server_is_never_talked_down_to_plain_http() -> None:
    with Origin() as origin:
        seen: list[bytes] = []

        def serve(conn: Connection) -> None:
            if origin._wait_readable(conn):
                seen.append(conn.sock.recv(16384))
                conn.send(answer("plain", "400 Bad Request"))
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(origin, verify_upstream=True)}}) as proxy:
            assert proxy.get("/", fields="Cookie: secret\r\n").status == 502
    assert seen and all(s.startswith(b"\x16\x03\x01") for s in seen)


def test_global_setting_holds_for_all_paths_and_one_path_may_differ() -> None:
    with Upstream("h1s") as up:
        hosts = {"a.test": {"/": detected(up.server), "/free": detected(up.server, verify_upstream=False)}}
        with Proxy(hosts, globals_={"verify_upstream": True}) as proxy:
            assert proxy.get("/").status == 502
            assert proxy.get("/free").status == 200
        with Proxy(hosts, globals_={"verify_upstream": True}, main={"ca_file": CA}) as proxy:
            assert proxy.get("/").status == 200


def test_renewed_ca_file_counts_from_the_next_hangup(tmp_path: pathlib.Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text(Authority().issue("other.test")[0])
    with Upstream("h1s") as up, Proxy({"a.test": {"/": detected(up.server, verify_upstream=True, ca_file=str(trusted))}}) as proxy:
        assert proxy.get("/").status == 502
        trusted.write_text(pathlib.Path(CA).read_text())
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_log("configuration 2:")
        assert proxy.get("/").status == 200
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_log("nothing has changed")


def test_verification_that_a_reload_turns_on_is_not_passed_by_kept_connections() -> None:
    with Upstream("h1s") as up, Proxy({"a.test": {"/": detected(up.server)}}) as proxy:
        assert proxy.get("/").status == 200
        proxy.apply({"a.test": {"/": detected(up.server, verify_upstream=True)}})
        assert proxy.get("/").status == 502
        assert len(up.exchanges) == 1


def names_served() -> tuple[Origin, list[str | None], list[bool]]:
    """A server that notes which names it is asked for, and whether a session was taken up again."""
    context = server_context()
    names: list[str | None] = []
    resumed: list[bool] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)

    def serve(conn: Connection) -> None:
        conn.sock.setblocking(True)
        with context.wrap_socket(conn.sock, server_side=True) as tls:
            conn.sock = tls
            resumed.append(bool(tls.session_reused))
            while tls.recv(8192):
                tls.sendall(answer("tls"))
    origin = Origin()
    origin.on_connection = serve
    return origin, names, resumed


def test_server_name_is_the_host_of_the_request_and_none_for_addresses() -> None:
    origin, names, _ = names_served()
    with origin, Proxy({"DEFAULT": {"/": detected(f"https://{origin.server}")}}) as proxy:
        for host in ("One.Test:8080", "two.test", "one.test", "127.0.0.1", "[::1]:80"):
            assert proxy.get("/", host=host).status == 200
        assert names == ["one.test", "two.test", None, None]  # one.test a second time on the kept connection
        assert len(origin.connections) == 4


def test_sessions_are_taken_up_again() -> None:
    context = server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    resumed: list[bool] = []

    def serve(conn: Connection) -> None:
        conn.sock.setblocking(True)
        with context.wrap_socket(conn.sock, server_side=True) as tls:
            conn.sock = tls
            resumed.append(bool(tls.session_reused))
            tls.recv(8192)
            tls.sendall(answer("tls", fields="Connection: close\r\n"))
    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(f"https://{origin.server}")}}) as proxy:
            for _ in range(3):
                assert proxy.get("/").status == 200
    assert resumed == [False, True, True]


def test_plain_text_in_front_of_the_handshake_never_becomes_an_answer() -> None:
    """Threats row 21: who sits in between writes an answer before the server's first TLS byte."""
    with Upstream("h1s") as up, Origin() as between:
        def serve(conn: Connection) -> None:
            with socket.create_connection((up.host, up.port)) as there:
                conn.sock.setblocking(True)
                conn.sock.sendall(answer("injected"))
                data = conn.sock.recv(16384)
                if data:
                    there.sendall(data)
        between.on_connection = serve
        with Proxy({"a.test": {"/": detected(f"https://{between.server}")}}) as proxy:
            r = proxy.get("/")
            assert r.status == 502 and "injected" not in r.text()


def test_plain_text_behind_the_handshake_never_becomes_an_answer() -> None:
    context = server_context()

    def serve(conn: Connection) -> None:
        conn.sock.setblocking(True)
        raw = socket.socket(fileno=socket.dup(conn.sock.fileno()))
        with context.wrap_socket(conn.sock, server_side=True) as tls:
            conn.sock = tls
            tls.recv(8192)
            raw.sendall(answer("injected"))
    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(f"https://{origin.server}")}}) as proxy:
            r = proxy.get("/")
            assert r.status == 502 and "injected" not in r.text()


def test_body_cut_off_without_close_notify_is_not_taken_for_whole() -> None:
    context = server_context()

    def serve(conn: Connection) -> None:
        conn.sock.setblocking(True)
        with context.wrap_socket(conn.sock, server_side=True) as tls:
            conn.sock = tls
            tls.recv(8192)
            tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
            socket.socket(fileno=socket.dup(tls.fileno())).shutdown(socket.SHUT_RDWR)
    with Origin() as origin:
        origin.on_connection = serve
        with Proxy({"a.test": {"/": detected(f"https://{origin.server}")}}) as proxy:
            with pytest.raises(Exception):
                proxy.get("/")
            proxy.wait_log("upstream_reset.*cut off")


@pytest.mark.parametrize("path_keys,globals_,says", [
    ({"verify_upstream": "maybe"}, {}, r"verify_upstream: "),
    ({"verify_upstream": True, "ca_file": "/nowhere/ca.pem"}, {}, r"ca_file: .*cannot be read: No such file"),
    ({"verify_upstream": True, "ca_file": "/dev/null"}, {}, r"ca_file: .*cannot be read: not a regular file"),
    ({"verify_upstream": True, "ca_file": str(certificate()[1])}, {}, r"ca_file: .*holds no certificate"),
    ({}, {"verify_upstream": [1]}, r"verify_upstream: "),
    ({"servers": ["ftp://127.0.0.1:1"]}, {}, r"servers\[1\]: .*unknown scheme"),
])
def test_wrong_values_are_refused_with_their_place(path_keys: dict, globals_: dict, says: str) -> None:
    proxy = Proxy(upstreams=document({"a.test": {"/": {**detected("127.0.0.1:1"), **path_keys}}}, **globals_)).prepare()
    try:
        done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True,
                              timeout=seconds(20), check=False)
        assert done.returncode != 0
        assert re.search(rf"upstreams\.yaml:\d+:\d+: {says}", done.stderr), done.stderr
    finally:
        proxy.close()
