"""The dashboard of packaging/grafana, drawn by Grafana's own components from a real Prometheus: issue 6 point 7."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import re
import time
from typing import Any, Callable, Iterator

import pytest

from support.chromium import Chromium
from support.client import Client
from support.dashboard import Board, DashboardPage, Panel, board, panels
from support.deadline import Deadline, wait_until
from support.origin import Origin, answer
from support.ports import free_port
from support.prometheus import Prometheus, value
from support.proxy import ROOT, Hosts, Proxy, document, route
from support.tls import client_context, install

PICTURE = ROOT / "docs/user/grafana.png"

NUMBER = r"-?\d+(\.\d+)?"
RATE = rf"{NUMBER} req/s"
OPERATIONS = rf"{NUMBER} ops/s"
SECONDS = rf"{NUMBER} (ns|µs|ms|s|mins?|hours?)"
DAYS = rf"{NUMBER} (days?|hours?|weeks?)"

VALUES = {"Requests per second": RATE, "Errors": rf"{NUMBER}%", "95th percentile": SECONDS, "In flight": NUMBER,
          "Servers left out": "1", "Services unanswered": "0", "Certificates in trouble": "0", "First certificate to end": r"[12] days?"}
"""Text of each stat."""

GRAPHS: dict[str, tuple[str, set[str]]] = {
    "By status": (RATE, {"200", "500", "502"}),
    "By host": (RATE, {"shop.test", "blog.test", "localhost"}),
    "Latency": (SECONDS, {"p50", "p95", "p99", "mean"}),
    "By method": (RATE, {"GET"}),
    "By protocol": (RATE, {"HTTP/1.1"}),
    "Answers of the proxy itself": (RATE, {"connect_failed", "no_route"}),
    "Busiest routes": (RATE, {"shop.test/", "shop.test/cart", "blog.test/", "blog.test/old", "localhost"}),
    "Errors by route": (RATE, {"shop.test/", "shop.test/cart", "blog.test/", "blog.test/old", "localhost"}),
    "Slowest routes": (SECONDS, {"shop.test/", "shop.test/cart", "blog.test/", "blog.test/old", "localhost"}),
    "Requests by server": (RATE, {"ORIGIN", "OTHER", "127.0.0.1:1"}),
    "Failures and retries": (RATE, {f"{what} {server}" for what in ("failed", "retried") for server in ("ORIGIN", "OTHER", "127.0.0.1:1")}),
    "Time to connect": (SECONDS, {"ORIGIN", "OTHER", "127.0.0.1:1"}),
    "Health": ("left out|in use", {"ORIGIN", "OTHER", "127.0.0.1:1"}),
    "Connections to servers": (NUMBER, {"open", "new, http/1.1", "reused"}),
    "Name lookups": (OPERATIONS, {"lookups", "failed"}),
    "Client connections": (NUMBER, {"open", "tunnels", "new per second"}),
    "TLS handshakes": (OPERATIONS, {"TLSv1.3", "resumed", "failed"}),
    "Certificates": (DAYS, {"test"}),
    "Configuration": (NUMBER, {"generation, API", "applied", "refused", "unchanged"}),
    "Age of the configuration": (SECONDS, {"API"}),
    "Memory": (rf"0 B|{NUMBER} MiB", {"API"}),
    "Open files": (NUMBER, {"API"}),
    "Dropped log records": (NUMBER, {"access log", "server log"}),
}
"""Labels of the vertical axis, and the legend, of each graph. Names in capitals stand for addresses of the scene."""

CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@dataclasses.dataclass
class Scene:
    """A shop behind a proxy, a Prometheus that scrapes it, and a browser."""
    proxy: Proxy
    origin: Origin
    other: Origin
    tls_port: int
    prometheus: Prometheus
    page: DashboardPage
    browser: Chromium

    @property
    def addresses(self) -> dict[str, str]:
        return {"ORIGIN": self.origin.server, "OTHER": self.other.server, "API": "{}:{}".format(*self.proxy.api_address)}

    def traffic(self, shoppers: int = 4) -> None:
        with self.proxy.client() as client:
            for host, target in [("shop.test", "/"), ("shop.test", "/cart/1"), ("blog.test", "/")] * shoppers + [
                    ("shop.test", "/500"), ("blog.test", "/old"), ("none.test", "/"), ("shop.test", "/closes")]:
                client.request(target, host=host)
        with Client(("127.0.0.1", self.tls_port), tls=client_context(), name="a.test") as client:
            client.request("/", host="shop.test")

    def opened(self, query: str = "from=now-15s&to=now&scrape=1", shown: Board | None = None) -> str:
        self.browser.said.clear()
        self.page.shown = shown or board()
        return self.page.open(self.browser, query)

    def drawn(self, **keys: Any) -> dict[str, Panel]:
        state = self.opened(**keys)
        found = panels(self.browser)
        assert state == "mounted" and not self.browser.said, f"{state}; the page complained: {self.browser.said}"
        return found


def hosts(origin: Origin, other: Origin) -> Hosts:
    return {"shop.test": {"/": route(origin, other), "/cart": route(origin, "127.0.0.1:1")},
            "blog.test": {"/": route(other), "/old": route("127.0.0.1:1")}}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    port = free_port()
    with Origin() as origin, Origin() as other:
        for o in (origin, other):
            o.on("/500", answer(status="500 Internal Server Error"))
            o.on("/closes", answer(fields="Connection: close\r\n"))  # the next request needs a connect
        proxy = Proxy(hosts(origin, other), main={"access_log": "all", "proxy_address_tls": f"127.0.0.1:{port}"})
        install(proxy.config / "certificates")
        with proxy, Prometheus(proxy) as prometheus, DashboardPage(prometheus) as page, Chromium() as browser:
            made = Scene(proxy, origin, other, port, prometheus, page, browser)
            made.traffic()
            reload(made)
            yield made


def reload(scene: Scene) -> None:
    """A new configuration while Prometheus looks, for the annotation."""
    before = value(scene.proxy, "aralez_config_generation")
    scene.proxy.write_upstreams(document({**hosts(scene.origin, scene.other), "new.test": {"/": route(scene.origin)}}))
    wait_until(lambda: value(scene.proxy, "aralez_config_generation") != before, "a reload")


def wrong_values(found: dict[str, Panel]) -> list[str]:
    return [f"{title}: {found[title].lines}" for title, text in VALUES.items()
            if not re.fullmatch(text, " ".join(found[title].lines))]


def wrong_graphs(found: dict[str, Panel], addresses: dict[str, str]) -> list[str]:
    wrong = []
    for title, (unit, names) in GRAPHS.items():
        panel = found[title]
        legend = {re.sub("[A-Z]{3,}$", lambda m: addresses.get(m[0], m[0]), name) for name in names}
        labels = [text for text in panel.axes if not CLOCK.fullmatch(text)]
        if sorted(panel.lines) != sorted(legend):
            wrong.append(f"{title}: legend {panel.lines}, not {legend}")
        if len(labels) < 2 or not all(re.fullmatch(unit, text) for text in labels):
            wrong.append(f"{title}: axis {labels}")
        if len(panel.axes) == len(labels):
            wrong.append(f"{title}: no times")
        if panel.coloured < 50:
            wrong.append(f"{title}: {panel.coloured} pixels of a line")
    return wrong


def until_right(scene: Scene, wrong: Callable[[dict[str, Panel]], list[str]], **keys: Any) -> dict[str, Panel]:
    """The panels when nothing is wrong with them; traffic goes on until then."""
    found: dict[str, Panel] = {}

    def right() -> bool:
        scene.traffic()
        found.clear()
        found.update(scene.drawn(**keys))
        return not wrong(found)
    try:
        wait_until(right, "a dashboard as it should be", 40, pause=0.2)
    except AssertionError as e:
        raise AssertionError(f"{e}: {wrong(found) if found else ''}") from None
    return found


def test_every_panel_is_drawn(scene: Scene) -> None:
    """Titles, values with their units, legends, axes with their units, and lines."""
    titles = [p["title"] for p in board()["panels"] if p["type"] != "row"]
    assert sorted(titles) == sorted([*VALUES, *GRAPHS, "Instances"]), "a panel that this test does not know"
    found = until_right(scene, lambda now: wrong_values(now) + wrong_graphs(now, scene.addresses))
    assert list(found) == titles
    version = scene.prometheus.query("aralez_build_info")[0]["metric"]["version"]
    header, row = found["Instances"].lines[:3], found["Instances"].lines[3:]
    assert header == ["instance", "version", "up"]
    assert row[:2] == [scene.addresses["API"], version] and re.fullmatch(SECONDS, row[2]) and len(row) == 3, row
    shown = scene.browser.run("document.body.innerText")
    assert "No data" not in shown and "NaN" not in shown
    assert [r for r in scene.browser.run("[...document.querySelectorAll('h2')].map(h => h.textContent)") if r not in titles] == [
        p["title"] for p in board()["panels"] if p["type"] == "row"]


def test_an_instance_can_be_picked(scene: Scene) -> None:
    picked = f"from=now-15s&to=now&scrape=1&var-instance={scene.addresses['API']}"
    until_right(scene, wrong_values, query=picked)


def test_without_requests_nothing_is_left_blank(scene: Scene) -> None:
    """Quotients of zeros are no numbers."""
    found: dict[str, Panel] = {}

    def idle() -> bool:
        found.update(scene.drawn())
        return found["Requests per second"].lines == ["0 req/s"]
    wait_until(idle, "no requests for a while", 30, pause=0.5)
    assert found["Errors"].lines == ["–"] and found["95th percentile"].lines == ["–"]
    assert all(panel.lines for panel in found.values())


def test_annotations_have_data(scene: Scene) -> None:
    for annotation in board()["annotations"]["list"]:
        if "expr" in annotation:
            expression = annotation["expr"].replace("$instance", ".*")
            wait_until(lambda: scene.prometheus.query(expression), annotation["name"])


def test_no_stat_is_judged_by_grafanas_own_thresholds() -> None:
    """They are for percentages: anything from 80 up is red."""
    for panel in board()["panels"]:
        if panel["type"] == "stat":
            defaults = panel["fieldConfig"]["defaults"]
            assert "thresholds" in defaults or defaults.get("color", {}).get("mode") == "fixed", panel["title"]


def test_targets_and_places_of_panels() -> None:
    shown = board()["panels"]
    assert len({p["id"] for p in shown}) == len(shown)
    taken = [(x, y) for p in shown for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
             for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    assert len(taken) == len(set(taken)), "panels overlap"
    assert max(x for x, _ in taken) < 24
    for p in shown:
        refs = [t["refId"] for t in p.get("targets", [])]
        assert len(refs) == len(set(refs)), p["title"]


@pytest.mark.parametrize("change,said", [
    ({"type": "piechart"}, "By status: unknown type piechart"),
    ({"fieldConfig": {"defaults": {"unit": "reqqps"}, "overrides": []}}, "By status: unknown reqqps"),
    ({"fieldConfig": {"defaults": {"custom": {"lineWidht": 1}}, "overrides": []}}, "By status: unknown custom.lineWidht"),
    ({"fieldConfig": {"defaults": {}, "overrides": [{"matcher": {"id": "byName", "options": "200"}, "properties": [{"id": "colour"}]}]}},
     "By status: unknown colour"),
    ({"transformations": [{"id": "mingle", "options": {}}]}, "By status: unknown mingle"),
])
def test_what_grafana_does_not_know_is_found(scene: Scene, change: dict[str, Any], said: str) -> None:
    """Else a slip in the dashboard would pass: Grafana leaves it out without a word."""
    shown = copy.deepcopy(board())
    next(p for p in shown["panels"] if p["title"] == "By status").update(change)
    assert scene.opened(shown=shown) == said
    assert not panels(scene.browser)
    assert any(said in line for line in scene.browser.said)


def test_picture_of_the_manual(scene: Scene) -> None:
    """ARALEZ_PICTURES=1 makes it anew, of a minute of traffic; otherwise it is only looked at that it is there."""
    anew = bool(os.environ.get("ARALEZ_PICTURES"))
    end = Deadline(60 if anew else 0)
    while not end.over():
        scene.traffic(round(8 + 5 * math.sin(end.left() / 9)))
        time.sleep(0.2)
    until_right(scene, wrong_values, query=f"from=now-{'60s' if anew else '15s'}&to=now&scrape=1")
    icons = sum(bool(p.get("description")) for p in board()["panels"])
    scene.browser.wait(f"document.querySelectorAll('[data-panel] svg path').length >= {icons}", "the icons, which are fetched late")
    scene.browser.size(1400, 1215)
    picture = scene.browser.picture()
    assert picture.startswith(b"\x89PNG") and len(picture) > 30_000
    if anew:
        PICTURE.write_bytes(picture)
    assert PICTURE.exists()
