#!/usr/bin/env bash
# Runs every fuzzer of the preset "fuzz" on its seeds and then for SECONDS (20) each. What breaks one is kept in
# build/fuzz/found and named.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
seconds=${1:-20}
found=build/fuzz/found
mkdir -p "$found"
failures=0
for program in build/fuzz/tests/fuzz/fuzz_*; do
  [ -x "$program" ] && [ -f "$program" ] || continue
  name=$(basename "$program")
  corpus=build/fuzz/corpus/${name#fuzz_}
  mkdir -p "$corpus"
  # New inputs go to the first folder, the project's seeds are only read.
  if "$program" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$found/$name-" "$corpus" "tests/fuzz/corpus/${name#fuzz_}" >"$found/$name.log" 2>&1; then
    echo "$name: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$found/$name.log") inputs in $seconds s, nothing found"
  else
    echo "$name FAILED:"
    grep -E 'ERROR|does not hold|SUMMARY|Test unit written' "$found/$name.log" || tail -n 5 "$found/$name.log"
    failures=$((failures + 1))
  fi
done
[ "$failures" -eq 0 ]
