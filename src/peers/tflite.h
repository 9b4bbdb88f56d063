#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// TensorFlow Lite through its C API (tensorflow/lite/c/c_api.h), functions found by their names.
class TfliteLibrary {
 public:
  class Interpreter;

  /// `library` as dlopen gave it. Throws Error(unsupported) naming a function that is missing.
  explicit TfliteLibrary(void* library);

  std::string version() const;
  /// The library brings XNNPACK, its fast kernels for processors, as a delegate.
  bool has_xnnpack() const;
  /// All throw Error(unsupported) with what the runtime reports when it refuses the model. threads 0: as it likes.
  std::unique_ptr<Interpreter> load_file(const std::string& path, int threads) const;
  /// The same on XNNPACK where it takes the model's nodes, quantized ones too; the rest on the runtime's own kernels.
  /// All on them where XNNPACK claims a node and then fails to prepare it: takes_xnnpack() tells.
  std::unique_ptr<Interpreter> load_file_xnnpack(const std::string& path, int threads) const;
  /// Whether XNNPACK prepares the file's nodes that it claims. False where the library has none.
  bool takes_xnnpack(const std::string& path) const;
  /// The bytes must outlive the interpreter.
  std::unique_ptr<Interpreter> load(std::span<const std::byte> model, int threads) const;

 private:
  struct Api;
  std::shared_ptr<const Api> api_;
};

/// A loaded model with its variables. One thread at a time.
class TfliteLibrary::Interpreter {
 public:
  Interpreter(std::shared_ptr<const Api> api, void* model, int threads, bool on_xnnpack = false);
  ~Interpreter();
  /// Inputs in the model's order; it is resized where they have other dims. Complex numbers are seen as two floats
  /// along one more axis. The outputs are views, valid until the next run. Throws Error(unsupported) with what the
  /// runtime reports.
  std::span<const Tensor> run(std::span<const Tensor> inputs);

 private:
  void check(bool ok, const char* what) const;
  void resize(std::span<const Tensor> inputs);
  void* input(size_t i) const;

  std::shared_ptr<const Api> api_;
  std::shared_ptr<void> model_, delegate_, interpreter_;  // each in use by those behind it
  std::string report_;
  bool is_allocated_ = false;
  std::vector<Tensor> outputs_;
};

}  // namespace hone
