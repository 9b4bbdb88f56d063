#!/bin/bash
# Writes manifests for a small model, renders them with kubectl's kustomize and holds every object against the API's own
# description: manifests_test.sh HONE NODE_MODULES. What a missing program would show is skipped, visibly.
set -euo pipefail

hone=$1 modules=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }
# expect FILE TEXT: a line of the file holds the text
expect() { grep -qF -- "$2" "$1" || fail "$1 has no '$2'"; }

cat > twice.hone << 'END'
graph "twice" {
  input %x: f32[4]
  const %k: f32[4] = fill(2)
  %y: f32[4] = Mul(%x, %k)
  output %y
}
END
"$hone" deploy twice.hone --image registry.local:5000/demo/twice:7 --cpus 2 -o pods > /dev/null
"$hone" deploy twice.hone --name model-3x --namespace edge --per-node --device squat.ai/npu -o nodes > /dev/null
"$hone" deploy twice.hone --replicas 1 --device squat.ai/npu -o alone > /dev/null
"$hone" package twice.hone -o image --airgap air > /dev/null

expect pods/deployment.yaml "image: registry.local:5000/demo/twice:7"
expect pods/deployment.yaml "--workers=2"
expect pods/deployment.yaml "kind: PodDisruptionBudget"
expect pods/deployment.yaml "maxSurge: 1"
expect nodes/deployment.yaml "kind: DaemonSet"
expect nodes/deployment.yaml "squat.ai/npu: 1"
expect nodes/deployment.yaml "internalTrafficPolicy: Local"
expect nodes/deployment.yaml "name: model-3x"
expect alone/deployment.yaml "maxSurge: 0"
if grep -q "kind: PodDisruptionBudget" alone/deployment.yaml; then fail "one replica could never be moved"; fi
if grep -rn "@[a-z]*@" pods nodes alone air/server; then fail "a value is missing"; fi
for wrong in "--namespace A" "--device npu" "--rate 0" "--image nowhere"; do
  # shellcheck disable=SC2086
  if "$hone" deploy twice.hone $wrong -o wrong 2> /dev/null; then fail "$wrong is taken"; fi
done
[ ! -e wrong ] || fail "something is left of what failed"

# What K3s imports: the checksums fit, and the manifest asks for just the image that is in the archive.
(cd air && sha256sum -c --quiet SHA256SUMS) || fail "SHA256SUMS"
expect air/server/manifests/twice.yaml "imagePullPolicy: Never"
name=$(sed -n 's/^ *image: //p' air/server/manifests/twice.yaml)
tar xOf air/agent/images/twice.tar manifest.json | grep -qF "\"RepoTags\":[\"$name\"]" || fail "$name is not in the archive"

# The chart inside the HelmChart, as helm would fill it in.
sed -n 's/^  chartContent: //p' pods/k3s/twice.yaml | base64 -d | tar xz
expect twice/Chart.yaml "apiVersion: v2"
sed 's/{{ .Values.image | quote }}/"x:1"/; s/{{ .Release.Namespace }}/twice/' twice/templates/all.yaml > chart.yaml
if grep -q '{{' chart.yaml; then fail "another template than those two"; fi

if command -v kubectl > /dev/null; then
  for folder in pods/base pods/overlays/* nodes/base nodes/overlays/*; do
    kubectl kustomize "$folder" > "$(tr / _ <<< "$folder").yaml" || fail "kustomize $folder"
  done
  expect pods_overlays_ring-1.yaml "name: twice-ring-1"
  expect pods_overlays_airgap.yaml "imagePullPolicy: Never"
  [ "$(grep -c 'hone.dev/ring: "1"' pods_overlays_ring-1.yaml)" -ge 6 ] || fail "the ring is not in every selector"
else
  echo "SKIPPED: kubectl is not installed: overlays are not rendered"
fi
if [ -d "$modules/kubernetes-models" ] && command -v node > /dev/null; then
  node "$here/validate.mjs" "$modules" chart.yaml air/server/manifests/*.yaml ./*/deployment.yaml $(ls ./*_overlays_*.yaml 2> /dev/null) ||
    fail "the API's description does not fit"
else
  echo "SKIPPED: npm's kubernetes-models is not here (tests/oracle/fetch.sh): objects are not held against the API"
fi
echo "PASSED"
