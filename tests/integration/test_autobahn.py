"""Autobahn's WebSocket cases: an echo server behind the proxy gives the verdicts that it gives without it.

Left out: 9 (load), 12 and 13 (compression, which the proxy does not look into).
"""

from __future__ import annotations

import json
import pathlib

import pytest

from support.peers import peer
from support.proxy import Proxy, route
from support.tools import run
from support.websocket import EchoServer

CASES = 247


def verdicts(address: str, folder: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Behaviour and way of closing for each case."""
    run(peer("kosoku"), "-m", "fuzzingclient", "-p", "8", *(x for group in (9, 12, 13) for x in ("-x", f"{group}.*")),
        "-o", str(folder), address, deadline=120, check=False)
    (agent,) = json.loads((folder / "index.json").read_text()).values()
    return {case: (v["behavior"], v["behaviorClose"]) for case, v in agent.items()}


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    with EchoServer() as echo:
        found = verdicts(echo.server, tmp_path_factory.mktemp("direct"))
    assert len(found) == CASES
    assert "FAILED" not in {behaviour for behaviour, _ in found.values()}
    return found


def test_every_case_ends_as_without_the_proxy(direct: dict[str, tuple[str, str]], tmp_path: pathlib.Path) -> None:
    with EchoServer() as echo, Proxy({"127.0.0.1": {"/": route(echo.server)}}, main={"log_level": "warn"}) as proxy:
        found = verdicts(f"127.0.0.1:{proxy.port}", tmp_path)
        assert {case: (found.get(case), v) for case, v in direct.items() if found.get(case) != v} == {}
