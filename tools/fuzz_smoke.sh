#!/usr/bin/env bash
# Builds every fuzz target and runs each from its seeds for HONE_FUZZ_SECONDS (60). A line per target; fails when one
# crashes, leaks or exceeds 1 s or 1 GB on an input (life…, which run whole models: 10 s and 4 GB), and keeps that input
# under build/fuzz/.
# Usage: tools/fuzz_smoke.sh [TARGET…]
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${HONE_FUZZ_SECONDS:-60}
mkdir -p build
cmake --preset fuzz >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
cmake --build --preset fuzz -j "${JOBS:-$(nproc)}" --target hone_fuzz_targets >build/fuzz.log 2>&1 || { tail -40 build/fuzz.log; exit 1; }

# The seeds of life…: the suite's graphs, the TFLite cases, and ONNX's own nodes.
rm -rf build/fuzz/seeds && build/fuzz/fuzz/life_seeds build/fuzz/seeds || exit 1
for model in /usr/share/libonnx-testdata/data/node/*/model.onnx; do
  [ -e "$model" ] && cp "$model" "build/fuzz/seeds/life_onnx/$(basename "$(dirname "$model")").onnx"
done

failed=0
for program in build/fuzz/fuzz/*_fuzz; do
  name=$(basename "$program" _fuzz)
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  found=build/fuzz/corpus/$name    # what this machine has found so far; the seeds stay as they are
  log=build/fuzz/$name.log
  mkdir -p "$found"
  seeds=fuzz/corpus/$name limits="-timeout=1 -rss_limit_mb=1024 -malloc_limit_mb=512"
  if [[ $name = life* ]]; then
    seeds=build/fuzz/seeds/$name limits="-timeout=10 -rss_limit_mb=4096 -malloc_limit_mb=2048"
  fi
  # shellcheck disable=SC2086  # limits are several words
  if "$program" -max_total_time="$seconds" $limits -print_final_stats=1 \
      -artifact_prefix="build/fuzz/$name-" "$found" "$seeds" >"$log" 2>&1; then
    runs=$(awk '/stat::number_of_executed_units/ {print $2}' "$log")
    printf '%-12s ok      %9s inputs in %s s\n' "$name" "${runs:-?}" "$seconds"
  else
    failed=1
    printf '%-12s FAILED  see %s\n' "$name" "$log"
    grep -aE '^(SUMMARY|ALARM|==.*ERROR|artifact|.*Test unit written|terminate called|  what)' "$log" | head -8
  fi
done
exit $failed
