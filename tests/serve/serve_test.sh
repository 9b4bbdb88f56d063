#!/bin/bash
# Serves small models and asks for answers with curl and node: serve_test.sh HONE
# Exit status 77 (skipped) where curl or node is absent.
set -euo pipefail

hone=$1
here=$(cd "$(dirname "$0")" && pwd)
for program in curl node; do
  command -v "$program" > /dev/null || { echo "SKIPPED: $program is not installed"; exit 77; }
done

# shellcheck source=tests/serve/lib.sh
. "$here/lib.sh"

model 2 models/twice/1/model.hone
cat > models/pixel.hone << 'END'
graph "pixel" {
  input %image: f32[1,2,2,3]
  const %a: i64[2] = {1, 2}
  %m: f32[1,3] = ReduceMean(%image, %a) {keepdims=false}
  output %m
}
END
slow_model models/slow.hone
printf 'red\ngreen\nblue\n' > models/pixel.labels.txt
# A bitmap of 2 × 2 blue pixels.
{ printf 'BM\106\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\002\0\0\0\002\0\0\0\001\0\030\0\0\0\0\0\020\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
  printf '\377\0\0\377\0\0\0\0\377\0\0\377\0\0\0\0'; } > blue.bmp

start models --poll 0.05 --max-body 100kB --workers 2 --queue 4 --max-connections 64 --transfer-timeout 1 --idle-timeout 1 \
  --triton-metrics --access-log
infer='{"id":"1","inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}'
expect '200 "live":true' "$url/v2/health/live"
expect '200 "ready":true' "$url/v2/health/ready"
expect '200 "binary_tensor_data"' "$url/v2"
expect '200 "platform":"hone_hone"' "$url/v2/models/twice"
expect '200 "shape":[4]' "$url/v2/models/twice/versions/1"
expect '200 "ready":true' "$url/v2/models/twice/ready"
expect '200 "id":"1","outputs":[{"name":"y","datatype":"FP32","shape":[4],"data":[2,4,6,8]}]' -d "$infer" "$url/v2/models/twice/infer"
expect '200 "data":["8:3","6:2"]' -d "${infer%?},\"outputs\":[{\"name\":\"y\",\"parameters\":{\"classification\":2}}]}" "$url/v2/models/twice/versions/1/infer"
expect '200 {"class":2,"score":255,"label":"blue"}' --data-binary @blue.bmp "$url/v2/models/pixel/classify?top=1"
expect '400 begins like no JPEG' --data-binary @models/pixel.labels.txt "$url/v2/models/pixel/classify"
expect '404 did you mean' "$url/v2/models/twic"
expect '404 version 7' "$url/v2/models/twice/versions/7"
expect '404 is no version' "$url/v2/models/twice/versions/x"
expect '404 GET /v2' "$url/v3"
expect '405 POST' "$url/v2/models/twice/infer"
expect "400 'inputs' is missing" -d '{}' "$url/v2/models/twice/infer"
expect '400 json' -d '{' "$url/v2/models/twice/infer"
expect '415 compressed' -H 'Content-Encoding: gzip' -d x "$url/v2/models/twice/infer"
expect '501 --allow-control' -X POST "$url/v2/repository/models/twice/unload"
expect '504 timeout' -d "${infer%?},\"parameters\":{\"timeout\":1}}" "$url/v2/models/twice/infer"
expect '400 priority is 4' -d "${infer%?},\"parameters\":{\"priority\":4}}" "$url/v2/models/twice/infer"
expect '400 priority is 4' --data-binary @blue.bmp "$url/v2/models/pixel/classify?priority=4"
expect '400 expected a number' --data-binary @blue.bmp "$url/v2/models/pixel/classify?top=all"
head -c 200000 /dev/zero > large
expect '413 larger than 100000' -H 'Expect:' --data-binary @large "$url/v2/models/twice/infer"
expect '413 larger than 100000' --data-binary @large "$url/v2/models/twice/infer"
expect '431 headers' -H "X: $(head -c 20000 /dev/zero | tr '\0' x)" "$url/v2"
expect '200 "count":2' "$url/v2/models/twice/stats"
expect '200 <title>hone serve</title>' "$url/"
curl -sI "$url/" | grep -qi 'content-length: [1-9]' || fail "HEAD has no length"
curl -si -H 'traceparent: 00-1-2-01' "$url/v2" | grep -q '^traceparent: 00-1-2-01' || fail "traceparent does not come back"
grep -q '^{"method":"POST","path":"/v2/models/twice/infer","status":200' log || fail "no access log"

curl -s "$url/metrics" > metrics
grep -q '^hone_requests_total{model="twice",version="1"} [1-9]' metrics || fail "metrics: $(cat metrics)"
grep -q '^nv_inference_request_success{model="twice"' metrics || fail "no Triton names: $(cat metrics)"
if command -v promtool > /dev/null; then
  # Triton's names are what they are.
  sed '/nv_inference/d' metrics | promtool check metrics || fail "promtool"
else
  echo "SKIPPED: promtool is not installed (apt-get install prometheus)"
fi

node "$here/clients.mjs" "$url" "$work/models" || fail "node: exit status $?"
stop 0
grep -q "^ending" log || fail "no word at the end"

# Clients may unload and load where that is allowed, and a model that was unloaded says so.
start models/twice --allow-control --poll 0
expect '200 {}' -X POST "$url/v2/repository/models/twice/unload"
expect '503 serves no version' -d "$infer" "$url/v2/models/twice/infer"
expect '200 unloaded' -X POST "$url/v2/repository/index"
expect '501 without parameters' -d '{"parameters":{"config":"{}"}}' "$url/v2/repository/models/twice/load"
expect '200 {}' -X POST "$url/v2/repository/models/twice/load"
expect '200 "data":[8,16,24,32]' -d "$infer" "$url/v2/models/twice/infer"
expect '404 no model' -X POST "$url/v2/repository/models/once/load"
stop 0

# Who is urgent passes those who wait: the log says in which order requests ended. On a busy machine the others may be
# done before the urgent one comes, so there are some tries.
start models/twice models/slow.hone --workers 1 --access-log
slow='{"inputs":[{"name":"x","datatype":"FP32","shape":[4,1],"data":[1,1,1,1]}],"parameters":{"priority":3}}'
passed=0
for try in 1 2 3 4 5; do
  before=$(grep -c '/slow/infer' log || true)
  waiting=()
  for i in 1 2 3 4 5 6 7 8; do
    curl -s -d "$slow" "$url/v2/models/slow/infer" > "slow.$i" &
    waiting+=($!)
  done
  until [ $(($(curl -s "$url/metrics" | sed -n 's/^hone_pending_requests //p') + $(grep -c '/slow/infer' log || true))) -ge $((before + 7)) ]; do
    sleep 0.01
  done
  expect '200 "data":[8,16,24,32]' -d "${infer%?},\"parameters\":{\"priority\":1}}" "$url/v2/models/twice/infer"
  wait "${waiting[@]}"
  passed=$(tac log | sed '/twice/q' | grep -c '/slow/infer' || true)
  [ "$passed" -lt 2 ] || break
done
[ "$passed" -ge 2 ] || fail "who is urgent waited for all others"
stop 0

# What makes no sense is said at once, with the exit status of its kind.
for wrong in "5 nowhere.hone" "2 models --host nowhere" "2"; do
  code=0
  # shellcheck disable=SC2086
  "$hone" serve ${wrong#?} --http-port 0 2> log || code=$?
  [ "$code" = "${wrong%% *}" ] || fail "hone serve ${wrong#?}: exit status $code"
done
"$hone" serve nowhere.hone --http-port 0 2> log || true
[ "$(grep -c "no such file" log)" = 1 ] || fail "the reason is not said once: $(cat log)"
echo "PASSED"
