#!/bin/sh
# Checks a systemd unit: no complaint of systemd-analyze verify, and an exposure of at most the
# given tenths (docs/install.md records the figure). Usage: unit_test.sh UNIT CEILING
set -eu
unit=$1
ceiling=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/$(basename "$unit")
# The program is not installed where the tests run; everything else is checked as it is.
sed 's|^ExecStart=/usr/bin/[a-z-]*|ExecStart=/bin/true|' "$unit" > "$copy"
grep -q '^ExecStart=/bin/true' "$copy"
output=$(systemd-analyze verify --man=no "$copy" 2>&1) || {
  echo "systemd-analyze verify failed: $output"
  exit 1
}
# verify exits with 0 on unknown settings and only prints them.
if printf '%s\n' "$output" | grep -qF "$(basename "$unit")"; then
  echo "systemd-analyze verify complains: $output"
  exit 1
fi
report=$(systemd-analyze security --offline=true --no-pager --threshold="$ceiling" \
  "$copy") || {
  printf '%s\n' "$report"
  exit 1
}
printf '%s\n' "$report" | grep 'Overall exposure'
