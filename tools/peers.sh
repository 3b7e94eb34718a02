#!/usr/bin/env bash
# Installs the test peers that Debian lacks, each by the ordinary client of its registry, and nothing when all are there.
#
#   tools/peers.sh [NAME...]     no name given: all of them
#   tools/peers.sh --where       prints the folder they live in, each in NAME-VERSION
#   tools/peers.sh --version-of NAME
#
#   h2spec   HTTP/2 conformance    Go modules
#   grpc     interop peers         Go modules
#   kosoku   Autobahn's cases      PyPI
#   sslyze   TLS scanner           PyPI
#   oauth2-proxy   authorization server   Go modules
#   consul   registry of services   Go modules
#   kubernetes   API server, and etcd   Go modules
#   pebble   ACME CA, and its name server   Go modules
#   grafana-panels   draws a dashboard as Grafana does   npm
#
# They live outside the clone, one folder per version ($ARALEZ_PEERS, or aralez-peers in the user's cache), so a second
# run costs nothing. The first one compiles for some minutes: consul 5 and kubernetes 7 of one core, with 5 GB of Go's caches.
# What cannot be had is said in one line and makes the exit status 1; the tests that need it fail.
# Go of 1.26 is needed for the build. Debian 12 has 1.19, which fetches the newer one through the module proxy. npm of 10 is
# needed; Debian 12 and 13 have 9.2, which installs a newer one for this.
set -euo pipefail
cd "$(dirname "$0")/peers"

h2spec_version=2.2.1 # peers/h2spec/go.mod has it and its libraries
grpc_version=1.73.0 # later ones have moved the interop programs
oauth2_proxy_version=7.15.6
consul_version=1.14.11 # of MPL-2.0; 1.16.6 and what is newer are under no open-source licence
kubernetes_version=1.34.4
pebble_version=2.10.3
go_version=go1.26.0
npm_version=10.9.9

panels=$PWD/../../tests/support/grafana_panels # package.json and the lockfile there have its libraries

cache=${ARALEZ_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/aralez-peers}
log=$cache/install.log

# The first command that can build the modules, or a newer one that it fetched.
go_command() {
  local go version
  go=$(PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin command -v go) || {
    echo "there is no go: apt-get install golang-go" >&2
    return 1
  }
  version=$("$go" env GOVERSION)
  if [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21)); then
    echo "$go" # fetches what a module asks for by itself
    return
  fi
  local module folder
  module=golang.org/toolchain@v0.0.1-$go_version.$("$go" env GOOS)-$("$go" env GOARCH)
  folder=$cache/go-modules/$module
  [[ -d $folder ]] || GOMODCACHE=$cache/go-modules GOFLAGS=-modcacherw "$go" mod download "$module" >&2 || return 1
  chmod -R u+x "$folder/bin" "$folder/pkg/tool"
  echo "$folder/bin/go"
}

go_install() { # go_install FOLDER PACKAGE...
  local folder=$1 go
  shift
  go=$(go_command) || return 1
  GOBIN=$folder GOFLAGS=-modcacherw CGO_ENABLED=0 "$go" install -trimpath -ldflags "-s -w ${stamp:-}" "$@"
}

kubernetes_install() { # kubernetes_install FOLDER
  cd kubernetes || return 1
  stamp="-X k8s.io/component-base/version.gitVersion=v$kubernetes_version" go_install "$1" k8s.io/kubernetes/cmd/kube-apiserver &&
    go_install "$1" go.etcd.io/etcd/server/v3 && mv "$1/server" "$1/etcd"
}

python_install() { # python_install FOLDER REQUIREMENTS
  /usr/bin/python3 -m venv "$1" &&
    "$1/bin/pip" install --quiet --no-input --requirement "$2"
}

# The npm of the machine, or a newer one that it fetched: that of Debian does not know overrides by files.
npm_command() {
  local version folder=$cache/npm-$npm_version
  version=$(npm --version) || {
    echo "there is no npm: apt-get install nodejs npm" >&2
    return 1
  }
  if ((${version%%.*} >= 10)); then
    echo npm
    return
  fi
  [[ -x $folder/node_modules/.bin/npm ]] ||
    npm install --prefix "$folder" --no-audit --no-fund "npm@$npm_version" >&2 || return 1
  echo "$folder/node_modules/.bin/npm"
}

npm_bundle() { # npm_bundle FOLDER SOURCES: what the script `build` makes of them; packages are not kept
  local npm
  npm=$(npm_command) || return 1
  cp -r "$2" "$1" && cd "$1" || return 1
  "$npm" ci --ignore-scripts --no-audit --no-fund || {
    echo "npm ci: $(grep -m 1 -E 'Error: |invalid|[0-9]{3} ' "$log")" # its last words are where to read more
    return 1
  }
  "$npm" run build && rm -rf node_modules
}

install_peer() { # install_peer NAME FOLDER
  case $1 in
    h2spec) (cd h2spec && go_install "$2" github.com/summerwind/h2spec/cmd/h2spec) ;;
    grpc) go_install "$2" "google.golang.org/grpc/interop/"{client,server}"@v$grpc_version" ;;
    oauth2-proxy) go_install "$2" "github.com/oauth2-proxy/oauth2-proxy/v7@v$oauth2_proxy_version" ;;
    consul) (cd consul && go_install "$2" github.com/hashicorp/consul) ;;
    kubernetes) (kubernetes_install "$2") ;;
    pebble) go_install "$2" "github.com/letsencrypt/pebble/v2/cmd/"{pebble,pebble-challtestsrv}"@v$pebble_version" ;;
    kosoku | sslyze) python_install "$2" "$1.txt" ;;
    grafana-panels) (npm_bundle "$2" "$panels") ;;
  esac
}

version_of() {
  case $1 in
    h2spec) echo "$h2spec_version" ;;
    grpc) echo "$grpc_version" ;;
    oauth2-proxy) echo "$oauth2_proxy_version" ;;
    consul) echo "$consul_version" ;;
    kubernetes) echo "$kubernetes_version" ;;
    pebble) echo "$pebble_version" ;;
    kosoku | sslyze) sed -n "s/^$1==//p" "$1.txt" ;;
    grafana-panels) # a change of the page is a version of its own
      (cd "$panels" && printf '%s-%.8s\n' "$(sed -n 's/.*"@grafana\/ui": "\([0-9.]*\)".*/\1/p' package.json)" \
        "$(find . -name node_modules -prune -o -type f ! -name '*.md' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)")
      ;;
    *) echo "peers: unknown peer '$1' (h2spec, grpc, kosoku, sslyze, oauth2-proxy, consul, kubernetes, pebble, grafana-panels)" >&2 && return 1 ;;
  esac
}

case ${1:-} in
  --where)
    echo "$cache"
    exit
    ;;
  --version-of)
    version_of "$2"
    exit
    ;;
esac
peers=("$@")
((${#peers[@]})) || peers=(h2spec grpc kosoku sslyze oauth2-proxy consul kubernetes pebble grafana-panels)
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two runs on one machine share the folder
failed=0
for peer in "${peers[@]}"; do
  version=$(version_of "$peer")
  folder=$cache/$peer-$version
  [[ ! -e $folder/complete ]] || continue
  rm -rf "$folder"
  echo "peers: installing $peer $version"
  if install_peer "$peer" "$folder" >"$log" 2>&1 9>&-; then
    touch "$folder/complete"
    rm -f "$cache/$peer.log"
  else
    echo "peers: cannot have $peer $version: $(grep -v '^$' "$log" | tail -1)" >&2
    cp "$log" "$cache/$peer.log"
    failed=1
  fi
done
exit $failed
