#!/usr/bin/env bash
# The cost of a request beside other proxies (../shared/bench/compare.py), recorded with machine and commit.
#
#   BENCH_SCENARIOS=h1,h1post,conn,large BENCH_PEERS=relay,nginx,haproxy,h2o,aralez BENCH_ROUNDS=5 tools/bench.sh
#
# Writes bench/results/<date>-<commit>.{txt,json}. A dirty tree is marked: such figures are for the desk, not for the README.
set -euo pipefail
cd "$(dirname "$0")/.."

compare=${BENCH_COMPARE:-../shared/bench/compare.py}
[[ -e $compare ]] || {
  echo "bench: $compare is missing (BENCH_COMPARE names another place)" >&2
  exit 1
}
cmake --preset release >/dev/null
cmake --build --preset release --target aralez -- --quiet

commit=$(git rev-parse --short HEAD)
[[ -z $(git status --porcelain -- src cmake CMakeLists.txt CMakePresets.json) ]] || commit+=-dirty
mkdir -p bench/results
out=bench/results/$(date -u +%Y-%m-%d)-$commit
{
  echo "date      $(date -u +%FT%TZ)"
  echo "commit    $commit"
  echo "machine   $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r)"
  echo "compiler  $(g++ --version | head -n 1)"
  echo "load      $(cut -d ' ' -f 1-3 /proc/loadavg) before the start"
  for package in nginx-light haproxy h2o; do
    echo "peer      $(dpkg-query -W "$package" 2>/dev/null | tr '\t' ' ' || echo "$package: not installed")"
  done
} | tee "$out.txt"
/usr/bin/python3 "$compare" --aralez build/release/aralez -p "${BENCH_PEERS:-relay,nginx,haproxy,h2o,aralez}" \
  -s "${BENCH_SCENARIOS:-h1,h1post,conn,large}" --rounds "${BENCH_ROUNDS:-5}" --json "$out.json" | tee -a "$out.txt"

echo "bench: $out.txt, $out.json"
