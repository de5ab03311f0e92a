#!/bin/bash
# Installs the packages of the given groups (tools/packages.txt) that are missing. Needs root only
# if something is. Takes a fraction of a second when all are there.
#   tools/install_packages.sh build run ...
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

wanted=()
while read -r group package; do
  [[ $group == \#* || -z $group ]] && continue
  [[ " $* " == *" $group "* ]] && wanted+=("$package")
done <"$here/packages.txt"
# dpkg-query fails when it has never heard of one of them, as on a fresh machine, and prints the others.
installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "${wanted[@]}" 2>/dev/null || true) "
missing=()
for package in "${wanted[@]}"; do
  [[ $installed == *" installed:$package "* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
if [[ $(id -u) != 0 ]]; then
  echo "$0: not root, cannot install: ${missing[*]}" >&2
  exit 1
fi

# The packages bring services (a container runtime, a registry) which nobody asked to be started.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "${missing[@]}"; }
# A machine's package lists may be absent or old: fetch them only if they do not do.
install >/tmp/rekindle-apt.$$ 2>&1 || { apt-get update -q && install; } >/tmp/rekindle-apt.$$ 2>&1 || {
  tail -n 30 /tmp/rekindle-apt.$$ >&2
  rm -f /tmp/rekindle-apt.$$
  exit 1
}
rm -f /tmp/rekindle-apt.$$
# A machine with a policy of its own may start etcd all the same, and any would at its next boot.
if [[ " ${missing[*]} " == *" etcd-server "* ]]; then
  [[ ! -d /run/systemd/system ]] || systemctl --quiet stop etcd.service || true
  deb-systemd-helper disable etcd.service >/dev/null 2>&1 || true
fi
