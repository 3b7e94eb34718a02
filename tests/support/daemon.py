"""A server that a test needs, as a process that cannot outlive the test run."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
from typing import Callable, Self

from support.deadline import seconds, wait_until
from support.http1 import Closed
from support.tools import need


class Daemon:
    """What it says goes into NAME.log in `folder`; `env` is in addition to that of the tests. The kernel kills it when the test run
    dies, however that happens."""

    def __init__(self, name: str, command: list[str], folder: pathlib.Path, env: dict[str, str] | None = None):
        self.name = name
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._command = [need("setpriv"), "--pdeathsig", "KILL", "--", *command]
        self._folder = folder
        self._env = {**os.environ, **(env or {})}

    def start(self, ready: Callable[[], object], deadline: float = 30.0) -> None:
        """Returns when `ready` is true; a failed connection counts as not yet. A start that fails leaves nothing running."""
        assert threading.current_thread() is threading.main_thread(), "it would be killed at the end of this thread"
        assert not self.alive(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
                                            env=self._env)
        try:
            wait_until(lambda: self._ready(ready), f"{self.name} is ready", deadline, pause=0.05)
        except BaseException as e:
            self.kill()
            raise AssertionError(f"{e}\n{self.log.read_text('utf-8', 'replace')[-3000:]}") from e

    def _ready(self, ready: Callable[[], object]) -> object:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}")
        try:
            return ready()
        except (OSError, Closed):
            return False

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """At once, as a crash would; nothing when it does not run."""
        if self.process:
            self.process.kill()
            self.process.wait(seconds(10))


class DaemonGroup:
    """What a test needs as one or more daemons in a folder of their own, for a `with` block."""

    def __init__(self, name: str):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"aralez-test-{name}-"))
        self.daemons: list[Daemon] = []
        """In the order in which they are killed."""

    def start_all(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self.daemons:
            daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
