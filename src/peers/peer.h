#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/infer.h"

namespace hone {

/// A runtime that others made and that is installed on this machine. Its shared library is loaded when asked for,
/// through its C API as documented; hone is not built against it. Never unloaded.
struct Peer {
  std::string_view name;    ///< "ort"
  std::string title;        ///< "ONNX Runtime 1.30.0"
  std::string_view format;  ///< of the files it runs: "onnx"
  /// A file, loaded for one thread of use, to be run on `threads` (0: as many as the runtime likes). Outputs are as the
  /// file stores them, without quantization. Throws Error(unsupported) with the runtime's words when it refuses.
  std::function<Infer(const std::string& path, int threads)> load;
  /// What to know of the times of a file, empty when it runs as `title` says. May be null: nothing ever.
  std::function<std::string(const std::string& path)> remark = nullptr;
};

/// How a peer is found: a row of a table.
struct PeerRow {
  std::string_view name, title, format;
  std::string_view variable;                    ///< environment variable that names the library
  std::span<const std::string_view> libraries;  ///< looked for where the loader looks, the first that is there
  std::string_view install;                     ///< what to do when there is none
  Peer (*open)(const PeerRow& row, void* library);
};

std::span<const PeerRow* const> all_peers();

/// Throws Error(invalid_argument) for a name that is no peer's, Error(not_found) saying what to install when its
/// library is not there, Error(unsupported) when the library is another thing or too old.
Peer open_peer(std::string_view name);

}  // namespace hone
