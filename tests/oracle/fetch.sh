#!/bin/sh
# Installs the npm packages that carry the original runtimes, and Kubernetes' description of its API, into build/oracle. Tests that need them are skipped when
# this cannot be done. Usage: tests/oracle/fetch.sh [FOLDER]
set -eu
folder="${1:-$(dirname "$0")/../../build/oracle}"
mkdir -p "$folder"
cd "$folder"
command -v npm >/dev/null || { echo "oracle: npm is not installed: tests against the original runtimes will be skipped"; exit 0; }
[ -f package.json ] || echo '{"private": true}' > package.json
for package in tfjs-tflite-node onnxruntime-node kubernetes-models yaml; do
  [ -d "node_modules/$package" ] && continue
  npm install --ignore-scripts --no-audit --no-fund "$package" || echo "oracle: $package cannot be installed: its tests will be skipped"
done
