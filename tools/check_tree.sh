#!/bin/bash
# Checks the rules of the tree that a compiler does not know. Prints every offence; exit code 1 if
# there is one. Looks below the current directory, so that its own test can run it elsewhere.
#   common knows neither controller nor daemon nor cli; daemon, controller and cli know common and
#   proto and never one another; nothing that ships includes test.
#   Every .cc file is listed in a CMakeLists.txt of its folder.
#   glog is included by common/base/logging.h alone.
#   main.cc only wires things together; other files stay at a size that can be read in one go.
set -uo pipefail
offences=0 pending=()
offence() {
  echo "check_tree: $*"
  offences=$((offences + 1))
}

sources() { find "$@" -name build -prune -o -type f \( -name '*.cc' -o -name '*.h' \) -print 2>/dev/null; }

may_not_include() {  # FOLDER FORBIDDEN...
  local folder=$1 other line
  shift
  [[ -d $folder ]] || return 0
  for other in "$@"; do
    while IFS= read -r line; do
      offence "$folder must not include $other: $line"
    done < <(sources "$folder" | xargs -r grep -Hn "^#include \"$other/")
  done
}
may_not_include common controller daemon cli tests
may_not_include daemon controller cli tests
may_not_include controller daemon cli tests
# `rekindle plan` prints what the pure planner decides; the rest of the controller is closed to it.
may_not_include cli 'controller/[^p][a-z]*' daemon tests

tops=()
for top in common controller daemon cli tests; do [[ -d $top ]] && tops+=("$top"); done
declare -A listed  # folder -> the words of its CMakeLists.txt, between spaces
while IFS= read -r file; do
  folder=${file%/*} name=${file##*/}
  if [[ -z ${listed[$folder]:-} ]]; then
    listed[$folder]=" $(cat "$folder/CMakeLists.txt" 2>/dev/null | tr -s '() \n\t' ' ') "
  fi
  [[ ${listed[$folder]} == *" $name "* ]] || pending+=("$file")
done < <(sources "${tops[@]}" | grep '\.cc$')
for file in "${pending[@]}"; do
  # A helper of cmake/ may name it with its path.
  grep -rqF --include=CMakeLists.txt --include='*.cmake' --exclude-dir=build -- "$file" . ||
    offence "$file is in no target of its folder's CMakeLists.txt"
done

while IFS= read -r line; do
  offence "glog outside common/base/logging.h: $line"
done < <(sources "${tops[@]}" | grep -v '^common/base/logging\.h$' | xargs -r grep -Hn '#include <glog/')

while read -r lines file; do
  [[ $file == total ]] && continue
  limit=600
  [[ $file == */main.cc && $file != tests/* ]] && limit=120
  ((lines <= limit)) || offence "$file has $lines lines; the limit is $limit"
done < <(sources "${tops[@]}" | xargs -r wc -l)

((offences == 0)) || exit 1
