#!/bin/sh
# on_cortex_m.sh HONE MODEL...: emits each model of the test data, compiles it for a Cortex-M4 and lets an emulated board check its answers.
# Exit code 77 (skipped) where the cross compiler or the emulator is missing.
set -e
hone=$1
here=$(cd "$(dirname "$0")" && pwd)
data=${HONE_TEST_DATA:-$here/../../../shared/data}
shift
for tool in arm-none-eabi-gcc qemu-system-arm; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in "$@"; do
  model=$data/$name
  [ -e "$model" ] || { echo "skipped: no $model"; exit 77; }
  rm -rf "${work:?}/c"
  $hone emit-c "$model" -o "$work/c" --name model --samples 1 2>/dev/null | grep -E '^(flash|ram)'
  arm-none-eabi-gcc -std=c99 -O2 -Wall -Werror -pedantic -mcpu=cortex-m4 -mthumb -mfloat-abi=soft -nostartfiles \
    --specs=rdimon.specs -T "$here/board.ld" "$here/board.c" "$work"/c/*.c -o "$work/check.elf" \
    -Wl,--no-warn-rwx-segments
  timeout 300 qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -semihosting-config enable=on,target=native \
    -kernel "$work/check.elf" </dev/null | tee "$work/said"
  grep -q '^0 bytes differ$' "$work/said"
done
