#!/bin/bash
# How fast and how firm `hone serve` is: requests a second and times by connections, for a model that costs nothing; then
# faults under load (serve_faults.py). Measures, and fails only on a wrong or lost answer. serve.sh HONE [SECONDS]
set -euo pipefail
hone=$(realpath "$1")
seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/serve/lib.sh
. "$here/../tests/serve/lib.sh"
has() { command -v "$1" > /dev/null || { echo "SKIPPED: $1 is not installed (apt-get install $2)"; return 1; }; }

model 2 twice.hone
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 \
  -subj /CN=localhost 2> /dev/null
cat > post.lua << 'END'
wrk.method = "POST"
wrk.body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}'
END
# The same as a call: a prefix of five bytes and ModelInferRequest.
python3 - << 'END'
import struct
field = lambda tag, data: bytes([tag << 3 | 2, len(data)]) + data
tensor = field(1, b"x") + field(2, b"FP32") + field(3, b"\x04")
message = field(1, b"twice") + field(5, tensor) + field(7, struct.pack("<4f", 1, 2, 3, 4))
open("call", "wb").write(b"\0" + struct.pack(">I", len(message)) + message)
END
wrk_row() { # NAME CONNECTIONS URL
  wrk -t1 -c"$2" -d"$seconds" --latency -s post.lua "$3/v2/models/twice/infer" > said
  grep -q 'Non-2xx' said && fail "$(cat said)"
  awk -v name="$1" -v c="$2" '/50%/ {p50 = $2} /99%/ {p99 = $2} /Requests\/sec/ {r = $2}
    END {printf "| %s | %s | %.0f | %s | %s |\n", name, c, r, p50, p99}' said
}
if has wrk wrk; then
  echo "| | connections | requests/s | p50 | p99 |"
  echo "|---|---|---|---|---|"
  start twice.hone --queue 512 --grpc-port 0
  for c in 1 8 64; do wrk_row REST "$c" "$url"; done
  if has h2load nghttp2-client; then
    for c in 1 8 64; do
      h2load -t1 -c"$c" -D"$seconds" -d call -H 'content-type: application/grpc' -H 'te: trailers' \
        --log-file=times "http://$grpc/inference.GRPCInferenceService/ModelInfer" > said
      grep -q ' 0 failed, 0 errored' said || fail "$(cat said)"
      sort -n -k3 times | awk -v c="$c" -v s="$seconds" '{t[NR] = $3}
        END {printf "| gRPC | %s | %.0f | %dus | %.2fms |\n", c, NR / s, t[int(NR / 2)], t[int(NR * .99)] / 1000}'
    done
  fi
  stop 0
  start twice.hone --queue 512 --tls-cert cert.pem --tls-key key.pem
  for c in 1 8 64; do wrk_row HTTPS "$c" "$url"; done
  stop 0
fi
echo
python3 "$here/serve_faults.py" "$hone" "$work"
