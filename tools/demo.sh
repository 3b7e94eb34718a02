#!/usr/bin/env bash
# make run: builds `release`, writes demo/run/{main,upstreams}.yaml, starts the proxy in the foreground. Ctrl-C ends it.
#
#   DEMO_ADDRESS=0.0.0.0 DEMO_PORT=8080 make run
#
# Needs no root: ports above 1024, files below demo/run/ only. Ports that are taken are passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

address=${DEMO_ADDRESS:-127.0.0.1}
binary=build/release/aralez
run=$PWD/demo/run

die() {
  echo "run: $*" >&2
  exit 1
}

# Asked by connecting: with SO_REUSEPORT a second bind of ours would succeed and steal from a running demo.
taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# pick FIRST USED...: sets `port` to the first free port from FIRST on that is not among USED.
pick() {
  local last=$(($1 + 200))
  port=$1
  shift
  while taken "$port" || [[ " $* " == *" $port "* ]]; do
    ((++port <= last)) || die "no free port between $((last - 200)) and $last"
  done
}

mkdir -p build "$run"
echo "run: building $binary (the first time takes a few minutes)"
cmake --preset release >build/release.configure.log || {
  cat build/release.configure.log
  die "the build could not be configured"
}
cmake --build --preset release --target aralez || die "the build failed"

pick "${DEMO_PORT:-8080}" && http=$port
pick 8081 "$http" && files=$port
pick 8082 "$http" "$files" && config=$port

cat >"$run/main.yaml" <<EOF
# Written by make run; written anew each time.
threads: $(($(nproc) < 4 ? $(nproc) : 4))
proxy_address_http: $address:$http
config_address: 127.0.0.1:$config
config_api_enabled: false
file_server_address: 127.0.0.1:$files
file_server_folder: $PWD/demo/www
proxy_configs: $run
upstreams_conf: $run/upstreams.yaml
pid_file: $run/aralez.pid
log_level: info
hc_method: HEAD
hc_interval: 5
grace_period_seconds: 5
EOF

cat >"$run/upstreams.yaml" <<EOF
# Written by make run; written anew each time. Save it while the proxy runs: the change is live at once.
provider: file
upstreams:
  DEFAULT:
    paths:
      "/":
        servers: ["127.0.0.1:$files"]
        healthcheck: false
        client_headers: ["X-Demo: one"]
      "/down": # nobody listens there
        servers: ["127.0.0.1:9"]
        healthcheck: false
EOF

url=http://127.0.0.1:$http/
lines() {
  cat <<EOF

  open    $url
  status  http://127.0.0.1:$config/, or in a terminal: $binary top -c demo/run/main.yaml
  files   demo/www, served on 127.0.0.1:$files, which is the upstream
  config  demo/run/main.yaml, demo/run/upstreams.yaml

  try, in another terminal:
    curl -i $url
    sed -i 's/X-Demo: one/X-Demo: two/' demo/run/upstreams.yaml     # live at once: look at the page
    curl -sI $url | grep -i x-demo
    $binary -c demo/run/main.yaml --explain 'GET ${url}down'
    curl -i ${url}down                                   # an upstream that is not there
    echo 'oops: [' >> demo/run/upstreams.yaml                       # refused with file:line, the old one serves on
    $binary -c demo/run/main.yaml -t
    sed -i '\$d' demo/run/upstreams.yaml                            # mended

  Ctrl-C ends it.

EOF
}

# With job control the proxy has a process group of its own, which fg makes the terminal's: Ctrl-C then reaches
# the proxy alone, it exits with 0, and so do this script and make.
set -m
"$binary" -c "$run/main.yaml" &
pid=$!
stop() {
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" || true
  exit 0
}
trap stop INT TERM

for ((tries = 0; tries < 100; ++tries)); do
  if taken "$http"; then break; fi
  kill -0 "$pid" 2>/dev/null || die "the proxy did not start; its messages are above"
  sleep 0.1
done
taken "$http" || {
  kill "$pid" 2>/dev/null
  die "the proxy does not answer on port $http"
}
lines
if [[ -t 0 ]]; then
  fg %1 >/dev/null
else
  wait "$pid"
fi
