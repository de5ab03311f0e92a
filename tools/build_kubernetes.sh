#!/bin/bash
# Builds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kubectl from Debian's
# source package `kubernetes`, once, and prints the directory that holds them as its last line.
# Progress goes to stderr. Needs the packages of group kube (tools/install_packages.sh kube).
#   tools/build_kubernetes.sh          build unless done before
#   tools/build_kubernetes.sh --where  print the directory only; exit code 1 if it is not built yet
#
# The binaries are below ~/.cache/rekindle/kubernetes (or $REKINDLE_KUBERNETES_CACHE), in a directory
# named after the versions of the source and of Go and this script's own hash. The link `current`
# beside it names the newest. Two callers do not build twice: the second one waits for the first.
# GOCACHE, if set, is used and kept; otherwise all intermediate files (3 GB) go at the end.
set -euo pipefail
self=$(readlink -f "$0")
cache=${REKINDLE_KUBERNETES_CACHE:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache/rekindle/kubernetes}
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl)
go_root=/usr/lib/go-1.19
reflect2=/usr/share/gocode/src/github.com/modern-go/reflect2

say() { printf '%s build_kubernetes: %s\n' "$(date +%T)" "$*" >&2; }
die() {
  say "FAILED: $*"
  exit 1
}

# What the package lists of this machine offer; the binary package has the version of its source.
version=$(apt-cache show --no-all-versions kubernetes-client 2>/dev/null | sed -n 's/^Version: //p')
# Without package lists (a slim image after its set-up) what is there already will do.
if [[ -z $version ]]; then
  apt-get update -q >&2 || say "apt-get update failed"
  version=$(apt-cache show --no-all-versions kubernetes-client 2>/dev/null | sed -n 's/^Version: //p')
fi
go_version=$(dpkg-query -W -f='${Version}' golang-1.19-go 2>/dev/null) || die "golang-1.19-go is not installed"
[[ -n $version ]] || die "the package lists know no kubernetes-client, so no version of its source"
key=$(printf '%s_go%s_%s' "$version" "$go_version" "$(sha256sum "$self" | cut -c1-12)" | tr -c 'A-Za-z0-9._+-' '-')
out=$cache/$key

complete() {
  local program
  for program in "${programs[@]}"; do [[ -x $out/$program ]] || return 1; done
}
finish() {
  touch "$out"
  ln -sfn "$key" "$cache/current"
  echo "$out"
  exit 0
}

mkdir -p "$cache"
if [[ ${1:-} == --where ]]; then
  echo "$out"
  complete
  exit
fi
(($# == 0)) || die "unknown argument $1"
complete && finish
exec 9>"$cache/.lock"
flock -n 9 || {
  say "another build is under way, waiting for it"
  flock 9
}
complete && finish

for file in "$go_root/bin/go" "$reflect2/reflect2.go" /usr/bin/dpkg-source; do
  [[ -e $file ]] || die "$file is missing: tools/install_packages.sh kube"
done
from=$SECONDS
# An earlier build that was killed has left its tree; we have the lock, so nobody works there.
rm -rf "$cache"/.build.*
work=$(mktemp -d "$cache/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# ---- the source, with apt's state in our own directory: the machine's stays as it is ----

mkdir -p "$work"/apt/{lists,cache/archives}/partial "$work/source"
# A source line for each archive that the machine gets Debian's packages from.
options=
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keys ]] && options="[signed-by=$keys]"
while read -r origin uri release component; do
  [[ $origin == Debian ]] && echo "deb-src $options $uri $release $component"
done < <(apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages') | sort -u >"$work/sources.list"
[[ -s $work/sources.list ]] || die "apt has no package lists of Debian's: apt-get update"
apt_options=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root)
say "source kubernetes $version"
apt-get "${apt_options[@]}" update >"$work/apt.log" 2>&1 || {
  cat "$work/apt.log" >&2
  die "source package lists"
}
(cd "$work/source" && apt-get "${apt_options[@]}" source --download-only "kubernetes=$version") >"$work/apt.log" 2>&1 || {
  cat "$work/apt.log" >&2
  die "download of the source"
}

# The tree is built the old way, below a GOPATH: its go.mod does not satisfy Go 1.19.
tree=$work/go/src/k8s.io/kubernetes
mkdir -p "${tree%/*}"
# apt has checked the signatures; dpkg-source would want the maintainer's key as well.
dpkg-source --no-check --extract "$work"/source/*.dsc "$tree" >"$work/unpack.log" 2>&1 || {
  tail -n 20 "$work/unpack.log" >&2
  die "unpack"
}
# The vendored 1.0.1 reads the runtime's maps in a way that crashes when built by Go 1.18 or newer.
vendored=$tree/vendor/github.com/modern-go/reflect2
[[ -d $vendored ]] || die "the source has no vendored reflect2 any more: look at $self"
rm -rf "$vendored"
cp -rL "$reflect2" "$vendored"
sed -i 's#\(modern-go/reflect2\) v1\.0\.1#\1 v1.0.2#g' "$tree/go.mod" "$tree/vendor/modules.txt"

# ---- build ----

# "1.20.5+really1.20.2-1.1+deb12u1" is v1.20.2.
upstream=${version#*:}
upstream=${upstream%-*}
upstream=v${upstream##*+really}
[[ $upstream =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "cannot tell the upstream version from $version"
IFS=. read -r major minor _ <<<"${upstream#v}"

export PATH=$go_root/bin:$PATH GOPATH=$work/go GOCACHE=${GOCACHE:-$work/cache} GOTMPDIR=$work
export GO111MODULE=off GOFLAGS= CGO_ENABLED=0 GOPROXY=off
cd "$tree"

# Only this one generated file is not part of the source.
say "API descriptions"
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen >&2 || die "openapi-gen"
packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg cmd plugin staging/src/k8s.io |
  grep -vE '/(testdata|_examples|code-generator|sample-apiserver)/' | xargs -n1 dirname | LC_ALL=C sort -u |
  sed -e 's#^staging/src/#vendor/#' -e 's#^#k8s.io/kubernetes/#' | paste -sd,)
"$work/openapi-gen" -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations" >"$work/openapi.log" 2>&1 || {
  tail -n 20 "$work/openapi.log" >&2
  die "openapi-gen"
}

flags="-s -w"
for package in component-base/version client-go/pkg/version; do
  at=k8s.io/kubernetes/vendor/k8s.io/$package
  flags+=" -X $at.gitVersion=$upstream -X $at.gitMajor=$major -X $at.gitMinor=$minor"
done
mkdir -p "$work/out"
say "compiling $upstream with $(go version | cut -d' ' -f3): ${programs[*]} (about ten minutes on two cores)"
# The log grows by a line per compiled package, so that a slow machine can be told from a stuck one.
nice -n 5 go build -v -p "$(nproc)" -trimpath -ldflags "$flags" -o "$work/out/" \
  "${programs[@]/#/./cmd/}" >"$work/build.log" 2>&1 &
compiler=$!
while kill -0 "$compiler" 2>/dev/null; do
  sleep 1
  if (((SECONDS - from) % 60 == 0)); then
    say "$(wc -l <"$work/build.log") packages compiled after $((SECONDS - from)) s"
  fi
done
wait "$compiler" || {
  tail -n 40 "$work/build.log" >&2
  die "go build"
}

# Only what works becomes visible, and all of it at once.
[[ $("$work/out/kubelet" --version) == "Kubernetes $upstream" ]] || die "kubelet does not say $upstream"
rm -rf "$out"
mv "$work/out" "$out"
# Builds that nobody has asked for in two weeks; a running cluster keeps what it has open.
find "$cache" -mindepth 1 -maxdepth 1 -type d -name '*_go*' ! -name "$key" -mtime +14 -exec rm -rf {} +
say "done in $((SECONDS - from)) s: $(du -sh "$out" | cut -f1) in $out"
finish
