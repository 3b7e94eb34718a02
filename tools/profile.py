#!/usr/bin/env python3
"""Records profile/data_path.tar.xz: which way requests go through the data path, for the compiler (docs/adr/0028).

Builds the preset `profile`, which counts its branches, and sends requests of many kinds through it to a few nginx servers: plain
and TLS, HTTP/1.1 and HTTP/2, small and large, kept alive and not, with the fields of browsers and of programs. Only the folders
of the data path count (cmake/profile.cmake); the rest of the program is compiled as without a profile.

  tools/profile.py [--seconds N]     N for each kind of request, 4 unless told
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "profile"
OUT = ROOT / "profile" / "data_path.tar.xz"
ORIGINS = [18801, 18802, 18803]
PLAIN, TLS, API = 18811, 18812, 18813
HOST = "profile.example.com"

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark; seen=1",
    "Sec-Fetch-Mode": "navigate",
}
PATHS = ["/", "/ping", "/a/b", "/a/b/c/d", "/limited/x?q=1&r=2", "/x/cart", "/page.html", "/a%20b/%C3%A9"]
FORMS = [p for p in PATHS if p != "/page.html"]  # nginx takes no POST for files

NGINX = """
worker_processes 1; daemon off; pid {d}/nginx.pid; error_log {d}/nginx.err crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path {d}/t1; proxy_temp_path {d}/t2; fastcgi_temp_path {d}/t3; uwsgi_temp_path {d}/t4; scgi_temp_path {d}/t5;
  server {{
    {listen}
    location / {{ default_type application/json; add_header ETag '"5f3c"'; add_header Cache-Control no-cache; return 200 '{{"ok":true}}'; }}
    location /page.html {{ root {d}/www; }}
    location /big {{ root {d}/www; }}
  }}
}}
"""

MAIN = """
threads: 1
proxy_address_http: 127.0.0.1:{plain}
proxy_address_tls: 127.0.0.1:{tls}
config_address: 127.0.0.1:{api}
config_api_enabled: true
proxy_configs: {d}
upstreams_conf: {d}/upstreams.yaml
access_log: all
access_log_file: {d}/access.log
pid_file: {d}/aralez.pid
error_log: {d}/error.log
log_level: error
hc_method: HEAD
hc_interval: 60
grace_period_seconds: 2
master_key: 0123456789abcdef0123456789abcdef
"""


def upstreams():
    servers = ", ".join(f'"127.0.0.1:{o}"' for o in ORIGINS)
    headers = 'server_headers: ["X-One:one", "X-Two:two"]\n        client_headers: ["X-Three:three"]'
    extra = {"/": "", "/a/b": "", "/limited": "rate_limit: 1000000"}
    paths = "".join(f"""
      "{path}":
        healthcheck: false
        {headers}
        {more}
        servers: [{servers}]""" for path, more in extra.items())
    hosts = "".join(f"\n  {host}:\n    paths:{paths}" for host in (HOST, "127.0.0.1"))
    return f'provider: "file"\nsticky_sessions: true\nupstreams:{hosts}\n'


def lua(method, headers, body, close, paths):
    all_headers = {"Host": HOST, **headers, **({"Connection": "close"} if close else {})}
    text = "".join(f'wrk.headers["{k}"] = "{v}"\n' for k, v in all_headers.items())
    body_text = f'string.rep("b", {body})' if body else "nil"
    listed = ", ".join(f'"{p}"' for p in paths)
    return text + f"""
local paths = {{{listed}}}
local requests, i = {{}}, 0
init = function() for k, v in ipairs(paths) do requests[k] = wrk.format("{method}", v, nil, {body_text}) end end
request = function() i = i % #requests + 1; return requests[i] end
"""


def wrk(folder, seconds, connections, tls=False, method="GET", headers=None, body=0, close=False, paths=PATHS):
    script = folder / "load.lua"
    script.write_text(lua(method, headers or {}, body, close, paths))
    url = f"https://127.0.0.1:{TLS}/" if tls else f"http://127.0.0.1:{PLAIN}/"
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]


def h2load(folder, seconds, connections, streams, headers=None, body=None, paths=PATHS, tls=True):
    urls = folder / "urls.txt"
    urls.write_text("\n".join(f"{'https' if tls else 'http'}://127.0.0.1:{TLS if tls else PLAIN}{p}" for p in paths))
    command = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}", "-i", str(urls)]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if body:
        file = folder / "body"
        file.write_bytes(b"b" * body)
        command += ["-d", str(file)]
    return command


def loads(folder, seconds):
    """What it is called, and the command. A mix, not a benchmark: nothing below is tuned for one of them."""
    yield "plain", wrk(folder, seconds, 200)
    yield "plain, a browser's fields", wrk(folder, seconds, 40, headers=BROWSER)
    yield "plain, POST of 1 KiB", wrk(folder, seconds, 100, method="POST", body=1024, paths=FORMS)
    yield "plain, POST of 100 KiB", wrk(folder, seconds, 20, method="POST", body=100_000, paths=FORMS)
    yield "plain, a connection for each", wrk(folder, seconds, 50, close=True)
    yield "plain, 1 MiB", wrk(folder, seconds, 16, paths=["/big"])
    yield "TLS", wrk(folder, seconds, 100, tls=True, headers=BROWSER)
    yield "TLS, POST of 1 KiB", wrk(folder, seconds, 50, tls=True, method="POST", body=1024, paths=FORMS)
    yield "TLS, a connection for each", wrk(folder, seconds, 50, tls=True, close=True)
    yield "TLS, 1 MiB", wrk(folder, seconds, 16, tls=True, paths=["/big"])
    yield "HTTP/2", h2load(folder, seconds, 40, 16)
    yield "HTTP/2, a browser's fields", h2load(folder, seconds, 20, 4, headers=BROWSER)
    yield "HTTP/2, POST of 4 KiB", h2load(folder, seconds, 20, 8, body=4096, paths=FORMS)
    yield "HTTP/2, 1 MiB", h2load(folder, seconds, 4, 4, paths=["/big"])
    yield "HTTP/2 in clear", h2load(folder, seconds, 20, 8, tls=False)


def wait_for(port, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            s.settimeout(0.2)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"profile: nothing listens on port {port} after {seconds} s")


def succeeded(command, output):
    if command[0] == "wrk":
        good = re.search(r"(\d+) requests in", output)
        return good and int(good.group(1)) > 0 and "Non-2xx" not in output
    good = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    return good and int(good.group(1)) > 0 and good.groups()[1:] == ("0", "0", "0")


def train(folder, seconds):
    (folder / "www").mkdir()
    (folder / "www/page.html").write_text("<p>a page</p>\n" * 1200)
    (folder / "www/big").write_bytes(b"b" * (1 << 20))
    listen = " ".join(f"listen 127.0.0.1:{o};" for o in ORIGINS)
    (folder / "nginx.conf").write_text(NGINX.format(d=folder, listen=listen))
    (folder / "main.yaml").write_text(MAIN.format(d=folder, plain=PLAIN, tls=TLS, api=API))
    (folder / "upstreams.yaml").write_text(upstreams())
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    running = [subprocess.Popen([nginx, "-c", str(folder / "nginx.conf")])]
    try:
        for port in ORIGINS:
            wait_for(port)
        running.append(subprocess.Popen([str(BUILD / "aralez"), "-c", str(folder / "main.yaml")]))
        wait_for(TLS)
        for name, command in loads(folder, seconds):
            print(f"profile: {name}", flush=True)
            output = subprocess.run(command, capture_output=True, text=True, check=False)
            if not succeeded(command, output.stdout):
                sys.exit(f"profile: {name} failed:\n{output.stdout}{output.stderr}")
        running[1].send_signal(signal.SIGTERM)  # what was counted is written at the exit
        running.pop().wait(30)
    finally:
        for process in running:
            process.terminate()
            process.wait(10)


def pack(recorded, compiler):
    OUT.parent.mkdir(exist_ok=True)
    kept = sorted(recorded.glob("*.gcda"))
    if not kept:
        sys.exit(f"profile: nothing was recorded in {recorded}")
    (recorded / "compiler").write_text(compiler)
    with tarfile.open(OUT, "w:xz") as archive:
        for file in [recorded / "compiler", *kept]:
            info = archive.gettarinfo(file, file.name)
            info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode = 0, 0, 0, "", "", 0o644
            with file.open("rb") as content:
                archive.addfile(info, content)
    print(f"profile: {OUT.relative_to(ROOT)}: {len(kept)} files, {OUT.stat().st_size // 1024} KiB, of g++ {compiler}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    recorded = BUILD / "recorded"
    shutil.rmtree(recorded, ignore_errors=True)
    subprocess.run(["cmake", "--preset", "profile"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "profile", "--target", "aralez"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="aralez-profile-") as folder:
        os.chmod(folder, 0o755)
        train(pathlib.Path(folder), options.seconds)
    cache = (BUILD / "CMakeCache.txt").read_text()
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M).group(1)
    major = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout.strip().split(".")[0]
    pack(recorded, major)


if __name__ == "__main__":
    main()
