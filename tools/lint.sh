#!/usr/bin/env bash
# Static checks.
#
#   tools/lint.sh cheap     format, include levels, headers alone, shellcheck, the tools' own tests (part of make test)
#   tools/lint.sh changed   the same, then clang-tidy on what differs from origin/main (or from HEAD~1 without it)
#   tools/lint.sh all       the same, then clang-tidy on every file (a quarter of an hour and more)
set -euo pipefail
cd "$(dirname "$0")/.."

scope=${1:-changed}
jobs=$(nproc)

mapfile -t ours < <(git ls-files --cached --others --exclude-standard -- '*.cc' '*.h' | while read -r f; do [[ ! -e $f ]] || echo "$f"; done)
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run)

echo "== clang-format"
clang-format-19 --dry-run -Werror "${ours[@]}"
echo "== include levels"
tools/check_includes.py
echo "== headers"
JOBS=$jobs tools/check_headers.sh
echo "== shellcheck"
shellcheck "${scripts[@]}"
echo "== tools"
/usr/bin/python3 -m pytest -q -p no:cacheprovider tools

# The .cc files to look at for a change: changed ones, and those that include a changed header.
changed_sources() {
  local base file
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse --verify -q HEAD~1 || git rev-parse HEAD)
  {
    git diff --name-only --diff-filter=d "$base" -- 'src/*.cc' 'src/*.h' 'fuzz/*.cc'
    git ls-files --others --exclude-standard -- 'src/*.cc' 'src/*.h' 'fuzz/*.cc'
  } | sort -u | while read -r file; do
    case $file in
      *.cc) echo "$file" ;;
      *.h) grep -rlF --include='*.cc' "#include \"${file#src/}\"" src fuzz || true ;;
    esac
  done | sort -u
}

case $scope in
  cheap) exit 0 ;;
  changed) mapfile -t sources < <(changed_sources) ;;
  all) mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- 'src/*.cc' 'fuzz/*.cc') ;;
  *)
    echo "lint: unknown scope '$scope' (cheap, changed, all)" >&2
    exit 2
    ;;
esac
echo "== clang-tidy: ${#sources[@]} files"
((${#sources[@]})) || exit 0
cmake --preset dev >/dev/null
# The database is g++'s; clang does not know every warning of it. An ASSERT_TRUE(x.has_value()) is no check to it either.
# shellcheck disable=SC2016  # $1 is the inner shell's
printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$jobs" bash -c '
  checks=
  [[ $1 != *_test.cc ]] || checks=-bugprone-unchecked-optional-access
  clang-tidy-19 -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option --checks="$checks" "$1" 2>/dev/null' _
