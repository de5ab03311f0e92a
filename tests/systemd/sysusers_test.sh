#!/bin/sh
# The group of systemd/rekindle.sysusers is what systemd makes of it, and the one that the daemon's socket and the controller's
# unit name. Usage: sysusers_test.sh DIRECTORY, the one with the units.
set -eu
units=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/etc"
for round in 1 2; do # again on what is there, as with each update
  systemd-sysusers --root="$work" "$units/rekindle.sysusers"
done
lines=$(grep -c '^rekindle:[^:]*:[0-9]*:$' "$work/etc/group") || lines=0
if [ "$lines" -ne 1 ]; then
  echo "one empty group rekindle is wanted:"
  cat "$work/etc/group"
  exit 1
fi
if [ -s "$work/etc/passwd" ]; then
  echo "no user is wanted:"
  cat "$work/etc/passwd"
  exit 1
fi
grep -qx 'SupplementaryGroups=rekindle' "$units/rekindle-controller.service"
grep -qx '#socket_group: rekindle' "$units/rekindled.yaml"
