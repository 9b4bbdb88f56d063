#!/bin/bash
# Serves over gRPC, judged by grpcio and by curl: grpc_test.sh HONE
# Exit status 77 (skipped) where Debian's python3 has no grpcio, or protoc is absent.
set -euo pipefail

hone=$1
here=$(cd "$(dirname "$0")" && pwd)
python=
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import grpc, google.protobuf' 2> /dev/null; then python=$candidate && break; fi
done
[ -n "$python" ] || { echo "SKIPPED: python3 has no grpcio (apt-get install python3-grpcio python3-protobuf)"; exit 77; }
command -v protoc > /dev/null || { echo "SKIPPED: protoc is not installed (apt-get install protobuf-compiler)"; exit 77; }
# shellcheck source=tests/serve/lib.sh
. "$here/lib.sh"

protoc -I "$here" --python_out=. open_inference.proto
mkdir models
model 2 models/twice.hone
for type in bool i8 i16 i32 i64 u8 u16 u32 f64; do
  name=$(sed 's/^i\([0-9]\)/int\1/; s/^u\([0-9]\)/uint\1/; s/^f/fp/' <<< $type)
  printf 'graph "g" {\n  input %%x: %s[2]\n  %%y: %s[2] = Transpose(%%x) {perm=[0]}\n  output %%y\n}\n' $type $type > "models/$name.hone"
done
cat > models/large.hone << 'END'
graph "large" {
  input %x: f32[1000000]
  %y: f32[1000000] = Neg(%x)
  output %y
}
END
slow_model models/slow.hone
echo secret > tokens

start models --grpc-port 0 --token-file tokens --max-body 5MB --transfer-timeout 20 --idle-timeout 3 --queue 64 --queue-timeout 60 --workers 2
timeout 200 "$python" "$here/grpc_client.py" "$grpc" . || fail "the client: exit status $?"
# What is no HTTP/2 at all, and who begins a call and does not end it, is left.
head -c 100000 /dev/urandom > noise
timeout 60 bash -c "cat noise > /dev/tcp/${grpc%:*}/${grpc#*:}" 2> /dev/null || true
exec 3<> "/dev/tcp/${grpc%:*}/${grpc#*:}"
printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0' >&3
timeout 60 cat <&3 > /dev/null || fail "a silent client keeps its connection"
exec 3>&-
[ "$(curl -s -o /dev/null -w '%{http_version} %{http_code}' --http2-prior-knowledge "http://$grpc/v2")" = '2 200' ] || fail "no HTTP/2"
expect '200 "live":true' "$url/v2/health/live"
stop 0
code=0
timeout 60 "$hone" serve models --grpc-port 0 --tls-cert a --tls-key b --http-port 0 2> log || code=$?
[ "$code" != 0 ] || fail "gRPC with TLS"
echo "PASSED"
