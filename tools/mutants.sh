#!/bin/bash
# Puts the faults of tests/controller/plan/mutants.txt into the planner, one at a time, and looks
# whether its tests catch them. All faults are compiled in at once, each behind a switch that
# MUTANT=NUMBER in the environment turns on, so that one build serves for all.
#   tools/mutants.sh [--page FILE] [--preset PRESET]
# Prints a line for each fault, and writes the table to FILE. Exit code 1 if a fault is missed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
preset=dev page=
while (($#)); do
  case $1 in
    --page) page=$2 ;;
    --preset) preset=$2 ;;
    *) echo "usage: $0 [--page FILE] [--preset PRESET]" >&2 && exit 2 ;;
  esac
  shift 2
done
table=tests/controller/plan/mutants.txt
build=$root/build/$preset work=$root/build/mutants
tests=(controller_plan_test plan_command_test controller_plan_property_test)
cmake --build --preset "$preset" --target "${tests[@]}" >&2
rm -rf "$work" && mkdir -p "$work"

cat >"$work/mutant.h" <<'HEADER'
#include <cstdlib>
namespace {
[[maybe_unused]] inline bool RekindleMutant(int number) {
  static const char* const chosen = std::getenv("MUTANT");
  return chosen != nullptr && std::atoi(chosen) == number;
}
}  // namespace
HEADER

# Writes the changed copies and "NUMBER<tab>FILE<tab>WHAT" for each fault.
perl -e '
  my ($table, $source, $work) = @ARGV;
  my (%text, $number, $file, $what, $original);
  open(my $in, "<", $table) or die "$table: $!\n";
  while (my $line = <$in>) {
    chomp $line;
    if ($line =~ /^(\w+\.cc): (.*)/) { ($file, $what) = ($1, $2); }
    elsif ($line =~ /^- (.*)/) { $original = $1; }
    elsif ($line =~ /^\+ (.*)/) {
      my $faulty = $1;
      ++$number;
      if (!defined $text{$file}) {
        open(my $code, "<", "$source/$file") or die "$source/$file: $!\n";
        local $/; $text{$file} = <$code>;
      }
      # An earlier fault of the same place stands around the original.
      my $pattern = join("\\s*", map { quotemeta } $original =~ /\w+|[^\w\s]/g);
      my $edge = $original =~ /^\w/ ? "\\b" : "";  # whole words only
      $pattern = $edge . $pattern;
      my @places = $text{$file} =~ /(?<!\/\*m\*\/)($pattern)/g;
      @places == 1 or die "$table: $.: the original occurs " . @places . " times in $file: $original\n";
      my $found = $places[0];
      my $changed = $original =~ /;$/
          ? "{ if (RekindleMutant($number)) { /*m*/$faulty } else { $found } }"
          : "(RekindleMutant($number) ? (/*m*/$faulty) : ($found))";
      if ($original =~ /^static_cast<int64_t>\(index\)/) {  # the end of a return statement
        $faulty =~ s/;$//; (my $value = $found) =~ s/;$//;
        $changed = "(RekindleMutant($number) ? (/*m*/$faulty) : ($value));";
      }
      $text{$file} =~ s/(?<!\/\*m\*\/)$edge\Q$found\E/$changed/;
      print "$number\t$file\t$what\n";
    }
  }
  for my $name (keys %text) {
    open(my $out, ">", "$work/$name") or die "$work/$name: $!\n";
    print $out $text{$name};
  }
' "$table" controller/plan "$work" >"$work/list"

# The same commands as in the build, on the copies, and the tests linked with them.
ninja -C "$build" -t commands controller/plan/librk_plan.a | grep -F ' -c ' >"$work/commands"
cp "$build/controller/plan/librk_plan.a" "$work/librk_plan.a"
compile() {
  local name=$1 command
  command=$(grep -F "/controller/plan/$name" "$work/commands" | grep -v ccache-swig | tail -1)
  [[ -n $command ]] || { echo "$name is in no build command" >&2; return 1; }
  command=$(sed -E "s# -M[DTF]( [^ ]+)?##g; s# -o [^ ]+# -w -include $work/mutant.h -o $work/$name.o#; s# -c [^ ]+# -c $work/$name#" <<<"$command")
  (cd "$build" && eval "$command")
}
export -f compile
export work build
(cd "$work" && ls ./*.cc | sed 's#./##') | xargs -P "$(nproc)" -I NAME bash -c 'compile NAME'
for object in "$work"/*.cc.o; do
  ar d "$work/librk_plan.a" "$(basename "$object")"
done
ar rs "$work/librk_plan.a" "$work"/*.cc.o 2>/dev/null
for test in "${tests[@]}"; do
  link=$(ninja -C "$build" -t commands "$test" | tail -1)
  link=$(sed -E "s#-o [^ ]*$test#-o $work/$test#; s#[^ ]*controller/plan/librk_plan\.a#$work/librk_plan.a#g; s#&& cd .*##" <<<"$link")
  (cd "$build" && eval "$link" >/dev/null)
done

run() {  # NUMBER: the test that fails, or nothing
  MUTANT=$1 timeout 120 "$work/controller_plan_test" --gtest_brief=1 >"$work/out.$1" 2>&1 ||
    { sed -nE 's/^\[  FAILED  \] ([A-Za-z]+\.[A-Za-z0-9]+)( .*)?$/\1/p' "$work/out.$1" | head -1 | grep . || echo "crash or timeout"; return; }
  MUTANT=$1 timeout 120 "$work/plan_command_test" --gtest_brief=1 >"$work/out.$1" 2>&1 ||
    { sed -nE 's/^\[  FAILED  \] ([^, ]+),? .*$/\1/p' "$work/out.$1" | head -1 | sed 's#.*PrintsWhatIsRecorded/#golden #' | grep . || echo "crash or timeout"; return; }
  MUTANT=$1 REKINDLE_ROLLOUTS=1000 timeout 300 "$work/controller_plan_property_test" --gtest_brief=1 \
    >"$work/out.$1" 2>&1 || echo "Property (simulated rollouts)"
}
sound=$(run 0)
[[ -z $sound ]] || { echo "without any fault the tests fail: $sound" >&2; exit 1; }
missed=0
rows=
while IFS=$'\t' read -r number file what; do
  by=$(run "$number")
  [[ -n $by ]] || { missed=$((missed + 1)); by=MISSED; }
  printf '%2d %-24s %-70s %s\n' "$number" "$file" "$what" "$by"
  rows+="| $number | \`$file\` | $what | ${by:+$by} |"$'\n'
done <"$work/list"
total=$(wc -l <"$work/list")
echo "$((total - missed)) of $total faults are caught"
if [[ -n $page ]]; then
  cat >"$page" <<PAGE
# Mutation check of the planner

Faults put into \`controller/plan\` one at a time, by hand chosen: off by one, wrong rounding, swapped order, missed
condition. The third column is the first test that fails. Made by

    tools/mutants.sh --page docs/mutations.md

from \`tests/controller/plan/mutants.txt\`; a fault that no longer fits the code stops the script. Result: $((total - missed)) of
$total caught.

| # | file | fault | caught by |
|---:|---|---|---|
${rows}
PAGE
  sed -i '${/^$/d}' "$page"
fi
((missed == 0))
