#include "package/package.h"

#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/deploy_args.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "container/json.h"
#include "measure/samples.h"
#include "passes/check.h"

namespace hone {

namespace {

constexpr int64_t kGoldenSamples = 4;

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  PackageJob job;
  DeployArgs deploy;
  std::string airgap;
  bool is_json = false;
};

/// The inputs of golden samples: from the data, else generated.
std::vector<std::vector<Tensor>> golden_inputs(const Options& o, const Graph& graph) {
  std::vector<std::vector<Tensor>> inputs;
  if (o.data.path.empty()) {
    for (uint64_t seed = 0; seed < 2; ++seed) inputs.push_back(generate_inputs(graph, seed, 1));
    return inputs;
  }
  const std::vector<InputSpec> specs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  const Dataset data = o.data.open().limited(kGoldenSamples);
  for (size_t i = 0; i < data.size(); ++i) inputs.push_back(data.load(i, specs));
  return inputs;
}

/// Names of classes are as many as the scores that a classifier gives.
void require_labels_fit(const std::string& path, const Graph& graph) {
  if (path.empty() || path.ends_with(".csv") || path.ends_with(".npy") || graph.outputs().size() != 1) return;
  const Shape& shape = graph.type(graph.outputs()[0]).shape;
  if (!shape.has_rank() || shape.rank() != 2 || !shape[1].is_known() || shape[1].value() < 2) return;
  int64_t named = 0;
  for (const std::string& line : split(read_file(path), '\n')) named += !trim(line).empty();
  if (named != shape[1].value())
    throw invalid_argument(cat("'", path, "' names ", named, " classes, the model tells ", shape[1].value(), " apart"),
                           "--labels FILE names every class, a line each, in the order of the model's outputs");
}

/// SOURCE_DATE_EPOCH (reproducible-builds.org), 0 when it is not set.
int64_t source_date() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (!text) return 0;
  const auto seconds = parse_int(text);
  if (!seconds || *seconds < 0)
    throw invalid_argument(cat("SOURCE_DATE_EPOCH is '", text, "', expected seconds since 1970"));
  return *seconds;
}

Json json_of(const Package& p) {
  Json json;
  json["image"] = p.spec.reference;
  json["digest"] = p.image.digest;
  json["architecture"] = p.spec.architecture;
  json["archive"] = p.archive;
  json["compressed_bytes"] = p.image.compressed_bytes;
  json["layer_bytes"] = Json::list(p.image.layer_bytes);
  json["golden_samples"] = static_cast<int64_t>(p.model->golden_samples);
  return json;
}

int run(Options o, Console& console) {
  const Engine engine = o.engine.engine();
  PackageJob& job = o.job;
  job.model = o.model.path;
  if (job.name.empty()) job.name = model_name_of(job.model);
  if (job.name.empty() || job.name.find('/') != std::string::npos || job.name.starts_with("."))
    throw invalid_argument(cat("'", job.name, "' cannot name a model"), "--name NAME");
  if (job.reference.empty()) job.reference = default_reference(job.name);
  job.labels = o.data.labels;
  job.title_version = HONE_VERSION;
  job.created = source_date();
  const Graph graph = o.model.load();
  require_labels_fit(job.labels, graph);
  job.samples = golden_inputs(o, graph);
  const auto read = [model = o.model](const std::string& path) {
    ModelArgs one = model;
    one.path = path;
    return one.load();
  };
  const Package package = make_package(job, read, engine);
  if (!o.airgap.empty()) {
    DeployJob deploy = o.deploy.complete(job.name, job.reference);
    deploy.is_local = true;
    const Footprint footprint = measure_footprint([&] { return Program::prepared(o.model.load(), engine); });
    write_airgap(o.airgap, deploy, footprint, package.archive);
  }
  if (o.is_json) {
    console.out(cat(json_of(package).dump(2), "\n"));
    return 0;
  }
  const auto bytes = [](int64_t n) { return human_bytes(static_cast<uint64_t>(n)); };
  Facts facts;
  facts.add("image", cat(job.reference, ", linux/", package.spec.architecture, ", ", package.image.digest));
  facts.add("size", cat(bytes(package.image.compressed_bytes), " compressed: program ",
                        bytes(package.image.layer_bytes[0]), ", model ", bytes(package.image.layer_bytes[1])));
  facts.add("golden", cat(package.model->golden_samples, " samples from ",
                          o.data.path.empty() ? "generated numbers" : o.data.path, ", repeated"));
  facts.add("load", cat("docker load -i ", package.archive, "; sudo k3s ctr images import ", package.archive));
  if (!o.airgap.empty()) facts.add("airgap", cat("see ", o.airgap, "/INSTALL.txt"));
  facts.add("push", cat("skopeo copy oci:", job.directory, "/oci docker://REGISTRY/", job.name));
  console.out(facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("-o,--output", "DIR", o->job.directory, "where the image goes", true);
  args.option("--name", "NAME", o->job.name, "that the model is served under; its file's name otherwise");
  args.option("--image", "REF", o->job.reference, "name and tag of the image; localhost/NAME:1 otherwise");
  o->data.declare(args, false);
  o->preprocess.declare(args);
  args.option("--sign", "KEY", o->job.key,
              "sign the model's files with this private key (ECDSA, PEM), for hone serve --key");
  args.flag("--tls", o->job.has_tls, "OpenSSL goes with the program, for hone serve --tls-cert");
  args.option("--airgap", "DIR", o->airgap, "also lay out what K3s imports at its start, without a network");
  o->deploy.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return run(*o, console); };
}

}  // namespace

const Command kPackageCommand{
    "package", "a container image that serves a model, made without a container engine",
    "hone package model.tflite -o image\n"
    "hone package model.tflite --data photos --image registry.local/defects:2 --sign key.pem -o image",
    "The image holds this program, the libraries that it needs, the model and golden samples (four of --data, else "
    "generated numbers) that the server repeats before it answers. The same command gives the same bytes.",
    setup};

}  // namespace hone
