#include "cli/deploy_args.h"

#include "base/text.h"
#include "measure/bench.h"
#include "package/package.h"
#include "passes/check.h"

namespace hone {

void DeployArgs::declare(Args& args) {
  args.option("--namespace", "NAME", job.space, "of every object; the model's name otherwise");
  args.option("--replicas", "N", job.replicas, "pods of the Deployment", 1);
  args.option("--cpus", "N", job.cpus, "of a pod, and requests that it runs at once", 1);
  args.option("--rate", "R", job.rate, "requests a second that a pod is to take", 0);
  args.flag("--per-node", job.is_per_node, "a DaemonSet: one pod on every node");
  args.option("--device", "RESOURCE", job.device, "an extended resource that a pod owns alone, as squat.ai/npu");
}

DeployJob DeployArgs::complete(const std::string& model, const std::string& image) const {
  DeployJob out = job;
  const std::string reference = default_reference(model);  // a name that clusters take too
  const size_t slash = reference.find('/');
  out.model = model;
  out.name = reference.substr(slash + 1, reference.rfind(':') - slash - 1);
  if (out.name.front() >= '0' && out.name.front() <= '9') out.name = cat("model-", out.name);
  out.image = image.empty() ? reference : image;
  if (out.space.empty()) out.space = out.name;
  out.version = HONE_VERSION;
  check(out);
  return out;
}

Footprint measure_footprint(const std::function<std::shared_ptr<const Program>()>& load) {
  BenchOptions options;
  options.min_seconds = 0.3;
  const BenchResult result = run_bench(load, {}, options);
  Footprint f{.load_seconds = (result.load_us + result.first_us) * 1e-6,
              .latency_seconds = result.latency_us.median * 1e-6,
              .weight_bytes = result.weight_bytes,
              .arena_bytes = result.arena_bytes};
  for (const Tensor& input : generate_inputs(load()->graph(), 0, 1)) {
    f.input_elements += input.elements();
    f.input_bytes += input.byte_size();
  }
  return f;
}

}  // namespace hone
