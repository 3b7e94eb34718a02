"""The command line: behaviour section 1.1, issue 4 points 10 and 11."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import re
import socket
import subprocess

import pytest

from support.client import Client
from support.deadline import seconds, wait_until
from support.origin import Origin
from support.ports import free_port
from support.proxy import BINARY, Proxy, route


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=seconds(20), check=False)


@pytest.fixture
def files():
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:8000"),
                              "/admin": route("127.0.0.1:8001", "127.0.0.1:8002", server_headers=["X-A: b"], client_headers=["X-C: d"]),
                              "/old": route("127.0.0.1:1", redirect_to="https://new.test"),
                              "/only": {"redirect_to": "https://new.test"}, "/secure": route("127.0.0.1:8004", to_https=True),
                              "/none": {"servers": []},
                              "/locked": route("127.0.0.1:1", authorization={"type": "basic", "data": "u:p"})},
                   "DEFAULT": {"/": route("127.0.0.1:8003")}}).prepare()
    yield proxy
    proxy.close()


def conf(files: Proxy) -> str:
    return str(files.folder / "main.yaml")


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version(flag: str) -> None:
    done = call(flag)
    assert done.returncode == 0
    assert re.fullmatch(r"aralez \d+\.\d+\.\d+\S*\n", done.stdout)


def test_version_wins_wherever_it_stands(files: Proxy) -> None:
    done = call("-c", conf(files), "-v")
    assert done.returncode == 0 and done.stdout.startswith("aralez ")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_flag(flag: str) -> None:
    done = call(flag)
    assert done.returncode == 0
    for name in ("--conf", "--test", "--version", "--daemon", "--upgrade", "--explain"):
        assert name in done.stdout


@pytest.mark.parametrize("arguments", [[], ["-t"], ["-V"], ["--nonsense"], ["-c"], ["stray"]])
def test_usage_error_is_exit_2_with_a_hint(arguments: list[str]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert re.search(r"conf|usage|help", done.stderr, re.IGNORECASE)


def test_conf_file_that_is_not_there_is_an_error_that_names_it() -> None:
    done = call("-c", "/nonexistent/main.yaml")
    assert done.returncode not in (0, -6, -11)
    assert "/nonexistent/main.yaml" in done.stderr + done.stdout


@pytest.mark.parametrize("flag", ["-t", "--test"])
def test_good_configuration_passes_and_nothing_listens(files: Proxy, flag: str) -> None:
    done = call("-c", conf(files), flag)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(OSError):
        Client(files.address)


def test_test_reports_every_mistake_of_every_file(files: Proxy) -> None:
    (files.folder / "main.yaml").write_text(
        f"threads: many\nproxy_address_http: nonsense\nupstreams_conf: {files.upstreams_file}\nconfig_address: 127.0.0.1:1\n"
        "config_api_enabled: 3\nhc_interval: 0\nhc_method: FETCH\nlog_level: info\nproxy_adress_tls: 127.0.0.1:1\n")
    files.write_upstreams("provider: file\nupstreams:\n  a.test:\n    paths:\n      \"/\":\n        servers: [\"127.0.0.1:0x50\"]\n"
                          "        rate_limit: \"50\"\n")
    (files.config / "conf.d").mkdir()
    (files.config / "conf.d" / "bad.yaml").write_text("b.test:\n  pahts: {}\n")
    done = call("-t", "-c", conf(files))
    said = done.stdout + done.stderr
    assert done.returncode not in (0, -6, -11)
    for where in (r"main\.yaml:1:\d+: .*threads", r"main\.yaml:2:\d+: .*proxy_address_http", r"main\.yaml:5:\d+: .*config_api_enabled",
                  r"main\.yaml:6:\d+: .*hc_interval", r"main\.yaml:7:\d+: .*hc_method", r"main\.yaml:9:\d+: .*proxy_adress_tls.*proxy_address_tls",
                  r"upstreams\.yaml:6:\d+: ", r"upstreams\.yaml:7:\d+: .*rate_limit", r"conf\.d/bad\.yaml:[12]:\d+: .*paths"):
        assert re.search(where, said), f"{where} not in\n{said}"


@pytest.mark.parametrize("missing", ["upstreams_conf", "proxy_address_http", "config_address", "config_api_enabled", "hc_interval",
                                     "hc_method", "log_level"])
def test_required_key_of_main(files: Proxy, missing: str) -> None:
    del files.main[missing]
    files.prepare()
    done = call("-t", "-c", conf(files))
    assert done.returncode not in (0, -6, -11)
    assert missing in done.stdout + done.stderr


@pytest.mark.parametrize("key, value", [
    ("threads", 0), ("threads", "two"), ("proxy_address_http", ":80"), ("proxy_address_http", "localhost:80"), ("proxy_address_http", "127.0.0.1:99999"),
    ("hc_interval", 0), ("hc_method", "FETCH"), ("config_api_enabled", "yes"), ("upstream_connect_timeout", -1), ("client_head_timeout", "soon"),
    ("upstream_keepalive_pool_size", "big"), ("client_max_headers", -5), ("proxy_address_http", ["a"]), ("upstreams_conf", {"a": 1}),
])
def test_bad_value_in_main_is_refused(files: Proxy, key: str, value: object) -> None:
    files.main[key] = value
    files.prepare()
    done = call("-t", "-c", conf(files))
    said = done.stdout + done.stderr
    assert done.returncode not in (0, -6, -11), said
    assert re.search(rf"main\.yaml:\d+:\d+: .*{key}", said), said


@pytest.mark.parametrize("key, value, what", [
    ("log_file", "{folder}/nowhere/log, 5", "cannot be written"), ("log_file", "{folder}", "cannot be written"),
    ("access_log_file", "{folder}/nowhere/log", "cannot be written"), ("error_log", "{folder}/nowhere/log", "cannot be written"),
    ("pid_file", "{folder}/nowhere/pid", "cannot be written"), ("runuser", "no-such-user", "no user"), ("rungroup", "no-such-group", "no group"),
])
def test_test_reports_what_a_start_could_not_do(files: Proxy, key: str, value: str, what: str) -> None:
    files.main.update(access_log="all", daemon=True, runuser="root", rungroup="0")
    files.main[key] = value.format(folder=files.folder)
    files.prepare()
    done = call("-t", "-c", conf(files))
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert re.search(rf"main\.yaml:\d+:\d+: {key}: .*{what}.*; write ", said), said
    assert not (files.folder / "nowhere").exists()


def test_test_makes_none_of_the_files_of_a_start(files: Proxy) -> None:
    files.main.update(access_log="all", daemon=True, log_file=str(files.folder / "log"), access_log_file=str(files.folder / "access"),
                      error_log=str(files.folder / "error"))
    files.prepare()
    before = sorted(files.folder.iterdir())
    done = call("-t", "-c", conf(files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(files.folder.iterdir()) == before


def test_unknown_key_warns_with_the_nearest_name_and_is_no_error(files: Proxy) -> None:
    files.main["acces_log"] = "all"
    files.prepare()
    done = call("-t", "-c", conf(files))
    assert done.returncode == 0
    assert re.search(r"acces_log.*access_log", done.stdout + done.stderr)


def test_every_documented_key_of_main_is_accepted(files: Proxy) -> None:
    files.main.update({
        "proxy_address_tls": f"127.0.0.1:{free_port()}", "log_file": str(files.folder / "log"), "access_log": "all", "master_key": "k" * 32,
        "proxy_tls_grade": "high", "file_server_address": f"127.0.0.1:{free_port()}", "file_server_folder": str(files.folder),
        "tcp_keepalive_idle": 60, "tcp_keepalive_interval": 10, "tcp_keepalive_count": 5,
        "config_tls_address": "127.0.0.1:1", "config_tls_certificate": str(files.config / "certificates/a.crt"),
        "config_tls_key_file": str(files.config / "certificates/a.key"),
        "work_stealing": True, "listener_tasks_per_fd": 1, "daemon": False, "error_log": "e", "upstream_keepalive_pool_size": 10, "max_retries": 3,
        "graceful_shutdown_timeout_seconds": 5, "client_bind_to_ipv4": [], "client_bind_to_ipv6": [],
        "upstream_connect_offload_threadpools": 1, "upstream_connect_offload_thread_per_pool": 1, "upstream_debug_ssl_keylog": False,
        "upgrade_sock_connect_accept_max_retries": 5, "version": 1, "working_directory": "/", "max_blocking_threads": 1,
        "blocking_threads_ttl_seconds": 1, "daemon_wait_for_ready": True, "daemon_ready_timeout_seconds": 1, "daemon_notify_timeout_seconds": 1,
        "cache_size_mb": 10, "cache_ttl": 5,
        "upstream_connect_timeout": 1.5, "upstream_first_byte_timeout": 2, "upstream_idle_timeout": 3, "upstream_pool_timeout": 4,
        "client_head_timeout": 1, "client_idle_timeout": 1, "client_min_body_rate": 100, "client_max_head_bytes": 10000,
        "client_max_headers": 50, "client_max_connections": 100, "tunnel_idle_timeout": 60,
    })
    certificates = files.config / "certificates"
    certificates.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=a.test",
                    "-keyout", str(certificates / "a.key"), "-out", str(certificates / "a.crt")], check=True, capture_output=True)
    files.prepare()
    done = call("-t", "-c", conf(files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unknown" not in (done.stdout + done.stderr).lower()


OLD_SPELLINGS = """\
provider: "file"
sticky_sessions: false
to_https: false
rate_limit: 100
x4xx_limit: 10
headers: ["X-Old: 1"]
authorization: ~
top.test:
  paths:
    "/":
      to_https: false
      headers:
        - "X-Path: 2"
      rate_limit: 0x10
      servers:
        - "127.0.0.1:8000"
        - "[::1]:8000"
        - "::1:8001"
        - "backend.test:80"
upstreams: &hosts
  under.test:
    rate_limit: 5
    paths:
      "/":
        servers: ["127.0.0.1:8000"]
        healthcheck: true
        authorization:
          type: jwt
          creds: "secret"
"""


def test_old_spellings_of_upstreams_are_accepted(files: Proxy) -> None:
    files.write_upstreams(OLD_SPELLINGS)
    done = call("-t", "-c", conf(files))
    assert done.returncode == 0, done.stdout + done.stderr


# runuser, rungroup

def test_defect_15_user_is_the_user_and_group_the_group(files: Proxy) -> None:
    """Who is root becomes both; anybody else can stay who he is."""
    user, group = ("nobody", "daemon") if os.geteuid() == 0 else (pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
    files.main.update(runuser=user, rungroup=group)
    files.folder.chmod(0o711)
    files.start()

    def ids_of_process() -> dict[str, list[str]]:
        status = pathlib.Path(f"/proc/{files.pid}/status").read_text(encoding="ascii")
        return {name: line.split() for name, _, line in (row.partition(":") for row in status.splitlines())}
    # It listens before it gives its rights away.
    wait_until(lambda: ids_of_process()["Uid"] == [str(pwd.getpwnam(user).pw_uid)] * 4, "the user is another")
    ids = ids_of_process()
    assert ids["Gid"] == [str(grp.getgrnam(group).gr_gid)] * 4
    assert os.geteuid() != 0 or "0" not in ids["Groups"]
    files.stop()


# --explain

def explain(files: Proxy, request: str) -> str:
    done = call("-c", conf(files), "--explain", request)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_explain_shows_the_way_of_a_request(files: Proxy) -> None:
    said = explain(files, "GET http://A.test/x/../admin/users?q=1")
    for part in (str(files.port), "a.test", "/admin", "127.0.0.1:8001", "127.0.0.1:8002", "X-A", "X-C"):
        assert part in said, f"{part} not in\n{said}"
    assert "127.0.0.1:8000" not in said


@pytest.mark.parametrize("request_, parts", [
    ("GET http://other.test/", ["DEFAULT", "127.0.0.1:8003"]),
    ("GET http://a.test/old/x?y", ["/old", "https://new.test"]),
    ("POST http://a.test/locked", ["/locked", "401 auth_missing"]),
    ("GET http://a.test/a%00b", ["400"]),
    ("GET http://a.test?x=/admin", ["matching: host a.test path /\n", "forwards: /?x=/admin"]),
    ("GET http://a.test/only/x?y", ["/only", "301 redirect to https://new.test/only/x?y"]),
    ("POST http://a.test/only/x", ["308 redirect to https://new.test/only/x"]),
    ("GET http://a.test/secure", ["301 https_redirect to https://a.test/secure"]),
    ("GET https://a.test/secure", ["needs proxy_address_tls", "127.0.0.1:8004"]),
    ("GET http://a.test/none", ["servers:  none: answers 502"]),
])
def test_explain_tells_what_else_would_happen(files: Proxy, request_: str, parts: list[str]) -> None:
    said = explain(files, request_)
    for part in parts:
        assert part in said, f"{part} not in\n{said}"


@pytest.mark.parametrize("target", ["old/x", "only", "locked"])
def test_explain_names_no_servers_when_a_filter_answers(files: Proxy, target: str) -> None:
    said = explain(files, f"GET http://a.test/{target}")
    assert "servers:" not in said and "forwards:" not in said, said


def test_explain_says_what_really_happens(files: Proxy) -> None:
    said = {t: explain(files, f"GET http://a.test{t}") for t in ("/old/x?y", "/only", "/locked", "/none")}
    with files:
        for target, text in said.items():
            real = files.get(target)
            assert re.search(rf"\b{real.status}\b", text), text
            assert (real.get("location") or "") in text


def test_explain_needs_no_free_port(files: Proxy) -> None:
    files.start()
    assert "127.0.0.1:8000" in explain(files, "GET http://a.test/")
    files.stop()


def test_explain_of_nonsense_is_an_error(files: Proxy) -> None:
    for nonsense in ("nonsense", "", "GET"):
        assert call("-c", conf(files), "--explain", nonsense).returncode != 0, nonsense


@pytest.mark.parametrize("path", ["/x y", "/x#y", "/\u00e4"])
def test_explain_refuses_what_no_request_can_say(files: Proxy, path: str) -> None:
    assert "answer:   400 bad_target" in explain(files, f"GET http://a.test{path}")


def test_address_in_use_is_an_error_that_names_it(files: Proxy) -> None:
    with socket.socket() as s:
        s.bind(files.address)
        s.listen(1)
        done = call("-c", conf(files))
    assert done.returncode not in (0, -6, -11)
    assert str(files.port) in done.stdout + done.stderr


def test_listens_on_ipv6() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}, "[::1]": {"/": route(origin)}}, address="::1") as proxy:
        assert proxy.get("/").status == 200
        assert origin.requests[-1].get("x-forwarded-for") == "::1"
        assert proxy.get("/", host=f"[::1]:{proxy.port}").status == 200
        assert proxy.get("/", host="[0::1]").status == 200, "another spelling of the same"
