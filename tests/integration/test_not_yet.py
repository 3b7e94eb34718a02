"""Keys with nothing behind them in this version are accepted, and the program says so: issue 4 point 10."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from support.deadline import seconds
from support.origin import Origin
from support.proxy import BINARY, Proxy, document, route

NO_EFFECT = "has no effect in this version"

MAIN: dict[str, Any] = {
    "upstream_debug_ssl_keylog": True,
    "cache_size_mb": 10, "cache_ttl": 5, "upgrade_sock": "/tmp/x",
    "upgrade_sock_connect_accept_max_retries": 5, "user": "nobody", "group": "nogroup", "graceful_shutdown_timeout_seconds": 5,
    "client_bind_to_ipv4": ["127.0.0.1"], "client_bind_to_ipv6": ["::1"],
    "work_stealing": True, "listener_tasks_per_fd": 1, "upstream_connect_offload_threadpools": 1,
    "upstream_connect_offload_thread_per_pool": 1, "working_directory": "/", "max_blocking_threads": 1, "blocking_threads_ttl_seconds": 1,
    "proxy_port": 80, "proxy_port_tls": "443", "local_server": "x",
    "daemon_wait_for_ready": False, "daemon_ready_timeout_seconds": 1, "daemon_notify_timeout_seconds": 1,
}

UPSTREAMS = """\
provider: file
globals: {a: ["b"]}
upstreams:
  a.test:
    paths:
      "/":
        servers: ["127.0.0.1:1", "https://127.0.0.1:2"]
        healthcheck: true
      "/x":
        healthcheck: true
        servers: ["127.0.0.1:1"]
"""


def dash_t(proxy: Proxy) -> str:
    done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True,
                          timeout=seconds(20), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def warned(said: str, file: str) -> list[tuple[str, int, int]]:
    """Key, line and column of each such warning."""
    found = re.findall(rf"{file}:(\d+):(\d+): warning: (\S+): [^\n]*{NO_EFFECT}", said)
    return [(key, int(line), int(column)) for line, column, key in found]


@pytest.fixture
def proxy():
    p = Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main={"upgrade_sock": None})
    yield p
    p.close()


def test_every_such_key_of_main_is_named_once_where_it_stands(proxy: Proxy) -> None:
    proxy.main.update(MAIN)
    said = dash_t(proxy.prepare())
    lines = (proxy.folder / "main.yaml").read_text().splitlines()
    found = warned(said, r"main\.yaml")
    assert sorted(key for key, _, _ in found) == sorted(MAIN)
    for key, line, column in found:
        assert lines[line - 1][column - 1:].startswith(f'"{key}"'), (key, line, column)


def test_values_that_ask_for_what_happens_anyway_say_nothing(proxy: Proxy) -> None:
    proxy.main.update({"cache_size_mb": 0, "upstream_debug_ssl_keylog": False,
                       "client_bind_to_ipv4": [], "client_bind_to_ipv6": [], "version": 1})
    proxy._first = document({"a.test": {"/": route("127.0.0.1:1", healthcheck=False)}})
    said = dash_t(proxy.prepare())
    assert warned(said, r"main\.yaml") == []
    assert warned(said, r"upstreams\.yaml") == []


def test_keys_that_every_configuration_must_have_say_nothing(origin: Origin) -> None:
    required = {"upgrade_sock": None, "config_address": "127.0.0.1:1", "config_api_enabled": False, "hc_interval": 5, "hc_method": "GET"}
    with Proxy({"a.test": {"/": route(origin)}}, main=required) as proxy:
        assert NO_EFFECT not in proxy.stderr() + proxy.log()


def test_every_such_key_of_upstreams_is_named_once_at_its_first_place(proxy: Proxy) -> None:
    proxy._first = UPSTREAMS
    said = dash_t(proxy.prepare())
    assert sorted(warned(said, r"upstreams\.yaml")) == [
        ("globals", 2, 1)]


def test_start_and_each_reload_say_so(origin: Origin) -> None:
    main = {"cache_size_mb": 10, "cache_ttl": 5}
    with Proxy({"a.test": {"/": route(origin)}}, globals_={"globals": {"a": ["b"]}}, main=main) as proxy:
        assert {"cache_size_mb", "cache_ttl"} < {key for key, _, _ in warned(proxy.stderr(), r"main\.yaml")}
        assert [key for key, _, _ in warned(proxy.stderr(), r"upstreams\.yaml")] == ["globals"]
        for text in ("c", "d"):
            mark = proxy.log_mark()
            proxy.apply({"a.test": {"/": route(origin)}}, globals={"a": [text]})
            assert proxy.wait_log(rf"upstreams\.yaml:\d+:\d+: warning: globals: {NO_EFFECT}", since=mark)
            assert proxy.log()[mark:].count(NO_EFFECT) == 1


def test_upgrade_option_says_so(proxy: Proxy) -> None:
    proxy.prepare()
    done = subprocess.run([str(BINARY), "-t", "-u", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True,
                          timeout=seconds(20), check=False)
    assert done.returncode == 0
    assert f"-u {NO_EFFECT}" in done.stderr
