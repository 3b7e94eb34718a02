"""curl as client, Debian's nginx as upstream, wrk as load."""

from __future__ import annotations

import hashlib
import pathlib
import re

import pytest

from support.origin import Origin, answer
from support.proxy import Proxy, route
from support.tools import Nginx, need, run

BIG = bytes(i * 11 % 256 for i in range(5_000_000))


@pytest.fixture(scope="module")
def world():
    server = """
        keepalive_requests 5; client_max_body_size 0;
        location = /204 { return 204; }
        location = /301 { return 301 /elsewhere; }
        location = /echo { return 200 "$request_method $request_uri $http_host $http_x_forwarded_for $http_x_added"; }
        location = /cond { add_header Cache-Control no-store; try_files /file.txt =404; }
        location = /post { client_body_in_single_buffer on; proxy_pass http://unix:/nonexistent; }
    """
    with Nginx(server) as nginx, Origin() as origin:
        (nginx.root / "file.txt").write_text("from nginx\n")
        (nginx.root / "big.bin").write_bytes(BIG)
        hosts = {"a.test": {"/": route(nginx.server, server_headers=["X-Added: by-proxy"])}, "o.test": {"/": route(origin)}}
        with Proxy(hosts) as proxy:
            yield proxy, nginx, origin
        origin.check()


def curl(world, *arguments: str, host: str = "a.test", data: bytes | None = None, check: bool = True):
    proxy = world[0]
    return run(need("curl"), "-sS", "--noproxy", "*", "--max-time", "60", "--connect-to", f"{host}:80:127.0.0.1:{proxy.port}", *arguments,
               data=data, check=check).stdout


# nginx behind the proxy

def test_file_of_nginx(world) -> None:
    assert curl(world, "http://a.test/file.txt") == b"from nginx\n"


def test_nginx_sees_host_and_headers(world) -> None:
    assert curl(world, "http://a.test/echo?x=1") == b"GET /echo?x=1 a.test 127.0.0.1 by-proxy"


def test_large_file_of_nginx_is_intact(world) -> None:
    got = curl(world, "http://a.test/big.bin")
    assert hashlib.sha256(got).digest() == hashlib.sha256(BIG).digest()


def test_range_and_conditional_requests_pass(world) -> None:
    assert curl(world, "-r", "1000-1999", "http://a.test/big.bin") == BIG[1000:2000]
    head = curl(world, "-I", "http://a.test/file.txt").decode()
    tag = re.search(r'(?i)etag: (".*")', head)[1]  # type: ignore[index]
    assert curl(world, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {tag}", "http://a.test/file.txt") == b"304"


@pytest.mark.parametrize("path, status", [("/204", "204"), ("/301", "301"), ("/missing", "404"), ("/post", "502")])
def test_statuses_of_nginx_pass(world, path: str, status: str) -> None:
    assert curl(world, "-o", "/dev/null", "-w", "%{http_code}", f"http://a.test{path}") == status.encode()


def test_upstream_that_closes_after_every_fifth_request_costs_nothing(world) -> None:
    with world[0].client() as client:
        for i in range(100):
            assert client.request(f"/echo?{i}", method="POST" if i % 2 else "GET").status == 200


# curl in front of it

def test_curl_keeps_one_connection_for_many_urls(world) -> None:
    said = curl(world, "-w", "%{num_connects} ", "-o", "/dev/null", *[x for i in range(10) for x in (f"http://a.test/echo?{i}", "-o", "/dev/null")][:-2])
    assert said.split() == [b"1"] + [b"0"] * 9


def test_curl_head(world) -> None:
    assert b"Content-Length: 11" in curl(world, "-I", "http://a.test/file.txt")


def test_curl_http10(world) -> None:
    assert curl(world, "-0", "http://a.test/file.txt") == b"from nginx\n"


def test_curl_posts_a_form_and_a_large_file_with_expect(world, tmp_path: pathlib.Path) -> None:
    origin = world[2]
    origin.on("/sum", lambda conn, request: conn.send(answer(hashlib.sha256(request.body).hexdigest())))
    assert curl(world, "-d", "a=b&c=d", "http://o.test/sum", host="o.test").decode() == hashlib.sha256(b"a=b&c=d").hexdigest()
    big = tmp_path / "big"
    big.write_bytes(BIG)
    said = curl(world, "--data-binary", f"@{big}", "-H", "Expect: 100-continue", "http://o.test/sum", host="o.test")
    assert said.decode() == hashlib.sha256(BIG).hexdigest()


def test_curl_uploads_chunked_from_a_pipe(world) -> None:
    origin = world[2]
    origin.on("/put", lambda conn, request: conn.send(answer(hashlib.sha256(request.body).hexdigest())))
    assert curl(world, "-T", "-", "http://o.test/put", host="o.test", data=BIG).decode() == hashlib.sha256(BIG).hexdigest()
    assert origin.seen("/put")[-1].get("transfer-encoding") == "chunked"


def test_curl_through_it_as_a_forward_proxy_uses_absolute_form(world) -> None:
    proxy = world[0]
    said = run(need("curl"), "-sS", "-x", f"http://127.0.0.1:{proxy.port}", "http://a.test/file.txt").stdout
    assert said == b"from nginx\n"


def test_curl_path_as_is(world) -> None:
    assert curl(world, "--path-as-is", "http://a.test/x/../file.txt") == b"from nginx\n"


def test_curl_websocket_style_upgrade_refused_by_nginx(world) -> None:
    assert curl(world, "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "http://a.test/file.txt") == b"from nginx\n"


def test_curl_does_not_get_h2c(world) -> None:
    assert curl(world, "--http2", "-w", "%{http_version}", "-o", "/dev/null", "http://a.test/file.txt") == b"1.1"


def test_curl_speaks_http2_with_prior_knowledge(world) -> None:
    assert curl(world, "--http2-prior-knowledge", "-w", "%{http_version}", "-o", "/dev/null", "http://a.test/file.txt") == b"2"


@pytest.mark.load
@pytest.mark.parametrize("close", [False, True])
def test_wrk_sees_no_error(world, close: bool) -> None:
    header = ["-H", "Connection: close"] if close else []
    said = run(need("wrk"), "-t2", "-c50", "-d3s", "-H", "Host: a.test", *header, f"http://127.0.0.1:{world[0].port}/file.txt").stdout.decode()
    assert int(re.search(r"(\d+) requests in", said)[1]) > 100  # type: ignore[index]
    assert "Non-2xx" not in said and "Socket errors" not in said, said
