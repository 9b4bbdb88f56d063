#include "package/deploy.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/workshop.h"
#include "container/deflate.h"
#include "container/json.h"
#include "package/image.h"
#include "package/manifests.h"

namespace hone {

namespace {

constexpr int64_t kMiB = 1 << 20;
/// Of the server with an element-wise model, measured: 11 MB resident.
constexpr int64_t kServerBytes = 16 * kMiB;
/// A number of a JSON request takes so much while it is read: the text and the value.
constexpr int64_t kBytesPerElement = 64;
constexpr int64_t kQueue = 16;
constexpr double kSlowBox = 20;  ///< how much slower than here a box may load

std::string mib(int64_t bytes) { return cat((bytes + kMiB - 1) / kMiB, "Mi"); }
std::string text_of(double value, double step) { return to_text(std::round(value / step) * step); }

/// A body: a picture of some megabytes, or the inputs as JSON text.
int64_t max_body(const Footprint& f) { return std::max<int64_t>(8'000'000, f.input_elements * 24); }

int64_t memory_request(const DeployJob& job, const Footprint& f) {
  return (kServerBytes + 2 * f.weight_bytes + job.cpus * (f.arena_bytes + f.input_bytes)) * 5 / 4;
}

int64_t memory_limit(const DeployJob& job, const Footprint& f) {
  // A body can hold more numbers than the model takes: they are read before they are counted, two bytes each.
  const int64_t elements = std::max(f.input_elements, max_body(f) / 2);
  return memory_request(job, f) + (kQueue + job.cpus) * max_body(f) + job.cpus * kBytesPerElement * elements;
}

using Values = std::map<std::string, std::string>;

void add_resources(Values& v, const DeployJob& job, const Footprint& f) {
  const double busy = job.rate * f.latency_seconds;
  const auto milli = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(busy * 1000)), 50, job.cpus * 1000);
  const std::string ms = text_of(f.latency_seconds * 1000, 0.001);
  v["cpus"] = cat(job.cpus);
  v["cpu_request"] = cat(milli, "m");
  v["cpu_why"] = cat(ms, " ms an inference here, ", to_text(job.rate), " requests a second");
  v["memory_request"] = mib(memory_request(job, f));
  v["memory_why"] = cat("server ", mib(kServerBytes), ", weights 2 x ", mib(f.weight_bytes), " (file and packed), ",
                        job.cpus, " x ", mib(f.arena_bytes + f.input_bytes), " activations, a quarter to spare");
  v["memory_limit"] = mib(memory_limit(job, f));
  v["limit_why"] = cat("with ", kQueue + job.cpus, " bodies of ", max_body(f) / 1'000'000, " MB that wait or are read");
  v["queue"] = cat(kQueue);
  v["max_body"] = cat(max_body(f));
  v["max_body_why"] = f.input_elements * 24 > 8'000'000 ? cat(f.input_elements, " numbers as JSON")
                                                        : "a picture, or the inputs as JSON";
  v["device"] = job.device.empty() ? "" : cat(job.device, ": 1  # owned by one pod alone");
}

void add_rollout(Values& v, const DeployJob& job, const Footprint& f) {
  const double slow = std::max(30.0, f.load_seconds * kSlowBox);
  const auto probes = static_cast<int64_t>(std::ceil(slow / 2));
  v["startup"] = cat(probes);
  v["startup_why"] = cat(2 * probes, " s: loads in ", text_of(f.load_seconds, 0.001), " s here, ", to_text(kSlowBox),
                         " times that, half a minute at least");
  v["deadline"] = cat(2 * probes + 60);
  v["deadline_why"] =
      "the startup probe's time and a minute to pull: a new version that is not ready by then has failed";
  const bool is_exclusive = !job.device.empty();
  v["surge"] = is_exclusive ? "0" : "1";
  v["unavailable"] = is_exclusive ? "1" : "0";
  v["surge_why"] = is_exclusive ? "a device has one owner: the old pod ends before the new one starts"
                                : "a new pod is ready before an old one ends";
}

Values values_of(const DeployJob& job, const Footprint& f) {
  Values v = {{"name", job.name}, {"namespace", job.space}, {"image", job.image}, {"replicas", cat(job.replicas)}};
  v["pull"] = job.is_local ? "Never" : "IfNotPresent";
  v["traffic"] = job.is_per_node ? "Local" : "Cluster";
  v["traffic_why"] = job.is_per_node ? "every node asks its own pod" : "any pod answers";
  add_resources(v, job, f);
  add_rollout(v, job, f);
  return v;
}

/// In the order in which they must be made.
std::vector<Manifest> manifests_of(const DeployJob& job) {
  std::vector<Manifest> list = {kNamespace, kServiceAccount, job.is_per_node ? kDaemonSet : kDeployment, kService,
                                kNetworkPolicy};
  if (!job.is_per_node && job.replicas > 1) list.push_back(kDisruptionBudget);
  return list;
}

std::string heading(const DeployJob& job) {
  return cat("# ", printable_line(job.model), " served by hone ", job.version,
             ", made by `hone deploy`. Numbers come from the machine that it ran on.\n");
}

constexpr std::string_view kRing =
    R"(# Ring @ring@ of a rollout: nodes labelled hone.dev/ring=@ring@ alone. Give a new image to ring 0 first, to the next ring when
# `kubectl -n @namespace@ rollout status @kind@/@name@-ring-@ring@` says that it is there.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
nameSuffix: -ring-@ring@
resources:
  - ../../base
labels:
  - pairs:
      hone.dev/ring: "@ring@"
    includeSelectors: true
images:
  - name: @image_name@
    newTag: "@image_tag@"
patches:
  - target:
      kind: @Kind@
    patch: |-
      - op: add
        path: /spec/template/spec/nodeSelector
        value:
          hone.dev/ring: "@ring@"
  - target:
      kind: Namespace  # the rings share it
    patch: |-
      $patch: delete
      apiVersion: v1
      kind: Namespace
      metadata:
        name: @namespace@
)";

constexpr std::string_view kAirgap =
    R"(# Nodes without a registry: the image was imported from image.tar and is never pulled.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base
patches:
  - target:
      kind: @Kind@
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/imagePullPolicy
        value: Never
)";

constexpr std::string_view kHelmChart =
    R"(# For K3s' folder of manifests, /var/lib/rancher/k3s/server/manifests/: it installs the chart inside this file, without a
# registry of charts. Other values: spec.valuesContent.
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata:
  name: @name@
  namespace: kube-system
spec:
  targetNamespace: @namespace@
  createNamespace: true
  valuesContent: |-
    image: @image@
  chartContent: @chart@
)";

std::string joined(const DeployJob& job, const Values& values, bool has_namespace) {
  std::string out;
  for (const Manifest& manifest : manifests_of(job))
    if (has_namespace || manifest.file != kNamespace.file)
      out += cat(out.empty() ? "" : "---\n", render(manifest, values));
  return out;
}

std::string helm_chart(const DeployJob& job, Values values) {
  values["image"] = "{{ .Values.image | quote }}";
  values["namespace"] = "{{ .Release.Namespace }}";
  TarWriter chart(0);
  chart.add({cat(job.name, "/Chart.yaml"),
             cat("apiVersion: v2\nname: ", job.name, "\ndescription: ", json_quoted(cat("serves ", job.model)),
                 "\ntype: application\nversion: 1.0.0\n")});
  chart.add({cat(job.name, "/templates/all.yaml"), joined(job, values, false)});
  chart.add({cat(job.name, "/values.yaml"), cat("image: ", job.image, "\n")});
  return to_base64(deflate(chart.finish(), Deflated::gzip));
}

}  // namespace

void check(const DeployJob& job) {
  const auto is_label = [](const std::string& text) {
    const auto is_good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.size() <= 52 && std::all_of(text.begin(), text.end(), is_good) &&
           text.front() >= 'a' && text.front() <= 'z' && text.back() != '-';
  };
  // Words that YAML 1.1 reads as something else than text.
  const auto is_word_of_yaml = [](const std::string& text) {
    static constexpr std::string_view kWords[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    return std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords);
  };
  for (const std::string* name : {&job.name, &job.space}) {
    if (is_word_of_yaml(*name))
      throw invalid_argument(cat("'", *name, "' is a word of YAML, not a name"), "--name defects, --namespace defects");
    if (!is_label(*name))
      throw invalid_argument(cat("'", *name, "' cannot name an object of Kubernetes"),
                             "lower-case letters, digits and dashes, a letter first, at most 52: --name defects");
  }
  require_reference(job.image);
  const bool is_device = job.device.empty() || std::count(job.device.begin(), job.device.end(), '/') == 1;
  const bool has_odd = job.device.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-_") != std::string::npos;
  if (!is_device || has_odd)
    throw invalid_argument(cat("'", job.device, "' names no extended resource"), "for example --device squat.ai/npu");
  if (job.replicas > 1000 || job.cpus > 1000 || !(job.rate > 0) || job.rate > 1e6)
    throw invalid_argument("replicas, CPUs or rate are out of range: at most 1000, 1000 and a million");
}

std::string single_manifest(const DeployJob& job, const Footprint& footprint) {
  check(job);
  return heading(job) + joined(job, values_of(job, footprint), true);
}

std::vector<PackedFile> deploy_files(const DeployJob& job, const Footprint& footprint) {
  check(job);
  Values values = values_of(job, footprint);
  std::vector<PackedFile> files = {{"deployment.yaml", heading(job) + joined(job, values, true)}};
  std::string kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";
  for (const Manifest& manifest : manifests_of(job)) {
    files.push_back({cat("base/", manifest.file), render(manifest, values)});
    kustomization += cat("  - ", manifest.file, "\n");
  }
  files.push_back({"base/kustomization.yaml", kustomization});
  values["Kind"] = job.is_per_node ? "DaemonSet" : "Deployment";
  values["kind"] = job.is_per_node ? "daemonset" : "deployment";
  values["image_name"] = job.image.substr(0, job.image.rfind(':'));
  values["image_tag"] = job.image.substr(job.image.rfind(':') + 1);
  for (int ring = 0; ring < 3; ++ring) {
    values["ring"] = cat(ring);
    files.push_back({cat("overlays/ring-", ring, "/kustomization.yaml"), fill(kRing, values)});
  }
  files.push_back({"overlays/airgap/kustomization.yaml", fill(kAirgap, values)});
  values["chart"] = helm_chart(job, values);
  files.push_back({cat("k3s/", job.name, ".yaml"), fill(kHelmChart, values)});
  return files;
}

void write_airgap(const std::string& directory, const DeployJob& job, const Footprint& footprint,
                  const std::string& archive) {
  const std::string image = cat("agent/images/", job.name, ".tar"),
                    manifest = cat("server/manifests/", job.name, ".yaml");
  make_directory(directory);
  Workshop workshop(directory);
  std::string sums;
  for (const PackedFile& file :
       {PackedFile{image, read_file(archive)}, PackedFile{manifest, single_manifest(job, footprint)}}) {
    const std::string path = workshop.file(file.path);
    make_directory(path.substr(0, path.rfind('/')));
    write_file(path, file.bytes);
    sums += cat(sha256_of_file(path), "  ", file.path, "\n");
  }
  write_file(workshop.file("SHA256SUMS"), sums);
  write_file(workshop.file("INSTALL.txt"),
             cat("On each node, in this folder, as root:\n\n", "    sha256sum -c SHA256SUMS\n",
                 "    mkdir -p /var/lib/rancher/k3s/agent/images /var/lib/rancher/k3s/server/manifests\n", "    cp ",
                 image, " /var/lib/rancher/k3s/agent/images/\n\n",
                 "K3s imports images from there when it starts, from version 1.32 on also while it runs. On the server "
                 "alone,\n",
                 "once every node has the image:\n\n", "    cp ", manifest, " /var/lib/rancher/k3s/server/manifests/\n",
                 "    k3s kubectl -n ", job.space, " rollout status ", job.is_per_node ? "daemonset" : "deployment",
                 "/", job.name, "\n\nThe image is called ", job.image, " and never pulled.\n"));
  workshop.publish();
}

}  // namespace hone
