"""Programs that the tests run as peers."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile

from support.client import Client
from support.deadline import seconds, wait_until
from support.ports import free_port

_PACKAGES = {"nginx": "nginx-light", "curl": "curl", "wrk": "wrk", "strace": "strace",
             "promtool": "prometheus", "haproxy": "haproxy"}


def need(program: str) -> str:
    """Path of a program; a test cannot pass without it, so its absence is a failure that says what to do."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise AssertionError(f"{program} is missing: apt-get install {_PACKAGES.get(program, program)}")
    return path


def run(*command: str, deadline: float = 30.0, check: bool = True, data: bytes | None = None,
        cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, input=data, capture_output=True, timeout=seconds(deadline), cwd=cwd, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} gave {done.returncode}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done


def listens(port: int) -> bool:
    """Whether somebody on this machine takes connections there."""
    try:
        Client(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


class Nginx:
    """Debian's nginx on a free port with the given server block body; `root` is a folder for files."""

    def __init__(self, server: str, http: str = ""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-nginx-"))
        self.root = self.folder / "root"
        self.root.mkdir()
        self.folder.chmod(0o755)
        self.port = free_port()
        self.server = f"127.0.0.1:{self.port}"
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"daemon off; master_process off; worker_processes 1; pid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log warn;\nevents {{ worker_connections 4096; }}\n"
            f"http {{ access_log off; types {{ text/html html; text/plain txt; }}\n{temp}{http}\n"
            f"server {{ listen 127.0.0.1:{self.port}; root {self.root};\n{server}\n}} }}\n", encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Nginx":
        self.process = subprocess.Popen([need("nginx"), "-e", str(self.folder / "start.log"), "-p", str(self.folder), "-c",
                                         str(self.folder / "nginx.conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._listening, "nginx listening", 10)
        return self

    def _listening(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError("nginx did not start: " + (self.folder / "start.log").read_text("utf-8", "replace"))
        return listens(self.port)

    def __exit__(self, *_: object) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(seconds(10))
        shutil.rmtree(self.folder, ignore_errors=True)
