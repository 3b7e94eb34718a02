"""TLS towards clients: issue 5 points 1 and 3, behaviour section 10."""

from __future__ import annotations

import json
import pathlib
import re
import socket
import ssl
from typing import Any, Iterator

import pytest

from support.certificates import RSA, Authority, der, s_client, save
from support.client import Client
from support.deadline import wait_until
from support.http1 import Response
from support.origin import Origin
from support.peers import peer
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import NoCloseNotify
from support.tools import need, run


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


class Served:
    """A proxy with a TLS listener and a folder of certificates."""

    def __init__(self, origin: Origin, pairs: dict[str, tuple[str, str]], **main: Any):
        self.port = free_port()
        self.proxy = Proxy({"DEFAULT": {"/": route(origin), "/secure": route(origin, to_https=True)}},
                           main={"proxy_address_tls": f"127.0.0.1:{self.port}", **main})
        self.folder = self.proxy.config / "certificates"
        for stem, pair in pairs.items():
            save(self.folder, stem, pair)

    def __enter__(self) -> "Served":
        self.proxy.__enter__()
        return self

    def __exit__(self, *why: Any) -> None:
        self.proxy.__exit__(*why)

    def client(self, name: str | None = "a.test", context: ssl.SSLContext | None = None) -> Client:
        return Client(("127.0.0.1", self.port), tls=context or unverified(), name=name)

    def shown(self, name: str | None) -> bytes:
        """The certificate that a client asking for `name` gets."""
        with self.client(name) as c:
            return c.sock._raw.getpeercert(True)  # type: ignore[attr-defined]

    def get(self, target: str = "/", name: str = "a.test", **keys: Any) -> Response:
        with self.client(name) as c:
            return c.request(target, host=name, **keys)


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def served(origin: Origin, authority: Authority) -> Iterator[Served]:
    with Served(origin, {"a": authority.issue("a.test")}) as s:
        yield s


def test_curl_trusts_what_it_is_shown(served: Served, authority: Authority, origin: Origin) -> None:
    done = run(need("curl"), "-sS", "--cacert", str(authority.root), "--resolve", f"a.test:{served.port}:127.0.0.1", "-w", "%{http_code} %{ssl_verify_result}",
               f"https://a.test:{served.port}/x")
    assert done.stdout.endswith(b"200 0"), done
    assert origin.requests[0].get("x-forwarded-proto") == "https"
    assert origin.requests[0].get("host") == f"a.test:{served.port}"


def test_to_https_redirects_plain_requests_and_serves_the_others(served: Served, origin: Origin) -> None:
    plain = served.proxy.get("/secure?q")
    assert (plain.status, plain.get("location")) == (301, f"https://a.test:{served.port}/secure?q")
    assert served.get("/secure?q").status == 200
    assert served.get("/secure").get("strict-transport-security") is None


def test_keeps_the_connection_and_pipelines(served: Served) -> None:
    with served.client() as c:
        for i in range(3):
            assert c.request(f"/{i}").status == 200
        c.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert [c.response().status for _ in range(2)] == [200, 200]


def test_certificates_are_found_by_name(origin: Origin, authority: Authority) -> None:
    pairs = {"1": authority.issue("default.test"), "2": authority.issue("*.b.test"), "3": authority.issue("www.b.test", "c.test")}
    with Served(origin, pairs) as s:
        for name, stem in ((None, "1"), ("unknown.test", "1"), ("www.b.test", "3"), ("c.test", "3"), ("x.b.test", "2"), ("X.B.Test", "2"),
                           ("x.y.b.test", "1"), ("b.test", "1")):
            assert s.shown(name) == der(pairs[stem][0]), name


def test_old_and_new_clients_of_one_name_get_their_kind_of_key(origin: Origin, authority: Authority) -> None:
    with Served(origin, {"ec": authority.issue("a.test"), "rsa": authority.issue("a.test", kind=RSA)}) as s:
        assert "ecdsa" in s_client(s.port, "-servername", "a.test", "-sigalgs", "ECDSA+SHA256").lower()
        said = s_client(s.port, "-servername", "a.test", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256")
        assert "Peer signature type: RSA" in said, said


def test_old_key_of_the_folder(origin: Origin, authority: Authority, tmp_path: pathlib.Path) -> None:
    pair = authority.issue("a.test")
    save(tmp_path / "old.crt", "a", pair)
    with Served(origin, {}, proxy_certificates=str(tmp_path / "old.crt")) as s:
        assert s.shown("a.test") == der(pair[0])


def test_empty_folder_starts_with_a_certificate_made_in_memory(origin: Origin) -> None:
    with Served(origin, {}) as s:
        s.proxy.wait_log(r"WARN aralez::tls - no usable certificate in .*certificates: a self-signed one")
        assert s.get("/x").status == 200
        assert s.folder.is_dir(), "made, so that one sees where to write"


def test_bad_pairs_are_skipped_and_named(origin: Origin, authority: Authority) -> None:
    good, other = authority.issue("a.test"), authority.issue("b.test")
    with Served(origin, {"0": (good[0], other[1]), "1": good, "2": ("garbage", "garbage")}) as s:
        assert s.shown("a.test") == der(good[0])
        s.proxy.wait_log("/0.key: not the key of 0.crt")
        s.proxy.wait_log("/2.crt: holds no certificate")


def test_http_where_tls_is_spoken_is_told_so(served: Served) -> None:
    with Client(("127.0.0.1", served.port)) as c:
        c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        r = c.response()
        assert (r.status, r.body) == (400, b"This port speaks TLS: begin with https://\n")
        c.wait_closed()
    served.proxy.wait_log(r"tls_failed: http request")


@pytest.mark.parametrize("bytes_", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 80, b"\x00" * 600, b"\x16\x03\x01\xff\xff" + b"\xff" * 4000,
                                    b"SSH-2.0-OpenSSH_9.2\r\n"], ids=["half", "zeros", "too long", "ssh"])
def test_garbage_ends_that_connection_only(served: Served, bytes_: bytes) -> None:
    with Client(("127.0.0.1", served.port)) as c:
        c.send(bytes_)
        c.sock.shutdown(socket.SHUT_WR)
        c.wait_closed(allow_bytes=True)
    served.proxy.wait_log("tls_failed: ")
    assert served.get("/x").status == 200


def test_a_silent_client_is_closed_at_the_handshake_deadline(origin: Origin, authority: Authority) -> None:
    with Served(origin, {"a": authority.issue("a.test")}, client_handshake_timeout=0.3) as s:
        with Client(("127.0.0.1", s.port)) as c:
            c.wait_closed()
        s.proxy.wait_log("tls_timeout: TLS handshake took too long")
        with s.client() as c:  # a finished handshake has no such deadline
            assert c.request("/x").status == 200


def test_an_answer_that_ends_with_the_connection_says_that_it_is_whole(served: Served) -> None:
    with served.client() as c:
        c.send("GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n")
        assert c.response().status == 200
        try:
            c.wait_closed()
        except NoCloseNotify:
            pytest.fail("closed without close_notify")


def test_renegotiation_is_refused(served: Served) -> None:
    said = s_client(served.port, "-tls1_2", "-servername", "a.test", data=b"R\n")
    assert "no renegotiation" in said or "RENEGOTIATING" in said and "error" in said, said


# Grades: behaviour section 10.4, defect 16.

OLD = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
STATIC_RSA = ("-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0")
CBC = ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0")
DHE = ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256")
AEAD = ("-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384")


@pytest.mark.parametrize("grade, refused, accepted", [
    ("high", (OLD, STATIC_RSA, CBC, DHE), (AEAD, ("-tls1_3",))),
    ("medium", (OLD, STATIC_RSA, CBC), (DHE, AEAD, ("-tls1_3",))),
    ("unsafe", (), (OLD, STATIC_RSA, CBC, DHE, AEAD, ("-tls1_3",))),
    ("A+", (OLD, STATIC_RSA, CBC, DHE), (AEAD,)),
    ("a", (DHE,), (AEAD,)), ("b", (CBC,), (DHE,)), ("c", (CBC,), (DHE,)),
])
def test_grades_hold_for_every_name(origin: Origin, authority: Authority, grade: str, refused: Any, accepted: Any) -> None:
    pairs = {"1": authority.issue("default.test", kind=RSA), "2": authority.issue("*.b.test", "a.test", kind=RSA)}
    with Served(origin, pairs, proxy_tls_grade=grade) as s:
        for name in (("-noservername",), ("-servername", "unknown.test"), ("-servername", "a.test"), ("-servername", "x.b.test")):
            for options in refused:
                said = s_client(s.port, *name, *options)
                assert "Cipher is (NONE)" in said, (name, options, said)
            for options in accepted:
                said = s_client(s.port, *name, *options)
                assert "Cipher is (NONE)" not in said and "Cipher is" in said, (name, options, said)


def test_unknown_grade_is_a_warning_and_medium(origin: Origin, authority: Authority) -> None:
    with Served(origin, {"1": authority.issue("a.test", kind=RSA)}, proxy_tls_grade="excellent") as s:
        assert re.search(r"main\.yaml:\d+:\d+: warning: proxy_tls_grade: .*is not a grade, medium is used", s.proxy.stderr())
        assert "Cipher is (NONE)" not in s_client(s.port, *DHE)


def test_alpn(served: Served) -> None:
    for offered, agreed in (("http/1.1", "ALPN protocol: http/1.1"), ("acme-tls/1", "No ALPN negotiated"), ("spdy/1", "No ALPN negotiated")):
        assert agreed in s_client(served.port, "-alpn", offered), offered


# Resumption: tickets that any worker takes, for one virtual host.

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tickets_are_taken_by_every_worker(origin: Origin, authority: Authority, tmp_path: pathlib.Path, version: str) -> None:
    ticket = str(tmp_path / "ticket")
    with Served(origin, {"a": authority.issue("a.test"), "b": authority.issue("b.test")}, threads=4) as s:
        request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        said = s_client(s.port, version, "-servername", "a.test", "-sess_out", ticket, "-ign_eof", data=request)
        assert "New, " in said
        for _ in range(12):  # the kernel spreads them over the workers
            said = s_client(s.port, version, "-servername", "a.test", "-sess_in", ticket, "-ign_eof", data=request)
            assert "Reused, " in said, said
        said = s_client(s.port, version, "-servername", "b.test", "-sess_in", ticket, "-ign_eof", data=request)
        assert "New, " in said and "CN = b.test" in said, said


# Certificates are hot: issue 5 point 2, behaviour section 10.3.

def test_a_pair_is_added_replaced_and_removed_while_clients_are_served(served: Served, authority: Authority) -> None:
    with served.client() as old:
        assert old.request("/1").status == 200
        first, second = authority.issue("b.test"), authority.issue("b.test")
        before = served.shown("b.test")
        save(served.folder, "b", first)
        wait_until(lambda: served.shown("b.test") == der(first[0]), "added", 1.5)
        save(served.folder, "b", second)
        wait_until(lambda: served.shown("b.test") == der(second[0]), "replaced", 1.5)
        (served.folder / "b.crt").unlink()
        (served.folder / "b.key").unlink()
        wait_until(lambda: served.shown("b.test") == before, "removed", 1.5)
        assert old.request("/2").status == 200


@pytest.mark.parametrize("order", [("key", "crt"), ("crt", "key")])
def test_files_written_one_after_the_other_end_as_the_new_pair(served: Served, authority: Authority, order: tuple[str, str]) -> None:
    """Defect 13 of the original: the second write was ignored."""
    chain, key = authority.issue("a.test")
    text = {"crt": chain, "key": key}
    before = served.shown("a.test")
    (served.folder / f"a.{order[0]}").write_text(text[order[0]])
    wait_until(lambda: "/a.key: not the key of a.crt" in served.proxy.log(), "looked at in between")
    assert served.shown("a.test") == before
    (served.folder / f"a.{order[1]}").write_text(text[order[1]])
    wait_until(lambda: served.shown("a.test") == der(chain), "new pair served", 1.5)


def test_swapped_link_of_a_folder(origin: Origin, authority: Authority, tmp_path: pathlib.Path) -> None:
    pairs = [authority.issue("a.test") for _ in range(2)]
    for i, pair in enumerate(pairs):
        save(tmp_path / f"release{i}", "a", pair)
    link = tmp_path / "current"
    link.symlink_to("release0")
    with Served(origin, {}, proxy_certificates=str(link)) as s:
        assert s.shown("a.test") == der(pairs[0][0])
        (tmp_path / "next").symlink_to("release1")
        (tmp_path / "next").replace(link)
        wait_until(lambda: s.shown("a.test") == der(pairs[1][0]), "swapped", 1.5)


def test_a_broken_pair_leaves_the_old_one_of_its_name(served: Served, authority: Authority) -> None:
    before = served.shown("a.test")
    other = authority.issue("c.test")
    (served.folder / "a.crt").write_text("garbage")
    save(served.folder, "c", other)
    wait_until(lambda: served.shown("c.test") == der(other[0]), "the good one of the same save", 1.5)
    assert served.shown("a.test") == before
    served.proxy.wait_log("a.crt: the certificate that was read before stays in use")


def test_the_default_is_renewed_too(served: Served, authority: Authority) -> None:
    """Defect 16 of the original: clients without SNI got the old one for ever."""
    renewed = authority.issue("a.test")
    save(served.folder, "a", renewed)
    wait_until(lambda: served.shown(None) == der(renewed[0]), "renewed default", 1.5)


def test_an_emptied_folder_ends_nothing(served: Served) -> None:
    """Defect 4 of the original: the process aborted."""
    for file in served.folder.iterdir():
        file.unlink()
    served.proxy.wait_log("no usable certificate in")
    assert served.get("/x").status == 200


def test_hangup_loads_at_once(served: Served, authority: Authority) -> None:
    import signal
    renewed = authority.issue("a.test")
    save(served.folder, "a", renewed)
    served.proxy.send_signal(signal.SIGHUP)
    wait_until(lambda: served.shown("a.test") == der(renewed[0]), "renewed", 1.5)


def test_drain_lets_a_handshake_end(served: Served) -> None:
    import signal
    with served.client() as idle:
        assert idle.request("/x").status == 200
        served.proxy.send_signal(signal.SIGTERM)
        idle.wait_closed()
    assert served.proxy.wait_exit() == 0


# A scanner.

def test_sslyze_finds_nothing_in_high(origin: Origin, authority: Authority, tmp_path: pathlib.Path) -> None:
    pairs = {"ec": authority.issue("a.test"), "rsa": authority.issue("a.test", kind=RSA)}
    report = tmp_path / "report.json"
    with Served(origin, pairs, proxy_tls_grade="high") as s:
        done = run(peer("sslyze"), f"--json_out={report}", "--mozilla_config=disable", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--sslv2", "--sslv3",
                   "--heartbleed", "--openssl_ccs", "--reneg", "--robot", "--compression", "--fallback", "--resum", "--elliptic_curves", "--ems",
                   f"127.0.0.1:{s.port}", deadline=120)
        found = json.loads(report.read_text())["server_scan_results"][0]["scan_result"]
        for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
            assert not found[f"{old}_cipher_suites"]["result"]["accepted_cipher_suites"], old
        for version in ("tls_1_2", "tls_1_3"):
            suites = [c["cipher_suite"]["name"] for c in found[f"{version}_cipher_suites"]["result"]["accepted_cipher_suites"]]
            assert suites and all(re.search(r"GCM|CHACHA20", c) and re.search(r"ECDHE|^TLS_(AES|CHACHA)", c) for c in suites), suites
        assert not found["heartbleed"]["result"]["is_vulnerable_to_heartbleed"]
        assert not found["openssl_ccs_injection"]["result"]["is_vulnerable_to_ccs_injection"]
        assert not found["session_renegotiation"]["result"]["is_vulnerable_to_client_renegotiation_dos"]
        assert found["session_renegotiation"]["result"]["supports_secure_renegotiation"]
        assert found["robot"]["result"]["robot_result"].startswith("NOT_VULNERABLE"), found["robot"]
        assert not found["tls_compression"]["result"]["supports_compression"]
        assert found["tls_extended_master_secret"]["result"]["supports_ems_extension"]
        assert found["session_resumption"]["result"]["tls_ticket_resumption_result"] == "FULLY_SUPPORTED", found["session_resumption"]
        assert b"error" not in done.stderr.lower(), done.stderr
