#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "ir/graph.h"

namespace hone {

/// What a model lies in: a file, a folder, or an archive, which is a file with named members.
struct ModelSource {
  std::string path;  ///< for messages, and the folder of data stored beside the model; "" when none
  std::span<const std::byte> bytes = {};   ///< the whole file, untrusted; none for a folder
  std::shared_ptr<const void> owner = {};  ///< keeps `bytes` alive; null when the caller does so for the graph's life
  std::vector<std::string> names = {};     ///< of a folder's files and an archive's members, "a/b.bin", sorted
  std::function<Bytes(const std::string& name)> open = {};  ///< one of them; throws Error

  bool has(std::string_view name) const;
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// What to read where a file leaves a choice. A format takes what it knows; the others have nothing to choose.
struct ReadOptions {
  std::map<std::string, std::vector<int64_t>> shapes = {};  ///< of inputs, for formats that know none
  std::string signature = {};                               ///< entry point of a SavedModel
  std::vector<std::string> tags = {};                       ///< of the graph in a SavedModel
  std::string method = {};                                  ///< of a TorchScript module
  /// Tensors where the graph begins and ends, "conv1/Relu" or "conv1/Relu:0"; none: where the file says.
  std::vector<std::string> inputs = {}, outputs = {};
};

/// What a reader gets.
struct ReadRequest : ModelSource {
  ReadOptions options = {};
};

/// What a writer gets.
struct WriteRequest {
  std::string path;                 ///< written through write_file: the old file or the new one, never half of one
  std::string_view target = {};     ///< one of the format's targets; empty: safe on every machine
  std::string_view extension = {};  ///< ".tflite" names the format; empty: what the path ends with does
  std::vector<std::string>* notes = nullptr;  ///< takes what the user should know about the file, a sentence each
};

/// How often a file uses each operator, by the file's own names; subgraphs counted in.
using Census = std::map<std::string, int64_t>;

/// A file format: plain data, one object each, named in formats.cpp only.
struct Format {
  std::string_view name;                         ///< "onnx", "tflite", "text"
  std::span<const std::string_view> extensions;  ///< ".onnx"; the first is the usual one
  bool (*sniff)(const ModelSource& source);      ///< whether it looks like this format
  /// Operators hone does not know become Opaque nodes; all of a file's other faults are an Error that names the place.
  Graph (*read)(const ReadRequest& request);
  /// Throws Error(unsupported) that lists every node the format cannot express. Null: the format is only read.
  void (*write)(const Graph& graph, const WriteRequest& request) = nullptr;
  /// Of a file that `read` takes. Null: its operators are hone's own.
  Census (*census)(const ReadRequest& request) = nullptr;
  std::span<const std::string_view> targets = {};  ///< machines a file may be written for
  bool can_cut = false;                            ///< `read` takes ReadOptions::inputs and outputs
};

inline bool ModelSource::has(std::string_view name) const {
  for (const std::string& known : names)
    if (known == name) return true;
  return false;
}

}  // namespace hone
