#!/usr/bin/env bash
# Installs the Debian 12 packages that a task needs; does nothing when they are there. Usage: tools/setup.sh build|test|fuzz|oracle|arm
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

# build: compiler and the libraries hone links. test: what tests run. fuzz: clang with libFuzzer. oracle: npm, which has
# the original runtimes. arm: emitted C on an emulated board.
build=(g++ cmake ninja-build make git pkg-config
  libprotozero-dev libflatbuffers-dev flatbuffers-compiler zlib1g-dev nlohmann-json3-dev
  libjpeg62-turbo-dev libpng-dev libboost-dev libssl-dev libnghttp2-dev)
test=("${build[@]}" libgtest-dev libbenchmark-dev libhdf5-dev libzip-dev libonnx-testdata python3 python3-grpcio python3-protobuf protobuf-compiler clang-format clang-tidy chromium curl openssl nodejs skopeo umoci valgrind)
fuzz=("${build[@]}" clang-14 libclang-rt-14-dev)
oracle=("${test[@]}")
command -v npm >/dev/null || oracle+=(npm)
arm=(gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm)
optional=(ccache mold)

case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${test[@]}") ;;
  fuzz) wanted=("${fuzz[@]}") ;;
  oracle) wanted=("${oracle[@]}") ;;
  arm) wanted=("${arm[@]}") ;;
  *) echo "usage: tools/setup.sh build|test|fuzz|oracle|arm" >&2; exit 2 ;;
esac

is_installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
missing=()
for package in "${wanted[@]}"; do is_installed "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "error: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
log=build/setup.log
if ! { "${sudo[@]}" apt-get update -q && "${sudo[@]}" apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "error: packages could not be installed (whole log: $log)" >&2
  exit 1
fi
for package in "${optional[@]}"; do
  is_installed "$package" || "${sudo[@]}" apt-get install -qy --no-install-recommends "$package" >>"$log" 2>&1 || true
done
