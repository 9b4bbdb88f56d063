#include "formats/formats.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "formats/source.h"
#include "ops/control.h"

namespace hone {

namespace {

/// What a file that is no model of ours looks like, and what to do about it.
struct Lookalike {
  std::string_view magic;
  std::string_view what;
  std::string_view hint;
};

constexpr Lookalike kLookalikes[] = {
    {"<!DOCTYPE", "a web page", "the download gave a page instead of the model: open it in a browser"},
    {"<!doctype", "a web page", "the download gave a page instead of the model: open it in a browser"},
    {"<html", "a web page", "the download gave a page instead of the model: open it in a browser"},
    {"version https://git-lfs", "a Git LFS pointer", "fetch the file itself: git lfs pull"},
    {"PK\x03\x04", "a zip archive without a model in it", "unpack it first: unzip"},
    {"\x1f\x8b", "a gzip archive", "unpack it first: gunzip"},
    {"\x80\x02", "a Python pickle, as PyTorch wrote them (.pt, .pth)",
     "save it with its program where it was made: torch.jit.trace(model.eval(), example_input).save('model.pt')"},
    {"\x93NUMPY", "a NumPy array", "give it as data: --input file.npy"},
    {"{", "JSON", ""},
    {"\x7f"
     "ELF",
     "a program", ""},
};

/// ".tflite, .hone, .onnx" of formats that are read, or written.
std::string known_extensions(bool is_written) {
  std::string out;
  for (const Format* format : all_formats())
    for (const std::string_view extension : format->extensions)
      if (!is_written || format->write) out += cat(out.empty() ? "" : ", ", extension);
  return out;
}

std::string target_hint() {
  std::string out;
  for (const Format* format : all_formats())
    for (const std::string_view target : format->targets)
      out += cat(out.empty() ? "targets: " : ", ", target, " (", format->extensions.front(), ")");
  return out;
}

bool ends_as_a_model(std::string_view name) {
  for (const Format* format : all_formats())
    for (const std::string_view extension : format->extensions)
      if (name.ends_with(extension)) return true;
  return false;
}

/// The model that lies in a folder, or deeper: a SavedModel's folder or the first file by name. "" when there is none.
std::string model_inside(const ModelSource& folder) {
  constexpr std::string_view kSavedModel = "/saved_model.pb";
  const std::filesystem::path path = folder.path;
  std::string found;
  for (const std::string& name : folder.names) {
    if (name.ends_with(kSavedModel)) return (path / name.substr(0, name.size() - kSavedModel.size())).string();
    if (ends_as_a_model(name) && (found.empty() || name < found)) found = name;
  }
  return found.empty() ? found : (path / found).string();
}

[[noreturn]] void refuse(const ModelSource& source) {
  if (source.bytes.empty()) {
    const std::string inside = model_inside(source);
    throw unsupported(cat("'", source.path, "' is a folder without a model that hone reads"),
                      inside.empty()
                          ? cat("hone reads ", known_extensions(false), ", and folders with a saved_model.pb")
                          : cat("did you mean '", inside, "', which lies in it?"));
  }
  const std::string_view text = source.text().substr(0, 4096);
  const std::string_view content = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  for (const Lookalike& other : kLookalikes) {
    if (!content.starts_with(other.magic)) continue;
    throw invalid_model(cat("'", source.path, "' is ", other.what, ", expected a model"), std::string(other.hint));
  }
  throw unsupported(cat("'", source.path, "' is in no format hone reads"), cat("hone reads ", known_extensions(false)));
}

std::string extension_of(const std::string& path) {
  const size_t dot = path.rfind('.'), slash = path.rfind('/');
  return dot == std::string::npos || (slash != std::string::npos && dot < slash) ? "" : lower(path.substr(dot));
}

bool has_extension(const Format& format, std::string_view extension) {
  return std::find(format.extensions.begin(), format.extensions.end(), extension) != format.extensions.end();
}

/// Told by content; where that says nothing, neither a format nor something else, by the name.
const Format& choose(const ModelSource& source) {
  for (const Format* format : all_formats())
    if (format->sniff(source)) return *format;
  for (const Lookalike& other : kLookalikes)
    if (source.text().starts_with(other.magic)) refuse(source);
  for (const Format* format : all_formats())
    if (!source.bytes.empty() && has_extension(*format, extension_of(source.path))) return *format;
  refuse(source);
}

/// A format that reads its files whole can still say whether they begin and end where they should.
void require_ends(const Graph& graph, const std::vector<ValueId>& ids, const std::vector<std::string>& wanted,
                  std::string_view what) {
  std::vector<std::string> names;
  for (const ValueId id : ids) names.push_back(graph.value(id).name);
  for (const std::string& name : wanted)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw unsupported(cat("the model has no ", what, " '", name, "', it has ", join(names, ", ")),
                        "only SavedModels and GraphDefs can begin and end elsewhere");
  if (!wanted.empty() && wanted.size() < names.size())
    throw unsupported(
        cat("the model has ", names.size(), " ", what, "s, not ", wanted.size(), ": ", join(names, ", ")));
}

Graph read_source(ModelSource source, const ReadOptions& options) {
  if (source.bytes.empty() && !source.open) throw invalid_model(cat("'", source.path, "' is empty, expected a model"));
  const Format& format = choose(source);
  Graph graph = format.read({{std::move(source)}, options});
  if (!format.can_cut) {
    require_ends(graph, graph.inputs(), options.inputs, "input");
    require_ends(graph, graph.outputs(), options.outputs, "output");
  }
  return graph;
}

const Format& writer_of(const WriteRequest& request) {
  const std::string extension = request.extension.empty() ? extension_of(request.path) : std::string(request.extension);
  for (const Format* format : all_formats()) {
    if (!has_extension(*format, extension)) continue;
    if (!format->write)
      throw unsupported(cat(extension, " files are read, not written"),
                        cat("end the name with one of ", known_extensions(true)));
    const auto& targets = format->targets;
    if (!request.target.empty() && std::find(targets.begin(), targets.end(), request.target) == targets.end())
      throw invalid_argument(cat(extension, " files have no target '", request.target, "'"), target_hint());
    return *format;
  }
  throw invalid_argument(cat("cannot tell the format of '", request.path, "' from its name"),
                         cat("end it with one of ", known_extensions(true)));
}

void count_unknown(const Graph& graph, std::map<std::string, std::vector<std::string>>& found) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Opaque>()) {
      const Opaque& op = node.as<Opaque>();
      const std::string name = op.domain.empty() ? op.type : cat(op.domain, ".", op.type);
      found[op.reason.empty() ? name : cat(name, " (", op.reason, ")")].push_back(node.name);
    }
    for (const Graph& inner : node.subgraphs) count_unknown(inner, found);
  }
}

}  // namespace

Graph read_model(const std::string& path, const ReadOptions& options) {
  return read_source(open_source(path), options);
}

Graph read_model(std::span<const std::byte> bytes, const std::string& name, const ReadOptions& options) {
  const auto copy = std::make_shared<const std::string>(Bytes{bytes, nullptr}.text());
  return read_source(source_of(name, {std::as_bytes(std::span(*copy)), copy}), options);
}

Census read_census(const std::string& path) {
  const ModelSource source = open_source(path);
  const Format& format = choose(source);
  return format.census ? format.census({source}) : Census();
}

void write_model(const Graph& graph, const std::string& path) { write_model(graph, WriteRequest{.path = path}); }

void write_model(const Graph& graph, const WriteRequest& request) { writer_of(request).write(graph, request); }

void require_written_format(const WriteRequest& request) { writer_of(request); }

void require_known_operators(const Graph& graph) {
  std::map<std::string, std::vector<std::string>> found;
  count_unknown(graph, found);
  if (found.empty()) return;
  std::string lines;
  for (const auto& [op, nodes] : found) {
    lines += cat("\n  ", op, ": ", nodes.size(), nodes.size() == 1 ? " node, '" : " nodes, first '", nodes[0], "'");
  }
  throw unsupported(
      cat(found.size() == 1 ? "an operator" : cat(found.size(), " operators"), " hone does not know:", lines),
      "see the graph around a node: hone inspect MODEL --around NODE");
}

}  // namespace hone
