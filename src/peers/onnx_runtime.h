#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// ONNX Runtime through its C API (onnxruntime_c_api.h): a table of functions that only grows.
class OnnxRuntimeLibrary {
 public:
  struct Options {
    int threads = 1;            ///< of one inference; 0: as it likes
    bool is_optimizing = true;  ///< rewrites the graph first
  };
  class Session;

  /// `library` as dlopen gave it. Throws Error(unsupported) when it is no ONNX Runtime.
  explicit OnnxRuntimeLibrary(void* library);
  ~OnnxRuntimeLibrary();

  std::string version() const;
  /// Both throw Error(unsupported) with the runtime's words when it refuses the model. A file's external data is found.
  std::unique_ptr<Session> load_file(const std::string& path, const Options& options) const;
  std::unique_ptr<Session> load(std::span<const std::byte> model, const Options& options) const;

 private:
  struct Api;
  std::shared_ptr<const Api> api_;
};

/// A loaded model. One thread at a time.
class OnnxRuntimeLibrary::Session {
 public:
  Session(std::shared_ptr<const Api> api, void* session);
  ~Session();
  /// Inputs in the model's order. The outputs are views of the runtime's memory, which they keep alive.
  std::vector<Tensor> run(std::span<const Tensor> inputs) const;

 private:
  std::shared_ptr<const Api> api_;
  std::shared_ptr<void> session_;
  std::vector<const char*> inputs_, outputs_;  ///< names
};

}  // namespace hone
