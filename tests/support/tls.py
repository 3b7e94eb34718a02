"""TLS for both ends of the tests, with a certificate for every name ending in .test."""

from __future__ import annotations

import atexit
import functools
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from typing import Any, Sequence

from support import poll
from support.deadline import Deadline


@functools.cache
def certificate() -> tuple[pathlib.Path, pathlib.Path]:
    """Files of a self-signed certificate for a.test, *.a.test, *.test (which OpenSSL takes for nothing) and 127.0.0.1; and its key."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    crt, key = folder / "test.crt", folder / "test.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=a.test",
        "-addext", "subjectAltName=DNS:a.test,DNS:*.a.test,DNS:*.test,IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    return crt, key


def install(folder: pathlib.Path) -> None:
    """Puts the certificate into a folder of the proxy's."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in reversed(certificate()):
        shutil.copy(file, folder / file.name)


def server_context(alpn: Sequence[str] = ()) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """Trusts that certificate and nothing else."""
    context = ssl.create_default_context(cafile=str(certificate()[0]))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class NoCloseNotify(ConnectionError):
    """The peer closed without saying so: a body that ends there may have been cut."""


class TlsSocket:
    """A connected socket with TLS on it, shaped as the non-blocking sockets that the other peers use.

    `recv` raises BlockingIOError when there is nothing to give, `send` gives 0 when nothing is taken. Both may be called by
    different threads. A reset and an end without close_notify are ConnectionErrors.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool = False, name: str | None = None,
                 deadline: float = 10.0):
        sock.setblocking(False)
        self._lock = threading.Lock()
        self._raw = context.wrap_socket(sock, server_side=server_side, server_hostname=name, do_handshake_on_connect=False,
                                        suppress_ragged_eofs=False)
        end = Deadline(deadline)
        while True:
            try:
                self._raw.do_handshake()
                break
            except ssl.SSLWantReadError:
                wait = ([self._raw], [])
            except ssl.SSLWantWriteError:
                wait = ([], [self._raw])
            except ssl.SSLError as e:
                raise ConnectionError(f"TLS handshake: {e}") from e
            if not any(poll.select(*wait, [], end.left())):
                raise AssertionError("TLS handshake not finished within the deadline")
        self.alpn = self._raw.selected_alpn_protocol()
        self.version = self._raw.version()

    def fileno(self) -> int:
        return self._raw.fileno()

    def pending(self) -> int:
        """Decrypted bytes that wait here, so that no poll sees them."""
        with self._lock:
            return self._raw.pending() if self._raw.fileno() >= 0 else 0

    def recv(self, size: int) -> bytes:
        with self._lock:
            try:
                return self._raw.recv(size)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as e:
                raise BlockingIOError from e
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError as e:
                raise NoCloseNotify("end without close_notify") from e
            except ssl.SSLError as e:
                raise ConnectionError(str(e)) from e

    def send(self, data: Any) -> int:
        with self._lock:
            try:
                return self._raw.send(data)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return 0
            except ssl.SSLError as e:
                raise ConnectionError(str(e)) from e

    def shutdown(self, how: int) -> None:
        """Says close_notify for SHUT_WR, and cuts the connection for anything else."""
        if how != socket.SHUT_WR:
            self._raw.shutdown(how)
            return
        with self._lock:
            try:
                self._raw.unwrap()
            except (ssl.SSLError, OSError):
                pass  # the peer's close_notify is not here yet

    def setsockopt(self, *arguments: Any) -> None:
        self._raw.setsockopt(*arguments)

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def close(self) -> None:
        self._raw.close()
