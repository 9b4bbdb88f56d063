#include "formats/formats.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"

namespace hone {

namespace {

constexpr size_t kHeadBytes = 4096;

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
    {"PK\x03\x04", "a zip archive, as PyTorch (.pt, .ptl) and Keras 3 (.keras) write them",
     "export it where it was made: torch.onnx.export(model, example_input, 'model.onnx'), or for Keras "
     "model.export('model.onnx', format='onnx')"},
    {"\x1f\x8b", "a gzip archive", "unpack it first: gunzip"},
    {"\x89HDF", "an HDF5 file, as Keras (.h5) writes them",
     "convert it where it was made: tf.lite.TFLiteConverter.from_keras_model(model).convert()"},
    {"\x80\x02", "a Python pickle, as PyTorch wrote them (.pt, .pth)",
     "export it where it was made: torch.onnx.export(model, example_input, 'model.onnx')"},
    {"\x93NUMPY", "a NumPy array", "give it as data: --input file.npy"},
    {"{", "JSON", ""},
    {"\x7f"
     "ELF",
     "a program", ""},
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string known_extensions() {
  std::string out;
  for (const Format* format : all_formats()) out += cat(out.empty() ? "" : ", ", format->extension);
  return out;
}

std::string target_hint() {
  std::string out;
  for (const Format* format : all_formats())
    for (const std::string_view target : format->targets)
      out += cat(out.empty() ? "targets: " : ", ", target, " (", format->extension, ")");
  return out;
}

[[noreturn]] void refuse(std::string_view head, const std::string& path) {
  const std::string_view start = head.substr(0, std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  const std::string_view content = head.substr(start.size());
  for (const Lookalike& other : kLookalikes) {
    if (!content.starts_with(other.magic)) continue;
    throw invalid_model(cat("'", path, "' is ", other.what, ", expected a model"), std::string(other.hint));
  }
  throw unsupported(cat("'", path, "' is in no format hone reads"), cat("hone reads ", known_extensions()));
}

const Format& choose(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.empty()) throw invalid_model(cat("'", path, "' is empty, expected a model"));
  const std::span<const std::byte> head = bytes.first(std::min(bytes.size(), kHeadBytes));
  const std::string_view text = text_of(head);
  for (const Lookalike& other : kLookalikes)
    if (text.starts_with(other.magic)) refuse(text, path);
  for (const Format* format : all_formats())
    if (format->sniff(head, path)) return *format;
  refuse(text, path);
}

std::string extension_of(const std::string& path) {
  const size_t dot = path.rfind('.'), slash = path.rfind('/');
  return dot == std::string::npos || (slash != std::string::npos && dot < slash) ? "" : lower(path.substr(dot));
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

Graph read_model(const std::string& path) {
  const auto file = MappedFile::open(path);
  return choose(file->bytes(), path).read({path, file->bytes(), file});
}

Graph read_model(std::span<const std::byte> bytes, const std::string& name) {
  const auto copy = std::make_shared<const std::string>(text_of(bytes));
  const std::span<const std::byte> owned = std::as_bytes(std::span(*copy));
  return choose(owned, name).read({name, owned, copy});
}

Census read_census(const std::string& path) {
  const auto file = MappedFile::open(path);
  const Format& format = choose(file->bytes(), path);
  return format.census ? format.census({path, file->bytes(), file}) : Census();
}

void write_model(const Graph& graph, const std::string& path) { write_model(graph, WriteRequest{.path = path}); }

void write_model(const Graph& graph, const WriteRequest& request) {
  const std::string extension = extension_of(request.path);
  for (const Format* format : all_formats()) {
    if (format->extension != extension) continue;
    const auto& targets = format->targets;
    if (!request.target.empty() && std::find(targets.begin(), targets.end(), request.target) == targets.end())
      throw invalid_argument(cat(format->extension, " files have no target '", request.target, "'"), target_hint());
    return format->write(graph, request);
  }
  throw invalid_argument(cat("cannot tell the format of '", request.path, "' from its name"),
                         cat("end it with one of ", known_extensions()));
}

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
