#!/usr/bin/env bash
# Checks that the hardening promised in SECURITY.md really is in a release binary (x86-64 and others; CET on x86-64 only).
#
#   tools/check_hardening.sh build/release/aralez
set -euo pipefail

binary=${1:?usage: check_hardening.sh BINARY}
[[ -x $binary ]] || {
  echo "check_hardening: $binary is no program" >&2
  exit 1
}
missing=0
header=$(readelf -hW "$binary")
segments=$(readelf -lW "$binary")
dynamic=$(readelf -dW "$binary")
symbols=$(readelf --dyn-syms -W "$binary")
notes=$(readelf -nW "$binary" 2>/dev/null)

# want WHAT TEXT PATTERN: TEXT has a line that matches PATTERN.
want() {
  if grep -qE "$3" <<<"$2"; then
    echo "  ok       $1"
  else
    echo "  MISSING  $1"
    missing=1
  fi
}

echo "check_hardening: $binary"
want "position independent (PIE)" "$header$dynamic" 'Type: +DYN'
want "marked as PIE" "$dynamic" 'FLAGS_1.*PIE'
want "full RELRO: segment" "$segments" 'GNU_RELRO'
want "full RELRO: bind now" "$dynamic" 'BIND_NOW|FLAGS_1.*NOW'
want "stack not executable" "$segments" 'GNU_STACK.* RW +0x'
want "stack protector" "$symbols" '__stack_chk_fail'
want "_FORTIFY_SOURCE" "$symbols" ' __[a-z0-9_]+_chk(@|$)'
want "_GLIBCXX_ASSERTIONS" "$symbols" '__glibcxx_assert_fail'
if grep -q 'X86-64' <<<"$header"; then
  want "CET: shadow stack note" "$notes" 'x86 feature:.*SHSTK'
  # The start files of Debian have no endbr64, so there is no IBT note; our own code has the landing pads.
  want "CET: landing pad at main" "$(objdump -d --no-show-raw-insn --disassemble=main "$binary")" 'endbr64'
fi
if grep -qE 'RPATH|RUNPATH' <<<"$dynamic"; then
  echo "  MISSING  no RPATH"
  missing=1
fi
exit $missing
