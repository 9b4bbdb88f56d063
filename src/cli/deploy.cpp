#include "package/deploy.h"

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/deploy_args.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "package/package.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DeployArgs deploy;
  std::string directory, name, image;
};

int run(const Options& o, Console& console) {
  const DeployJob job = o.deploy.complete(o.name.empty() ? model_name_of(o.model.path) : o.name, o.image);
  if (!o.name.empty() && job.name != o.name)
    throw invalid_argument(cat("--name '", o.name, "' cannot name an object of Kubernetes"), cat("--name ", job.name));
  const Engine engine = o.engine.engine();
  const Footprint footprint = measure_footprint([&] { return Program::prepared(o.model.load(), engine); });
  const std::filesystem::path root = o.directory;
  const std::vector<PackedFile> files = deploy_files(job, footprint);
  make_directory(o.directory);
  Workshop workshop(root);
  for (const PackedFile& file : files) {
    const std::filesystem::path draft = workshop.file(file.path);
    make_directory(draft.parent_path().string());
    write_file(draft.string(), file.bytes);
  }
  workshop.publish();
  const auto bytes = [](int64_t n) { return human_bytes(static_cast<uint64_t>(n)); };
  Facts facts;
  facts.add("objects", cat(job.is_per_node ? "DaemonSet" : "Deployment", " ", job.name, " in namespace ", job.space,
                           ", image ", job.image));
  facts.add("measured", cat("load ", human_us(footprint.load_seconds * 1e6), ", inference ",
                            human_us(footprint.latency_seconds * 1e6), ", weights ", bytes(footprint.weight_bytes),
                            ", activations ", bytes(footprint.arena_bytes)));
  facts.add("apply", cat("kubectl apply -f ", (root / "deployment.yaml").string()));
  facts.add("rings", cat("kubectl apply -k ", (root / "overlays/ring-0").string()));
  facts.add("k3s", cat("sudo cp ", (root / "k3s" / job.name).string(), ".yaml /var/lib/rancher/k3s/server/manifests/"));
  console.out(facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("-o,--output", "DIR", o->directory, "where the manifests go", true);
  args.option("--name", "NAME", o->name, "of every object; from the model's file otherwise");
  args.option("--image", "REF", o->image, "the image that hone package made; localhost/NAME:1 otherwise");
  o->deploy.declare(args);
  o->engine.declare(args);
  return [o](Console& console) { return run(*o, console); };
}

}  // namespace

const Command kDeployCommand{"deploy", "manifests for Kubernetes and K3s, with numbers that were measured",
                             "hone deploy model.tflite -o k8s\n"
                             "hone deploy model.tflite --image registry.local/defects:2 --per-node -o k8s",
                             "Runs the model here and writes one file for kubectl apply, a base with overlays for "
                             "kustomize, and a HelmChart for K3s' "
                             "folder of manifests. Beside each number stands what it comes from: measure on a machine "
                             "like those of the cluster.",
                             setup};

}  // namespace hone
