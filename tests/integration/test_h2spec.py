"""h2spec against the proxy: every case of RFC 9113 and RFC 7541 that it has, issue 5 point 4."""

from __future__ import annotations

import re

import pytest

from support.origin import Origin
from support.peers import peer
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import install
from support.tools import run

SUITES = ["generic", "http2", "hpack"]


def cases(proxy: Proxy, *arguments: str) -> tuple[set[str], str]:
    """Names of the cases that failed, and all that h2spec said."""
    done = run(peer("h2spec"), "-h", "127.0.0.1", "-o", "5", *arguments, deadline=170, check=False)
    said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    assert re.search(r"(\d+) tests, \d+ passed, 0 skipped", said), said[-2000:]
    _, _, failures = said.partition("Failures:")
    failed = set()
    suite = ""
    section = ""
    for line in failures.splitlines():
        if line.strip() in ("Generic tests for HTTP/2 server", "Hypertext Transfer Protocol Version 2 (HTTP/2)",
                            "HPACK: Header Compression for HTTP/2"):
            suite = SUITES[["G", "Hy", "HP"].index("G" if line.startswith("G") else line[:2])]
        elif m := re.match(r"\s+([\d.]+)\. ", line):
            section = m[1]
        elif m := re.match(r"\s+\u00d7 (\d+): ", line):
            failed.add(f"{suite}/{section}/{m[1]}")
    return failed, said


@pytest.fixture(scope="module")
def proxy():
    with Origin() as origin, Proxy({"DEFAULT": {"/": route(origin)}}) as p:
        yield p


def test_every_case_passes_in_the_clear(proxy: Proxy) -> None:
    failed, said = cases(proxy, "-p", str(proxy.port))
    assert not failed, said[-4000:]


def test_every_case_passes_over_tls() -> None:
    port = free_port()
    with Origin() as origin:
        proxy = Proxy({"DEFAULT": {"/": route(origin)}}, main={"proxy_address_tls": f"127.0.0.1:{port}"})
        install(proxy.config / "certificates")
        with proxy:
            failed, said = cases(proxy, "-t", "-k", "-p", str(port))
            assert not failed, said[-4000:]
