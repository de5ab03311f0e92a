#!/bin/bash
# Gets the kubectl of a newer Debian than the one that the rest comes from, and prints the directory
# that holds it as its last line: people drive the servers with a current kubectl, and bookworm's is
# 1.20. Only the tests use it. Progress goes to stderr.
#
# It is below ~/.cache/rekindle/kubectl (or $REKINDLE_KUBECTL_CACHE), in a directory named after its
# version; nothing is installed, and apt's state on this machine stays as it is. With one there
# already, an archive that cannot be reached is no failure.
set -euo pipefail
cache=${REKINDLE_KUBECTL_CACHE:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache/rekindle/kubectl}
release=trixie
at_least=1.32

say() { printf '%s get_kubectl: %s\n' "$(date +%T)" "$*" >&2; }
finish() {
  echo "$cache/$1"
  exit 0
}
# What was found before will do.
fail() {
  say "$*"
  local known
  known=$(find "$cache" -mindepth 2 -maxdepth 2 -name kubectl -printf '%h\n' | sort -V | tail -n 1)
  [[ -n $known ]] || {
    say "FAILED: no kubectl of Debian's $release"
    exit 1
  }
  finish "${known##*/}"
}

(($# == 0)) || {
  say "FAILED: unknown argument $1"
  exit 1
}
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
# A day old at most: apt's lists of packages are not read for every run.
recent=$(find "$cache" -mindepth 2 -maxdepth 2 -name kubectl -mtime -1 -printf '%h\n' | sort -V | tail -n 1)
[[ -n $recent ]] && finish "${recent##*/}"

rm -rf "$cache"/.get.*
work=$(mktemp -d "$cache/.get.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$work"/{lists,cache/archives}/partial
options=
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keys ]] && options="[signed-by=$keys]"
# The archive that has this machine's release has the newer one beside it.
apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(SUITE) $(COMPONENT)' 'Created-By: Packages' |
  awk -v options="$options" -v release="$release" \
    '$1 == "Debian" && $4 == "main" && $2 !~ /security/ {print "deb", options, $2, release, "main"}' |
  sort -u >"$work/sources.list"
[[ -s $work/sources.list ]] || fail "apt has no package lists of Debian's: apt-get update"
apt_options=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::Status=/dev/null
  -o APT::Sandbox::User=root)
apt-get "${apt_options[@]}" update >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  fail "package lists of $release cannot be read"
}
version=$(apt-cache "${apt_options[@]}" show --no-all-versions kubectl 2>/dev/null | sed -n 's/^Version: //p')
[[ -n $version ]] || fail "$release has no package kubectl"
dpkg --compare-versions "$version" ge "$at_least" || fail "kubectl $version of $release is older than $at_least"
if [[ ! -x $cache/$version/kubectl ]]; then
  say "kubectl $version"
  (cd "$work" && apt-get "${apt_options[@]}" download "kubectl=$version") >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "kubectl $version cannot be downloaded"
  }
  dpkg-deb --extract "$work"/kubectl_*.deb "$work/tree"
  mkdir -p "$work/$version"
  mv "$work/tree/usr/bin/kubectl" "$work/$version/kubectl"
  rm -rf "${cache:?}/$version"
  mv "$work/$version" "$cache/$version"
fi
touch "$cache/$version/kubectl"
finish "$version"
