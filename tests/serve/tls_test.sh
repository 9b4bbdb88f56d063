#!/bin/bash
# Serves over TLS and asks for a token, judged by curl and openssl: tls_test.sh HONE
# Exit status 77 (skipped) where curl, openssl or OpenSSL's libraries are absent.
set -euo pipefail

hone=$1
here=$(cd "$(dirname "$0")" && pwd)
for program in curl openssl; do
  command -v "$program" > /dev/null || { echo "SKIPPED: $program is not installed"; exit 77; }
done
# shellcheck source=tests/serve/lib.sh
. "$here/lib.sh"

for name in a b; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem -days 2 \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2> /dev/null
done
openssl ec -in a.key -aes128 -passout pass:x -out locked.key 2> /dev/null
printf 'first-secret\n\n  second-secret  \n' > tokens
model 2 m.hone
cat > large.hone << 'END'
graph "large" {
  input %x: f32[1000000]
  %y: f32[1000000] = Neg(%x)
  output %y
}
END

start m.hone large.hone --tls-cert a.pem --tls-key a.key --token-file tokens --idle-timeout 1
case $url in https://*) ;; *) fail "listens on $url" ;; esac
token=(--cacert a.pem -H 'Authorization: Bearer second-secret')
infer='{"inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}'
for version in 1.2 1.3; do
  expect '200 "data":[2,4,6,8]' "${token[@]}" --tlsv$version --tls-max $version -d "$infer" "$url/v2/models/m/infer"
done
# Two requests of one connection, and one that ends it.
expect '200 "live":true' --cacert a.pem "$url/v2/health/live" --next -s -w '\n%{http_code}' --cacert a.pem "$url/v2/health/live"
expect '200 "live":true' --cacert a.pem --http1.0 "$url/v2/health/live"
# Many records, both ways.
printf '{"inputs":[{"name":"x","datatype":"FP32","shape":[1000000],"parameters":{"binary_data_size":4000000}}],"parameters":{"binary_data_output":true}}' > head
{ cat head; { yes 0123456789abcde || true; } | head -c 4000000; } > body
curl -s -m 20 "${token[@]}" -H "Inference-Header-Content-Length: $(stat -c %s head)" --data-binary @body "$url/v2/models/large/infer" > answer ||
  fail "the large request: $?"
# The sign is the highest bit of each fourth byte.
tail -c 4000000 answer > numbers
od -An -tx1 -N 8 numbers | grep -q '30 31 32 b3 34 35 36 b7' || fail "large answer: $(head -c 200 answer)"
[ "$(stat -c %s answer)" -gt 4000000 ] || fail "the large answer has $(stat -c %s answer) bytes"

expect '401 Bearer' --cacert a.pem "$url/v2"
expect '401 Bearer' --cacert a.pem -H 'Authorization: Bearer second-secre' "$url/metrics"
expect '401 Bearer' --cacert a.pem -H 'Authorization: Basic second-secret' -d "$infer" "$url/v2/models/m/infer"
expect '200 hone_requests_total' --cacert a.pem -H 'authorization: bearer first-secret' "$url/metrics"
curl -si --cacert a.pem "$url/v2" | grep -qi '^www-authenticate: bearer' || fail "401 does not say how"

# Others' certificates, older versions and plain text are not taken, and end nothing.
! curl -s -m 5 --cacert b.pem "$url/v2/health/live" || fail "another certificate is believed"
host=${url#https://}
! openssl s_client -connect "$host" -tls1_1 -cipher 'DEFAULT@SECLEVEL=0' < /dev/null > /dev/null 2>&1 || fail "TLS 1.1 is spoken"
! curl -s -m 5 "http://$host/v2/health/live" || fail "plain text is answered"
head -c 100000 /dev/urandom | timeout 5 openssl s_client -connect "$host" -quiet > /dev/null 2>&1 || true
openssl s_client -connect "$host" -tls1_3 -verify_return_error -CAfile a.pem < /dev/null 2> /dev/null |
  grep -q 'Verification: OK' || fail "openssl does not verify"
# Who begins no handshake is left.
exec 3<> "/dev/tcp/${host%:*}/${host#*:}"
timeout 5 cat <&3 > /dev/null || fail "a silent client keeps its connection"
exec 3>&-
expect '200 "live":true' --cacert a.pem "$url/v2/health/live"
stop 0

for wrong in "5 --tls-cert none --tls-key a.key" "2 --tls-cert a.pem --tls-key b.key" "2 --tls-cert tokens --tls-key a.key" \
  "2 --tls-cert a.pem --tls-key locked.key" "2 --tls-cert a.pem" "2 --token-file head2" "5 --token-file none"; do
  : > head2
  code=0
  # shellcheck disable=SC2086
  timeout 10 "$hone" serve m.hone ${wrong#?} --http-port 0 2> log < /dev/null || code=$?
  [ "$code" = "${wrong%% *}" ] || fail "hone serve ${wrong#?}: exit status $code"
done
echo "PASSED"
