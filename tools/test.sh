#!/usr/bin/env bash
# Everything that must pass, in under a quarter of an hour on two cores. The last line is pytest's own summary.
#
# What is built, and why not more:
#   release  the program only: it is what users get, so the black-box tests and the hardening check run on it.
#   asan     everything, with ASan + UBSan: the unit tests, the replay of the fuzz corpora, and the program for a second
#            black-box run. Same optimisation and assertions as `dev`, so a `dev` run would prove nothing more than that
#            each file includes what it uses.
#   tsan     only the tests of the folders that have threads (io, observe, control, server, filter/limits); the rest
#            lives on one thread.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # the one that Debian's python3-pytest belongs to
name=start
SECONDS=0
trap 'code=$?; ((code == 0)) || echo "test: FAILED in step \"$name\" after ${SECONDS}s" >&2' EXIT

step() {
  name=$1
  printf '\n== %s (%dm%02ds)\n' "$name" $((SECONDS / 60)) $((SECONDS % 60))
}

build() {
  local preset=$1
  shift
  cmake --preset "$preset" >"build/$preset.configure.log" || {
    cat "build/$preset.configure.log"
    return 1
  }
  cmake --build --preset "$preset" "$@" -- --quiet
}

# Folders with threads, as ctest names: the unit tests of io, observe, server, filter/limits and every control/<name> but process, whose
# tests fork from a process of one thread, which ThreadSanitizer's own thread makes impossible.
threaded_tests() {
  find src/io src/observe src/server src/control src/filter/limits -name '*_test.cc' -not -path 'src/control/process/*' 2>/dev/null | while read -r file; do
    folder=$(dirname "$file")
    while [[ ! -e $folder/CMakeLists.txt ]]; do folder=$(dirname "$folder"); done
    echo "${folder#src/}"
  done | sort -u
}

black_box() {
  ARALEZ_BIN=$PWD/build/$1/aralez ARALEZ_PRESET=$1 $python -m pytest tests -q -p no:cacheprovider </dev/null
}

mkdir -p build
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

step "test peers that Debian lacks"
tools/peers.sh || echo "test: the tests that need them will fail"

step "lint, the cheap part"
tools/lint.sh cheap

step "release: build"
build release --target aralez
step "release: hardening"
tools/check_hardening.sh build/release/aralez

step "asan: build"
build asan
step "asan: unit tests and fuzz corpora"
ctest --test-dir build/asan --no-tests=error --output-on-failure -j "$(nproc)"

step "tsan: build"
mapfile -t folders < <(threaded_tests)
((${#folders[@]})) || {
  echo "no unit test in src/io, src/observe, src/server, src/control" >&2
  exit 1
}
targets=()
for folder in "${folders[@]}"; do targets+=("aralez_${folder//\//_}_test"); done
build tsan --target "${targets[@]}"
step "tsan: unit tests of ${folders[*]}"
# The thread sanitizer of g++ 12 does not know the wide address randomisation of newer kernels.
fixed=()
! setarch "$(uname -m)" -R true 2>/dev/null || fixed=(setarch "$(uname -m)" -R)
"${fixed[@]}" ctest --test-dir build/tsan --no-tests=error --output-on-failure -j "$(nproc)" \
  -R "^($(IFS='|' && echo "${folders[*]}"))$"

# Both at once: they wait for deadlines and peers more than they compute, and share nothing.
step "black-box tests, asan and release"
black_box release >build/black-box.release.log 2>&1 &
beside=$!
failed=0
black_box asan || failed=1
step "release: black-box tests"
wait "$beside" || failed=1
cat build/black-box.release.log
((failed == 0))
