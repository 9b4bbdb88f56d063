#include "compress/file_size.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "formats/formats.h"

namespace hone {

namespace {

/// A folder that disappears with its content.
struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "hone-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw io_error("cannot create a temporary folder '" + name + "'", "set TMPDIR");
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

int64_t smallest_file_size(const Graph& graph) {
  const TemporaryFolder folder;
  int64_t least = 0;
  for (const char* name : {"model.tflite", "model.onnx"}) {
    const std::string path = (folder.path / name).string();
    try {
      write_model(graph, path);
    } catch (Error& e) {
      if (e.code() == ErrorCode::kIo)
        e.set_hint("candidates are written to measure their size: set TMPDIR to a roomy folder");
      if (e.code() != ErrorCode::kUnsupported) throw;
      continue;
    }
    const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
    least = least == 0 ? bytes : std::min(least, bytes);
  }
  return least;
}

}  // namespace hone
