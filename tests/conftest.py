"""Fixtures and reports shared by all black-box tests."""

from __future__ import annotations

import resource
import sys
from typing import Any, Iterator

import pytest

sys.dont_write_bytecode = True

from support import proxy as proxy_module  # noqa: E402
from support.origin import Origin  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "load: runs a load for several seconds")
    config.addinivalue_line("markers", "proxied: makes no sense for a world (client, upstream, direct) without the proxy in between")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without = [i for i in items if i.get_closest_marker("proxied") and i.callspec.params["world"][2]]  # type: ignore[attr-defined]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [i for i in items if i not in set(without)]


def pytest_report_header() -> str:
    kind = "missing"
    if proxy_module.BINARY.exists():
        kind = "sanitizer build" if proxy_module.instrumented() else "plain build"
    return f"binary: {proxy_module.BINARY} ({kind})"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """A failed test shows the last words of the proxies that were running."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for proxy in proxy_module.live:
            report.sections.append(("proxy log", "\n".join(proxy.log().splitlines()[-40:])))
            if proxy.stderr():
                report.sections.append(("proxy stderr", "\n".join(proxy.stderr().splitlines()[-60:])))


@pytest.fixture
def origin() -> Iterator[Origin]:
    """An origin of its own for a test; what it was sent must have been proper HTTP."""
    with Origin() as o:
        yield o
    o.check()
