"""Peers that tools/peers.sh installs, because Debian lacks them."""

from __future__ import annotations

import functools
import pathlib
import subprocess

_TOOL = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "peers.sh"


@functools.cache
def _folder() -> pathlib.Path:
    return pathlib.Path(subprocess.run([_TOOL, "--where"], capture_output=True, text=True, check=True).stdout.strip())


@functools.cache
def _version(name: str) -> str:
    return subprocess.run([_TOOL, "--version-of", name], capture_output=True, text=True, check=True).stdout.strip()


def peer(name: str, program: str | None = None) -> str:
    """Path of a program of the peer `name`; its absence is a failure that says what to do."""
    folder = _folder() / f"{name}-{_version(name)}"
    program = program or name
    for path in (folder / program, folder / "bin" / program):
        if (folder / "complete").exists() and path.exists():
            return str(path)
    said = _folder() / f"{name}.log"
    why = f"; the last attempt said:\n{said.read_text('utf-8', 'replace')[-1500:]}" if said.exists() else ""
    raise AssertionError(f"{name} is missing: run tools/peers.sh {name}{why}")
