#!/bin/bash
# clang-tidy on every source file of the tree, newest changes first, with the commands of build/tidy.
# A file that was clean is not looked at again until it, a header of the tree that it includes, or
# .clang-tidy changes (the record is kept under ~/.cache/rekindle/tidy).
#   tools/tidy.sh JOBS MINUTES    MINUTES 0: no limit
set -uo pipefail
jobs=$1 minutes=$2
cache=${HOME:-/root}/.cache/rekindle/tidy
mkdir -p "$cache"
deadline=$((minutes > 0 ? SECONDS + minutes * 60 : 1 << 40))

# The fingerprint of a file: itself, all headers of the tree it reaches, and the checks.
reachable() {
  local queue=("$1") seen=" " file header
  while ((${#queue[@]})); do
    file=${queue[-1]}
    unset 'queue[-1]'
    [[ $seen == *" $file "* ]] && continue
    seen+="$file "
    echo "$file"
    while IFS= read -r header; do
      [[ -f $header ]] && queue+=("$header")
    done < <(sed -nE 's/^#include "([^"]+)".*/\1/p' "$file")
  done
}
fingerprint() { { reachable "$1" | sort | xargs cat; cat .clang-tidy proto/*/v1/*.proto proto/*/*/v1/*.proto 2>/dev/null; } | sha256sum | cut -d' ' -f1; }

check() {  # FILE
  local output
  if output=$(clang-tidy -p build/tidy --quiet "$1" 2>/dev/null); then
    touch "$cache/$2"
  else
    printf '%s\n' "$output"
    echo "$1" >>build/tidy-failed
  fi
}

rm -f build/tidy-failed
mapfile -t files < <(
  # Uncommitted first, then by the last commit that touched them.
  { git diff --name-only HEAD; git log --name-only --pretty=format: ; git ls-files; } |
    grep -E '\.cc$' | grep -v '^cmake/' | awk '!seen[$0]++' | while IFS= read -r f; do [[ -f $f ]] && echo "$f"; done
)
known=0 done_now=0 left=0 unknown=0
for file in "${files[@]}"; do
  if ! grep -qF "\"$PWD/$file\"" build/tidy/compile_commands.json; then
    unknown=$((unknown + 1))  # not built under this preset
    continue
  fi
  mark=$(fingerprint "$file")
  if [[ -e $cache/$mark ]]; then
    known=$((known + 1))
    continue
  fi
  if ((SECONDS >= deadline)); then
    left=$((left + 1))
    continue
  fi
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
  check "$file" "$mark" &
  done_now=$((done_now + 1))
done
wait
echo "clang-tidy: $done_now files checked, $known unchanged since they were clean, $left left for lack of time, $unknown not in the build"
if [[ -e build/tidy-failed ]]; then
  echo "clang-tidy: findings in $(sort -u build/tidy-failed | tr '\n' ' ')"
  exit 1
fi
