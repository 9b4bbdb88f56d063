#include "oracle/onnx_runtime.h"

#include <dlfcn.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/tensor_io.h"

namespace hone {

namespace {

/// Places of functions in OrtApi, a table that only grows (onnxruntime_c_api.h).
enum Place : size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSessionFromArray = 8,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseStatus = 93,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTensorTypeAndShapeInfo = 99,
};

constexpr uint32_t kApiVersion = 17;
constexpr int kLogFatalOnly = 4;

using Status = void*;

/// Element types of OrtApi are ONNX's own numbers, in another order.
constexpr std::pair<int, DType> kTypes[] = {{1, DType::kF32},  {2, DType::kU8},   {3, DType::kI8},   {4, DType::kU16},
                                            {5, DType::kI16},  {6, DType::kI32},  {7, DType::kI64},  {9, DType::kBool},
                                            {10, DType::kF16}, {11, DType::kF64}, {12, DType::kU32}, {13, DType::kU64},
                                            {16, DType::kBF16}};

int type_code(DType dtype) {
  for (const auto& [code, known] : kTypes)
    if (known == dtype) return code;
  throw unsupported(cat("onnx runtime: no element type for ", to_string(dtype)));
}

DType dtype_of_code(int code) {
  for (const auto& [known, dtype] : kTypes)
    if (known == code) return dtype;
  throw unsupported(cat("onnx runtime: element type ", code));
}

constexpr int kUint4 = 21, kInt4 = 22;

/// Elements that lie two a byte, low one first.
Tensor unpacked(int code, const Dims& dims, const void* data) {
  Tensor out = Tensor::empty(code == kInt4 ? DType::kI4 : DType::kU4, dims);
  for (int64_t i = 0; i < out.elements(); ++i) {
    const int nibble = static_cast<const uint8_t*>(data)[i / 2] >> (i % 2 * 4) & 15;
    static_cast<int8_t*>(out.mutable_raw())[i] =
        static_cast<int8_t>(code == kInt4 && nibble > 7 ? nibble - 16 : nibble);
  }
  return out;
}

}  // namespace

struct OnnxRuntime::Api {
  void* library = nullptr;
  const void* const* table = nullptr;
  const char* version = "";
  void* environment = nullptr;
  void* options[2] = {};  ///< by Optimizer
  void* allocator = nullptr;
  void* memory = nullptr;

  template <class Result, class... Args>
  Result raw(Place place, Args... args) const {
    return reinterpret_cast<Result (*)(Args...)>(const_cast<void*>(table[place]))(args...);
  }
  template <class... Args>
  void call(Place place, Args... args) const {
    const Status status = raw<Status>(place, args...);
    if (!status) return;
    const std::string message = raw<const char*>(kGetErrorMessage, status);
    raw<void>(kReleaseStatus, status);
    throw unsupported(cat("onnx runtime: ", message));
  }
};

std::unique_ptr<OnnxRuntime> OnnxRuntime::open() {
#if defined(__aarch64__)
  const std::string machine = "arm64";
#else
  const std::string machine = "x64";
#endif
  const std::string path = cat(HONE_SOURCE_DIR, "/build/oracle/node_modules/onnxruntime-node/bin/napi-v6/linux/",
                               machine, "/libonnxruntime.so.1");
  if (!std::filesystem::exists(path)) return nullptr;
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw io_error(cat("cannot load '", path, "': ", ::dlerror()));
  struct Base {
    const void* const* (*get_api)(uint32_t);
    const char* (*get_version)();
  };
  const auto get_base = reinterpret_cast<const Base* (*)()>(::dlsym(library, "OrtGetApiBase"));
  std::unique_ptr<OnnxRuntime> runtime(new OnnxRuntime);
  runtime->api_ = std::make_unique<Api>();
  Api& api = *runtime->api_;
  api.library = library;
  api.table = get_base()->get_api(kApiVersion);
  api.version = get_base()->get_version();
  api.call(kCreateEnv, kLogFatalOnly, static_cast<const char*>("hone"), &api.environment);
  for (void*& options : api.options) {
    api.call(kCreateSessionOptions, &options);
    api.call(kSetIntraOpNumThreads, options, 1);
  }
  constexpr int kDisableAll = 0;
  api.call(kSetSessionGraphOptimizationLevel, api.options[1], kDisableAll);
  api.call(kGetAllocatorWithDefaultOptions, &api.allocator);
  api.call(kCreateCpuMemoryInfo, 1, 0, &api.memory);
  return runtime;
}

OnnxRuntime::~OnnxRuntime() = default;

std::string OnnxRuntime::version() const { return api_->version; }

std::shared_ptr<void> OnnxRuntime::load(const std::string& model, Optimizer optimizer) {
  const Api& api = *api_;
  void* session = nullptr;
  api.call(kCreateSessionFromArray, api.environment, static_cast<const void*>(model.data()), model.size(),
           api.options[static_cast<int>(optimizer)], &session);
  return {session, [&api](void* s) { api.raw<void>(kReleaseSession, s); }};
}

bool OnnxRuntime::loads(const std::string& model) {
  try {
    load(model, Optimizer::off);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::vector<Tensor> OnnxRuntime::run(const std::string& model, std::span<const Tensor> inputs, Optimizer optimizer) {
  const Api& api = *api_;
  const std::shared_ptr<void> session_guard = load(model, optimizer);
  void* session = session_guard.get();
  size_t input_count = 0, output_count = 0;
  api.call(kSessionGetInputCount, session, &input_count);
  api.call(kSessionGetOutputCount, session, &output_count);
  if (input_count != inputs.size())
    throw invalid_argument(cat("onnx runtime: the model takes ", input_count, " inputs, got ", inputs.size()));
  std::vector<char*> input_names(input_count), output_names(output_count);
  std::vector<void*> in(input_count), out(output_count, nullptr);
  std::vector<std::shared_ptr<void>> values;
  const auto keep = [&](void* value) { values.emplace_back(value, [&](void* v) { api.raw<void>(kReleaseValue, v); }); };
  for (size_t i = 0; i < input_count; ++i) {
    api.call(kSessionGetInputName, session, i, api.allocator, &input_names[i]);
    const Tensor& t = inputs[i];
    api.call(kCreateTensorWithDataAsOrtValue, api.memory, const_cast<void*>(t.raw()),
             static_cast<size_t>(t.byte_size()), t.dims().data(), t.dims().size(), type_code(t.dtype()), &in[i]);
    keep(in[i]);
  }
  for (size_t i = 0; i < output_count; ++i)
    api.call(kSessionGetOutputName, session, i, api.allocator, &output_names[i]);
  api.call(kRun, session, static_cast<void*>(nullptr), const_cast<const char* const*>(input_names.data()),
           static_cast<void* const*>(in.data()), input_count, const_cast<const char* const*>(output_names.data()),
           output_count, out.data());
  std::vector<Tensor> results;
  for (void* value : out) {
    keep(value);
    void* info = nullptr;
    int code = 0;
    size_t rank = 0;
    api.call(kGetTensorTypeAndShape, value, &info);
    api.call(kGetTensorElementType, info, &code);
    api.call(kGetDimensionsCount, info, &rank);
    Dims dims(rank);
    api.call(kGetDimensions, info, dims.data(), rank);
    api.raw<void>(kReleaseTensorTypeAndShapeInfo, info);
    void* data = nullptr;
    api.call(kGetTensorMutableData, value, &data);
    if (code == kUint4 || code == kInt4) {
      results.push_back(unpacked(code, dims, data));
      continue;
    }
    Tensor tensor = Tensor::empty(dtype_of_code(code), std::move(dims));
    if (tensor.byte_size() > 0) std::memcpy(tensor.mutable_raw(), data, static_cast<size_t>(tensor.byte_size()));
    results.push_back(std::move(tensor));
  }
  return results;
}

}  // namespace hone
