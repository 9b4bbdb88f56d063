#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "package/tar.h"

namespace hone {

/// What was measured of a model on this machine, from which requests, limits and probes are computed.
struct Footprint {
  double load_seconds = 0;     ///< from reading the file to a first answer
  double latency_seconds = 0;  ///< median of one inference on one thread
  int64_t weight_bytes = 0;    ///< constants that steps read
  int64_t arena_bytes = 0;     ///< activations and scratch of one session
  int64_t input_elements = 0;  ///< of all inputs
  int64_t input_bytes = 0;
};

struct DeployJob {
  std::string name;   ///< of every object; lower-case letters, digits and dashes
  std::string model;  ///< as it is served
  std::string image;  ///< reference
  std::string space;  ///< namespace
  int64_t replicas = 2;
  int64_t cpus = 1;          ///< of a pod, and requests that it runs at once
  double rate = 10;          ///< requests a second that one pod is to take
  bool is_per_node = false;  ///< a DaemonSet: one pod on every node
  bool is_local = false;     ///< the image is on the node already and never pulled
  std::string device;        ///< extended resource that a pod owns alone, "squat.ai/npu"; "": none
  std::string version;       ///< of hone
};

/// Throws Error(invalid_argument) for a name that Kubernetes refuses (RFC 1123 labels), and numbers out of range.
void check(const DeployJob& job);

/// Every object in one file for `kubectl apply -f`, the reason of each number beside it.
std::string single_manifest(const DeployJob& job, const Footprint& footprint);

/// deployment.yaml, base/, overlays/ring-0, ring-1, ring-2 and airgap/ for kustomize, k3s/NAME.yaml (a HelmChart for
/// K3s' folder of manifests).
std::vector<PackedFile> deploy_files(const DeployJob& job, const Footprint& footprint);

/// Lays out under `directory` what goes below /var/lib/rancher/k3s of a node without a network: agent/images/NAME.tar,
/// server/manifests/NAME.yaml, SHA256SUMS over both, and INSTALL.txt.
void write_airgap(const std::string& directory, const DeployJob& job, const Footprint& footprint,
                  const std::string& archive);

}  // namespace hone
