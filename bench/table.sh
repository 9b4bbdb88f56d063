#!/usr/bin/env bash
# The table of docs/performance.md at every level of instructions that this machine has: hone against ONNX Runtime and
# TensorFlow Lite, which npm brings where they are not named by HONE_ORT_LIB and HONE_TFLITE_LIB.
# Usage: bench/table.sh [--threads N] [--seconds S] [--json] [NETWORK…]   LEVELS='avx2 avx512' chooses the levels.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/oracle/fetch.sh >/dev/null
modules=build/oracle/node_modules
case $(uname -m) in aarch64) npm=arm64 debian=arm64 ;; *) npm=x64 debian=amd64 ;; esac
ort=$modules/onnxruntime-node/bin/napi-v6/linux/$npm/libonnxruntime.so.1
tflite=$modules/tfjs-tflite-node/cc_deps/linux_$debian/libtensorflowlite_c.so
[ -n "${HONE_ORT_LIB:-}" ] || [ ! -f "$ort" ] || export HONE_ORT_LIB=$PWD/$ort
[ -n "${HONE_TFLITE_LIB:-}" ] || [ ! -f "$tflite" ] || export HONE_TFLITE_LIB=$PWD/$tflite
levels=${LEVELS:-portable}
if [ -z "${LEVELS:-}" ] && [ "$(uname -m)" = x86_64 ]; then
  levels=
  if grep -q avx512_vnni /proc/cpuinfo; then levels+=" avx512"; fi
  if grep -q avx_vnni /proc/cpuinfo; then levels+=" avxvnni"; fi
  if grep -q avx2 /proc/cpuinfo; then levels+=" avx2"; fi
fi
for level in $levels; do
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), hone at level $level, $(date +%F)" >&2
  HONE_CPU_ISA=$level build/release/bin/hone_table_bench "$@"
done
