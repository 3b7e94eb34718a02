"""Metrics: behaviour section 13, issue 6 point 7. Regression tests of defect 27 of section 19."""

from __future__ import annotations

import re
import threading
import time

import pytest

from support.client import Client
from support.deadline import wait_until
from support.origin import Origin, answer
from support.ports import free_port
from support.prometheus import Prometheus, samples, scrape, value
from support.proxy import Proxy, route
from support.tls import client_context, install
from support.tools import need, run

OPENMETRICS = "application/openmetrics-text"

# Type and labels of what the original has (section 13).
ORIGINAL = {
    "aralez_active_sessions": ("gauge", ""), "aralez_logging_errors": ("gauge", ""), "aralez_memory_bytes": ("gauge", ""),
    "aralez_open_files": ("gauge", ""), "aralez_requests_by_method_total": ("counter", "method"),
    "aralez_requests_by_upstream": ("counter", "upstream"), "aralez_requests_by_version_total": ("counter", "version"),
    "aralez_requests_total": ("counter", ""), "aralez_response_latency_seconds": ("histogram", ""),
    "aralez_responses_total": ("counter", "status"),
}


def test_families_of_the_original_have_their_names_types_and_labels() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}, main={"access_log": "error"}) as proxy:
        before = scrape(proxy)
        assert before.get("content-type") == "text/plain; version=0.0.4"
        names = lambda text: set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) & ORIGINAL.keys()
        assert names(before.body.decode()) == {"aralez_open_files", "aralez_memory_bytes", "aralez_logging_errors"}, "only after first use"
        proxy.get("/")
        proxy.get("/", host="none.test")
        text = scrape(proxy).body.decode()
        assert names(text) == ORIGINAL.keys()
        for name, (kind, label) in ORIGINAL.items():
            assert re.search(rf"^# HELP {name} .+\n# TYPE {name} {kind}\n{name}", text, re.MULTILINE), name
            if label:
                assert re.search(rf'^{name}{{{label}="[^"]+"}} \d+$', text, re.MULTILINE), name
        found = samples(text)
        assert found["aralez_requests_total", ()] == 2
        assert found["aralez_requests_by_upstream", (("upstream", "a.test"),)] == 1
        assert found["aralez_requests_by_upstream", (("upstream", "localhost"),)] == 1
        assert found["aralez_responses_total", (("status", "502"),)] == 1
        assert [labels[0][1] for name, labels in found if name == "aralez_response_latency_seconds_bucket"] == [
            "0.001", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "1", "2", "5", "+Inf"]
        families = re.findall(r"^# HELP (\S+)", text, re.MULTILINE)
        assert families == sorted(families) and len(families) == len(set(families))


def test_scrapes_and_the_file_server_itself_do_not_count() -> None:
    port = free_port()
    main = {"file_server_address": f"127.0.0.1:{port}", "file_server_folder": "."}
    with Proxy({"a.test": {"/": route(f"127.0.0.1:{port}")}}, main=main) as proxy:
        for _ in range(3):
            assert value(proxy, "aralez_requests_total") is None
        proxy.get("/none")
        assert value(proxy, "aralez_requests_total") == 1
        assert value(proxy, "aralez_active_sessions") == 0


def test_defect_27_made_up_methods_and_hosts_make_no_series() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        with proxy.client() as client:
            for i in range(30):
                client.request("/", method=f"M{i}")
                client.request("/", method="PROPFIND", host=f"h{i}.test")
        found = samples(scrape(proxy).body.decode())
        assert {labels for name, labels in found if name == "aralez_requests_by_method_total"} == {(("method", "OTHER"),)}
        assert {labels[0][1] for name, labels in found if name == "aralez_requests_by_upstream"} == {"a.test", "localhost"}


def test_defect_27_a_request_without_response_is_410_and_an_error() -> None:
    gate = threading.Event()
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        origin.on("/slow", lambda conn, request: conn.hold(gate))
        with proxy.client() as client:
            client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
            origin.wait_seen("/slow")
            assert value(proxy, "aralez_active_sessions") == 1
            client.reset()
        wait_until(lambda: value(proxy, "aralez_responses_total", status="410") == 1, "counted as 410")
        gate.set()
        found = samples(scrape(proxy).body.decode())
        assert found["aralez_errors_total", ()] == 1
        assert found["aralez_route_errors_total", (("host", "a.test"), ("path", "/"))] == 1
        assert found["aralez_route_requests_total", (("host", "a.test"), ("path", "/"), ("status", "none"))] == 1


def test_defect_27_servers_routes_and_errors_are_told_apart() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin), "/down": route("127.0.0.1:1")}}) as proxy:
        origin.on("/500", answer(status="500 Internal Server Error"))
        for target in ("/", "/500", "/down", "/down"):
            proxy.get(target)
        found = samples(scrape(proxy).body.decode())
        assert found["aralez_errors_total", ()] == 3
        assert found["aralez_route_errors_total", (("host", "a.test"), ("path", "/"))] == 1
        assert found["aralez_route_errors_total", (("host", "a.test"), ("path", "/down"))] == 2
        assert found["aralez_local_replies_total", (("reason", "connect_failed"),)] == 2
        assert found["aralez_route_latency_seconds_count", (("host", "a.test"), ("path", "/"))] == 2
        assert found["aralez_endpoint_requests_total", (("endpoint", origin.server),)] == 2
        assert found["aralez_endpoint_failures_total", (("endpoint", "127.0.0.1:1"),)] >= 2


def test_counts_outlive_reloads_and_routes() -> None:
    with Origin() as origin, Proxy({}) as proxy:
        both = {"a.test": {"/": route(origin), "/x": route(origin)}}
        proxy.apply(both)
        for _ in range(3):
            proxy.get("/x/1")
        proxy.apply({"a.test": {"/": route(origin)}})
        assert value(proxy, "aralez_requests_by_upstream", upstream="a.test") == 3
        proxy.apply(both)
        proxy.get("/x/2")
        proxy.get("/y")
        found = samples(scrape(proxy).body.decode())
        assert found["aralez_requests_by_upstream", (("upstream", "a.test"),)] == 5
        assert found["aralez_route_requests_total", (("host", "a.test"), ("path", "/x"), ("status", "2xx"))] == 4
        applied = found["aralez_reloads_total", (("result", "applied"),)]
        proxy.write_upstreams("provider: [")
        wait_until(lambda: value(proxy, "aralez_reloads_total", result="refused") == 1, "counted as refused")
        after = samples(scrape(proxy).body.decode())
        assert after["aralez_reloads_total", (("result", "applied"),)] == applied
        assert after["aralez_config_generation", ()] == found["aralez_config_generation", ()]


def test_hundreds_of_hosts_come_and_go_under_load() -> None:
    """Series are added while workers count and a scraper reads."""
    with Origin() as origin, Proxy({}) as proxy:
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                samples(scrape(proxy).body.decode())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for round_ in range(3):
                hosts = {f"h{round_}-{i}.test": {"/": route(origin)} for i in range(200)}
                proxy.apply(hosts)
                with proxy.client() as client:
                    for host in list(hosts)[:50]:
                        assert client.request("/", host=host).status == 200
        finally:
            done.set()
            reader.join()
        found = samples(scrape(proxy).body.decode())
        assert sum(v for (name, labels), v in found.items() if name == "aralez_requests_by_upstream" and labels[0][1].startswith("h")) == 150


def test_certificates_and_handshakes_are_shown() -> None:
    port = free_port()
    with Origin() as origin, busy_proxy(origin, port) as proxy:
        for _ in range(2):
            with Client(("127.0.0.1", port), tls=client_context(), name="a.test") as client:
                client.request("/")
        found = samples(scrape(proxy).body.decode())
        ends = {labels[0][1]: v for (name, labels), v in found.items() if name == "aralez_certificate_expiry_timestamp_seconds"}
        assert len(ends) == 1 and all(0 < v - time.time() < 400 * 86400 for v in ends.values()), ends
        assert found["aralez_tls_handshakes_total", (("version", "TLSv1.3"),)] == 2
        assert 0 < found["aralez_start_time_seconds", ()] <= time.time()
        assert re.search(r'^aralez_build_info\{compiler="[^"]+",version="\d+\.\d+[^"]*"\} 1$', scrape(proxy).body.decode(), re.MULTILINE)


def test_host_keys_are_escaped() -> None:
    with Origin() as origin, Proxy({"a.test": {'/q"\\': route(origin), "/": route(origin)}}) as proxy:
        proxy.get("/q%22")
        samples(scrape(proxy).body.decode())


@pytest.mark.parametrize("accept,openmetrics", [("", False), ("*/*", False), ("text/plain", False), (OPENMETRICS, True),
                                                (f"{OPENMETRICS};version=1.0.0,text/plain;version=0.0.4;q=0.5", True)])
def test_the_scraper_picks_the_format(accept: str, openmetrics: bool) -> None:
    with Proxy({}) as proxy:
        proxy.get("/")
        got = scrape(proxy, accept)
        text = got.body.decode()
        assert (got.get("content-type") or "").startswith(OPENMETRICS if openmetrics else "text/plain; version=0.0.4")
        assert text.endswith("\n# EOF\n") == openmetrics
        assert ("# TYPE aralez_requests counter" in text) == openmetrics
        assert "\naralez_requests_total 1\n" in text


def busy_proxy(origin: Origin, tls_port: int) -> Proxy:
    proxy = Proxy({}, main={"access_log": "all", "proxy_address_tls": f"127.0.0.1:{tls_port}"})
    install(proxy.config / "certificates")
    origin.on("/500", answer(status="500 Internal Server Error"))
    origin.on("/closes", answer(fields="Connection: close\r\n"))  # the next request needs a connect
    return proxy


def make_traffic(proxy: Proxy, tls_port: int) -> None:
    with proxy.client() as client:
        for target in ("/", "/500", "/down", "/x", "/closes"):
            client.request(target)
    proxy.get("/", host="none.test")
    with Client(("127.0.0.1", tls_port), tls=client_context(), name="a.test") as client:
        client.request("/tls")


def test_promtool_finds_nothing_but_the_name_that_must_stay() -> None:
    port = free_port()
    with Origin() as origin, busy_proxy(origin, port) as proxy:
        proxy.apply({"a.test": {"/": route(origin), "/down": route("127.0.0.1:1")}})
        make_traffic(proxy, port)
        done = run(need("promtool"), "check", "metrics", data=scrape(proxy).body, check=False)
        said = (done.stdout + done.stderr).decode().splitlines()
        # The original's name: its users have it in their queries.
        assert said == ['aralez_requests_by_upstream counter metrics should have "_total" suffix'], said


def test_a_real_prometheus_takes_openmetrics() -> None:
    """It asks for that format, which has changed no name. Queries of the dashboard: test_dashboard.py."""
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy, Prometheus(proxy) as prometheus:
        proxy.get("/")
        wait_until(lambda: prometheus.query('aralez_requests_by_upstream{upstream="a.test"}'), "a scrape with the request", pause=0.1)
        assert prometheus.query('aralez_response_latency_seconds_bucket{le="1"}')
        assert prometheus.query("aralez_build_info")[0]["metric"]["instance"] == "{}:{}".format(*proxy.api_address)
        assert prometheus.target_error() == ""
