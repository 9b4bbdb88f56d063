#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "ir/graph.h"

namespace hone {

/// What a reader gets. `bytes` are the file's, kept alive by `owner`: constants view them without a copy.
struct ReadRequest {
  std::string path;                   ///< for messages, and the folder of data stored beside the model; "" when none
  std::span<const std::byte> bytes;   ///< the whole file, untrusted
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive; null when the caller does so for the graph's life
};

/// What a writer gets.
struct WriteRequest {
  std::string path;              ///< written through write_file: the old file or the new one, never half of one
  std::string_view target = {};  ///< one of the format's targets; empty: safe on every machine
  std::vector<std::string>* notes = nullptr;  ///< takes what the user should know about the file, a sentence each
};

/// How often a file uses each operator, by the file's own names; subgraphs counted in.
using Census = std::map<std::string, int64_t>;

/// A file format: plain data, one object each, named in formats.cpp only.
struct Format {
  std::string_view name;       ///< "onnx", "tflite", "text"
  std::string_view extension;  ///< ".onnx"
  /// Whether a file that begins with `head` (up to 4096 bytes) and lies at `path` looks like this format.
  bool (*sniff)(std::span<const std::byte> head, std::string_view path);
  /// Operators hone does not know become Opaque nodes; all of a file's other faults are an Error that names the place.
  Graph (*read)(const ReadRequest& request);
  /// Throws Error(unsupported) that lists every node the format cannot express.
  void (*write)(const Graph& graph, const WriteRequest& request);
  /// Of a file that `read` takes. Null: its operators are hone's own.
  Census (*census)(const ReadRequest& request) = nullptr;
  std::span<const std::string_view> targets = {};  ///< machines a file may be written for
};

}  // namespace hone
