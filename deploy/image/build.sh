#!/bin/bash
# Makes a container image as an OCI archive, from programs that are built already and the shared
# libraries that they need. Neither a registry nor a container tool is used.
# The same programs and libraries give the same bytes, wherever and whenever it runs.
#   build.sh OUT.tar VERSION PROGRAM...
# The first program is the one that the image is of, rekindled or rekindle-controller, and starts.
# Prints the digest of the image's manifest. See deploy/README.md.
set -euo pipefail
(($# >= 3)) || { echo "usage: $0 OUT.tar VERSION PROGRAM..." >&2; exit 2; }
out=$1 version=$2
shift 2
programs=("$@")
title=${1##*/}
name=rekindle.example/$title
case $title in
  rekindled)
    user=0:0
    about='Node daemon of Rekindle: restarts containers in place'
    folders=(etc/rekindle etc/rekindle-tls run/rekindle var/lib/rekindle)
    private=(var/lib/rekindle)
    accounts=() groups=()
    ;;
  rekindle-controller)
    # Any number but 0; nothing in the image belongs to it.
    user=65532:65532
    about='Controller of Rekindle: decides what is restarted'
    folders=(etc/rekindle-tls)
    private=()
    accounts=('rekindle-controller:x:65532:65532:rekindle-controller:/:/usr/sbin/nologin')
    groups=('rekindle-controller:x:65532:')
    ;;
  *) echo "$0: no image of $title" >&2; exit 2 ;;
esac

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "$0: no image architecture known for $(uname -m)" >&2; exit 1 ;;
esac
export LC_ALL=C
umask 022
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/oci/blobs/sha256" "$work/base" "$work/programs/usr/bin"

# What every program needs: who root is, the loader and the libraries. As on a merged-usr system.
mkdir -p "$work"/base/{etc,proc,run,sys,tmp,usr/lib,usr/lib64,var}
for folder in "${folders[@]}"; do mkdir -p "$work/base/$folder"; done
for folder in "${private[@]}"; do chmod 0700 "$work/base/$folder"; done
chmod 1777 "$work/base/tmp"
ln -s usr/lib "$work/base/lib"
ln -s usr/lib64 "$work/base/lib64"
ln -s ../run "$work/base/var/run"
printf '%s\n' 'root:x:0:0:root:/:/usr/sbin/nologin' "${accounts[@]}" >"$work/base/etc/passwd"
printf '%s\n' 'root:x:0:' "${groups[@]}" >"$work/base/etc/group"
ldd "${programs[@]}" >"$work/ldd"
if grep -q 'not found' "$work/ldd"; then
  grep 'not found' "$work/ldd" >&2
  exit 1
fi
# "libc.so.6 => /lib/.../libc.so.6 (0x...)" or "/lib64/ld-linux-x86-64.so.2 (0x...)".
sed -n 's|^[[:space:]]*\(.* => \)\{0,1\}\(/[^ ]*\) (0x[0-9a-f]*)$|\2|p' "$work/ldd" | sort -u |
  while read -r library; do
    install -D -m 0755 "$(readlink -f "$library")" "$work/base$library"
  done

for program in "${programs[@]}"; do
  # Without what only a debugger reads; names for stack traces stay.
  strip --strip-debug -o "$work/programs/usr/bin/${program##*/}" "$program"
  chmod 0755 "$work/programs/usr/bin/${program##*/}"
done

reproducible_tar() {  # FILE DIR: sorted, no times, no owners
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -cf "$1" -C "$2" .
}

store() {  # FILE: moves it among the blobs; prints "digest size"
  local digest size
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$work/oci/blobs/sha256/$digest"
  echo "$digest $size"
}

descriptor() {  # TYPE "digest size"
  printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' \
    "$1" "${2% *}" "${2#* }"
}

# Two layers: an update of the programs alone moves the second one only.
diffs=() layers=()
for layer in base programs; do
  reproducible_tar "$work/$layer.tar" "$work/$layer"
  blob=$(store "$work/$layer.tar")
  diffs+=("\"sha256:${blob% *}\"")
  layers+=("$(descriptor layer.v1.tar "$blob")")
done
join() { local IFS=,; echo "$*"; }

labels='"org.opencontainers.image.title":"'$title'","org.opencontainers.image.version":"'$version'","org.opencontainers.image.description":"'$about'"'
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":{"User":"%s","Env":["PATH=/usr/bin"],"Entrypoint":["/usr/bin/%s"],"WorkingDir":"/","StopSignal":"SIGTERM","Labels":{%s}},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$arch" "$user" "$title" "$labels" "$(join "${diffs[@]}")" >"$work/config"
config=$(store "$work/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
  "$(descriptor config.v1+json "$config")" "$(join "${layers[@]}")" >"$work/manifest"
manifest=$(store "$work/manifest")
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"},"platform":{"architecture":"%s","os":"linux"}}]}' \
  "${manifest% *}" "${manifest#* }" "$name:$version" "$version" "$arch" >"$work/oci/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
reproducible_tar "$work/image.tar" "$work/oci"
mv "$work/image.tar" "$out"
echo "sha256:${manifest% *}"
