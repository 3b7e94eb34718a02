"""WebSocket echo with the `websockets` library at both ends; each end runs an event loop in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any, Coroutine

import websockets

from support.deadline import seconds


class _Loop:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="websocket", daemon=True)
        self.thread.start()

    def run(self, what: Coroutine[Any, Any, Any], deadline: float = 10.0) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds(deadline))

    def stop(self) -> None:
        async def rest() -> None:
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
        self.run(rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class EchoServer:
    """Echoes every message; remembers the heads of the handshakes."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._loop = _Loop()
        self.handshakes: list[Any] = []
        self._server = self._loop.run(self._start())
        self.port = self._server.sockets[0].getsockname()[1]
        self.server = f"127.0.0.1:{self.port}"

    async def _start(self) -> Any:
        return await websockets.serve(self._echo, "127.0.0.1", 0, max_size=1 << 26, ping_interval=None,
                                      subprotocols=["chat"], ssl=self._tls)

    async def _echo(self, socket: Any) -> None:
        self.handshakes.append(socket.request_headers)
        async for message in socket:
            if message == "please close":
                await socket.close(4001, "as asked")
            else:
                await socket.send(message)

    def __enter__(self) -> "EchoServer":
        return self

    def __exit__(self, *_: object) -> None:
        async def close() -> None:
            self._server.close()
            await self._server.wait_closed()
        self._loop.run(close())
        self._loop.stop()


class EchoClient:
    def __init__(self, address: tuple[str, int], host: str, path: str = "/", **keys: Any):
        self._loop = _Loop()
        keys.setdefault("ping_interval", None)
        try:
            self._socket = self._loop.run(self._connect(f"ws://{host}{path}", address, keys))
        except BaseException:
            self._loop.stop()
            raise

    async def _connect(self, uri: str, address: tuple[str, int], keys: Any) -> Any:
        return await websockets.connect(uri, host=address[0], port=address[1], max_size=1 << 26, **keys)

    def send(self, message: str | bytes) -> None:
        self._loop.run(self._socket.send(message))

    def receive(self) -> str | bytes:
        return self._loop.run(self._socket.recv())

    def echo(self, message: str | bytes) -> str | bytes:
        self.send(message)
        return self.receive()

    def ping(self) -> None:
        async def round_trip() -> None:
            await (await self._socket.ping())
        self._loop.run(round_trip())

    @property
    def subprotocol(self) -> str | None:
        return self._socket.subprotocol

    def wait_closed(self) -> tuple[int | None, str | None]:
        self._loop.run(self._socket.wait_closed())
        return self._socket.close_code, self._socket.close_reason

    def close(self) -> None:
        try:
            self._loop.run(self._socket.close())
        finally:
            self._loop.stop()

    def __enter__(self) -> "EchoClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
