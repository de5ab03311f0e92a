#!/bin/bash
# Tests tools/check_tree.sh on small trees, good and bad: check_tree_test.sh CHECK_TREE
set -euo pipefail
check=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() {
  echo "FAILED: $*"
  exit 1
}

good() {
  rm -rf common daemon cli test
  mkdir -p common/base daemon/restart cli tests/daemon
  echo 'rk_library(rk_base SRCS a.cc logging.h)' >common/base/CMakeLists.txt
  echo '#include "common/base/b.h"' >common/base/a.cc
  echo '#include <glog/logging.h>' >common/base/logging.h
  echo 'rk_library(rk_restart SRCS engine.cc)' >daemon/restart/CMakeLists.txt
  echo '#include "common/base/logging.h"' >daemon/restart/engine.cc
}
refused() {  # WHAT TEXT
  local output
  if output=$("$check"); then fail "$1 passed"; fi
  [[ $output == *"$2"* ]] || fail "$1: unexpected words: $output"
}

good
"$check" || fail "a good tree did not pass"
good && echo '#include "daemon/restart/engine.h"' >>common/base/a.cc
refused "common includes daemon" "common must not include daemon: common/base/a.cc"
good && echo '#include "controller/plan/plan.h"' >>daemon/restart/engine.cc
refused "daemon includes controller" "daemon must not include controller"
good && echo '#include "tests/fakes/sim_loop.h"' >>daemon/restart/engine.cc
refused "daemon includes test" "daemon must not include test"
good && touch daemon/restart/forgotten.cc
refused "a file in no target" "daemon/restart/forgotten.cc is in no target"
good && echo '#include <glog/logging.h>' >>daemon/restart/engine.cc
refused "glog elsewhere" "glog outside common/base/logging.h: daemon/restart/engine.cc"
good && seq 700 >daemon/restart/engine.cc
refused "a long file" "daemon/restart/engine.cc has 700 lines"
good && echo 'rk_program(p SRCS main.cc)' >cli/CMakeLists.txt && seq 130 >cli/main.cc
refused "a long main" "cli/main.cc has 130 lines; the limit is 120"
