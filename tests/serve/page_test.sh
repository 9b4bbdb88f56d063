#!/bin/bash
# Opens the server's page in headless Chromium: it says what the server says, and nothing on the console. page_test.sh HONE
# Exit status 77 (skipped) where there is no Chromium.
set -euo pipefail

hone=$1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "SKIPPED: no chromium found (apt-get install chromium)"; exit 77; }
. "$(dirname "$0")/lib.sh"

mkdir -p models/twice/4 models/twice/5
printf 'graph "m" {\n  input %%x: f32[4]\n  %%y: f32[4] = Add(%%x, %%x)\n  output %%y\n}\n' > models/twice/4/model.hone
echo 'no graph <b>at all</b>' > models/twice/5/model.hone
start models
timeout 90 "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync \
  --disable-component-update --disable-dev-shm-usage --user-data-dir="$work/profile" --enable-logging=stderr --v=0 \
  --virtual-time-budget=3000 --dump-dom "$url/" > page.html 2> console || fail "$browser: $(tail -5 console)"
grep -a CONSOLE console && fail "console messages"
grep -q 'role="status">ready</p>' page.html || fail "not ready: $(grep -o 'id="state"[^/]*' page.html)"
grep -q '<td>twice</td><td>4</td><td>serves</td>' page.html || fail "no row for version 4: $(grep -o '<tbody>.*</tbody>' page.html)"
grep -q '<td>5</td><td class="bad">text form: expected' page.html || fail "no reason for version 5: $(grep -o '<tbody>.*' page.html)"
grep -q '<td class="">not watched</td>\|<td>not watched</td>' page.html || fail "no word on drift: $(grep -o '<tbody>.*' page.html)"
grep -q '<option value="twice">' page.html || fail "no model to try"
stop 0
echo "PASSED"
