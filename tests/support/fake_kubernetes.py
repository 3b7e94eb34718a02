"""What an API server of Kubernetes shows of one namespace, for faults that a real one cannot be made to show."""

from __future__ import annotations

import itertools
import json
import pathlib
import ssl
import urllib.parse
from typing import Any, Callable

from support import poll
from support.certificates import Authority, save
from support.deadline import Deadline
from support.http1 import Request
from support.origin import Connection, Origin, Stopped, answer
from support.registry import FakeRegistry

SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
ENDPOINTS = "/api/v1/namespaces/shop/endpoints/"
Object = dict[str, Any]


def port(name: str, number: int, **more: Any) -> Object:
    return {"name": name, "port": number, "protocol": "TCP", **more}


def pod(address: str, **conditions: bool) -> Object:
    """An endpoint of a slice."""
    return {"addresses": [address], "conditions": conditions or {"ready": True}}


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


class Account:
    """The folder that a pod finds its credentials in."""

    def __init__(self, folder: pathlib.Path, authority: Authority, token: str = "s3cret-1", namespace: str = "shop"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.crt").write_bytes(authority.root.read_bytes())
        (folder / "namespace").write_text(namespace)
        self.tokenpath = folder / "token"
        self.set_token(token)

    def set_token(self, token: str) -> None:
        new = self.folder / ".token.new"
        new.write_text(token + "\n")
        new.replace(self.tokenpath)


class FakeKubernetes(FakeRegistry):
    """Serves https on 127.0.0.1 with a certificate of `authority`."""

    def __init__(self, authority: Authority, folder: pathlib.Path, *, port: int = 0, name: str = "kubernetes"):
        save(folder, name, authority.issue("127.0.0.1"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
        super().__init__(Origin(name, tls=context, port=port))
        self.origin.on(SLICES, self._slices)
        self.tokens = {"s3cret-1"}
        self.slices_status = ""
        """In place of slices, such as `403 Forbidden`."""
        self.page = 0
        """Slices in one answer to a list; 0: as many as are asked for."""
        self.objects: dict[str, Object] = {}
        self._version = 100
        self._events: list[tuple[int, str, Object]] = []
        self._watch_ends: list[Callable[[Connection], object]] = []

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.origin.port}"

    # What is in the namespace.

    def put(self, name: str, service: str, endpoints: list[Object], ports: list[Object], kind: str = "IPv4") -> None:
        """One slice."""
        with self._changed:
            self._version += 1
            known = name in self.objects
            self.objects[name] = {
                "kind": "EndpointSlice", "addressType": kind, "endpoints": endpoints, "ports": ports,
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}, "resourceVersion": str(self._version)}}
            self._events.append((self._version, "MODIFIED" if known else "ADDED", self.objects[name]))
            self._changed.notify_all()

    def delete(self, name: str) -> None:
        with self._changed:
            self._version += 1
            gone = json.loads(json.dumps(self.objects.pop(name)))
            gone["metadata"]["resourceVersion"] = str(self._version)
            self._events.append((self._version, "DELETED", gone))
            self._changed.notify_all()

    def set(self, service: str, *servers: str) -> None:
        """A slice for each of them, and no others, as they differ in their ports."""
        names = {f"{service}-{s.rpartition(':')[2]}": s for s in servers}
        for old in [n for n, o in self.objects.items() if o["metadata"]["labels"]["kubernetes.io/service-name"] == service]:
            if old not in names:
                self.delete(old)
        for name, server in names.items():
            host, _, number = server.rpartition(":")
            self.put(name, service, [pod(host)], [port("http", int(number))])

    def set_endpoints(self, service: str, subsets: list[Object] | None) -> None:
        """The Endpoints object; None: there is none."""
        value: Object = {"kind": "Endpoints", "metadata": {"name": service}, "subsets": subsets}
        if subsets is None:
            value = {"kind": "Status", "reason": "NotFound", "details": {"name": service, "kind": "endpoints"}, "code": 404}
        reply = answer(json.dumps(value), "404 Not Found" if subsets is None else "200 OK")
        self.origin.on(ENDPOINTS + service, lambda conn, request: self._permitted(conn, request) and conn.send(reply))

    # What happens to requests.

    def end_watch(self, how: Callable[[Connection], object] = lambda conn: conn.send("0\r\n\r\n")) -> None:
        """Of the one that is there, or comes next."""
        with self._changed:
            self._watch_ends.append(how)
            self._changed.notify_all()

    def lists(self) -> list[Request]:
        return [r for r in self.origin.seen(SLICES) if "watch=true" not in r.target]

    def watches(self) -> list[Request]:
        return [r for r in self.origin.seen(SLICES) if "watch=true" in r.target]

    def _permitted(self, conn: Connection, request: Request) -> bool:
        if self.fault:
            self.fault(conn, request)
        elif (request.get("authorization") or "") not in {f"Bearer {t}" for t in self.tokens}:
            conn.send(answer('{"kind":"Status","code":401}', "401 Unauthorized"))
        else:
            return True
        return False

    def _slices(self, conn: Connection, request: Request) -> None:
        if not self._permitted(conn, request):
            return
        query = {name: values[0] for name, values in urllib.parse.parse_qs(request.target.partition("?")[2]).items()}
        if self.slices_status:
            conn.send(answer('{"kind":"Status"}', self.slices_status))
        elif "watch" in query:
            self._watch(conn, request, int(query["resourceVersion"]), Deadline(float(query["timeoutSeconds"])))
        else:
            self._list(conn, int(query.get("continue", "0")), self.page or int(query["limit"]))

    def _list(self, conn: Connection, first: int, count: int) -> None:
        with self._changed:
            items = list(self.objects.values())
            more = str(first + count) if first + count < len(items) else ""
            body = json.dumps({"kind": "EndpointSliceList", "items": items[first:first + count],
                               "metadata": {"resourceVersion": str(self._version), "continue": more}})
        conn.send(answer(body, fields="Content-Type: application/json\r\n"))

    def _watch(self, conn: Connection, request: Request, version: int, end: Deadline) -> None:
        conn.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            if poll.select([conn.sock], [], [], 0)[0]:  # nobody listens any more
                conn.close()
                return
            with self._changed:
                news = list(itertools.dropwhile(lambda e: e[0] <= version, self._events))
                ending = None
                if not news and self._watch_ends:
                    ending = self._watch_ends.pop(0)
                elif not news and not self.fault and not end.over():
                    self._changed.wait(0.05)
            if self.origin.stopping.is_set():
                raise Stopped
            for version, kind, value in news:
                conn.send(chunk(json.dumps({"type": kind, "object": value}) + "\n"))
            if ending:
                ending(conn)
                return
            if self.fault:
                conn.close()
                return
            if end.over():
                conn.send("0\r\n\r\n")
                return
