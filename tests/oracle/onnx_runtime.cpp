#include "oracle/onnx_runtime.h"

#include "base/error.h"
#include "peers/onnx_runtime.h"
#include "support/peer_library.h"

namespace hone {

OnnxRuntime::OnnxRuntime(void* library) : library_(std::make_unique<OnnxRuntimeLibrary>(library)) {}
OnnxRuntime::~OnnxRuntime() = default;

std::unique_ptr<OnnxRuntime> OnnxRuntime::open() {
  void* library = testing::open_library(testing::onnx_runtime_path());
  return library ? std::unique_ptr<OnnxRuntime>(new OnnxRuntime(library)) : nullptr;
}

std::string OnnxRuntime::version() const { return library_->version(); }

bool OnnxRuntime::loads(const std::string& model) {
  try {
    library_->load(std::as_bytes(std::span(model)), {.is_optimizing = false});
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::vector<Tensor> OnnxRuntime::run(const std::string& model, std::span<const Tensor> inputs, Optimizer optimizer) {
  const OnnxRuntimeLibrary::Options options{.is_optimizing = optimizer == Optimizer::on};
  return library_->load(std::as_bytes(std::span(model)), options)->run(inputs);
}

}  // namespace hone
