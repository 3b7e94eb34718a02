"""The file server, on its own address and as an upstream: behaviour section 14, issue 4 point 8."""

from __future__ import annotations

import email.utils
import os
import pathlib
import re

import pytest

from support.client import Client
from support.ports import free_port
from support.proxy import Proxy, route

BIG = bytes(i * 31 % 253 for i in range(3_000_000))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("files") / "www"
    root.mkdir()
    (root / "index.html").write_text("<h1>root</h1>")
    (root / "hello.txt").write_text("hello, world\n")
    (root / "empty.txt").write_text("")
    (root / "big.bin").write_bytes(BIG)
    (root / "style.css").write_text("a{}")
    (root / "app.js").write_text("1")
    (root / "pic.svg").write_text("<svg/>")
    (root / "data.json").write_text("{}")
    (root / "unknown.qqq").write_text("?")
    (root / "no-extension").write_text("?")
    (root / "with space.txt").write_text("space")
    (root / "per%cent.txt").write_text("percent")
    (root / "caf\u00e9.txt").write_text("coffee")
    (root / ".hidden").write_text("secret")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret")
    (root / "dir").mkdir()
    (root / "dir" / "index.html").write_text("<h1>dir</h1>")
    (root / "dir" / "f.txt").write_text("f")
    (root / "noindex").mkdir()
    (root / "noindex" / "x.txt").write_text("x")
    (root / "linked.txt").symlink_to(root / "hello.txt")
    (root.parent / "outside.txt").write_text("outside")
    (root.parent / "www-twin").mkdir()
    (root.parent / "www-twin" / "x.txt").write_text("twin")
    port = free_port()
    main = {"file_server_address": f"127.0.0.1:{port}", "file_server_folder": str(root)}
    with Proxy({"a.test": {"/": route(f"127.0.0.1:{port}")}}, main=main) as proxy:
        yield proxy, ("127.0.0.1", port), root


def test_folder_may_come_later_and_be_replaced(tmp_path: pathlib.Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    folder = tmp_path / "current"
    port = free_port()
    with Proxy({}, main={"file_server_address": f"127.0.0.1:{port}", "file_server_folder": str(folder)}) as proxy:
        assert re.search(r"main.yaml:\d+:\d+: warning: file_server_folder: there is no folder", proxy.stderr())

        def served() -> tuple[int, str]:
            with Client(("127.0.0.1", port)) as c:
                r = c.request("/")
                return r.status, r.text()

        assert served() == (404, "")
        folder.symlink_to("one")
        assert served() == (200, "one")
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").replace(folder)  # as deployments do
        assert served() == (200, "two")


@pytest.fixture(params=["direct", "proxied"])
def client(request: pytest.FixtureRequest, files):
    """Both ways to the files: on the listener of the file server, and through the proxy."""
    proxy, address, _ = files
    with Client(address if request.param == "direct" else proxy.address) as c:
        yield c


def test_file_is_served_with_type_length_and_validators(client: Client, files) -> None:
    r = client.request("/hello.txt")
    assert (r.status, r.body) == (200, b"hello, world\n")
    assert (r.get("content-type") or "").startswith("text/plain")
    assert r.get("content-length") == "13"
    assert r.get("accept-ranges") == "bytes"
    assert re.fullmatch(r'"[^"]+"', r.get("etag") or "")
    modified = email.utils.parsedate_to_datetime(r.get("last-modified") or "").timestamp()
    assert int(modified) == int(os.stat(files[2] / "hello.txt").st_mtime)


def test_head_is_get_without_the_body(client: Client) -> None:
    got, head = client.request("/hello.txt"), client.request("/hello.txt", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length", "etag", "last-modified"):
        assert head.get(name) == got.get(name)


@pytest.mark.parametrize("name, kind", [
    ("index.html", "text/html"), ("style.css", "text/css"), ("app.js", "text/javascript"), ("pic.svg", "image/svg+xml"),
    ("data.json", "application/json"), ("unknown.qqq", "application/octet-stream"), ("no-extension", "application/octet-stream"),
])
def test_type_follows_the_extension(client: Client, name: str, kind: str) -> None:
    assert (client.request("/" + name).get("content-type") or "").split(";")[0] == kind


def test_large_file_arrives_whole(client: Client) -> None:
    assert client.request("/big.bin").body == BIG
    assert client.request("/empty.txt").body == b""
    assert client.request("/hello.txt").status == 200


@pytest.mark.parametrize("target, body", [
    ("/", b"<h1>root</h1>"), ("/dir/", b"<h1>dir</h1>"), ("/with%20space.txt", b"space"), ("/per%25cent.txt", b"percent"),
    ("/caf%C3%A9.txt", b"coffee"), ("/%68ello.txt", b"hello, world\n"), ("/hello.txt?v=1", b"hello, world\n"),
    ("/dir/../hello.txt", b"hello, world\n"), ("/./hello.txt", b"hello, world\n"), ("/..", b"<h1>root</h1>"), ("/linked.txt", b"hello, world\n"),
])
def test_names_are_decoded_and_folders_give_their_index(client: Client, target: str, body: bytes) -> None:
    r = client.request(target)
    assert (r.status, r.body) == (200, body)


@pytest.mark.parametrize("target, location", [("/dir", "/dir/"), ("/dir?a=b&c", "/dir/?a=b&c"), ("/noindex", "/noindex/")])
def test_folder_without_slash_is_redirected(client: Client, target: str, location: str) -> None:
    r = client.request(target)
    assert r.status == 307
    assert (r.get("location") or "").endswith(location)


def test_redirect_of_a_folder_cannot_point_to_another_host(client: Client) -> None:
    r = client.request("//dir")
    assert r.status in (200, 307, 404)
    assert not (r.get("location") or "").startswith("//")


@pytest.mark.parametrize("target", [
    "/missing", "/noindex/", "/hello.txt/", "/hello.txt/x", "/.hidden", "/.git/config", "/.git/", "/dir/../.hidden", "/%2ehidden",
    "/../outside.txt", "/dir/../../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/%2e%2e%2foutside.txt",
    "/..%5coutside.txt", "/dir/..%2f..%2foutside.txt", "/../www-twin/x.txt", "/..%2fwww-twin/x.txt", "/etc/passwd",
    "//etc/passwd", "/hello.txt%20", "/hello.tx", "/HELLO.TXT", "/" + "x" * 300, "/" + "d/" * 200,
])
def test_what_is_not_there_or_not_to_be_seen_is_404(client: Client, target: str) -> None:
    r = client.request(target)
    assert r.status in (404, 400)
    assert b"secret" not in r.body and b"outside" not in r.body and b"root:" not in r.body
    if (r.get("connection") or "").lower() != "close":
        assert client.request("/hello.txt").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_not_allowed(client: Client, method: str) -> None:
    r = client.request("/hello.txt", method=method, body=b"x" if method in ("POST", "PUT") else b"")
    assert r.status == 405
    assert {m.strip() for m in (r.get("allow") or "").split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("value, status, first, last", [
    ("bytes=0-4", 206, 0, 4), ("bytes=7-", 206, 7, 12), ("bytes=-5", 206, 8, 12), ("bytes=0-0", 206, 0, 0),
    ("bytes=5-100000", 206, 5, 12), ("bytes=-100000", 206, 0, 12), ("bytes=12-12", 206, 12, 12),
    ("bytes=13-", 416, 0, 0), ("bytes=13-20", 416, 0, 0), ("bytes=-0", 416, 0, 0), ("bytes=99999999999999999999-", 416, 0, 0),
])
def test_single_range(client: Client, value: str, status: int, first: int, last: int) -> None:
    r = client.request("/hello.txt", fields=f"Range: {value}\r\n")
    assert r.status == status
    if status == 206:
        assert r.body == b"hello, world\n"[first:last + 1]
        assert r.get("content-range") == f"bytes {first}-{last}/13"
    else:
        assert r.get("content-range") == "bytes */13"
    assert client.request("/hello.txt").status == 200


@pytest.mark.parametrize("value", ["bytes=4-1", "bytes=a-b", "bytes=", "bytes=-", "bytes 0-4", "lines=0-4", "bytes=0-1-2", "bytes=+1-2"])
def test_range_that_says_nothing_is_ignored_or_refused(client: Client, value: str) -> None:
    r = client.request("/hello.txt", fields=f"Range: {value}\r\n")
    assert r.status in (200, 416)
    if r.status == 200:
        assert r.body == b"hello, world\n"


def test_several_ranges_get_one_meaning(client: Client) -> None:
    r = client.request("/hello.txt", fields="Range: bytes=0-1,3-4\r\n")
    assert r.status in (200, 416)


def test_range_of_an_empty_file_cannot_be_satisfied(client: Client) -> None:
    """Defect 40."""
    r = client.request("/empty.txt", fields="Range: bytes=0-0\r\n")
    assert (r.status, r.get("content-range")) == (416, "bytes */0")


def test_range_in_a_large_file(client: Client) -> None:
    r = client.request("/big.bin", fields="Range: bytes=1000000-2499999\r\n")
    assert r.status == 206 and r.body == BIG[1_000_000:2_500_000]


def test_if_range_decides_whether_the_range_counts(client: Client) -> None:
    """Defect 40."""
    full = client.request("/hello.txt")
    for value, status in ((full.get("etag"), 206), ('"other"', 200), (full.get("last-modified"), 206),
                          ("Thu, 01 Jan 1970 00:00:00 GMT", 200), (f"W/{full.get('etag')}", 200)):
        r = client.request("/hello.txt", fields=f"Range: bytes=0-4\r\nIf-Range: {value}\r\n")
        assert r.status == status, value


def test_conditional_requests(client: Client) -> None:
    full = client.request("/hello.txt")
    tag, modified = full.get("etag"), full.get("last-modified")
    early, late = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for fields, status in [
        (f"If-None-Match: {tag}\r\n", 304), (f"If-None-Match: W/{tag}\r\n", 304), (f'If-None-Match: "a", {tag}\r\n', 304),
        ("If-None-Match: *\r\n", 304), ('If-None-Match: "a"\r\n', 200),
        (f"If-Modified-Since: {modified}\r\n", 304), (f"If-Modified-Since: {early}\r\n", 200),
        ("If-Modified-Since: rubbish\r\n", 200),
        (f'If-None-Match: "a"\r\nIf-Modified-Since: {modified}\r\n', 200),
        (f"If-Match: {tag}\r\n", 200), ("If-Match: *\r\n", 200), ('If-Match: "a"\r\n', 412), (f"If-Match: W/{tag}\r\n", 412),
        (f"If-Unmodified-Since: {late}\r\n", 200), (f"If-Unmodified-Since: {early}\r\n", 412),
    ]:
        r = client.request("/hello.txt", fields=fields)
        assert r.status == status, fields
        if status == 304:
            assert r.get("etag") == tag and r.body == b""
        if status == 412:
            assert r.body == b""


def test_what_the_client_has_already_is_no_refusal(client: Client, files) -> None:
    proxy = files[0]

    def told() -> tuple[int, str | None]:
        count = re.search(r'aralez_local_replies_total\{reason="redirect"\} (\d+)', proxy.call("/metrics").text())
        return len(re.findall(r"- 304 ", proxy.log())), count[1] if count else None
    before = told()
    tag = client.request("/hello.txt").get("etag")
    assert client.request("/hello.txt", fields=f"If-None-Match: {tag}\r\n").status == 304
    mark = proxy.log_mark()
    assert client.request("/is-not-there").status == 404
    proxy.wait_log("404 file_not_found", since=mark)  # what was said before stands above it
    assert told() == before


@pytest.mark.parametrize("field, said", [
    ('If-Match: "a"', "412 precondition_failed: file is not the one the request wants"),
    ("Range: bytes=1000-", "416 range_unsatisfiable: range is not in the file")])
def test_what_cannot_be_given_is_logged_with_its_own_reason(client: Client, files, field: str, said: str) -> None:
    proxy = files[0]
    mark = proxy.log_mark()
    assert client.request("/hello.txt", fields=f"{field}\r\n").status == int(said[:3])
    proxy.wait_log(said, since=mark)


def test_changed_file_changes_its_validator(client: Client, files) -> None:
    path: pathlib.Path = files[2] / "changing.txt"
    path.write_text("one")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    first = client.request("/changing.txt")
    path.write_text("two")
    os.utime(path, (1_000_000_001, 1_000_000_001))
    second = client.request("/changing.txt")
    assert (first.body, second.body) == (b"one", b"two")
    assert first.get("etag") != second.get("etag")


def test_body_of_a_refused_post_does_not_become_a_request(client: Client) -> None:
    client.send("POST /hello.txt HTTP/1.1\r\nHost: a.test\r\nContent-Length: 43\r\n\r\n"
                "GET /dir/f.txt HTTP/1.1\r\nHost: a.test\r\n\r\n..")
    r = client.response("POST")
    assert r.status == 405
    if (r.get("connection") or "").lower() != "close":
        assert client.request("/hello.txt").body == b"hello, world\n"
