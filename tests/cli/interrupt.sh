#!/bin/bash
# interrupt.sh SIGNAL COMMAND...: sends the signal half a second after the command began to catch it, however long it
# took to start; ends with the command's exit code.
set -m
"${@:2}" &
pid=$!
bit=$((1 << ($(kill -l "$1") - 1)))
catches() { (((0x$(sed -n 's/^SigCgt:\t*//p' "/proc/$pid/status") & bit) != 0)); }
until catches 2>/dev/null || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
sleep 0.5
kill -s "$1" "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
