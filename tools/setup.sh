#!/usr/bin/env bash
# Installs the Debian packages that the make targets need, and nothing when they are all there.
#
#   tools/setup.sh [build] [test] [lint] [fuzz] [bench]     no purpose given: all of them
#
# Debian 12 and 13. Needs root or sudo, but only when something is missing; prints what it installs.
# Servers that come along as test peers (nginx, haproxy, h2o) are not started.
set -euo pipefail

build=(g++ cmake ninja-build make ccache pkg-config libssl-dev zlib1g-dev libyaml-cpp-dev nlohmann-json3-dev libfmt-dev
  libcrypt-dev libcurl4-openssl-dev libspdlog-dev libcli11-dev libc-ares-dev libmimalloc-dev)
test=(libgtest-dev libgmock-dev libnghttp2-dev nginx-light wrk nghttp2-client nghttp2-proxy nghttp2-server curl openssl python3 python3-pytest
  python3-venv chromium python3-websockets python3-yaml python3-h2 python3-wsproto python3-grpcio python3-jwt python3-cryptography strace
  binutils util-linux git prometheus haproxy)
# tools/peers.sh builds test peers with them.
PATH=$PATH:/usr/local/go/bin command -v go >/dev/null || test+=(golang-go)
command -v npm >/dev/null || test+=(nodejs npm)
lint=(clang-format-19 clang-tidy-19 shellcheck python3 python3-pytest git)
fuzz=(clang-19 libclang-rt-19-dev libnghttp2-dev)
bench=(nginx-light haproxy h2o wrk nghttp2-client openssl python3 util-linux git)
# Compared with when the distribution has them; nothing fails without them.
peers_only=" haproxy h2o "

die() {
  echo "setup: $*" >&2
  exit 1
}

# Runs as root: no service of a new package may start, and none that we did not install is touched.
install_as_root() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null || die "apt-get update failed: is the package mirror reachable?"
  local known=() package
  for package in "$@"; do
    if [[ $peers_only == *" $package "* ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
      echo "setup: this Debian has no $package: make bench goes without it"
    else
      known+=("$package")
    fi
  done
  ((${#known[@]})) || return 0
  local policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "${known[@]}" >/dev/null ||
    die "apt-get could not install: ${known[*]}"
}

if [[ ${1:-} == --as-root ]]; then
  shift
  install_as_root "$@"
  exit
fi

wanted=()
for purpose in "${@:-all}"; do
  case $purpose in
    all) wanted+=("${build[@]}" "${test[@]}" "${lint[@]}" "${fuzz[@]}" "${bench[@]}") ;;
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    fuzz) wanted+=("${fuzz[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) die "unknown purpose '$purpose' (build, test, lint, fuzz, bench)" ;;
  esac
done

command -v dpkg-query >/dev/null || die "not a Debian system; install the counterparts of: ${wanted[*]}"
# A package counts as there when something installed provides it (pkg-config is pkgconf on Debian 13).
installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
  sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr ',\n' '  ') "
missing=()
for package in "${wanted[@]}"; do
  [[ $installed != *" $package "* && " ${missing[*]} " != *" $package "* ]] || continue
  if [[ $peers_only == *" $package "* ]] && compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null &&
    ! apt-cache show "$package" >/dev/null 2>&1; then
    echo "setup: this Debian has no $package: make bench goes without it"
    continue
  fi
  missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "setup: every package for '${*:-all}' is installed"
  exit 0
fi
echo "setup: installing ${missing[*]}"
if ((EUID == 0)); then
  "$0" --as-root "${missing[@]}"
elif command -v sudo >/dev/null; then
  sudo "$0" --as-root "${missing[@]}" || die "could not install them with sudo; as root: apt-get install ${missing[*]}"
else
  die "needs root or sudo; as root run: apt-get install ${missing[*]}"
fi
