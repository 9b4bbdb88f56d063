#include "support/peer_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"

namespace hone::testing {

namespace {

#if defined(__aarch64__)
constexpr const char *kOnnxRuntime = "onnxruntime-node/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
                     *kTflite = "tfjs-tflite-node/cc_deps/linux_arm64/libtensorflowlite_c.so";
#else
constexpr const char *kOnnxRuntime = "onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1",
                     *kTflite = "tfjs-tflite-node/cc_deps/linux_amd64/libtensorflowlite_c.so";
#endif

std::string path_of(const char* variable, const char* package) {
  if (const char* named = std::getenv(variable); named && *named) return named;
  for (const char* root : {HONE_SOURCE_DIR "/build/oracle", HONE_BINARY_DIR "/oracle"})
    if (std::string path = cat(root, "/node_modules/", package); std::filesystem::exists(path)) return path;
  return {};
}

}  // namespace

std::string onnx_runtime_path() { return path_of("HONE_ORT_LIB", kOnnxRuntime); }
std::string tflite_path() { return path_of("HONE_TFLITE_LIB", kTflite); }

void* open_library(const std::string& path) {
  if (path.empty()) return nullptr;
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw io_error(cat("cannot load '", path, "': ", ::dlerror()));
  return library;
}

}  // namespace hone::testing
