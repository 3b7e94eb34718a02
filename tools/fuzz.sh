#!/usr/bin/env bash
# Runs every libFuzzer target in turn for FUZZ_SECONDS (60) each.
#
#   FUZZ_SECONDS=300 FUZZ_TARGET=request_head tools/fuzz.sh
#
# Starts from fuzz/corpus and fuzz/regressions; keeps what it learns in build/fuzz/corpus, findings in build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-60}
shopt -s nullglob
sources=(fuzz/*_fuzz.cc)
[[ -z ${FUZZ_TARGET:-} ]] || sources=("fuzz/${FUZZ_TARGET}_fuzz.cc")
((${#sources[@]})) || {
  echo "fuzz: no target (fuzz/*_fuzz.cc)" >&2
  exit 1
}

cmake --preset fuzz >/dev/null
targets=()
for source in "${sources[@]}"; do
  [[ -e $source ]] || {
    echo "fuzz: no such target: $source" >&2
    exit 1
  }
  targets+=("$(basename "$source" .cc)")
done
cmake --build --preset fuzz --target "${targets[@]}"

broken=()
for target in "${targets[@]}"; do
  name=${target%_fuzz}
  learned=build/fuzz/corpus/$name findings=build/fuzz/findings/$name log=build/fuzz/$name.log
  mkdir -p "$learned" "$findings"
  inputs=("$learned" "fuzz/corpus/$name")
  [[ ! -d fuzz/regressions/$name ]] || inputs+=("fuzz/regressions/$name")
  options=()
  [[ ! -e fuzz/dict/$name.dict ]] || options+=(-dict="fuzz/dict/$name.dict")
  echo "== fuzz $name for ${seconds}s"
  if "build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$findings/" "${options[@]}" "${inputs[@]}" >"$log" 2>&1; then
    sed -n 's/^stat::number_of_executed_units: */   inputs tried: /p; s/^stat::new_units_added: */   new units: /p' "$log"
  else
    broken+=("$name")
    tail -n 40 "$log"
  fi
done
if ((${#broken[@]})); then
  echo "fuzz: broken: ${broken[*]}; inputs in build/fuzz/findings, copy them to fuzz/regressions with the fix" >&2
  exit 1
fi
