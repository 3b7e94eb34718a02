"""A real Consul: one server in a process of its own, with its HTTP API on 127.0.0.1."""

from __future__ import annotations

import json
import shutil
import urllib.parse
import uuid
from typing import Any

from support.certificates import Authority, save
from support.daemon import Daemon, DaemonGroup
from support.deadline import wait_until
from support.json_api import ask, value_of
from support.peers import peer
from support.ports import free_port


class Consul(DaemonGroup):
    """`server` is host:port, `url` the same with its scheme, `ca_file` what its certificate is signed by (none without TLS).

    With `acl` nothing is allowed without a token: `management_token` allows all, `token` makes others. Without `authority` a server
    with TLS has one of its own. Every change returns when health queries show it.
    """

    def __init__(self, *, acl: bool = False, tls: bool = False, authority: Authority | None = None):
        program = peer("consul")
        self.port = free_port()
        self.server = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.server}"
        self.management_token = str(uuid.uuid4()) if acl else ""
        self.authority = (authority or Authority()) if tls else None
        self.ca_file = str(self.authority.root) if self.authority else None
        super().__init__("consul")
        self._services: dict[str, str] = {}  # id to name
        self._write_config()
        self._daemon = Daemon("consul", [program, "agent", f"-config-file={self.folder}/consul.json"], self.folder)
        self.daemons = [self._daemon]

    def _write_config(self) -> None:
        config: dict[str, Any] = {
            "server": True, "bootstrap_expect": 1, "node_name": "test", "data_dir": str(self.folder / "data"),
            "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "disable_update_check": True, "connect": {"enabled": False},
            "performance": {"raft_multiplier": 1}, "skip_leave_on_interrupt": True,
            "ports": {"http": -1, "https": -1, "dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1,
                      "server": free_port(), "serf_lan": free_port()}}
        config["ports"]["https" if self.authority else "http"] = self.port
        if self.management_token:
            config["acl"] = {"enabled": True, "default_policy": "deny",
                             "tokens": {"initial_management": self.management_token, "agent": self.management_token}}
        if self.authority:
            save(self.folder, "server", self.authority.issue("127.0.0.1", "localhost", "consul.test"))
            config["tls"] = {"https": {"cert_file": f"{self.folder}/server.crt", "key_file": f"{self.folder}/server.key"}}
        (self.folder / "consul.json").write_text(json.dumps(config), encoding="utf-8")

    def start_all(self) -> None:
        self._daemon.start(self._leads)

    def kill(self) -> None:
        """Connections break at once."""
        self._daemon.kill()

    def restart(self, keep: bool = True) -> None:
        """On the same port. Without `keep` all is lost: services, tokens but that of the management, and the count of the index."""
        self._daemon.kill()
        if not keep:
            shutil.rmtree(self.folder / "data")
        self._daemon.start(self._leads)

    def _leads(self) -> bool:
        """It has become the leader, knows its tokens, and has registered itself."""
        try:
            answer = self.ask("/v1/health/service/consul")
        except AssertionError:  # it took too long: a question while there is no leader may
            return False
        return answer.status == 200 and any(c["CheckID"] == "serfHealth" for i in json.loads(answer.body) for c in i["Checks"])

    def ask(self, target: str, *, method: str = "GET", body: Any = None, token: str | None = None) -> Any:
        """The answer to one request; without a token that of the management."""
        token = self.management_token if token is None else token
        fields = {"x_consul_token": token} if token else {}
        return ask(self.port, target, method=method, body=body, tls=self.authority.context() if self.authority else None, **fields)

    def call(self, target: str, *, method: str = "GET", body: Any = None) -> Any:
        """The value in the answer; fails when it is an error."""
        return value_of(self.ask(target, method=method, body=body), f"Consul: {method} {target}")

    # Services.

    def register(self, service: str, address: str, port: int, id: str | None = None, *,
                 checks: list[dict[str, Any]] | None = None, tagged_addresses: dict[str, Any] | None = None, **keys: Any) -> str:
        """The id. `checks` are definitions of Consul's; by default there is one, passing, that set_check() sets. `keys` are further
        ones of the registration, such as Tags, Meta and Weights."""
        id = id or f"{service}-{address}-{port}"
        if checks is None:
            checks = [{"CheckID": _check(id), "Name": "set by the test", "TTL": "24h", "Status": "passing"}]
        body = {"ID": id, "Name": service, "Address": address, "Port": port, "Checks": checks, **keys}
        if tagged_addresses:
            body["TaggedAddresses"] = tagged_addresses
        self._services[id] = service
        self.call("/v1/agent/service/register?replace-existing-checks=true", method="PUT", body=body)
        wait_until(lambda: self._shown(id, body), f"Consul shows {id}")
        return id

    def _shown(self, id: str, body: dict[str, Any]) -> bool:
        """In the catalog as in the agent, which takes it there on its own time."""
        found = self.service(id)
        if found is None or len(found["Checks"]) != len(body["Checks"]) + 1:  # the node's own one
            return False
        told = self.call(f"/v1/agent/service/{_quoted(id)}")
        return all((told.get(key) or None) == (found["Service"].get(key) or None)
                   for key in ("Address", "Port", "Tags", "Meta", "Weights", "TaggedAddresses"))

    def deregister(self, id: str) -> None:
        self.call(f"/v1/agent/service/deregister/{_quoted(id)}", method="PUT")
        wait_until(lambda: self.service(id) is None, f"Consul forgets {id}")

    def set_check(self, id: str, status: str) -> None:
        """passing, warning or critical, for a service that was registered with the default check."""
        self.call(f"/v1/agent/check/update/{_quoted(_check(id))}", method="PUT", body={"Status": status})
        wait_until(lambda: self._check_status(id, _check(id)) == status, f"Consul shows {id} {status}")

    def maintenance(self, id: str, on: bool) -> None:
        self.call(f"/v1/agent/service/maintenance/{_quoted(id)}?enable={str(on).lower()}", method="PUT")
        wanted = "critical" if on else None
        check = f"_service_maintenance:{id}"
        wait_until(lambda: self._check_status(id, check) == wanted, f"Consul has {id} in maintenance: {on}")

    def service(self, id: str) -> dict[str, Any] | None:
        """What health queries have of it, passing or not."""
        instances = self.call(f"/v1/health/service/{_quoted(self._services[id])}")
        return next((i for i in instances if i["Service"]["ID"] == id), None)

    def _check_status(self, id: str, check: str) -> str | None:
        found = self.service(id)
        return next((c["Status"] for c in found["Checks"] if c["CheckID"] == check), None) if found else None

    # Tokens.

    def token(self, rules: str) -> str:
        """A new token that allows what `rules` say: service_prefix "" { policy = "read" }"""
        name = f"test-{uuid.uuid4()}"
        self.call("/v1/acl/policy", method="PUT", body={"Name": name, "Rules": rules})
        return self.call("/v1/acl/token", method="PUT", body={"Policies": [{"Name": name}]})["SecretID"]

    def revoke(self, token: str) -> None:
        accessor = value_of(self.ask("/v1/acl/token/self", token=token), "Consul: the token")["AccessorID"]
        self.call(f"/v1/acl/token/{accessor}", method="DELETE")


def _check(id: str) -> str:
    return f"service:{id}"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
