"""Issue 4 point 7: endpoints given by name. Moves to tests/integration/test_clusters.py with the resolver."""

from __future__ import annotations

from support.origin import Origin
from support.proxy import Proxy, route


def test_endpoint_by_name() -> None:
    with Origin() as origin, Proxy({"a.test": {"/": route(f"localhost:{origin.port}")}}) as proxy:
        with proxy.client() as client:
            for i in range(20):
                assert client.request(f"/{i}").status == 200
