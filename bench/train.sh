#!/bin/sh
# Training steps of ResNet-8 and DS-CNN, batch 32, two threads: hone, then PyTorch where python3-torch is installed.
# DATA: the folder with mlperf_tiny/; SECONDS_EACH: of each measurement (3).
set -eu
bin=${BIN:-build/release/bin/hone_train_bench}
data=${HONE_TEST_DATA:-../shared/data}/mlperf_tiny
seconds=${SECONDS_EACH:-3}
python=${PYTHON:-/usr/bin/python3} # Debian's
for pair in resnet8:ic/pretrainedResnet.tflite dscnn:kws/kws_ref_model_float32.tflite; do
  name=${pair%%:*} file=$data/${pair#*:}
  if [ ! -e "$file" ]; then
    echo "$name: no $file: skipped"
    continue
  fi
  echo "$name, hone:    $("$bin" "$file" 32 2 "$seconds")"
  if "$python" -c 'import torch' 2>/dev/null; then
    echo "$name, PyTorch: $("$python" "$(dirname "$0")/train_torch.py" "$name" 32 2 "$seconds")"
  else
    echo "$name, PyTorch: no python3-torch: skipped"
  fi
done
