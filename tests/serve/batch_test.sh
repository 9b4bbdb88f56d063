#!/bin/bash
# Batches of requests answer as each alone, bit for bit, judged by node: batch_test.sh HONE
# Exit status 77 (skipped) where curl or node is absent.
set -euo pipefail

hone=$1
here=$(cd "$(dirname "$0")" && pwd)
for program in curl node; do
  command -v "$program" > /dev/null || { echo "SKIPPED: $program is not installed"; exit 77; }
done
# shellcheck source=tests/serve/lib.sh
. "$here/lib.sh"

cat > rows.hone << 'END'
graph "rows" {
  input %x: f32[n,8]
  const %k: f32[8] = random(1)
  %m: f32[n,8] = Mul(%x, %k)
  %y: f32[n,8] = Softmax(%m) {axis=1}
  output %y
}
END
sed 's/axis=1/axis=0/; s/"rows"/"mixed"/' rows.hone > mixed.hone

start rows.hone mixed.hone --workers 1
node "$here/batch.mjs" "$url" > alone
[ "$(curl -s "$url/metrics" | grep -c '^hone_model_batch{.*} 1$')" = 2 ] || fail "batches without being asked for"
stop 0
start rows.hone mixed.hone --workers 1 --batch 8 --batch-delay 20000
grep -q "'rows' version 1 serves.*, batches of 8" log || fail "no batches"
grep -q "'mixed' version 1 serves.*, batches of 1" log || fail "rows that tell on each other are put together"
node "$here/batch.mjs" "$url" > together
cmp alone together || fail "other answers"
curl -s "$url/metrics" > metrics
requests=$(sed -n 's/^hone_requests_total{model="rows".*} //p' metrics) runs=$(sed -n 's/^hone_runs_total{model="rows".*} //p' metrics)
[ "$((runs * 2))" -lt "$requests" ] || fail "$requests requests took $runs runs"
stop 0
for wrong in "--batch 65" "--batch 0" "--batch-delay -1"; do
  code=0
  # shellcheck disable=SC2086
  timeout 10 "$hone" serve rows.hone $wrong --http-port 0 2> log < /dev/null || code=$?
  [ "$code" = 2 ] || fail "hone serve $wrong: exit status $code"
done
echo "PASSED"
