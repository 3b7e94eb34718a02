"""A real ACME CA: Pebble in strict mode, with a name server of its own that finds every name on this machine."""

from __future__ import annotations

import json
import re
import ssl
from typing import Any, Sequence

from support.certificates import Authority, save
from support.daemon import Daemon, DaemonGroup
from support.json_api import ask, value_of
from support.peers import peer
from support.ports import free_port
from support.tools import listens

DAY = 24 * 3600


class Pebble(DaemonGroup):
    """`directory` is its URL, `ca_file` what its own certificate is signed by. Challenges are asked for at `http_port`.

    `eab` are keys by their id, one of which an account has to be bound to; `validity` is that of certificates, in seconds; `nonces` says
    how many good ones of 100 are refused; `retry_after`, in seconds, goes with what is not decided yet. Nothing is kept in a restart.
    """

    def __init__(self, http_port: int, *, eab: dict[str, str] | None = None, validity: int = 90 * DAY, nonces: int = 10,
                 retry_after: int = 0, chain_length: int = 1, alternate_roots: int = 0, blocked: Sequence[str] = ()):
        self.http_port = http_port
        self.port, self._management, self._names, self._names_management = (free_port() for _ in range(4))
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        self.authority = Authority("pebble's own")
        self.ca_file = str(self.authority.root)
        super().__init__("pebble")
        save(self.folder, "listener", self.authority.issue("127.0.0.1", "localhost"))
        config: dict[str, Any] = {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": f"{self.folder}/listener.crt", "privateKey": f"{self.folder}/listener.key",
            "httpPort": http_port, "tlsPort": free_port(), "ocspResponderURL": "", "keyAlgorithm": "ecdsa",
            "profiles": {"default": {"description": "of the tests", "validityPeriod": validity}},
            "retryAfter": {"authz": retry_after, "order": retry_after}, "domainBlocklist": list(blocked),
            "externalAccountBindingRequired": bool(eab), "externalAccountMACKeys": eab or {}}
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": config}), encoding="utf-8")
        env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": str(nonces),
               "PEBBLE_CHAIN_LENGTH": str(chain_length), "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots)}
        self._daemon = Daemon("pebble", [peer("pebble"), "-config", f"{self.folder}/pebble.json", "-dnsserver",
                                         f"127.0.0.1:{self._names}", "-strict"], self.folder, env)
        self._name_server = Daemon("names", [peer("pebble", "pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
                                             "-dnsserver", f"127.0.0.1:{self._names}", "-management", f"127.0.0.1:{self._names_management}",
                                             "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", ""], self.folder)
        self.daemons = [self._daemon, self._name_server]

    def start_all(self) -> None:
        self._name_server.start(lambda: listens(self._names) and listens(self._names_management))
        self._daemon.start(self._answers)

    def kill(self) -> None:
        self._daemon.kill()

    def restart(self) -> None:
        """On the same port, with no account, no order and other keys."""
        self._daemon.kill()
        self._daemon.start(self._answers)

    def _answers(self) -> bool:
        return bool(self.root()) and ask(self.port, "/dir", tls=self.authority.context(), user_agent="tests").status == 200

    def root(self, number: int = 0) -> str:
        """What the certificates of this run lead to, as PEM."""
        answer = ask(self._management, f"/roots/{number}", tls=self.authority.context())
        assert answer.status == 200, answer
        return answer.text()

    def context(self) -> ssl.SSLContext:
        """Of a client that trusts this root and nothing else."""
        return ssl.create_default_context(cadata=self.root())

    def log(self) -> str:
        return self._daemon.log.read_text("utf-8", "replace")

    def count(self, pattern: str) -> int:
        """Lines of its log."""
        return len(re.findall(pattern, self.log(), re.MULTILINE))

    def orders(self) -> int:
        """Good or not, but asked for with all that belongs to it."""
        return self.count('Added order "')

    def certificates(self) -> int:
        return self.count(r"Issued certificate serial")

    def wish_renewal(self, chain: str, answer: str) -> None:
        """What it tells, from now on, about when the first certificate of `chain` should be renewed (RFC 9773)."""
        value = {"Certificate": chain[:chain.index("-----END")] + "-----END CERTIFICATE-----\n", "ARIResponse": answer}
        value_of(ask(self._management, "/set-renewal-info/", method="POST", body=value, tls=self.authority.context(), user_agent="tests"),
                 "Pebble: /set-renewal-info/")

    # Names.

    def point(self, name: str, address: str) -> None:
        self._name_call("/add-a", {"host": name, "addresses": [address]})

    def point_back(self, name: str) -> None:
        self._name_call("/clear-a", {"host": name})

    def _name_call(self, target: str, body: dict[str, Any]) -> None:
        value_of(ask(self._names_management, target, method="POST", body=body), f"names: {target}")
