#!/bin/sh
# Makes one OCI archive with all test images from the tree's own programs and busybox.
# The same inputs give the same bytes.
#   build.sh OUT.tar PAUSE TESTSERVER BUSYBOX
set -eu
out=$1 pause=$2 server=$3 busybox=$4
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/oci/blobs/sha256"
manifests=

reproducible_tar() {  # FILE DIR: sorted, no times, no owners
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -cf "$1" -C "$2" .
}

store() {  # FILE: moves it among the blobs; prints "digest size"
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$work/oci/blobs/sha256/$digest"
  echo "$digest $size"
}

layer() {  # NAME: packs $work/NAME as a layer
  reproducible_tar "$work/$1.tar" "$work/$1"
  store "$work/$1.tar"
}

image() {  # NAME CONFIG_JSON LAYER...: LAYER is "digest size"
  name=$1 config=$2
  shift 2
  diffs= layers=
  for l in "$@"; do
    diffs="$diffs,\"sha256:${l% *}\""
    layers="$layers,{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:${l% *}\",\"size\":${l#* }}"
  done
  printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$arch" "$config" "${diffs#,}" >"$work/config"
  c=$(store "$work/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
    "${c% *}" "${c#* }" "${layers#,}" >"$work/manifest"
  m=$(store "$work/manifest")
  manifests="$manifests,{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:${m% *}\",\"size\":${m#* },\"annotations\":{\"io.containerd.image.name\":\"rekindle.test/$name\"},\"platform\":{\"architecture\":\"$arch\",\"os\":\"linux\"}}"
}

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "build.sh: no image architecture known for $(uname -m)" >&2; exit 1 ;;
esac

mkdir -p "$work/pause" "$work/busybox/bin" "$work/busybox/etc" "$work/busybox/tmp" "$work/server"
install -m 0755 "$pause" "$work/pause/pause"
install -m 0755 "$busybox" "$work/busybox/bin/busybox"
for tool in sh cat echo ls sleep touch env id mkdir rm kill ps wget nc test true false; do
  ln -s busybox "$work/busybox/bin/$tool"
done
chmod 1777 "$work/busybox/tmp"
printf 'root:x:0:0:root:/:/bin/sh\napp:x:1234:1234:app:/:/bin/sh\n' >"$work/busybox/etc/passwd"
printf 'root:x:0:\napp:x:1234:\n' >"$work/busybox/etc/group"
install -m 0755 "$server" "$work/server/testserver"
pause_layer=$(layer pause) busybox_layer=$(layer busybox) server_layer=$(layer server)

path='"Env":["PATH=/:/bin"'
serve='"Entrypoint":["/testserver"],"Cmd":["serve"]'
image pause:1 '{"Entrypoint":["/pause"]}' "$pause_layer"
image busybox:1 "{$path],\"Cmd\":[\"sh\"]}" "$busybox_layer"
image server:1 "{$path,\"VERSION=1\"],$serve}" "$busybox_layer" "$server_layer"
image server:2 "{$path,\"VERSION=2\"],$serve}" "$busybox_layer" "$server_layer"
image server-int:1 "{$path],$serve,\"StopSignal\":\"SIGINT\"}" "$busybox_layer" "$server_layer"
image server-volume:1 "{$path],$serve,\"Volumes\":{\"/data\":{}}}" "$busybox_layer" "$server_layer"
image server-user:1 "{$path],$serve,\"User\":\"1234:1234\"}" "$busybox_layer" "$server_layer"

printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
printf '{"schemaVersion":2,"manifests":[%s]}' "${manifests#,}" >"$work/oci/index.json"
reproducible_tar "$work/images.tar" "$work/oci"
mv "$work/images.tar" "$out"
