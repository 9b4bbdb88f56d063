#include "cli/model_args.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "data/image.h"
#include "formats/formats.h"
#include "passes/fix_shapes.h"
#include "providers/cpu/provider.h"

namespace hone {

namespace {

std::vector<double> numbers(const std::string& text, const std::string& flag) {
  std::vector<double> out;
  for (const std::string& part : split(text, ',')) {
    const auto value = parse_double(part);
    if (!value || !std::isfinite(*value))
      throw invalid_argument(cat(flag, ": '", text, "' is not a list of numbers"),
                             cat("for example: ", flag, " 0.5,0.5,0.5"));
    out.push_back(*value);
  }
  return out;
}

/// "224" or "224x224" or "224,224".
std::string sizes_json(const std::string& text, const std::string& flag) {
  std::string sizes = text;
  std::replace(sizes.begin(), sizes.end(), 'x', ',');
  std::vector<int64_t> out;
  for (const std::string& part : split(sizes, ',')) {
    const auto value = parse_int(part);
    if (!value)
      throw invalid_argument(cat(flag, ": '", text, "' is not a size"), cat("for example: ", flag, " 224x224"));
    out.push_back(*value);
  }
  return Json::list(out).dump();
}

/// read_model, with the file in every error.
Graph read_named(const std::string& path, std::shared_ptr<const std::string>& piped, const ReadOptions& options) {
  try {
    if (path != "-") return read_model(path, options);
    if (!piped) piped = std::make_shared<const std::string>(read_standard_input());
    return read_model(std::as_bytes(std::span(piped->data(), piped->size())), "standard input", options);
  } catch (Error& e) {
    if (std::string_view(e.what()).find(path) == std::string_view::npos)
      e.add_frame(cat("while importing '", path, "'"));
    throw;
  }
}

}  // namespace

std::string read_standard_input() {
  std::string content;
  char buffer[65536];
  for (;;) {
    check_interrupted();
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error(cat("cannot read standard input: ", std::strerror(errno)));
    if (got == 0) return content;
    require_memory(got, [&] { return std::string("standard input"); });
    content.append(buffer, static_cast<size_t>(got));
  }
}

void EngineArgs::declare(Args& args) {
  args.option("--provider", "NAME", provider, "who runs the operators: cpu or reference");
  args.option("--threads", "N", threads, "threads of one inference; 0: all CPUs");
  args.flag("--exact", is_exact, "requantize in fixed point exactly as TFLite specifies");
}

Engine EngineArgs::engine() const {
  std::vector<std::string> names;
  for (const Provider* provider_ : all_providers()) {
    names.emplace_back(provider_->name);
    if (provider_->name != provider) continue;
    if (threads < 0 || threads > 1024) throw invalid_argument(cat("--threads ", threads, ": expected 0 to 1024"));
    return {.providers = {provider_}, .plan = {.threads = static_cast<int>(threads), .exact = is_exact}};
  }
  const std::string near = nearest(provider, names);
  throw not_found(cat("no provider is called '", provider, "', there are: ", join(names, ", ")),
                  near.empty() ? "" : cat("did you mean --provider ", near, "?"));
}

Engine EngineArgs::calibration_engine() const {
  Engine engine = this->engine();
  for (const Provider*& p : engine.providers)
    if (p == &cpu_provider()) p = &cpu::portable_provider();
  return engine;
}

void ModelArgs::declare(Args& args, const std::string& name, bool is_required) {
  args.positional(name, path, "a .tflite, .onnx, .h5, .keras, .pb, .pt or text model, or the folder of a SavedModel",
                  is_required);
  declare_shapes(args);
}

void ModelArgs::declare_shapes(Args& args) {
  args.option("--shape", "[INPUT=]DIMS", shapes, "fix an input's shape, as in input=1x3x224x224");
  args.option("--signature", "NAME", signature, "entry point of a SavedModel");
  args.option("--tag-set", "TAG[,TAG]", tag_set, "which graph of a SavedModel");
  args.option("--graph-inputs", "NAME[,NAME]", inputs, "tensors where a TensorFlow graph begins");
  args.option("--graph-outputs", "NAME[,NAME]", outputs, "and where it ends");
  args.size_option("--max-memory", max_memory, "take no more memory than this, as in 2GB");
}

Graph ModelArgs::load() const {
  set_memory_ceiling(max_memory);
  std::map<std::string, Dims> fixed;
  for (const std::string& text : shapes) fixed.insert_or_assign(parse_shape(text).first, parse_shape(text).second);
  ReadOptions options{.signature = signature};
  if (!tag_set.empty()) options.tags = split(tag_set, ',');
  if (!inputs.empty()) options.inputs = split(inputs, ',');
  if (!outputs.empty()) options.outputs = split(outputs, ',');
  for (const auto& [name, dims] : fixed) options.shapes[name] = dims;
  Graph graph = read_named(path, piped, options);
  if (!fixed.empty()) fix_shapes(graph, fixed);
  return graph;
}

std::pair<std::string, Dims> parse_shape(const std::string& text) {
  const size_t at = text.rfind('=');
  const std::string name = at == std::string::npos ? "" : text.substr(0, at);
  Dims dims;
  for (const std::string& part : split(at == std::string::npos ? text : text.substr(at + 1), 'x')) {
    const auto dim = parse_int(trim(part));
    if (!dim || *dim < 0)
      throw invalid_argument(cat("--shape '", text, "': '", part, "' is not a dimension"),
                             "for example: --shape input=1x3x224x224");
    dims.push_back(*dim);
  }
  return {name, dims};
}

void PreprocessArgs::declare(Args& args) {
  args.option("--preprocess", "FILE", file, "JSON with resize, crop, scale, mean, std, layout, color");
  args.option("--resize", "SIZE", resize, "resize images to HxW, or their shorter side to S");
  args.option("--crop", "SIZE", crop, "then cut HxW, or SxS, from the middle");
  args.option("--scale", "S", scale, "y = (x * scale - mean) / std, with x in 0...255");
  args.option("--mean", "M[,M,M]", mean, "of --scale; one number or one a channel");
  args.option("--std", "D[,D,D]", std, "of --scale; one number or one a channel");
  args.option("--layout", "NHWC|NCHW", layout, "order of axes of the input");
  args.option("--color", "RGB|BGR|GRAY", color, "order of channels");
  args.option("--input-quant", "SCALE,ZERO", input_quant, "integers in data files stand for scale * (q - zero)");
}

Preprocess PreprocessArgs::preprocess() const {
  Preprocess base;
  if (!file.empty())
    base = with_context([&] { return cat("while reading '", file, "'"); },
                        [&] { return parse_preprocess(read_file(file)); });
  Json json = Json::object();
  const auto reals = [&](const char* key, const std::string& text) {
    if (!text.empty()) json[key] = Json::list(numbers(text, cat("--", key)));
  };
  if (!resize.empty()) json["resize"] = Json::parse(sizes_json(resize, "--resize"));
  if (!crop.empty()) json["crop"] = Json::parse(sizes_json(crop, "--crop"));
  if (!scale.empty()) {
    const std::vector<double> values = numbers(scale, "--scale");
    if (values.size() != 1) throw invalid_argument(cat("--scale '", scale, "': expected one number"));
    json["scale"] = values.front();
  }
  reals("mean", mean);
  reals("std", std);
  if (!layout.empty()) json["layout"] = layout;
  if (!color.empty()) json["color"] = color;
  return merge(base, parse_preprocess(json.dump()));
}

QuantPtr PreprocessArgs::stored() const {
  if (input_quant.empty()) return nullptr;
  const std::vector<double> values = numbers(input_quant, "--input-quant");
  const bool is_good = values.size() == 2 && static_cast<float>(values[0]) > 0 &&
                       std::isfinite(static_cast<float>(values[0])) && std::abs(values[1]) <= 65535 &&
                       values[1] == std::floor(values[1]);
  if (!is_good)
    throw invalid_argument(cat("--input-quant '", input_quant, "': expected scale,zero_point"),
                           "for example: --input-quant 0.58470291,83");
  return QuantParams::per_tensor(static_cast<float>(values[0]), static_cast<int32_t>(values[1]));
}

bool PreprocessArgs::is_given() const {
  for (const std::string* text : {&file, &resize, &crop, &scale, &mean, &std, &layout, &color})
    if (!text->empty()) return true;
  return false;
}

void PreprocessArgs::note_unused(std::span<const std::string> files, Console& console) const {
  if (!is_given() || std::any_of(files.begin(), files.end(), [](const std::string& name) {
        return name == "-" || name.ends_with("=-") || is_image_name(lower(name));
      }))
    return;
  console.note("note: there is no picture: --preprocess, --resize, --mean and the like change nothing");
}

void DataArgs::declare(Args& args, bool is_required) {
  args.option("--data", "DIR", path, "a folder per class, a folder with a labels csv, .npz with x and y", is_required);
  args.option("--labels", "FILE", labels, "class names in order, one a line; or the labels csv; or labels .npy");
  args.option("--limit", "N", limit, "use N samples, spread evenly; 0: all", 0);
}

Dataset DataArgs::open() const { return Dataset::open(path, {.labels = labels, .limit = limit}); }

void note_open_sizes(const Graph& graph, Console& console) {
  for (const ValueId id : graph.inputs()) {
    const TensorType& type = graph.type(id);
    if (type.shape.is_static()) continue;
    const std::string& name = graph.value(id).name;
    console.note(cat("note: open sizes of input '", name, "', ", to_text(type), ", are taken as 1; --shape ", name,
                     "=DIMS sets them"));
  }
}

size_t find_output(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    names.push_back(graph.value(graph.outputs()[i]).name);
    if (names.back() == name || name.empty()) return i;
  }
  const std::string near = nearest(name, names);
  throw not_found(cat("no output is called '", name, "', there are: ", join(names, ", ")),
                  near.empty() ? "" : cat("did you mean '", near, "'?"));
}

}  // namespace hone
