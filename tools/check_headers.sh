#!/usr/bin/env bash
# Compiles each header of src/ by itself: whoever includes it needs to know nothing else.
# Fixtures (*_test.h) may use tests/support. One g++ -fsyntax-only per header, JOBS (2) at a time; prints the compiler's own messages and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t headers < <(find src -name '*.h' | sort)
((${#headers[@]})) || {
  echo "check_headers: no headers below src/" >&2
  exit 1
}
# shellcheck disable=SC2016  # $1 is the inner shell's
printf '%s\0' "${headers[@]}" | xargs -0 -n 1 -P "${JOBS:-2}" bash -c '
  printf "#include \"%s\"\n" "${1#src/}" |
    "${CXX:-g++}" -std=c++23 -fsyntax-only -Wall -Wextra -Wshadow -Werror -Wno-missing-field-initializers -x c++ -Isrc -Itests - ||
    { echo "check_headers: $1 does not compile alone" >&2; exit 1; }' _
echo "check_headers: ${#headers[@]} headers compile alone"
