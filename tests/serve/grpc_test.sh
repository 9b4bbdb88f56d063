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

# The same, encrypted.
command -v openssl > /dev/null || { echo "PASSED, without TLS: openssl is not installed"; exit 0; }
for name in a b; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem -days 2 \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2> /dev/null
done
start models --grpc-port 0 --token-file tokens --max-body 5MB --transfer-timeout 3 --idle-timeout 2 --queue 64 --queue-timeout 60 --workers 2 \
  --tls-cert a.pem --tls-key a.key
grep -q '^listening on grpcs://' log || fail "it does not say that it is encrypted"
timeout 200 "$python" "$here/grpc_client.py" "$grpc" . a.pem || fail "the client over TLS: exit status $?"
[ "$(curl -s --cacert a.pem -o /dev/null -w '%{http_version} %{http_code}' --http2 "https://$grpc/v2")" = '2 200' ] || fail "no HTTP/2 over TLS"
# Another certificate, another protocol inside, plain text and noise are refused, and end nothing.
! curl -s --cacert b.pem --http2 "https://$grpc/v2" || fail "another certificate is believed"
protocols() { openssl s_client -connect "$1" -alpn "$2" < /dev/null > said 2>&1 || true; grep -q "$3" said || fail "$2 at $1: $(cat said)"; }
protocols "$grpc" h2 '^ALPN protocol: h2$'
protocols "$grpc" http/1.1 'no application protocol'
protocols "${url#https://}" h2 'no application protocol'
protocols "${url#https://}" h2,http/1.1 '^ALPN protocol: http/1.1$'
! curl -s -m 5 --http2-prior-knowledge "http://$grpc/v2" || fail "plain text is answered"
timeout 60 openssl s_client -connect "$grpc" -alpn h2 -quiet < noise > /dev/null 2>&1 || true
# Who begins no handshake, and who drips one, is left.
exec 3<> "/dev/tcp/${grpc%:*}/${grpc#*:}"
{ printf '\26\3\1\2\0'; for _ in $(seq 100); do sleep 0.2; printf '\1'; done; } >&3 2> /dev/null &
timeout 60 cat <&3 > /dev/null || fail "a handshake that drips keeps its connection"
kill $! 2> /dev/null || true
exec 3>&-
timeout 200 "$python" "$here/grpc_client.py" "$grpc" . a.pem > /dev/null || fail "the client after all that"
stop 0
echo "PASSED"
