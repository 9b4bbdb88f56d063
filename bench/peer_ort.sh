#!/usr/bin/env bash
# Latency of hone and of ONNX Runtime on the same models, one thread, in turns: noise of the machine meets both alike.
#   ORT_LIB=…/libonnxruntime.so.1 ORT_BENCH=…/ort_bench bench/peer_ort.sh [-r ROUNDS] [-t THREADS] [-s SECONDS] MODEL.onnx…
# HONE: the hone binary, default build/release/bin/hone. ORT_BENCH prints 'med_ms=…' (see bench/README.md).
# MODEL may be HONE_MODEL=ORT_MODEL, for a pair of files of one network. On a busy machine the shortest runs say more.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=7 threads=1 seconds=1
while getopts r:t:s: option; do
  case $option in
    r) rounds=$OPTARG ;;
    t) threads=$OPTARG ;;
    s) seconds=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
hone=${HONE:-build/release/bin/hone}
usage() { echo "error: $1" >&2; sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -gt 0 ] || usage "no model given"
[ -x "$hone" ] || usage "no hone binary at '$hone'"
[ -f "${ORT_LIB:-}" ] || usage "ORT_LIB names no library"
[ -x "${ORT_BENCH:-}" ] || usage "ORT_BENCH names no program"

median() { sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
# Both print "median min" in milliseconds.
hone_ms() {
  "$hone" bench "$1" --threads "$threads" --seconds "$seconds" --json |
    python3 -c 'import json, sys; l = json.load(sys.stdin)["latency_us"]; print(l["median"] / 1000, l["min"] / 1000)'
}
ort_ms() {
  "$ORT_BENCH" --lib "$ORT_LIB" --model "$1" --threads "$threads" --secs "$seconds" |
    sed -n 's/.* min_ms=\([0-9.]*\) med_ms=\([0-9.]*\).*/\2 \1/p'
}
ratio() { awk "BEGIN {print $2 / $1}"; }

echo "$rounds rounds in turns, $threads thread(s), milliseconds: median of the rounds' medians, and the shortest run of all"
printf '%-28s %10s %10s %9s %10s %10s %9s\n' model 'hone' 'ort' 'ort/hone' 'hone min' 'ort min' 'ort/hone'
for pair in "$@"; do
  ours=${pair%%=*} theirs=${pair#*=}
  mine=() peer=()
  for ((i = 0; i < rounds; ++i)); do
    mine+=("$(hone_ms "$ours")")
    peer+=("$(ort_ms "$theirs")")
  done
  h=$(printf '%s\n' "${mine[@]}" | cut -d' ' -f1 | median) hm=$(printf '%s\n' "${mine[@]}" | cut -d' ' -f2 | sort -g | head -1)
  o=$(printf '%s\n' "${peer[@]}" | cut -d' ' -f1 | median) om=$(printf '%s\n' "${peer[@]}" | cut -d' ' -f2 | sort -g | head -1)
  printf '%-28s %10.3f %10.3f %9.2f %10.3f %10.3f %9.2f\n' "$(basename "$ours")" \
    "$h" "$o" "$(ratio "$h" "$o")" "$hm" "$om" "$(ratio "$hm" "$om")"
done
