#!/bin/bash
# Makes the container image of the node daemon as an OCI archive, from programs that are built
# already and the shared libraries that they need. Neither a registry nor a container tool is used.
# The same programs and libraries give the same bytes, wherever and whenever it runs.
#   build.sh OUT.tar VERSION REKINDLED REKINDLE
# Prints the digest of the image's manifest. See deploy/image/README.md.
set -euo pipefail
(($# == 4)) || { echo "usage: $0 OUT.tar VERSION REKINDLED REKINDLE" >&2; exit 2; }
out=$1 version=$2 rekindled=$3 rekindle=$4
name=rekindle.example/rekindled

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
mkdir -p "$work"/base/{etc/rekindle,etc/rekindle-tls,proc,run/rekindle,sys,tmp,usr/lib,usr/lib64,var/lib/rekindle}
chmod 0700 "$work/base/var/lib/rekindle"
chmod 1777 "$work/base/tmp"
ln -s usr/lib "$work/base/lib"
ln -s usr/lib64 "$work/base/lib64"
ln -s ../run "$work/base/var/run"
echo 'root:x:0:0:root:/:/usr/sbin/nologin' >"$work/base/etc/passwd"
echo 'root:x:0:' >"$work/base/etc/group"
ldd "$rekindled" "$rekindle" >"$work/ldd"
if grep -q 'not found' "$work/ldd"; then
  grep 'not found' "$work/ldd" >&2
  exit 1
fi
# "libc.so.6 => /lib/.../libc.so.6 (0x...)" or "/lib64/ld-linux-x86-64.so.2 (0x...)".
sed -n 's|^[[:space:]]*\(.* => \)\{0,1\}\(/[^ ]*\) (0x[0-9a-f]*)$|\2|p' "$work/ldd" | sort -u |
  while read -r library; do
    install -D -m 0755 "$(readlink -f "$library")" "$work/base$library"
  done

for program in "$rekindled" "$rekindle"; do
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

# Two layers: an update of the daemon alone moves the second one only.
diffs=() layers=()
for layer in base programs; do
  reproducible_tar "$work/$layer.tar" "$work/$layer"
  blob=$(store "$work/$layer.tar")
  diffs+=("\"sha256:${blob% *}\"")
  layers+=("$(descriptor layer.v1.tar "$blob")")
done
join() { local IFS=,; echo "$*"; }

labels='"org.opencontainers.image.title":"rekindled","org.opencontainers.image.version":"'$version'","org.opencontainers.image.description":"Node daemon of Rekindle: restarts containers in place"'
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":{"User":"0:0","Env":["PATH=/usr/bin"],"Entrypoint":["/usr/bin/rekindled"],"WorkingDir":"/","StopSignal":"SIGTERM","Labels":{%s}},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$arch" "$labels" "$(join "${diffs[@]}")" >"$work/config"
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
