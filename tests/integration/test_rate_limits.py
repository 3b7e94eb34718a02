"""`rate_limit` and `x4xx_limit`: issue 6 point 2, behaviour section 7.

127.0.0.3 is a trusted proxy, so that a test can be any client; each test is one of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

import grpc
import pytest

from support.client import Client
from support.deadline import seconds, wait_until
from support.grpc_peers import OwnServer, call, channel
from support.origin import Origin, answer
from support.pairs import ACTIVE, CLIENTS, PROTOCOLS, PairClient, Upstream
from support.ports import free_port
from support.proxy import Proxy, document, route
from support.tls import install

FRONT = "127.0.0.3"
_pause = threading.Event()
_numbers = itertools.count(1)


def somebody() -> str:
    """A client that nobody was before."""
    n = next(_numbers)
    return f"192.0.{n // 250}.{n % 250 + 1}"


class Asker:
    """A client behind the trusted proxy, on a connection that it keeps."""

    def __init__(self, address: tuple[str, int], ip: str | None = None):
        self.ip = ip or somebody()
        self.client = Client(address, source=FRONT)

    def __call__(self, target: str = "/", host: str = "a.test", fields: str = "", **keys: Any) -> int:
        self.last = self.client.request(target, host=host, fields=f"X-Forwarded-For: {self.ip}\r\n{fields}", **keys)
        return self.last.status


def in_one_window(ask: Callable[[], Any], n: int, *, used: bool = False) -> list[Any]:
    """What `ask` gives `n` times within one second of the limit's clock: those are the seconds of the system's CLOCK_MONOTONIC, which
    is what time.monotonic() reads. `used`: it may have asked before in this second."""
    for _ in range(30):
        now = time.monotonic()
        if used or not 0.02 < now % 1 < 0.6:
            _pause.wait(math.floor(now) + 1.02 - now)
        used = True
        second = math.floor(time.monotonic())
        statuses = [ask() for _ in range(n)]
        if math.floor(time.monotonic()) == second:
            return statuses
    raise AssertionError("never asked quickly enough to stay within a second")


def let_in(ask: Callable[[], int], n: int = 12) -> int:
    statuses = in_one_window(ask, n)
    assert set(statuses) <= {200, 301, 429}, statuses
    passed = len([s for s in statuses if s != 429])
    assert all(s != 429 for s in statuses[:passed]), statuses
    return passed


def main(**keys: Any) -> dict[str, Any]:
    return {"trusted_proxies": [FRONT], "log_level": "info", **keys}


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, Origin]]:
    with Origin() as origin:
        origin.on("/404", answer(status="404 Not Found"))
        origin.on("/own/404", answer(status="404 Not Found"))
        origin.on("/429", answer(status="429 Too Many Requests"))
        origin.on("/500", answer(status="500 Internal Server Error"))
        upstreams = document({
            "a.test": {"/": route(origin), "/own": route(origin, rate_limit=2), "/moved": route(origin, redirect_to="http://b.test"),
                       "/none": route(origin, rate_limit=0), "/less": route(origin, rate_limit=-5)},
            "b.test": {"/": route(origin), "/own": route(origin, rate_limit=2)},
            "errors.test": {"/": route(origin), "/own": route(origin, x4xx_limit=1), "/limited": route(origin, rate_limit=0)},
            "errors-b.test": {"/": route(origin)},
            "DEFAULT": {"/": route(origin)},
        }, rate_limit=4, x4xx_limit=3)
        upstreams["upstreams"]["a.test"]["rate_limit"] = 3
        for host in ("errors.test", "errors-b.test"):
            upstreams["upstreams"][host]["rate_limit"] = 100_000
        upstreams["upstreams"]["errors.test"]["x4xx_limit"] = 2
        with Proxy(upstreams=upstreams, main=main()) as proxy:
            yield proxy, origin
        origin.check()


@pytest.fixture
def ask(world) -> Iterator[Asker]:
    asker = Asker(world[0].address)
    yield asker
    asker.client.close()


# rate_limit

def test_limit_of_the_host_lets_in_that_many_a_second(ask: Asker) -> None:
    assert let_in(ask) == 3


def test_limit_of_the_path_wins(ask: Asker) -> None:
    assert let_in(lambda: ask("/own/x")) == 2


def test_limit_of_the_top_level_is_for_hosts_without_one(ask: Asker) -> None:
    assert let_in(lambda: ask(host="b.test")) == 4
    assert let_in(lambda: ask("/own", host="b.test")) == 2


def test_refusal_says_when_to_come_back_and_keeps_the_connection(world, ask: Asker) -> None:
    in_one_window(ask, 6)
    wait_until(lambda: ask() == 429, "refused", pause=0)
    r = ask.last
    assert r.get("retry-after") == "1" and r.get("content-length") == "0" and r.body == b""
    assert r.get("ratelimit-policy") == '"rate";q=3;w=1'
    assert r.get("ratelimit") == '"rate";r=0;t=1'
    assert r.get("cache-control") == "private, no-store" and r.get("connection") is None
    wait_until(lambda: ask() == 200, "served again, on the same connection")
    assert ask.last.get("ratelimit") is None
    world[0].wait_log("429 rate_limited: more requests of this client than rate_limit allows, GET / host a.test client " + ask.ip)


@pytest.mark.parametrize("target", ["/none", "/less"])
def test_limit_of_nothing_refuses_everything(world, ask: Asker, target: str) -> None:
    before = len(world[1].requests)
    assert [ask(target) for _ in range(5)] == [429] * 5
    assert ask.last.get("ratelimit-policy") == '"rate";q=0;w=1'
    assert len(world[1].requests) == before


def test_host_and_route_with_a_limit_of_its_own_count_apart(ask: Asker) -> None:
    statuses = in_one_window(lambda: ask("/own"), 6)
    assert statuses.count(200) == 2
    assert let_in(ask) == 3


def test_redirects_are_counted(ask: Asker) -> None:
    assert let_in(lambda: ask("/moved")) == 3


def test_all_paths_of_a_host_count_together(ask: Asker) -> None:
    targets = itertools.cycle(["/", "/x", "/moved", "/y?z"])
    assert let_in(lambda: ask(next(targets))) == 3


def test_hosts_behind_default_share_one_count(ask: Asker) -> None:
    hosts = itertools.cycle([f"unknown-{i}.test" for i in range(50)])
    assert let_in(lambda: ask(host=next(hosts))) == 4


def test_spellings_of_host_and_path_do_not_help(ask: Asker) -> None:
    hosts = itertools.cycle(["a.test", "A.TEST", "a.test.", "a.test:80", "A.test.:8080"])
    assert let_in(lambda: ask(host=next(hosts))) == 3
    targets = itertools.cycle(["/own", "//own", "/./own", "/x/../own", "/%6fwn", "/own?x"])
    assert let_in(lambda: ask(next(targets))) == 2


def test_ipv6_network_is_one_client(world) -> None:
    askers = [Asker(world[0].address, f"2001:db8:0:{network}::{host}") for network, host in ((1, "1"), (1, "ffff:0:1"), (2, "1"))]
    both = itertools.cycle(askers[:2])
    assert let_in(lambda: next(both)()) == 3
    assert let_in(askers[2]) == 3
    for asker in askers:
        asker.client.close()


def test_other_clients_are_not_held_to_it(world, ask: Asker) -> None:
    in_one_window(ask, 6)
    assert Asker(world[0].address)() == 200


@pytest.mark.parametrize("method, keys", [("HEAD", {}), ("POST", {"body": b"x" * 3000}), ("DELETE", {})])
def test_methods_do_not_matter(ask: Asker, method: str, keys: dict[str, Any]) -> None:
    assert ask("/none", method=method, **keys) == 429
    assert ask.last.body == b""
    assert ask("/none", method=method, **keys) == 429, "the connection goes on"


def test_grpc_clients_get_a_status_they_understand(ask: Asker) -> None:
    assert ask("/none", method="POST", body=b"\0" * 5, fields="Content-Type: application/grpc\r\nTE: trailers\r\n") == 200
    assert (ask.last.get("grpc-status"), ask.last.body) == ("14", b"")


# Workers, protocols, reloads

def test_workers_share_the_count() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin, rate_limit=20)}}, main=main(threads=2)) as proxy, \
            contextlib.ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        ip = somebody()
        askers = [Asker(proxy.address, ip) for _ in range(24)]
        for asker in askers:
            stack.callback(asker.client.close)

        def round_of_each() -> list[int]:
            return list(pool.map(lambda a: a(), askers))

        turn = itertools.cycle(askers)
        one_by_one = in_one_window(lambda: next(turn)(), 60)
        assert one_by_one == [200] * 20 + [429] * 40, "the same answer whatever worker has the connection"

        at_once = in_one_window(round_of_each, 3, used=True)
        assert [s for statuses in at_once for s in statuses].count(200) == 20
        origin.check()


def refused_after(ask: Callable[[], int], refused: Callable[[int], bool] = lambda status: status == 429) -> int:
    """How many requests are let through until one is refused, of a client that is new or has been quiet. A pause of this machine is
    quiet, too, and the count begins again."""
    n, last = 0, time.monotonic()
    for _ in range(60):
        begin = time.monotonic()
        if begin - last > 0.9:
            n = 0
        last = begin
        if refused(ask()):
            return n
        n += 1
    raise AssertionError("never refused")


def refused_until(over: Callable[[], bool], errors: Callable[[], int], other: Callable[[], int]) -> None:
    """Whoever was refused for `errors` and goes on asking for something else is refused until it is `over`. On a machine that stood
    still for a second it was quiet, and begins again."""
    while not over():
        refused_after(errors)
        last = time.monotonic()
        while not over():
            status, begin, last = other(), last, time.monotonic()
            if status != 429:
                assert last - begin > 0.9, f"{status} although it was not quiet"
                break


@pytest.fixture(scope="module", params=ACTIVE, ids=lambda p: f"{p[0]}-{p[1]}")
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[str, tuple[str, int], Upstream]]:
    client, protocol = request.param
    tls = free_port()
    with contextlib.closing(Upstream(protocol)) as upstream:
        proxy = Proxy({"a.test": {"/": route(upstream.pinned), "/none": route(upstream.pinned, rate_limit=0),
                                  "/errors": route(upstream.pinned, x4xx_limit=2)}},
                      main=main(**({"proxy_address_tls": f"127.0.0.1:{tls}"} if PROTOCOLS[client][1] else {})))
        install(proxy.config / "certificates")
        with proxy:
            yield client, ("127.0.0.1", tls) if PROTOCOLS[client][1] else proxy.address, upstream
        upstream.check()


def test_any_pair_of_protocols_is_limited(pair) -> None:
    protocol, address, upstream = pair
    upstream.handle("/errors", lambda exchange: exchange.answer("no", status=404))
    with PairClient(protocol, address) as client:
        for _ in range(2):
            head, body = client.request("GET", "/none")
            assert (head.status, head.get("retry-after"), head.get("ratelimit-policy"), body) == (429, "1", '"rate";q=0;w=1', b"")
        assert client.request("GET", "/")[0].status == 200
        assert refused_after(lambda: client.request("GET", "/errors")[0].status) >= 3
        assert client.request("GET", "/")[0].status == 200, "counts of a route are its own"
        assert len(client._clients) == 1, "the connection stays open"
    assert not upstream.of("/none")


def test_counts_outlive_a_reload(origin: Origin) -> None:
    origin.on("/404", answer(status="404 Not Found"))
    hosts = {"a.test": {"/": route(origin, x4xx_limit=1)}}
    with Proxy(hosts, main=main()) as proxy:
        ask = Asker(proxy.address)
        reloaded = threading.Event()

        def reload() -> None:
            for _ in range(3):
                proxy.apply(hosts)
            reloaded.set()
        thread = threading.Thread(target=reload)
        thread.start()
        refused_until(reloaded.is_set, lambda: ask("/404"), lambda: ask("/x"))
        thread.join()
        proxy.apply({"a.test": {"/": route(origin)}})
        assert ask("/x") == 200
        proxy.apply({"a.test": {"/": route(origin, rate_limit=0)}})
        assert ask("/x") == 429
        ask.client.close()


def test_limits_of_conf_d_count(origin: Origin) -> None:
    proxy = Proxy({"b.test": {"/": route(origin)}}, main=main())
    proxy.prepare()
    folder = proxy.config / "conf.d"
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(f'a.test:\n  rate_limit: 3\n  paths:\n    "/":\n      servers: ["http://{origin.server}"]\n'
                                   f'    "/own":\n      rate_limit: 2\n      servers: ["http://{origin.server}"]\n')
    with proxy:
        ask = Asker(proxy.address)
        assert let_in(ask) == 3
        assert let_in(lambda: ask("/own")) == 2
        ask.client.close()



# x4xx_limit

def be_quiet() -> None:
    _pause.wait(1.1)  # what is tested is that a second goes by


def test_more_errors_than_the_limit_are_refused_until_it_is_quiet(world, ask: Asker) -> None:
    def errors() -> int:
        return ask("/404", host="errors.test")
    assert refused_after(errors) == 3
    assert ask("/", host="errors.test") == 429, "whatever is asked for"
    assert ask.last.get("retry-after") == "1" and ask.last.get("ratelimit") is None
    world[0].wait_log("429 x4xx_limited: .*client " + ask.ip)
    be_quiet()
    assert ask("/", host="errors.test") == 200
    assert refused_after(errors) == 3


def test_whoever_goes_on_asking_stays_refused(ask: Asker) -> None:
    end = time.monotonic() + 1.5
    refused_until(lambda: time.monotonic() > end, lambda: ask("/404", host="errors.test"), lambda: ask("/", host="errors.test"))


def test_error_limits_have_levels_as_well(ask: Asker) -> None:
    assert refused_after(lambda: ask("/404", host="errors-b.test")) == 4, "top level"
    assert refused_after(lambda: ask("/404", host="errors.test")) == 3, "host"
    asker = Asker(ask.client.sock.getpeername())
    assert [asker("/own", host="errors.test") for _ in range(5)] == [200] * 5, "what is no error is not counted"
    assert refused_after(lambda: asker("/own/404", host="errors.test")) == 2, "path"
    assert asker("/", host="errors.test") == 200, "counted apart from the host"
    asker.client.close()


def test_429_of_limits_are_no_errors_and_those_of_upstreams_are(ask: Asker) -> None:
    for _ in range(10):
        assert ask("/limited", host="errors.test") == 429
    assert ask("/", host="errors.test") == 200
    assert ask("/500", host="errors.test") == 500
    assert refused_after(lambda: ask("/429", host="errors-b.test"), lambda _: ask.last.get("retry-after") is not None) == 4


@pytest.mark.parametrize("method, kind", [("FailAs", "unary_unary"), ("FailLateAs", "unary_stream")], ids=["in the head", "in trailers"])
def test_calls_of_grpc_whose_status_blames_them_count(method: str, kind: str) -> None:
    def status_of(ch: grpc.Channel, wanted: int) -> int:
        try:
            list(call(ch, f"/own.Service/{method}", kind)(b"%d" % wanted, timeout=seconds(10)))
        except grpc.RpcError as e:
            return 429 if "x4xx_limit" in (e.details() or "") else e.code().value[0]
        return 0

    counted = (3, 5, 6, 7, 9, 11, 16)
    with OwnServer(False) as server:
        hosts = {f"s{status}.test": {"/": route(f"h2c://127.0.0.1:{server.port}", x4xx_limit=2)} for status in range(17)}
        with Proxy(hosts, main=main()) as proxy:
            for status in range(17):
                with channel(proxy.port, f"s{status}.test", False) as ch:
                    if status in counted:
                        assert refused_after(lambda: status_of(ch, status)) == 3, status
                    else:
                        assert [status_of(ch, status) for _ in range(6)] == [status] * 6
            proxy.wait_log("429 x4xx_limited: ")


def test_calls_of_grpc_that_authorization_refuses_count() -> None:
    hosts = {"a.test": {"/": route("127.0.0.1:1", x4xx_limit=2, authorization={"type": "apikey", "data": "k"})}}
    with Proxy(hosts, main=main()) as proxy, channel(proxy.port, "a.test", False) as ch:
        def refused() -> int:
            with pytest.raises(grpc.RpcError) as e:
                call(ch, "/own.Service/Echo")(b"", timeout=seconds(10))
            return 429 if "x4xx_limit" in (e.value.details() or "") else e.value.code().value[0]
        assert refused() == grpc.StatusCode.UNAUTHENTICATED.value[0]
        assert refused_after(refused) in (2, 3), "the one before counts too, unless this machine stood still"


# Defects of the original: behaviour section 19

def test_defect_20_limits_are_per_host_exact_and_those_of_hosts_count(world, ask: Asker) -> None:
    proxy = world[0]
    assert let_in(ask) == 3, "a limit of a host counts"
    in_one_window(ask, 6)
    assert ask(host="b.test") == 200, "hosts count apart"
    with proxy.client(source=FRONT) as client:  # a sketch of 4 x 1024 cells takes some of these for others
        for i in range(3000):
            fields = f"X-Forwarded-For: 198.18.{i // 250}.{i % 250}\r\n"
            assert client.request("/own", fields=fields).status == 200, f"client {i} did nothing before"
