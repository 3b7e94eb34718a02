"""gRPC peers: the interop programs of grpc-go, and a client and a server of grpcio that need no generated code."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
import threading
from concurrent import futures
from typing import Any, Callable, Iterator

import grpc

from support.deadline import seconds, wait_until
from support.peers import peer
from support.ports import free_port
from support.tls import certificate
from support.tools import listens

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
"""HealthCheckResponse."""


def _channel_options(authority: str, tls: bool) -> list[tuple[str, Any]]:
    name = "grpc.ssl_target_name_override" if tls else "grpc.default_authority"
    return [(name, authority), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.max_metadata_size", 1 << 20),
            ("grpc.use_local_subchannel_pool", 1)]


def channel(port: int, authority: str, tls: bool) -> grpc.Channel:
    options = _channel_options(authority, tls)
    if not tls:
        return grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
    return grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(certificate()[0].read_bytes()), options=options)


class GoServer:
    """grpc.testing.TestService as the interop cases want it."""

    def __init__(self, tls: bool):
        self.port = free_port()
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()

    def __enter__(self) -> "GoServer":
        crt, key = certificate()
        options = ["--use_tls", f"--tls_cert_file={crt}", f"--tls_key_file={key}"] if self._tls else []
        self._process = subprocess.Popen([peer("grpc", "server"), f"--port={self.port}", *options], stdin=subprocess.DEVNULL,
                                         stdout=self._log, stderr=self._log)
        wait_until(self._listening, "grpc-go's server listening")
        return self

    def _listening(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            self._log.seek(0)
            raise AssertionError(f"grpc-go's server ended: {self._log.read()[-1000:]!r}")
        return listens(self.port)

    def __exit__(self, *_: object) -> None:
        assert self._process
        self._process.kill()
        self._process.wait(seconds(10))


def go_client(case: str, port: int, tls: bool) -> subprocess.CompletedProcess[bytes]:
    """One interop case; with TLS for the name a.test."""
    options = ["--use_tls", "--use_test_ca", f"--ca_file={certificate()[0]}", "--server_host_override=a.test"] if tls else []
    return subprocess.run([peer("grpc", "client"), "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}", *options],
                          capture_output=True, timeout=seconds(30), check=False)


_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _fail_as(request: bytes, context: Any) -> bytes:
    """With the status that the request names, a number: without a message before it, so in the head."""
    if int(request) != 0:
        context.abort(_CODES[int(request)], "as asked")
    return b""


def _fail_late_as(request: bytes, context: Any) -> Iterator[bytes]:
    """The same behind a message, so in trailers."""
    yield b"one"
    _fail_as(request, context)


class OwnServer:
    """Health checking as real servers have it, and methods that do what a test needs. Messages are plain bytes."""

    def __init__(self, tls: bool):
        self.stop_serving = threading.Event()
        self.begun = threading.Event()
        self.cancelled = threading.Event()
        self.time_left: float | None = None
        self.metadata: dict[str, Any] = {}
        self._server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_metadata_size", 1 << 20)])
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
            "Check": grpc.unary_unary_rpc_method_handler(lambda request, context: NOT_SERVING if self.stop_serving.is_set() else SERVING),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }), grpc.method_handlers_generic_handler("own.Service", {
            "Sleep": grpc.unary_unary_rpc_method_handler(self._sleep),
            "SleepInStream": grpc.stream_stream_rpc_method_handler(self._sleep_in_stream),
            "Fail": grpc.unary_unary_rpc_method_handler(lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: \u00e9%\n")),
            "FailAs": grpc.unary_unary_rpc_method_handler(_fail_as),
            "FailLateAs": grpc.unary_stream_rpc_method_handler(_fail_late_as),
            "FailLate": grpc.unary_stream_rpc_method_handler(self._fail_late),
            "Metadata": grpc.unary_unary_rpc_method_handler(self._metadata),
            "Echo": grpc.stream_stream_rpc_method_handler(lambda requests, context: requests),
        })))
        if tls:
            crt, key = certificate()
            credentials = grpc.ssl_server_credentials([(key.read_bytes(), crt.read_bytes())])
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> "OwnServer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_serving.set()
        self._server.stop(0).wait(seconds(10))

    def _watch(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield SERVING
        self.stop_serving.wait(seconds(30))
        yield NOT_SERVING

    def _begin(self, context: Any) -> None:
        self.cancelled.clear()
        self.time_left = context.time_remaining()
        context.add_callback(self.cancelled.set)
        self.begun.set()

    def _sleep(self, request: bytes, context: Any) -> bytes:
        self._begin(context)
        self.cancelled.wait(seconds(30))
        return b""

    def _sleep_in_stream(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        self._begin(context)
        yield b"first"
        self.cancelled.wait(seconds(30))

    def _fail_late(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        context.abort(grpc.StatusCode.DATA_LOSS, "after two")

    def _metadata(self, request: bytes, context: Any) -> bytes:
        self.metadata = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", self.metadata["x-large"]), ("x-first-bin", b"\x00\xff\x80")))
        context.set_trailing_metadata((("x-last", self.metadata["x-large"]), ("x-last-bin", b"\xff\x00")))
        return request


def call(channel_: grpc.Channel, method: str, kind: str = "unary_unary") -> Callable[..., Any]:
    return getattr(channel_, kind)(method)  # messages are bytes: no serializer
