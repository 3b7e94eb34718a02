"""Threats row 37: what clients send can neither forge lines of the access log nor show secrets in it."""

from __future__ import annotations

import json
import re

import pytest

from support.deadline import wait_until
from support.origin import Origin
from support.proxy import Proxy, route

FORGED = "2026-01-01 00:00:00 INFO aralez::web::logging - 200, GET /forged"

ATTACKS = [
    f"GET /%0a{FORGED.replace(' ', '%20')} HTTP/1.1\r\nHost: a.test\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\x85{FORGED}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \xc2\x85\xe2\x80\xff\x80{FORGED}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a, client: 6.6.6.6, version: HTTP/1.1\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \"},{\"status\":777,\"x\":\"\\\r\n\r\n",
    "GET /\xff\xfe\xc0\xaf HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\x1b[2J\r\n\r\n",
    "G,\"T / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    f"GET /{'y' * 5000} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {'z' * 20000}\r\n\r\n",
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_client_can_forge_a_line(form: str) -> None:
    proxy = Proxy({}, main={"access_log": "all", "access_log_format": form, "client_max_head_bytes": 65536})
    path = proxy.folder / "access.log"
    proxy.main["access_log_file"] = str(path)
    with Origin() as origin, proxy:
        proxy.apply({"DEFAULT": {"/": route(origin)}})
        for attack in ATTACKS:
            with proxy.client() as client:
                client.send(attack)
                client.response()
        proxy.get("/last")
        wait_until(lambda: "/last" in path.read_text("utf-8"), "the last line")
        proxy.stop()
        content = path.read_bytes()
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", content)
        lines = content.decode("utf-8").splitlines()  # knows more line ends than \n
        assert len(content.decode("utf-8").split("\n")) == len(lines) + 1
        for line in lines:
            if form == "json":
                found = json.loads(line)
                assert found["client"] == "127.0.0.1" and found["status"] != 777
            else:
                assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO aralez::web::logging - \d{3}, \S+ \S+, Host: \S*, client: 127\.0\.0\.1, "
                                r"version: HTTP/1\.1, useragent: ", line), line
                assert len(line) < 14_000
        assert not any(line.startswith(FORGED) for line in lines)


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_in_targets_are_not_logged(form: str) -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": "all", "access_log_format": form}) as proxy:
        proxy.get("/a?araleztoken=s3cret&x=1")
        proxy.get("/b?x=1&%61raleztoken=s3cret")
        proxy.get("/c?key=s3cret", fields="Authorization: Bearer s3cret\r\nx-api-key: s3cret\r\nCookie: s3cret\r\n")
        wait_until(lambda: "/c?key=***" in proxy.log(), "the last line")
        assert "/a?araleztoken=***&x=1" in proxy.log()
        assert "s3cret" not in proxy.log()
