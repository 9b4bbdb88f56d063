#!/bin/bash
# Makes an image of a small model, has skopeo and umoci read it, and serves from its unpacked files alone:
# image_test.sh HONE. What a missing program would show is skipped, visibly.
set -euo pipefail

hone=$1
work=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill -KILL "$server" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }
has() { command -v "$1" > /dev/null || { echo "SKIPPED: $1 is not installed: $2"; return 1; }; }

cat > twice.hone << 'END'
graph "twice" {
  input %x: f32[4]
  const %k: f32[4] = fill(2)
  %y: f32[4] = Mul(%x, %k)
  output %y
}
END
export SOURCE_DATE_EPOCH=1700000000
"$hone" package twice.hone --image registry.local:5000/demo/twice:7 -o one > said
"$hone" package twice.hone --image registry.local:5000/demo/twice:7 -o two > /dev/null
cmp one/image.tar two/image.tar || fail "two runs give two images"
digest=$(grep -o 'sha256:[0-9a-f]\{64\}' said)
(cd one/oci/blobs/sha256 && for blob in *; do echo "$blob  $blob"; done | sha256sum -c --quiet) || fail "a blob has another name than its digest"
tar tf one/image.tar | grep -qx manifest.json || fail "no manifest.json"
grep -q '^ENTRYPOINT \["/usr/bin/hone", "serve"' one/Dockerfile || fail "$(cat one/Dockerfile)"
"$hone" package twice.hone --name 'a"b' -o odd > /dev/null
grep -qxF 'LABEL org.opencontainers.image.title="a\"b"' odd/Dockerfile || fail "a name ends its quotes: $(cat odd/Dockerfile)"
"$hone" package twice.hone --tls -o tls > /dev/null
find tls/rootfs one/rootfs -name 'libssl.so.3' | grep -q '^tls/' || fail "--tls packs no libssl"
[ -z "$(find one/rootfs -name 'libcrypto*')" ] || fail "libcrypto is packed without --tls"
"$hone" package twice.hone --name thrice -o odd > /dev/null
[ "$(ls odd/rootfs/models)" = thrice ] || fail "an earlier model's folder is left: $(ls odd/rootfs/models)"
mkdir other && touch other/mine
if "$hone" package twice.hone -o other 2> said; then fail "another's folder is overwritten"; fi

if has skopeo "images are not read by others"; then
  [ "$(skopeo inspect --format '{{.Digest}}' oci:one/oci:7)" = "$digest" ] || fail "skopeo finds another digest"
  skopeo inspect --config oci:one/oci:7 | grep -q '"User": "65532:65532"' || fail "another user"
  skopeo copy -q docker-archive:one/image.tar dir:copied || fail "skopeo does not take image.tar"
  skopeo copy -q oci:two/oci:7 dir:copied2 || fail "skopeo does not copy the layout"
  skopeo inspect oci:two/oci:7 | grep -q '"Created": "2023-11-14T22:13:20Z"' || fail "not of its date"
fi

root=one/rootfs
if has umoci "layers are not unpacked by others"; then
  umoci unpack --rootless --image one/oci:7 bundle 2> said || fail "umoci: $(cat said)"
  root=bundle/rootfs
  diff -r one/rootfs bundle/rootfs || fail "the layers hold other files than rootfs/"
fi

# Nothing but the image's own files: the server starts, repeats its golden samples, and answers.
if ! unshare -r true 2> /dev/null; then
  echo "SKIPPED: no user namespaces here: the image is not run"
elif has curl "the image is not asked"; then
  unshare -r chroot "$root" /usr/bin/hone serve /models --http-port 0 2> log &
  server=$!
  for _ in $(seq 500); do
    url=$(sed -n 's/^listening on //p' log)
    [ -z "$url" ] || break
    kill -0 "$server" 2> /dev/null || fail "the server ended: $(cat log)"
    sleep 0.02
  done
  grep -q "2 golden samples repeated" log || fail "$(cat log)"
  curl -s -d '{"inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}' "$url/v2/models/twice/infer" |
    grep -qF '"data":[2,4,6,8]' || fail "no answer"
  kill -TERM "$server"
  wait "$server" || fail "exit status $?"
  server=
fi
echo "PASSED"
