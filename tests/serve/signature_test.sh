#!/bin/bash
# Signs a package, has openssl judge the signature, and serves only what was signed: signature_test.sh HONE
# Exit status 77 (skipped) where curl, openssl or python3 is absent.
set -euo pipefail

hone=$1
here=$(cd "$(dirname "$0")" && pwd)
for program in curl openssl python3; do
  command -v "$program" > /dev/null || { echo "SKIPPED: $program is not installed"; exit 77; }
done
# shellcheck source=tests/serve/lib.sh
. "$here/lib.sh"
: > log

for name in mine other; do
  openssl ecparam -name prime256v1 -genkey -noout -out $name.key
  openssl pkey -in $name.key -pubout -out $name.pem 2> /dev/null || openssl ec -in $name.key -pubout -out $name.pem 2> /dev/null
done
openssl ecparam -name secp384r1 -genkey -noout -out large.key && openssl ec -in large.key -pubout -out large.pem 2> /dev/null
openssl genrsa -out rsa.key 2048 2> /dev/null
model 2 twice.hone
printf 'one\ntwo\n' > labels.txt

# What OpenSSF Model Signing 1.0 says is signed, taken apart without hone.
cat > judge.py << 'END'
import base64, hashlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
bundle = json.loads((folder / "model.sig").read_text())
assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
envelope = bundle["dsseEnvelope"]
payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
pathlib.Path("signed").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
pathlib.Path("signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
pem = pathlib.Path(sys.argv[2]).read_bytes()
assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(pem).hexdigest()
statement = json.loads(payload)
files = sorted(p.name for p in folder.iterdir() if p.name != "model.sig")
digests = [hashlib.sha256((folder / name).read_bytes()) for name in files]
resources = statement["predicate"]["resources"]
assert resources == [{"name": n, "algorithm": "sha256", "digest": d.hexdigest()} for n, d in zip(files, digests)], resources
root = hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()
assert statement["subject"] == [{"name": "twice", "digest": {"sha256": root}}], statement["subject"]
assert files == ["model.golden.npz", "model.hone", "model.labels.txt"], files
END
for kind in "mine sha256" "large sha384"; do
  "$hone" package twice.hone --labels labels.txt --sign "${kind% *}.key" -o "${kind% *}" > /dev/null
  python3 judge.py "${kind% *}/rootfs/models/twice/1" "${kind% *}.pem" || fail "the statement of ${kind% *}"
  openssl dgst "-${kind#* }" -verify "${kind% *}.pem" -signature signature signed > /dev/null || fail "openssl does not verify ${kind% *}"
done
find mine/rootfs -name 'libcrypto.so.3' | grep -q . || fail "who is to verify has no libcrypto"

folder=mine/rootfs/models/twice/1 file=model.hone
"$hone" verify $folder/model.hone --key mine.pem > said || fail "its own signature: $(cat said)"
grep -q '3 files as signed' said || fail "$(cat said)"
# verify_fails WANTED KEY: exit status 1, and the reason
verify_fails() {
  local code=0
  "$hone" verify "$folder/$file" --key "$2" > said 2>&1 || code=$?
  if [ $code != 1 ] || ! tr -s '\n ' ' ' < said | grep -qF "$1"; then fail "exit status $code: $(cat said)"; fi
}
verify_fails 'was not made with the key' other.pem
verify_fails 'was not made with the key' large.pem
cp -r $folder whole
echo ' ' >> $folder/model.labels.txt
verify_fails "'model.labels.txt' is not what was signed" mine.pem
rm $folder/model.labels.txt
verify_fails "'model.labels.txt' is signed and not there" mine.pem
python3 - $folder/model.sig << 'END'
import base64, json, sys
bundle = json.load(open(sys.argv[1]))
payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"model.labels", b"model.lapels")
bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
json.dump(bundle, open(sys.argv[1], "w"))
END
verify_fails 'was not made with the key' mine.pem
head -c 100 whole/model.sig > $folder/model.sig
verify_fails 'the signature is damaged' mine.pem
for wrong in "2 rsa.key" "2 labels.txt" "2 mine.pem" "5 none"; do
  code=0
  "$hone" package twice.hone --sign "${wrong#* }" -o wrong > /dev/null 2>&1 || code=$?
  [ "$code" = "${wrong%% *}" ] || fail "--sign ${wrong#* }: exit status $code"
done

# A model in two files, signed by openssl: what lies outside of model.onnx must be listed, and be what is listed.
cat > external.py << 'END'
import base64, hashlib, json, pathlib, subprocess, sys
def field(tag, value):
    if isinstance(value, int):
        return bytes([tag << 3, value])
    value = value.encode() if isinstance(value, str) else value
    assert len(value) < 128 or tag == 7
    size = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])
    return bytes([tag << 3 | 2]) + size + value
folder = pathlib.Path("two")
folder.mkdir(exist_ok=True)
port = lambda name: field(1, name) + field(2, field(1, field(1, 1) + field(2, field(1, field(1, 4)))))
external = field(13, field(1, "location") + field(2, "weights.bin"))
weights = field(1, 4) + field(2, 1) + field(8, "k") + external + field(14, 1)
graph = (field(1, field(1, "x") + field(1, "k") + field(2, "y") + field(4, "Mul")) + field(2, "g") + field(5, weights)
         + field(11, port("x")) + field(12, port("y")))
(folder / "model.onnx").write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
(folder / "weights.bin").write_bytes(bytes.fromhex("00000040") * 4)
files = sorted(sys.argv[1:])
digests = [hashlib.sha256((folder / name).read_bytes()) for name in files]
statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://model_signing/signature/v1.0",
             "subject": [{"name": "two", "digest": {"sha256": hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()}}],
             "predicate": {"serialization": {"method": "files"}, "resources": [
                 {"name": n, "algorithm": "sha256", "digest": d.hexdigest()} for n, d in zip(files, digests)]}}
payload, kind = json.dumps(statement).encode(), b"application/vnd.in-toto+json"
signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "mine.key"], input=signed, stdout=subprocess.PIPE, check=True).stdout
envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind.decode(), "signatures": [{"sig": base64.b64encode(signature).decode()}]}
(folder / "model.sig").write_text(json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope}))
END
python3 external.py model.onnx weights.bin
"$hone" verify two/model.onnx --key mine.pem > said 2>&1 || fail "two files: $(cat said)"
grep -q '2 files as signed' said || fail "$(cat said)"
folder=two file=model.onnx
echo >> two/weights.bin
verify_fails "'weights.bin' is not what was signed" mine.pem
rm two/weights.bin
verify_fails "'weights.bin' is signed and not there" mine.pem
python3 external.py model.onnx
code=0
timeout 60 "$hone" serve two/model.onnx --key mine.pem --http-port 0 2> log || code=$?
if [ $code != 3 ] || ! grep -qF "the model reads 'weights.bin', which" log; then fail "weights that nobody signed: exit status $code"; fi

# A server with a key: the signed version serves, an unsigned or altered newer one does not take its place.
mkdir models && mkdir models/twice && cp -r whole models/twice/1
start models --key mine.pem --poll 0.05
infer='{"inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}'
expect '200 "data":[2,4,6,8]' -d "$infer" "$url/v2/models/twice/infer"
model 3 models/twice/2/model.hone
cp -r whole models/twice/.3 && sed -i 's/fill(2)/fill(4)/' models/twice/.3/model.hone && mv models/twice/.3 models/twice/3
for _ in $(seq 1000); do
  [ "$(curl -s -X POST "$url/v2/repository/index" | grep -o UNAVAILABLE | wc -l)" = 2 ] && break
  sleep 0.05
done
expect '200 there is no signature' -X POST "$url/v2/repository/index"
expect "200 'model.hone' is not what was signed" -X POST "$url/v2/repository/index"
expect '200 "data":[2,4,6,8]' -d "$infer" "$url/v2/models/twice/infer"
stop 0
code=0
timeout 60 "$hone" serve whole/model.hone --key other.pem --http-port 0 2> log || code=$?
[ $code = 3 ] || fail "another's model: exit status $code"
echo "PASSED"
