"""gRPC through the proxy with real clients and servers: issue 5 point 8.

For each pair of HTTP/2 that the proxy speaks; the pairs that it does not speak yet go without it.
"""

from __future__ import annotations

from typing import Iterator

import grpc
import pytest

from support.deadline import seconds, wait_until
from support.grpc_peers import NOT_SERVING, SERVING, GoServer, OwnServer, call, channel, go_client
from support.pairs import ACTIVE, PROTOCOLS, pair_name
from support.ports import free_port
from support.proxy import Proxy, route
from support.tls import install

H2 = ["h2c", "h2s"]
PROXIED = [(c, u, False) for c, u in ACTIVE if c in H2 and u in H2]
DIRECT = [(p, p, True) for p in H2 if all(p not in pair[:2] for pair in PROXIED)]

CASES = ["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream", "timeout_on_sleeping_server",
         "cancel_after_begin", "cancel_after_first_response", "custom_metadata", "status_code_and_message", "special_status_message",
         "unimplemented_method", "unimplemented_service"]


class World:
    def __init__(self, go: GoServer, own: OwnServer, tls: bool, proxy: Proxy | None, port: int):
        self.go = go
        self.own = own
        self.tls = tls
        self.proxy = proxy
        self.go_port = port if proxy else go.port
        self.own_port = port if proxy else own.port

    def channel(self, authority: str = "a.test") -> grpc.Channel:
        return channel(self.own_port, authority, self.tls)


@pytest.fixture(scope="module", params=PROXIED + DIRECT, ids=pair_name)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    client, upstream, direct = request.param
    client_tls, upstream_tls = PROTOCOLS[client][1], PROTOCOLS[upstream][1]
    with GoServer(upstream_tls) as go, OwnServer(upstream_tls) as own:
        if direct:
            yield World(go, own, client_tls, None, 0)
            return
        scheme = "https" if upstream_tls else "h2c"
        own_route = route(f"{scheme}://127.0.0.1:{own.port}")
        paths = {"/": route(f"{scheme}://127.0.0.1:{go.port}"), "/own.Service": own_route, "/grpc.health.v1.Health": own_route,
                 "/dead.Service": route(f"{scheme}://127.0.0.1:{free_port()}")}
        proxy = Proxy({"a.test": paths, "127.0.0.1": paths}, main={"proxy_address_tls": f"127.0.0.1:{free_port()}"} if client_tls else {})
        port = int(proxy.main["proxy_address_tls"].rpartition(":")[2]) if client_tls else proxy.port
        if client_tls:
            install(proxy.config / "certificates")
        with proxy:
            yield World(go, own, client_tls, proxy, port)


@pytest.mark.parametrize("case", CASES)
def test_interop(world: World, case: str) -> None:
    done = go_client(case, world.go_port, world.tls)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]


def test_health_check_and_watch(world: World) -> None:
    world.own.stop_serving.clear()
    with world.channel() as ch:
        assert call(ch, "/grpc.health.v1.Health/Check")(b"", timeout=seconds(10)) == SERVING
        watch = call(ch, "/grpc.health.v1.Health/Watch", "unary_stream")(b"", timeout=seconds(20))
        assert next(watch) == SERVING
        world.own.stop_serving.set()
        assert next(watch) == NOT_SERVING
        watch.cancel()


def test_messages_pass_one_by_one_in_both_directions(world: World) -> None:
    """Each answer is there before the next message is sent: nothing is held back."""
    sent: list[bytes] = []

    def messages() -> Iterator[bytes]:
        for i in range(50):
            wait_until(lambda: len(got) >= i, f"answer {i}")
            sent.append(bytes([i]) * (i * 997 + 1))
            yield sent[-1]
    got: list[bytes] = []
    with world.channel() as ch:
        for message in call(ch, "/own.Service/Echo", "stream_stream")(messages(), timeout=seconds(60)):
            got.append(message)
    assert got == sent and len(got) == 50


@pytest.mark.parametrize("method, kind", [("Sleep", "unary_unary"), ("SleepInStream", "stream_stream")])
def test_deadline_is_passed_on_and_kept(world: World, method: str, kind: str) -> None:
    world.own.begun.clear()
    with world.channel() as ch:
        request = b"" if kind == "unary_unary" else iter([b""])
        with pytest.raises(grpc.RpcError) as e:
            answer = call(ch, f"/own.Service/{method}", kind)(request, timeout=1)
            for _ in answer:
                pass
        assert e.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert world.own.begun.is_set()
    assert world.own.time_left is not None and 0 < world.own.time_left < 5
    wait_until(world.own.cancelled.is_set, "the server told")


@pytest.mark.parametrize("when", ["before the answer", "after the first message"])
def test_cancellation_reaches_the_server(world: World, when: str) -> None:
    world.own.begun.clear()
    world.own.cancelled.clear()
    with world.channel() as ch:
        if when == "before the answer":
            answer = call(ch, "/own.Service/Sleep").future(b"", timeout=seconds(30))
            wait_until(world.own.begun.is_set, "request at the server")
        else:
            answer = call(ch, "/own.Service/SleepInStream", "stream_stream")(iter([b""]), timeout=seconds(30))
            assert next(answer) == b"first"
        assert not world.own.cancelled.is_set()
        answer.cancel()
        wait_until(world.own.cancelled.is_set, "the server told")
        assert call(ch, "/grpc.health.v1.Health/Check")(b"", timeout=seconds(10)) in (SERVING, NOT_SERVING)


def test_trailers_only_answer(world: World) -> None:
    with world.channel() as ch, pytest.raises(grpc.RpcError) as e:
        call(ch, "/own.Service/Fail")(b"", timeout=seconds(10))
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing: \u00e9%\n")


def test_status_after_messages(world: World) -> None:
    got = []
    with world.channel() as ch, pytest.raises(grpc.RpcError) as e:
        for message in call(ch, "/own.Service/FailLate", "unary_stream")(b"", timeout=seconds(10)):
            got.append(message)
    assert (got, e.value.code(), e.value.details()) == ([b"one", b"two"], grpc.StatusCode.DATA_LOSS, "after two")


@pytest.mark.parametrize("size", [10, 6000, 12000])
def test_large_metadata_both_ways_and_in_trailers(world: World, size: int) -> None:
    large = "m" * size
    with world.channel() as ch:
        answer, made = call(ch, "/own.Service/Metadata").with_call(b"body", timeout=seconds(10), metadata=(
            ("x-large", large), ("x-some-bin", b"\x01\x02\xfe")))
    assert answer == b"body"
    assert world.own.metadata["x-large"] == large and world.own.metadata["x-some-bin"] == b"\x01\x02\xfe"
    first, last = dict(made.initial_metadata()), dict(made.trailing_metadata())
    assert (first["x-first"], first["x-first-bin"]) == (large, b"\x00\xff\x80")
    assert (last["x-last"], last["x-last-bin"]) == (large, b"\xff\x00")


def test_large_message_both_ways(world: World) -> None:
    message = bytes(i * 7 % 256 for i in range(1 << 20)) * 3
    with world.channel() as ch:
        assert list(call(ch, "/own.Service/Echo", "stream_stream")(iter([message]), timeout=seconds(30))) == [message]


@pytest.mark.proxied
@pytest.mark.parametrize("authority, method", [("a.test", "/dead.Service/M"), ("unknown.test", "/own.Service/Echo")],
                         ids=["dead upstream", "unknown host"])
@pytest.mark.parametrize("kind", ["unary_unary", "stream_stream"])
def test_errors_of_the_proxy_carry_a_grpc_status(world: World, authority: str, method: str, kind: str) -> None:
    with world.channel(authority) as ch, pytest.raises(grpc.RpcError) as e:
        answer = call(ch, method, kind)(b"" if kind == "unary_unary" else iter([b"x"]), timeout=seconds(20))
        for _ in answer:
            pass
    assert e.value.code() == grpc.StatusCode.UNAVAILABLE
    assert e.value.details() and "HTTP" not in e.value.details()  # the reason of the proxy, not the guess of the library
    if kind == "unary_unary":
        assert "grpc-status" not in dict(e.value.trailing_metadata() or ())


@pytest.mark.proxied
def test_reload_does_not_cut_a_stream(world: World) -> None:
    assert world.proxy
    got: list[bytes] = []

    def messages() -> Iterator[bytes]:
        yield b"before"
        wait_until(lambda: got, "the first answer")
        scheme = "https" if world.proxy.main.get("proxy_address_tls") else "h2c"
        hosts = dict(world.proxy._first["upstreams"])
        world.proxy.apply({h: v["paths"] for h, v in hosts.items()} | {"new.test": {"/": route(f"{scheme}://127.0.0.1:1")}})
        yield b"after"
    with world.channel() as ch:
        for message in call(ch, "/own.Service/Echo", "stream_stream")(messages(), timeout=seconds(60)):
            got.append(message)
        assert got == [b"before", b"after"]
        assert call(ch, "/grpc.health.v1.Health/Check")(b"", timeout=seconds(10)) in (SERVING, NOT_SERVING)
