#include "peers/onnx_runtime.h"

#include <dlfcn.h>

#include "base/error.h"
#include "base/text.h"
#include "peers/rows.h"

namespace hone {

namespace {

/// Places of functions in OrtApi, there since its first version.
enum Place : size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
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
  kAllocatorFree = 76,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseStatus = 93,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTensorTypeAndShapeInfo = 99,
  kReleaseSessionOptions = 100,
};

constexpr uint32_t kApiVersion = 1;
constexpr int kLogFatalOnly = 4, kOptimizeNothing = 0;

/// Element types by ONNX's numbers.
constexpr std::pair<int, DType> kTypes[] = {{1, DType::kF32},  {2, DType::kU8},   {3, DType::kI8},   {4, DType::kU16},
                                            {5, DType::kI16},  {6, DType::kI32},  {7, DType::kI64},  {9, DType::kBool},
                                            {10, DType::kF16}, {11, DType::kF64}, {12, DType::kU32}, {13, DType::kU64},
                                            {16, DType::kBF16}};
constexpr int kUint4 = 21, kInt4 = 22;

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

struct OnnxRuntimeLibrary::Api {
  const void* const* table = nullptr;
  std::string version;
  void* environment = nullptr;
  void* allocator = nullptr;
  void* memory = nullptr;

  template <class Result, class... Args>
  Result raw(Place place, Args... args) const {
    return reinterpret_cast<Result (*)(Args...)>(const_cast<void*>(table[place]))(args...);
  }
  template <class... Args>
  void call(Place place, Args... args) const {
    void* status = raw<void*>(place, args...);
    if (!status) return;
    const std::string message = raw<const char*>(kGetErrorMessage, status);
    raw<void>(kReleaseStatus, status);
    throw unsupported(cat("onnx runtime: ", message));
  }

  /// `object` as long as anybody holds it, even after this.
  std::shared_ptr<void> owned(void* object, Place release) const {
    return {object, reinterpret_cast<void (*)(void*)>(const_cast<void*>(table[release]))};
  }

  std::shared_ptr<void> options_of(const Options& options) const {
    void* made = nullptr;
    call(kCreateSessionOptions, &made);
    const std::shared_ptr<void> owner = owned(made, kReleaseSessionOptions);
    call(kSetIntraOpNumThreads, made, options.threads);
    if (!options.is_optimizing) call(kSetSessionGraphOptimizationLevel, made, kOptimizeNothing);
    return owner;
  }

  /// A tensor that keeps `value` alive.
  Tensor tensor_of(const std::shared_ptr<void>& owner) const {
    void* value = owner.get();
    void *info = nullptr, *data = nullptr;
    int code = 0;
    size_t rank = 0;
    call(kGetTensorTypeAndShape, value, &info);
    const std::shared_ptr<void> info_owner = owned(info, kReleaseTensorTypeAndShapeInfo);
    call(kGetTensorElementType, info, &code);
    call(kGetDimensionsCount, info, &rank);
    Dims dims(rank);
    call(kGetDimensions, info, dims.data(), rank);
    call(kGetTensorMutableData, value, &data);
    if (code == kUint4 || code == kInt4) return unpacked(code, dims, data);
    const DType dtype = dtype_of_code(code);
    if (!data) return Tensor::empty(dtype, std::move(dims));
    return Tensor::view(dtype, std::move(dims), data, owner);
  }
};

OnnxRuntimeLibrary::OnnxRuntimeLibrary(void* library) {
  struct Base {
    const void* const* (*get_api)(uint32_t);
    const char* (*get_version)();
  };
  const auto get_base = reinterpret_cast<const Base* (*)()>(::dlsym(library, "OrtGetApiBase"));
  if (!get_base) throw unsupported("the library has no OrtGetApiBase, expected ONNX Runtime's");
  const auto api = std::make_shared<Api>();
  api->table = get_base()->get_api(kApiVersion);
  if (!api->table) throw unsupported("ONNX Runtime does not give the first version of its API");
  api->version = get_base()->get_version();
  api->call(kCreateEnv, kLogFatalOnly, static_cast<const char*>("hone"), &api->environment);
  api->call(kGetAllocatorWithDefaultOptions, &api->allocator);
  api->call(kCreateCpuMemoryInfo, 1, 0, &api->memory);
  api_ = api;
}

OnnxRuntimeLibrary::~OnnxRuntimeLibrary() = default;

std::string OnnxRuntimeLibrary::version() const { return api_->version; }

std::unique_ptr<OnnxRuntimeLibrary::Session> OnnxRuntimeLibrary::load_file(const std::string& path,
                                                                           const Options& options) const {
  void* session = nullptr;
  api_->call(kCreateSession, api_->environment, path.c_str(), api_->options_of(options).get(), &session);
  return std::make_unique<Session>(api_, session);
}

std::unique_ptr<OnnxRuntimeLibrary::Session> OnnxRuntimeLibrary::load(std::span<const std::byte> model,
                                                                      const Options& options) const {
  void* session = nullptr;
  api_->call(kCreateSessionFromArray, api_->environment, static_cast<const void*>(model.data()), model.size(),
             api_->options_of(options).get(), &session);
  return std::make_unique<Session>(api_, session);
}

OnnxRuntimeLibrary::Session::Session(std::shared_ptr<const Api> api, void* session)
    : api_(std::move(api)), session_(api_->owned(session, kReleaseSession)) {
  const auto names = [&](Place count, Place name) {
    size_t n = 0;
    api_->call(count, session, &n);
    std::vector<const char*> out(n);
    for (size_t i = 0; i < n; ++i) api_->call(name, session, i, api_->allocator, &out[i]);
    return out;
  };
  inputs_ = names(kSessionGetInputCount, kSessionGetInputName);
  outputs_ = names(kSessionGetOutputCount, kSessionGetOutputName);
}

OnnxRuntimeLibrary::Session::~Session() {
  for (const std::vector<const char*>* names : {&inputs_, &outputs_})
    for (const char* name : *names)
      api_->raw<void*>(kAllocatorFree, api_->allocator, static_cast<void*>(const_cast<char*>(name)));
}

std::vector<Tensor> OnnxRuntimeLibrary::Session::run(std::span<const Tensor> inputs) const {
  if (inputs_.size() != inputs.size())
    throw invalid_argument(cat("onnx runtime: the model takes ", inputs_.size(), " inputs, got ", inputs.size()));
  std::vector<void*> in(inputs.size()), out(outputs_.size(), nullptr);
  std::vector<std::shared_ptr<void>> owners;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    api_->call(kCreateTensorWithDataAsOrtValue, api_->memory, const_cast<void*>(t.raw()),
               static_cast<size_t>(t.byte_size()), t.dims().data(), t.dims().size(), type_code(t.dtype()), &in[i]);
    owners.push_back(api_->owned(in[i], kReleaseValue));
  }
  api_->call(kRun, session_.get(), static_cast<void*>(nullptr), static_cast<const char* const*>(inputs_.data()),
             static_cast<void* const*>(in.data()), in.size(), static_cast<const char* const*>(outputs_.data()),
             out.size(), out.data());
  owners.clear();
  for (void* value : out) owners.push_back(api_->owned(value, kReleaseValue));
  std::vector<Tensor> results;
  for (const std::shared_ptr<void>& value : owners) results.push_back(api_->tensor_of(value));
  return results;
}

namespace {

Peer open_onnx_runtime(const PeerRow& row, void* handle) {
  const auto library = std::make_shared<const OnnxRuntimeLibrary>(handle);
  return {.name = row.name,
          .title = cat(row.title, " ", library->version()),
          .format = row.format,
          .load = [library](const std::string& path, int threads) -> Infer {
            const std::shared_ptr<OnnxRuntimeLibrary::Session> session = library->load_file(path, {.threads = threads});
            return [session, outputs = std::vector<Tensor>()](std::span<const Tensor> inputs) mutable {
              outputs = session->run(inputs);
              return std::span<const Tensor>(outputs);
            };
          }};
}

constexpr std::string_view kLibraries[] = {"libonnxruntime.so.1", "libonnxruntime.so"};

}  // namespace

constexpr PeerRow kOnnxRuntimePeer{
    .name = "ort",
    .title = "ONNX Runtime",
    .format = "onnx",
    .variable = "HONE_ORT_LIB",
    .libraries = kLibraries,
    .install = "put libonnxruntime.so.1 of one of its releases where the loader looks",
    .open = open_onnx_runtime,
};

}  // namespace hone
