"""What must work whatever the client and the upstream speak: issue 5 point 9.

One table: every test of this file runs for every pair in ACTIVE. For protocols that the proxy does not speak yet the client
of the tests talks to the upstream of the tests directly, so that both are known to be good.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib
import threading
from typing import Any, Callable, Iterator

import pytest

from support.credentials import KINDS, NAMES, Kind
from support.deadline import stalled, wait_until
from support.http2 import Broken
from support.pairs import ACTIVE, PROTOCOLS, ClientExchange, Exchange, Gate, PairClient, ServerExchange, Tunnel, Upstream, pair_name
from support.ports import free_port
from support.proxy import BINARY, Proxy, instrumented, route
from support.tls import install

PROXIED = [(c, u, False) for c, u in ACTIVE]
DIRECT = [(p, p, True) for p in PROTOCOLS if all(p not in pair for pair in ACTIVE)]

MIB = 1 << 20
SIZE = (32 if BINARY.exists() and instrumented() else 100) * MIB
"""With a sanitizer memory says nothing, and a body only has to be larger than what the kernel's buffers take."""
CHUNKED_SIZE = 32 * MIB
ROOM = 24 * MIB
"""What the process may grow by; the buffers of an exchange are far smaller."""


def _largest(buffer: str) -> int:
    return int(pathlib.Path(f"/proc/sys/net/ipv4/{buffer}").read_text().split()[2])


KERNEL_ROOM = 2 * (_largest("tcp_rmem") + _largest("tcp_wmem"))
"""What the kernel may take of a body on its two connections, where it lets buffers grow that far (32 MiB each, on some)."""
PIECE = bytes(i * 17 % 255 for i in range(64 * 1024))


class World:
    """A client's protocol, an upstream's, and the proxy in between or nothing."""

    def __init__(self, client: str, upstream: str, direct: bool):
        self.protocol = client
        self.upstream = Upstream(upstream)
        self.proxy: Proxy | None = None
        self.address = self.upstream.address
        if not direct:
            tls_port = free_port()
            main: dict[str, Any] = {"log_level": "info"}
            if PROTOCOLS[client][1]:
                main["proxy_address_tls"] = f"127.0.0.1:{tls_port}"
            self.proxy = Proxy({"a.test": {"/": route(self.upstream.pinned), **{
                f"/{k.name}": route(self.upstream.pinned, authorization=k.block) for k in KINDS}}}, main=main)
            if PROTOCOLS[client][1]:
                install(self.proxy.config / "certificates")
            self.proxy.start()
            self.address = ("127.0.0.1", tls_port) if PROTOCOLS[client][1] else self.proxy.address

    def client(self, **keys: Any) -> PairClient:
        return PairClient(self.protocol, self.address, **keys)

    def grown(self, before: int) -> int:
        return self.memory() - before

    def memory(self) -> int:
        return self.proxy.rss_bytes() if self.proxy and not instrumented() else 0

    def lives(self) -> None:
        """Another client is served, and the upstream has no complaint."""
        with self.client() as client:
            head, body = client.request("GET", "/lives")
            assert (head.status, body) == (200, b"GET /lives ")
        self.upstream.check()

    def close(self) -> None:
        try:
            if self.proxy:
                self.proxy.stop()
            self.upstream.check()
        finally:
            if self.proxy:
                self.proxy.close()
            self.upstream.close()


@pytest.fixture(scope="module", params=PROXIED + DIRECT, ids=pair_name)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    w = World(*request.param)
    yield w
    w.close()


# Whole exchanges.

def test_get(world: World) -> None:
    with world.client() as client:
        for i in range(3):
            head, body = client.request("GET", f"/get?{i}", [("x-mine", "1")])
            assert (head.status, body) == (200, b"GET /get ")
    got = world.upstream.of("/get")[-1]
    assert (got.method, got.authority, got.get_all("x-mine")) == ("GET", "a.test", ["1"])
    assert got.complete and got.get("content-length") is None


@pytest.mark.proxied
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_protected_route(world: World, kind: Kind) -> None:
    """The body of a request waits for the decision, which for a hash comes from another thread."""
    with world.client() as client:
        for wrong in ([], [kind.wrong]):
            head, body = client.request("GET", f"/{kind.name}", wrong)
            assert (head.status, body) == (401, b"")
            assert (head.get("www-authenticate") or "").startswith(kind.scheme)
        for _ in range(2):
            head, body = client.request("POST", f"/{kind.name}/x", [kind.good], data=PIECE * 3)
            assert (head.status, body) == (200, f"POST /{kind.name}/x ".encode() + PIECE * 3)
    assert len(world.upstream.of(f"/{kind.name}/x")) == 2 and not world.upstream.of(f"/{kind.name}")


def test_post_with_length(world: World) -> None:
    with world.client() as client:
        for data in (b"", b"hello", PIECE * 3):
            head, body = client.request("POST", "/length", data=data)
            assert (head.status, body) == (200, b"POST /length " + data)
            assert world.upstream.of("/length")[-1].get("content-length") == str(len(data))


def test_post_without_length(world: World) -> None:
    with world.client() as client:
        exchange = client.open("POST", "/chunked", body=True)
        for piece in (b"one ", b"two ", PIECE):
            exchange.send(piece)
        exchange.finish()
        assert exchange.head().status == 200
        assert exchange.body() == b"POST /chunked one two " + PIECE
    assert world.upstream.of("/chunked")[-1].get("content-length") is None


def test_answer_without_length_comes_piece_by_piece(world: World) -> None:
    gates = [Gate() for _ in range(3)]

    def pieces(exchange: ServerExchange) -> None:
        exchange.body()
        exchange.respond()
        for i, gate in enumerate(gates):
            exchange.send(f"piece {i}".encode())
            gate.hold()
        exchange.finish()
    world.upstream.handle("/pieces", pieces)
    with world.client() as client:
        exchange = client.open("GET", "/pieces")
        for i, gate in enumerate(gates):
            assert exchange.read() == f"piece {i}".encode()
            gate.set()
        assert exchange.read() == b""


def test_head_has_the_length_and_no_body(world: World) -> None:
    def head_only(exchange: ServerExchange) -> None:
        exchange.respond(200, [("etag", '"x"')], length=1234)
        exchange.finish()
    world.upstream.handle("/head", head_only)
    with world.client() as client:
        for _ in range(2):
            head, body = client.request("HEAD", "/head")
            assert (head.status, head.get("content-length"), head.get("etag"), body) == (200, "1234", '"x"', b"")
        assert client.request("GET", "/lives")[0].status == 200


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body(world: World, status: int) -> None:
    def empty(exchange: ServerExchange) -> None:
        if exchange.version == 1:
            exchange.conn.send(f"HTTP/1.1 {status} Nothing\r\nX-A: b\r\n\r\n")  # type: ignore[attr-defined]
            exchange.finished = True  # type: ignore[attr-defined]
        else:
            exchange.stream.send_head([(":status", str(status)), ("x-a", "b")], end=True)  # type: ignore[attr-defined]
    world.upstream.handle(f"/{status}", empty)
    with world.client() as client:
        for _ in range(2):
            head, body = client.request("GET", f"/{status}")
            assert (head.status, head.get("x-a"), body) == (status, "b", b"")


def test_trailers_go_both_ways(world: World) -> None:
    def with_trailers(exchange: ServerExchange) -> None:
        data = exchange.body()
        exchange.respond(200, [("trailer", "x-sum")])
        exchange.send(data)
        exchange.finish([("x-sum", "abc")])
    world.upstream.handle("/trailers", with_trailers)
    with world.client() as client:
        for _ in range(2):
            exchange = client.open("POST", "/trailers", [("te", "trailers")] if client.version == 2 else [], body=True)
            exchange.send(b"data")
            exchange.finish([("x-check", "1")])
            assert exchange.head().status == 200
            assert exchange.body() == b"data"
            assert [(n.lower(), v) for n, v in exchange.trailers] == [("x-sum", "abc")]
    assert [(n.lower(), v) for n, v in world.upstream.of("/trailers")[-1].trailers] == [("x-check", "1")]


def test_interim_answer_comes_before_the_final_one_exists(world: World) -> None:
    gate = Gate()

    def hint(exchange: ServerExchange) -> None:
        exchange.interim(103, [("link", "</a>")])
        gate.hold()
        exchange.answer("final")
    world.upstream.handle("/hint", hint)
    with world.client() as client:
        exchange = client.open("GET", "/hint")
        early = exchange.interim()
        assert (early.status, early.get("link")) == (103, "</a>")
        gate.set()
        assert exchange.head().status == 200
        assert exchange.body() == b"final"


def test_cookies_and_repeated_fields_keep_their_values(world: World) -> None:
    def answer(exchange: ServerExchange) -> None:
        exchange.body()
        exchange.answer("", fields=[("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2"), ("x-r", "1"), ("x-r", "2")])
    world.upstream.handle("/cookies", answer)
    with world.client() as client:
        sent = [("cookie", "a=1"), ("cookie", "b=2")] if client.version == 2 else [("cookie", "a=1; b=2")]
        head, _ = client.request("GET", "/cookies", [*sent, ("x-q", "1"), ("x-q", "2")])
        assert head.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
        assert ", ".join(head.get_all("x-r")) == "1, 2"
    got = world.upstream.of("/cookies")[-1]
    assert "; ".join(got.get_all("cookie")) == "a=1; b=2"
    if got.version == 1:
        assert len(got.get_all("cookie")) == 1  # RFC 9113 section 8.2.3
    assert ", ".join(got.get_all("x-q")) == "1, 2"


def test_early_answer_to_an_upload_that_never_ends(world: World) -> None:
    """The answer comes while the client still sends; nobody reads the rest of the request."""
    gone = threading.Event()

    def refuse(exchange: ServerExchange) -> None:
        try:
            exchange.read()
            exchange.respond(413, length=3)
            exchange.send(b"no!")
            exchange.finish()  # on HTTP/2 the client may be through with it before
            if exchange.version == 1:
                exchange.conn.half_close()  # type: ignore[attr-defined]
                exchange.conn.hold_until_closed()  # type: ignore[attr-defined]
        finally:
            gone.set()
    world.upstream.handle("/early", refuse)
    with world.client() as client:
        exchange = client.open("POST", "/early", body=True)
        exchange.send(b"the first of many")
        assert (exchange.head().status, exchange.body()) == (413, b"no!")
        exchange.reset()
    wait_until(gone.is_set, "upstream rid of the request")
    world.lives()


def test_both_directions_at_once(world: World) -> None:
    """An upstream that answers while it reads: neither direction waits for the other to end."""
    size = 8 * MIB

    def echo(exchange: ServerExchange) -> None:
        exchange.respond()
        while piece := exchange.read():
            exchange.send(piece)
        exchange.finish()
    world.upstream.handle("/echo", echo)
    with world.client() as client:
        exchange = client.open("POST", "/echo", body=True)

        def upload() -> None:
            for _ in range(size // len(PIECE)):
                exchange.send(PIECE)
            exchange.finish()
        sender = threading.Thread(target=upload)
        exchange.send(b"first")
        head_and_first = exchange.head().status, exchange.read(5)
        assert head_and_first == (200, b"first")
        sender.start()
        got, want = hashlib.sha256(), hashlib.sha256(PIECE * (size // len(PIECE)))
        exchange.body(got.update)
        sender.join()
        assert got.digest() == want.digest()


# Large bodies.

def _pump(exchange: Exchange, size: int, count: list[int]) -> None:
    for _ in range(size // len(PIECE)):
        exchange.send(PIECE)
        count[0] += len(PIECE)


@functools.cache
def _digest(size: int) -> bytes:
    h = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        h.update(PIECE)
    return h.digest()


@pytest.mark.parametrize("length", [SIZE, None], ids=["length", "chunked"])
def test_large_answer_to_a_client_that_pauses(world: World, length: int | None) -> None:
    sent, size = [0], length or CHUNKED_SIZE

    def down(exchange: ServerExchange) -> None:
        exchange.respond(length=length)
        _pump(exchange, size, sent)
        exchange.finish()
    world.upstream.handle("/down", down)
    before = world.memory()
    with world.client(receive_buffer=65536) as client:
        exchange = client.open("GET", "/down")
        assert exchange.head(30).status == 200
        assert stalled(lambda: sent[0])
        assert sent[0] < size or size <= KERNEL_ROOM, "the whole body was taken although nobody reads it"
        assert world.grown(before) < ROOM
        got = hashlib.sha256()
        exchange.body(got.update)
        assert got.digest() == _digest(size)
        assert world.grown(before) < ROOM
        assert client.request("GET", "/lives")[0].status == 200


@pytest.mark.parametrize("length", [SIZE, None], ids=["length", "chunked"])
def test_large_request_to_an_upstream_that_pauses(world: World, length: int | None) -> None:
    gate, got, sent, size = Gate(), hashlib.sha256(), [0], length or CHUNKED_SIZE

    def up(exchange: ServerExchange) -> None:
        gate.hold()
        exchange.body(got.update)
        exchange.answer("ok")
    world.upstream.handle("/up", up)
    before = world.memory()
    with world.client() as client:
        exchange = client.open("POST", "/up", length=length, body=True)
        failed: list[BaseException] = []

        def upload() -> None:
            try:
                _pump(exchange, size, sent)
                exchange.finish()
            except BaseException as e:  # noqa: BLE001 - shown below
                failed.append(e)
        sender = threading.Thread(target=upload)
        sender.start()
        world.upstream.wait_exchange("/up")
        assert stalled(lambda: sent[0])
        assert sent[0] < size or size <= KERNEL_ROOM, "the whole body was taken although nobody reads it"
        assert world.grown(before) < ROOM
        gate.set()
        sender.join()
        assert not failed, failed
        assert exchange.head(30).status == 200
        assert exchange.body() == b"ok"
    assert got.digest() == _digest(size)
    assert world.grown(before) < ROOM


# Resets, from either side in each state.

def _until_gone(reached: threading.Event, before: Callable[[ServerExchange], object]) -> Callable[[ServerExchange], None]:
    """A handler that gets to a state, says so, and then waits for the end."""
    def handler(exchange: ServerExchange) -> None:
        before(exchange)
        reached.set()
        exchange.wait_gone()
        gone.set()
    gone = handler.gone = threading.Event()  # type: ignore[attr-defined]
    return handler


def _half_answer(exchange: ServerExchange) -> None:
    exchange.respond(length=100)
    exchange.send(b"half")


STATES: dict[str, tuple[bool, Callable[[ServerExchange], object]]] = {
    # name: (with a request body of which a part is sent, what the upstream has done)
    "request sent": (False, lambda exchange: exchange.body()),
    "request body half sent": (True, lambda exchange: exchange.read()),
    "interim answer sent": (False, lambda exchange: exchange.interim(103)),
    "answer's head sent": (False, lambda exchange: exchange.respond(length=100)),
    "answer's body half sent": (False, _half_answer),
    "both bodies half sent": (True, lambda exchange: (exchange.read(), _half_answer(exchange))),
}


def _reach(client: PairClient, path: str, body: bool) -> ClientExchange:
    exchange = client.open("POST" if body else "GET", path, length=100 if body else None)
    if body:
        exchange.send(b"half")
    return exchange


@pytest.mark.parametrize("state", STATES)
def test_reset_by_the_client(world: World, state: str) -> None:
    body, act = STATES[state]
    reached = threading.Event()
    handler = _until_gone(reached, act)
    world.upstream.handle("/gone", handler)
    with world.client() as client:
        exchange = _reach(client, "/gone", body)
        wait_until(reached.is_set, state)
        exchange.reset()
        wait_until(handler.gone.is_set, "the upstream told of the reset")  # type: ignore[attr-defined]
        if client.version == 2:
            assert client.request("GET", "/lives")[0].status == 200  # on the same connection
    world.lives()


@pytest.mark.parametrize("state", STATES)
def test_reset_by_the_upstream(world: World, state: str) -> None:
    body, act = STATES[state]
    gate = Gate()

    def reset(exchange: ServerExchange) -> None:
        act(exchange)
        gate.hold()
        exchange.reset()
    world.upstream.handle("/reset", reset)
    with world.client() as client:
        exchange = _reach(client, "/reset", body)
        world.upstream.wait_exchange("/reset")
        if "answer's" in state or "both" in state:
            assert exchange.head().status == 200
            if "half" in state:
                assert exchange.read() == b"half"
            gate.set()
            with pytest.raises(Broken):
                exchange.body()
        elif world.proxy:
            gate.set()
            assert exchange.head().status == 502
            exchange.body()
        else:
            gate.set()
            with pytest.raises(Broken):
                exchange.head()
        if client.version == 2:
            assert client.request("GET", "/lives")[0].status == 200
    world.lives()


# Tunnels.

def _echo_tunnel(exchange: ServerExchange) -> None:
    tunnel = exchange.accept_websocket()
    tunnel.send(b"hello")
    while piece := tunnel.read():
        tunnel.send(piece)
    tunnel.end()


def test_websocket_tunnel_is_transparent(world: World) -> None:
    world.upstream.handle("/ws", _echo_tunnel)
    size = 2 * MIB
    with world.client() as client:
        tunnel = client.websocket("/ws")
        assert tunnel.exactly(5) == b"hello"

        def send() -> None:
            for _ in range(size // len(PIECE)):
                tunnel.send(PIECE)
        sender = threading.Thread(target=send)
        sender.start()
        assert hashlib.sha256(tunnel.exactly(size)).digest() == hashlib.sha256(PIECE * (size // len(PIECE))).digest()
        sender.join()
        tunnel.end()
        assert tunnel.read() == b""
    world.lives()


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_reset_of_a_websocket_tunnel(world: World, who: str) -> None:
    told, gate = threading.Event(), Gate()

    def serve(exchange: ServerExchange) -> None:
        tunnel = exchange.accept_websocket()
        tunnel.send(b"hello")
        if who == "upstream":
            gate.hold()
            tunnel.reset()
            return
        try:
            assert tunnel.read() == b""
        except (Broken, ConnectionError):
            pass
        told.set()
    world.upstream.handle("/cut", serve)
    with world.client() as client:
        tunnel = client.websocket("/cut")
        assert tunnel.exactly(5) == b"hello"
        if who == "client":
            tunnel.reset()
            wait_until(told.is_set, "the upstream told")
        else:
            gate.set()
            _ends(tunnel)
    world.lives()


def _ends(tunnel: Tunnel) -> None:
    try:
        assert tunnel.read() == b""
    except (Broken, ConnectionError):
        pass


# While it goes on.

@pytest.mark.proxied
def test_reload_while_it_serves(world: World) -> None:
    """An answer, an upload and a tunnel under way go on; new requests meet the new configuration."""
    assert world.proxy
    gate = Gate()

    def slow(exchange: ServerExchange) -> None:
        exchange.respond()
        exchange.send(b"before ")
        gate.hold()
        exchange.send(b"after")
        exchange.finish()
    world.upstream.handle("/slow", slow)
    world.upstream.handle("/ws", _echo_tunnel)
    with world.client() as client, world.client() as other:
        tunnel = other.websocket("/ws")
        upload = other.open("POST", "/upload", body=True)
        upload.send(b"before ")
        answer = client.open("GET", "/slow")
        assert answer.read() == b"before "
        for i in range(3):
            world.proxy.apply({"a.test": {"/": route(world.upstream.pinned, server_headers=[f"X-Generation: {i}"])}})
        assert tunnel.exactly(5) == b"hello"
        tunnel.send(b"still here")
        assert tunnel.exactly(10) == b"still here"
        gate.set()
        assert answer.body() == b"after"
        upload.send(b"after")
        upload.finish()
        assert upload.head().status == 200
        assert upload.body() == b"POST /upload before after"
        assert client.request("GET", "/new")[0].status == 200
        assert world.upstream.of("/new")[-1].get("x-generation") == "2"
    world.lives()


def test_many_exchanges_at_once_do_not_wait_for_each_other(world: World) -> None:
    """Over one connection when the client speaks h2. The one that is held is the first."""
    gate = Gate()

    def held(exchange: ServerExchange) -> None:
        gate.hold()
        exchange.answer("held")
    world.upstream.handle("/held", held)
    with world.client() as client:
        first = client.open("GET", "/held")
        world.upstream.wait_exchange("/held")
        others = [client.open("POST", f"/other{i}", body=True) for i in range(30)]
        for i, exchange in enumerate(others):
            exchange.send(f"{i}".encode() * 100)
            exchange.finish()
        for i, exchange in reversed(list(enumerate(others))):
            assert exchange.head().status == 200
            assert exchange.body() == f"POST /other{i} ".encode() + f"{i}".encode() * 100
        gate.set()
        assert first.body() == b"held"
