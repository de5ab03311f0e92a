#!/bin/bash
# Runs the project's checks and tests on Debian 12. `./test` is a link to this file; see --help.
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root" || exit 1

usage() {
  cat <<'HELP'
Usage: ./test [OPTION]...

Installs what is missing (Debian packages), builds, runs the checks and tests, and prints a summary.
Exit code: 0 all passed, 1 something failed, 2 wrong usage. Run as root: real containers are started.

  --only PART[,PART]...  run only these parts; --list shows them (default: all but fuzz, tidy and soak)
  --preset PRESET        build preset for unit, integration, kube, faults, bench, soak instead of the
                         parts' own (dev, release, asan, tsan, coverage)
  --filter REGEX         only tests (fuzz: targets) whose name matches
  --jobs N               processes to build with (default: one per core)
  --fuzz-seconds N       fuzz each target for N seconds beyond its corpus (default 60; soak 600)
  --tidy-minutes N       stop starting clang-tidy after N minutes, newest changes first; what is left is
                         reported (default 5; 0 or --only tidy: no limit)
  --repeat N             run each test N times, until the first failure
  --no-install           do not look for missing packages
  --list                 list the parts and leave
  --help                 this text

Build trees are build/PRESET, the compiler cache is ~/.cache/rekindle/ccache, test results are
build/PRESET/Testing, benchmark rows are build/bench/results.jsonl.
HELP
}

list_parts() {
  cat <<'LIST'
format       clang-format on every C++ file                                     (no build)
layers       who may include whom, every file in a target, file sizes           (no build)
units        systemd units: systemd-analyze verify                              (no build)
unit         unit tests under dev, under asan (with UBSan and leak check) and under tsan
integration  real containerd, runc, CNI and docker-registry                     (preset dev)
faults       kill -9 of daemon, containerd, controller and the API server's store, disk full, corrupt
             journal, slow clients, daemons and API servers that are away        (preset dev)
bench        short benchmarks beside the floor of plain CRI calls   (preset dev; release if alone)
kube         a private Kubernetes 1.20, built once from Debian's source (ten minutes on two
             cores, then cached under ~/.cache/rekindle/kubernetes); among its tests the API
             client's, restarts beside the real kubelet (fresh pods under load, one pod again and
             again, every kind of pod, kills), restarts by request with daemon, controller and
             webhooks as users install them, sessions of its kubectl and of a newer
             Debian's (tools/get_kubectl.sh), and short forms of the benchmarks (preset dev)
fuzz         libFuzzer for --fuzz-seconds on each target, --jobs at a time; not part of the
             default, whose unit tests replay every corpus                      (preset fuzz)
tidy         clang-tidy and clang's thread-safety analysis                      (preset tidy)
soak         the long forms: 1,000 kills, 10,000 restarts, 1,000 requests for restarts under each
             kind of fault, 500 kills of the API server's store, 100,000 slow clients of it, beside a
             kubelet 900 fresh pods, one pod 300 times and 100 kills, 10 minutes of fuzzing a target;
             hours, not part of the default (release)
LIST
}

all_parts=(format layers units unit integration faults bench kube fuzz tidy soak)
parts=(format layers units unit integration faults bench kube)
preset= filter= jobs=$(nproc) fuzz_seconds= tidy_minutes=5 repeat= install=yes
die() {
  echo "./test: $*" >&2
  exit 2
}
while (($#)); do
  case $1 in
    --*=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue
      ;;
    --help | -h) usage && exit 0 ;;
    --list) list_parts && exit 0 ;;
    --no-install) install=no && shift && continue ;;
    --only | --preset | --filter | --jobs | --fuzz-seconds | --tidy-minutes | --repeat)
      (($# > 1)) || die "$1 needs a value"
      ;;
    *) die "unknown option $1 (try --help)" ;;
  esac
  case $1 in
    --only) IFS=, read -ra parts <<<"$2" ;;
    --preset) preset=$2 ;;
    --filter) filter=$2 ;;
    --jobs) jobs=$2 ;;
    --fuzz-seconds) fuzz_seconds=$2 ;;
    --tidy-minutes) tidy_minutes=$2 ;;
    --repeat) repeat=$2 ;;
  esac
  shift 2
done
for part in "${parts[@]}"; do
  [[ " ${all_parts[*]} " == *" $part "* ]] || die "--only: unknown part '$part' (try --list)"
done
[[ -z $preset || " dev release asan tsan coverage " == *" $preset "* ]] ||
  die "--preset: unknown preset '$preset'"
for number in "$jobs" "${fuzz_seconds:=60}" "$tidy_minutes" "${repeat:-1}"; do
  [[ $number =~ ^[0-9]+$ ]] || die "'$number' is not a number"
done
[[ ${parts[*]} == tidy ]] && tidy_minutes=0

if [[ -z ${HOME:-} ]]; then HOME=$(getent passwd "$(id -u)" | cut -d: -f6) && export HOME; fi
export CCACHE_DIR=${CCACHE_DIR:-$HOME/.cache/rekindle/ccache} CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-4G}
export LC_ALL=C.UTF-8
export REKINDLE_BENCH_RESULTS=$root/build/bench/results.jsonl
mkdir -p "$CCACHE_DIR" build/bench

# ---- what runs, and what of it is left at the end ----

summary=() failed=0 started=$SECONDS

say() { printf '\n=== %s\n' "$*"; }

record() {  # RESULT NAME SECONDS REMARK
  summary+=("$(printf '%-7s %-24s %5ds  %s' "$1" "$2" "$3" "$4")")
  [[ $1 == passed ]] || failed=1
}

# What of a log says why its tests failed, short enough to stand beside the summary.
reasons=()
keep_reasons() {  # NAME LOG
  local why
  why=$(awk '/^ *[0-9]+\/[0-9]+ Test +#/ { left = 0; if ($0 ~ /\*\*\*/) print; next }
      /^ +Start +[0-9]+: / { next }
      /: Failure$|ERROR: |WARNING: ThreadSanitizer|runtime error: |^Segmentation|^terminate/ { left = 9 }
      left > 0 { print "    " substr($0, 1, 300); left-- }' "$2" | head -n 120)
  reasons+=("--- $1: $2" "$why")
}

# Runs a command as one line of the summary.
step() {  # NAME COMMAND...
  local name=$1 from=$SECONDS
  shift
  say "$name"
  if "$@"; then
    record passed "$name" $((SECONDS - from)) "${remark:-}"
  else
    record FAILED "$name" $((SECONDS - from)) "${remark:-}"
  fi
  remark=
}

# Ends what a broken test has left running: programs out of our build trees, and beds.
clean_up() {
  local pid left=()
  for pid in $(pgrep -f "^$root/build/[a-z]+/" || true); do
    [[ $pid == "$$" ]] && continue
    left+=("$pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-150)")
    kill -KILL "$pid" 2>/dev/null
  done
  local bed
  for bed in build/*/bin/rekindle-bed; do
    if [[ -x $bed && $(id -u) == 0 ]]; then
      "$bed" sweep >/dev/null || left+=("residue of a bed, see above")
      break
    fi
  done
  if ((${#left[@]})); then
    printf 'left running, ended now: %s\n' "${left[@]}"
    record FAILED "clean up" 0 "${#left[@]} processes were left"
  fi
}

interrupted() {
  trap - INT TERM
  echo "./test: interrupted"
  stop_building_ahead
  jobs -p | xargs -r kill 2>/dev/null
  clean_up
  exit 1
}
trap interrupted INT TERM

# ---- building and running ----

built=" "
build() {  # PRESET TARGET...: once per run for the whole tree
  local preset=$1
  shift
  [[ $built == *" $preset:$* "* || $built == *" $preset:all "* ]] && return 0
  say "build $preset ${*:-}"
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log"
    return 1
  }
  local log=build/build-$preset.log
  # One line per compiled file would drown the results; the log has them.
  if ! cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"} >"$log" 2>&1; then
    grep -E -A20 'FAILED|error:' "$log" | head -n 120
    echo "build of preset $preset failed; all of it is in $log"
    return 1
  fi
  tail -n 1 "$log"
  built+="$preset:${*:-all} "
}

# The tests beside a kubelet wait most of the time. Meanwhile what the sanitizers' tests need is
# built, with what the tests leave of the processors; the step itself then builds the rest.
ahead=
build_ahead() {  # PRESET...
  (($#)) || return 0
  say "build ahead $*"
  # A session of its own is a group that the scheduler can put behind all others.
  setsid bash -c '
    echo 19 >/proc/self/autogroup
    renice -n 19 $$ >/dev/null
    jobs=$1
    for preset in "${@:2}"; do
      cmake --preset "$preset" >"build/configure-$preset.log" &&
        cmake --build --preset "$preset" -j "$jobs" --target unit_tests -- -k 0 >"build/build-$preset.log"
    done' build-ahead "$jobs" "$@" >/dev/null 2>&1 &
  ahead=$!
}
stop_building_ahead() {
  [[ -n $ahead ]] || return 0
  kill -- "-$ahead" 2>/dev/null
  wait "$ahead" 2>/dev/null
  # Not before the last compiler has gone: it would write where the next build writes.
  while pgrep -g "$ahead" >/dev/null; do sleep 0.1; done
  ahead=
}

run_ctest() {  # PRESET LABEL PARALLEL
  # Under a sanitizer only the unit tests run, so only they are built.
  local targets=()
  [[ $2 == unit && $1 == ?san ]] && targets=(unit_tests)
  [[ $2 == bench ]] && targets=(rekindle-bench rekindle-plan-bench rekindle-client-bench rekindle-fleet-bench rekindle-recreate-bench)
  build "$1" "${targets[@]}" || return 1
  local wrap=()
  # Kernels with much address space randomisation break the shadow memory of GCC 12's TSan.
  [[ $1 == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null && wrap=(setarch "$(uname -m)" -R)
  local arguments=(--test-dir "build/$1" -L "^$2\$" --output-on-failure --no-tests=error -j "$3")
  [[ -n $filter ]] && arguments+=(-R "$filter")
  [[ -n $repeat ]] && arguments+=(--repeat "until-fail:$repeat")
  local log=build/ctest-$1-$2.log
  "${wrap[@]}" ctest "${arguments[@]}" >"$log" 2>&1
  local code=$?
  if ((code != 0)); then
    grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log" | grep -vE '^ +Start +[0-9]+:' | tail -n 400
  else
    grep -E 'tests passed|Total Test time|^Label Time|proc\*sec' "$log"
  fi
  remark=$(grep -E 'tests passed' "$log" | tail -n 1)
  ((code == 0)) || keep_reasons "$2 ($1)" "$log"
  return $code
}

check_format() {
  local files
  mapfile -t files < <(git ls-files '*.cc' '*.h')
  remark="${#files[@]} files"
  local wrong
  wrong=$(clang-format --dry-run "${files[@]}" 2>&1 | sed -nE 's/^([^: ]+):[0-9]+:.*clang-format-violations.*/\1/p' | uniq -c)
  [[ -z $wrong ]] && return 0
  printf 'places to format, by file (clang-format -i FILE):\n%s\n' "$wrong"
  return 1
}

check_units() {
  local files
  mapfile -t files < <(git ls-files 'systemd/*.service' 'systemd/*.socket')
  remark="${#files[@]} units"
  ((${#files[@]})) || return 0
  # The programs need not be installed for their units to be right.
  local work code=0 file
  work=$(mktemp -d)
  for file in "${files[@]}"; do
    sed -E 's#^(Exec[A-Za-z]+=[-+!@:]*)/[^ ]*/rekindle(d|-controller)?#\1/bin/true#' "$file" >"$work/$(basename "$file")"
  done
  systemd-analyze verify "$work"/* || code=1
  rm -rf "$work"
  return $code
}

fuzz_one() {  # TARGET
  local name words=() log
  name=$(basename "$1") log=build/fuzz/$(basename "$1").log
  mkdir -p "build/fuzz/findings/$name" "build/fuzz/grown/$name"
  [[ -f tests/fuzz/${name%_fuzz}.dict ]] && words=(-dict="tests/fuzz/${name%_fuzz}.dict")
  if "$1" "${words[@]}" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$name/" "build/fuzz/grown/$name" "$(cat "$1.corpus")" >"$log" 2>&1; then
    echo "$name: $(grep -E 'number_of_executed_units' "$log" | grep -oE '[0-9]+$') runs in ${fuzz_seconds} s, no finding"
  else
    tail -n 60 "$log"
    echo "$name: FINDING, input in build/fuzz/findings/$name"
    echo "$name" >>build/fuzz/failed
  fi
}

run_fuzz() {
  build fuzz fuzz_targets || return 1
  local target count=0
  rm -f build/fuzz/failed
  for target in build/fuzz/fuzz/*; do
    [[ -f $target && -x $target ]] || continue
    [[ -z $filter || $(basename "$target") =~ $filter ]] || continue
    count=$((count + 1))
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
    fuzz_one "$target" &
  done
  wait
  remark="$count targets, $fuzz_seconds s each"
  ((count > 0)) || { echo "no fuzz target was built, or none matches"; return 1; }
  [[ ! -e build/fuzz/failed ]]
}

# Among other parts the benchmarks only have to work, on what is built anyway; figures come from
# `--only bench`.
bench_preset() {
  if [[ -n $preset ]]; then echo "$preset"; elif ((${#parts[@]} == 1)); then echo release; else echo dev; fi
}

run_bench() {
  local at
  at=$(bench_preset)
  run_ctest "$at" bench 1 || return 1
  show_rows
}

show_rows() {
  [[ -s $REKINDLE_BENCH_RESULTS ]] || return 0
  echo "build/bench/results.jsonl: $(wc -l <"$REKINDLE_BENCH_RESULTS") rows"
  cat "$REKINDLE_BENCH_RESULTS"
}

run_kube() {  # PRESET
  local programs kubectl
  programs=$(tools/build_kubernetes.sh) || return 1
  kubectl=$(tools/get_kubectl.sh) || return 1
  REKINDLE_KUBERNETES=$programs REKINDLE_KUBECTL=$kubectl run_ctest "$1" kube 2 || return 1
  show_rows
}

# The long forms are the short tests with larger numbers.
env_soak() {
  REKINDLE_KILLS=${REKINDLE_KILLS:-1000} REKINDLE_RESTARTS=${REKINDLE_RESTARTS:-10000} \
    REKINDLE_STORE_KILLS=${REKINDLE_STORE_KILLS:-500} REKINDLE_REQUESTS=${REKINDLE_REQUESTS:-1000} \
    REKINDLE_SLOW_CONNECTIONS=${REKINDLE_SLOW_CONNECTIONS:-100000} "$@"
}

soak_kube() {  # PRESET
  local filter=^kube_restart_test\$
  REKINDLE_KUBE_FRESH=${REKINDLE_KUBE_FRESH:-300} REKINDLE_KUBE_AGAIN=${REKINDLE_KUBE_AGAIN:-300} \
    REKINDLE_KUBE_HOT=${REKINDLE_KUBE_HOT:-50} REKINDLE_KUBE_KILLS=${REKINDLE_KUBE_KILLS:-100} \
    REKINDLE_KUBE_RECONFIGURE=${REKINDLE_KUBE_RECONFIGURE:-20} run_kube "$1"
}

run_part() {
  case $1 in
    format) step format check_format ;;
    layers) step layers tools/check_tree.sh ;;
    units) step units check_units ;;
    unit:*)
      stop_building_ahead
      step "unit (${1#unit:})" run_ctest "${1#unit:}" unit "$jobs"
      ;;
    integration | faults) step "$1 (${preset:-dev})" run_ctest "${preset:-dev}" "$1" 1 ;;
    kube) step "kube (${preset:-dev})" run_kube "${preset:-dev}" ;;
    soak)
      step "soak: kills and restarts (${preset:-release})" env_soak run_ctest "${preset:-release}" faults 1
      step "soak: beside a kubelet (${preset:-release})" soak_kube "${preset:-release}"
      ((fuzz_seconds < 600)) && fuzz_seconds=600
      step "soak: fuzzing" run_fuzz
      ;;
    bench) step "bench ($(bench_preset))" run_bench ;;
    fuzz) step fuzz run_fuzz ;;
    tidy) step tidy run_tidy ;;
  esac
}

run_tidy() {
  build tidy generated_code || return 1
  remark="see above"
  tools/tidy.sh "$jobs" "$tidy_minutes"
}

if [[ $install == yes ]]; then
  groups=(build run check)
  [[ " ${parts[*]} " =~ \ (bench|soak)\  ]] && groups+=(peer)
  [[ " ${parts[*]} " =~ \ (kube|soak)\  ]] && groups+=(kube)
  step packages tools/install_packages.sh "${groups[@]}"
  ((failed == 0)) || exit 1
fi
if [[ " ${parts[*]} " =~ \ (integration|kube|faults|bench|soak)\  && $(id -u) != 0 ]]; then
  die "integration, kube, faults, bench and soak start real containers and need root"
fi
# What an earlier run that was killed may have left.
for bed in build/*/bin/rekindle-bed; do
  [[ -x $bed && $(id -u) == 0 ]] && "$bed" sweep >/dev/null && break
done

# Rows are those of one run.
[[ " ${parts[*]} " =~ \ (kube|bench)\  ]] && rm -f "$REKINDLE_BENCH_RESULTS"
# The sanitizers come last: they are built while others wait.
first=() last=()
for part in "${parts[@]}"; do
  case $part in
    unit)
      first+=("unit:${preset:-dev}")
      [[ -n $preset ]] || last+=(unit:asan unit:tsan)
      ;;
    *) first+=("$part") ;;
  esac
done
for part in "${first[@]}" "${last[@]}"; do
  # These wait most of the time.
  [[ " integration faults kube " == *" $part "* && -z $ahead ]] && build_ahead "${last[@]#unit:}"
  run_part "$part"
done
stop_building_ahead
clean_up

if ((${#reasons[@]})); then
  say "why tests failed"
  printf '%s\n' "${reasons[@]}"
fi
say "summary ($((SECONDS - started)) s)"
printf '%s\n' "${summary[@]}"
if ((failed)); then
  echo "RESULT failed"
  exit 1
fi
echo "RESULT passed"
