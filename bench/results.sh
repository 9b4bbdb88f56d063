#!/usr/bin/env bash
# The numbers of docs/results.md, measured again: real models and data under DATA (default: ../shared/data).
# Usage: bench/results.sh [DATA]   Needs build/release/bin/hone (make build). Work files go to build/results/.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-${HONE_TEST_DATA:-../shared/data}}
hone=build/release/bin/hone
out=build/results
[ -d "$data" ] || { echo "error: no data at '$data'" >&2; exit 1; }
[ -x "$hone" ] || { echo "error: $hone is missing: make build" >&2; exit 1; }
mkdir -p "$out/cifar"

# CIFAR-10: 500 training pictures calibrate, all 10,000 test pictures judge.
if [ ! -d "$out/cifar/test/truck" ]; then
  tar -xzf "$data/cifar10/test.tar.gz" -C "$out/cifar"
  tar -xzf "$data/cifar10/train.tar.gz" -C "$out"
  for class in "$out"/train/*/; do
    name=$(basename "$class")
    mkdir -p "$out/cifar/calibration/$name"
    for picture in $(ls "$class" | head -50); do cp "$class/$picture" "$out/cifar/calibration/$name/"; done
  done
  rm -rf "$out/train"
fi

run() { echo; echo "\$ hone $*"; "$hone" "$@"; }

ic=$data/mlperf_tiny/ic kws=$data/mlperf_tiny/kws
run optimize "$ic/pretrainedResnet.tflite" --data "$out/cifar" --max-drop 0.5 -o "$out/resnet8"
run eval "$ic/pretrainedResnet.tflite" --data "$out/cifar/test"
run eval "$ic/pretrainedResnet_quant.tflite" --data "$out/cifar/test"

quant=0.58470291,83
run optimize "$kws/kws_ref_model_float32.tflite" --data "$kws/kws01" --input-quant $quant --max-drop 0.5 -o "$out/kws"
for file in "$kws/kws_ref_model_float32.tflite" "$kws/kws_ref_model.tflite" "$out/kws/kws_ref_model_float32.tflite"; do
  run eval "$file" --data "$kws/kws01" --input-quant $quant
done
