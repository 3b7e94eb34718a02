"""A real API server of Kubernetes on a real etcd, two processes, with nothing else of a cluster: objects are what tests put there.

It takes no loopback address for an endpoint; servers that the proxy shall reach listen on support.addresses.outside().
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from support.certificates import Authority, save
from support.daemon import Daemon, DaemonGroup
from support.deadline import wait_until
from support.json_api import ask, value_of
from support.peers import peer
from support.ports import free_port

Rules = list[dict[str, list[str]]]
"""As in a Role."""
Deed = tuple[str, str, str]
"""API group, resource, verb."""

READ = ["get", "list", "watch"]
ENDPOINTS: Rules = [{"apiGroups": [""], "resources": ["pods", "endpoints", "services"], "verbs": READ}]
SLICES: Rules = [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ}]

_GROUPS = {"endpointslices": "/apis/discovery.k8s.io/v1", "roles": "/apis/rbac.authorization.k8s.io/v1",
           "rolebindings": "/apis/rbac.authorization.k8s.io/v1"}


def _collection(kind: str, namespace: str) -> str:
    return f"{_GROUPS.get(kind, '/api/v1')}/namespaces/{namespace}/{kind}"


class KubernetesApi(DaemonGroup):
    """`server` is host:port, `ca_file` what its certificate is signed by, by an authority of its own where none is given."""

    def __init__(self, *, authority: Authority | None = None):
        etcd, apiserver = peer("kubernetes", "etcd"), peer("kubernetes", "kube-apiserver")
        self.port = free_port()
        self.server = f"127.0.0.1:{self.port}"
        self.authority = authority or Authority()
        self.ca_file = str(self.authority.root)
        self.admin_token = str(uuid.uuid4())
        super().__init__("kubernetes")
        self._granted: dict[str, set[Deed]] = {}  # by account
        self._store_port = free_port()
        store, peers = f"http://127.0.0.1:{self._store_port}", f"http://127.0.0.1:{free_port()}"
        self._store = Daemon("etcd", [etcd, f"--data-dir={self.folder}/data", f"--listen-client-urls={store}", "--unsafe-no-fsync",
                                      f"--advertise-client-urls={store}", f"--listen-peer-urls={peers}", "--log-level=warn",
                                      f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}"], self.folder)
        self._api = Daemon("kube-apiserver", [
            apiserver, f"--etcd-servers={store}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            "--authorization-mode=RBAC", "--tls-cert-file=server.crt", "--tls-private-key-file=server.key",
            "--token-auth-file=tokens.csv", "--service-account-issuer=https://kubernetes.test",
            "--service-account-signing-key-file=accounts.key", "--service-account-key-file=accounts.crt",
            "--advertise-address=127.0.0.1", "--external-hostname=localhost", "--service-cluster-ip-range=10.96.0.0/24",
            "--endpoint-reconciler-type=none"], self.folder)
        self.daemons = [self._api, self._store]

    def _write_files(self) -> None:
        save(self.folder, "server", self.authority.issue("127.0.0.1", "localhost", "kubernetes.test"))
        save(self.folder, "accounts", self.authority.issue("accounts.test"))  # signs tokens
        (self.folder / "tokens.csv").write_text(f"{self.admin_token},admin,admin,system:masters\n")

    def start_all(self) -> None:
        self._write_files()
        self._store.start(lambda: True)
        self._api.start(self._is_ready)

    def kill(self) -> None:
        """Of the API server; connections break at once."""
        self._api.kill()

    def restart(self) -> None:
        """On the same port, with what was there before."""
        self._api.kill()
        self._api.start(self._is_ready)

    def _is_ready(self) -> bool:
        assert self._store.alive(), f"etcd ended: {self._store.log.read_text('utf-8', 'replace')[-2000:]}"
        return all(self.ask(target).status == 200 for target in ("/readyz", "/api/v1/namespaces/default"))

    def ask(self, target: str, *, method: str = "GET", body: Any = None, token: str | None = None) -> Any:
        """The answer to one request; without a token that of the administrator, "" for nobody's."""
        token = self.admin_token if token is None else token
        fields = {"authorization": f"Bearer {token}"} if token else {}
        return ask(self.port, target, method=method, body=body, tls=self.authority.context(), **fields)

    def call(self, target: str, *, method: str = "GET", body: Any = None) -> Any:
        """The value in the answer; fails when it is an error."""
        return value_of(self.ask(target, method=method, body=body), f"Kubernetes: {method} {target}")

    # Objects, in namespaces that are made when they are missing.

    def put(self, kind: str, namespace: str, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Makes or replaces an object; `kind` as in a URL, such as endpoints. Gives what the server made of it."""
        if self.ask(f"/api/v1/namespaces/{namespace}").status == 404:
            self.call("/api/v1/namespaces", method="POST", body={"metadata": {"name": namespace}})
        body = {**value, "metadata": {**value.get("metadata", {}), "name": name}}
        collection = _collection(kind, namespace)
        if self.ask(f"{collection}/{name}").status == 404:
            return self.call(collection, method="POST", body=body)
        return self.call(f"{collection}/{name}", method="PUT", body=body)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.call(f"{_collection(kind, namespace)}/{name}", method="DELETE")

    def put_endpoints(self, namespace: str, name: str, subsets: list[dict[str, Any]]) -> None:
        """As in the API: [{"addresses": [{"ip": ...}], "notReadyAddresses": ..., "ports": [{"name": ..., "port": ...}]}]"""
        self.put("endpoints", namespace, name, {"subsets": subsets})

    def put_slice(self, namespace: str, service: str, name: str, endpoints: list[dict[str, Any]], ports: list[dict[str, Any]],
                  address_type: str = "IPv4") -> None:
        """As in the API: [{"addresses": [...], "conditions": {"ready": ...}}] and [{"name": ..., "port": ...}]"""
        self.put("endpointslices", namespace, name, {"metadata": {"labels": {"kubernetes.io/service-name": service}},
                                                     "addressType": address_type, "endpoints": endpoints, "ports": ports})

    def forget_history(self) -> None:
        """Watches cannot go on from versions before now: 410, once the API server has been restarted."""
        self.put("configmaps", "default", "now", {})
        now = self.call("/api/v1/namespaces/default/configmaps/now")["metadata"]["resourceVersion"]
        value_of(ask(self._store_port, "/v3/kv/compaction", method="POST", body={"revision": now}), "etcd: compaction")

    # Accounts.

    def service_account(self, name: str, namespace: str, rules: Rules) -> str:
        """A token of a new account, valid for an hour, that may do in its namespace what `rules` say."""
        self.put("serviceaccounts", namespace, name, {})
        self.put("rolebindings", namespace, name, {
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}})
        self.allow(name, namespace, rules)
        return self.new_token(name, namespace)

    def new_token(self, name: str, namespace: str) -> str:
        """One more of the same account, as they are renewed in a cluster."""
        target = f"{_collection('serviceaccounts', namespace)}/{name}/token"
        return self.call(target, method="POST", body={"spec": {"expirationSeconds": 3600}})["status"]["token"]

    def allow(self, name: str, namespace: str, rules: Rules) -> None:
        """Replaces what the account may do; returns when the API server goes by it."""
        self.put("roles", namespace, name, {"rules": rules})
        account = f"system:serviceaccount:{namespace}:{name}"
        before, now = self._granted.get(account, set()), _deeds(rules)
        self._granted[account] = now
        for deed in before | now:
            wanted = deed in now
            wait_until(lambda d=deed, w=wanted: self._may(account, namespace, d) == w, f"{account} may {deed}: {wanted}")

    def _may(self, account: str, namespace: str, deed: Deed) -> bool:
        attributes = {"namespace": namespace, **dict(zip(("group", "resource", "verb"), deed))}
        review = {"spec": {"user": account, "resourceAttributes": attributes}}
        return self.call("/apis/authorization.k8s.io/v1/subjectaccessreviews", method="POST", body=review)["status"]["allowed"]


def _deeds(rules: Rules) -> set[Deed]:
    return {deed for rule in rules for deed in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])}
