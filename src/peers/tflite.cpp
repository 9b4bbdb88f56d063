#include "peers/tflite.h"

#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "peers/rows.h"

namespace hone {

struct TfliteLibrary::Api {
  const char* (*version)() = nullptr;
  void* (*model_create)(const void*, size_t) = nullptr;
  void* (*model_create_from_file)(const char*) = nullptr;
  void (*model_delete)(void*) = nullptr;
  void* (*options_create)() = nullptr;
  void (*options_delete)(void*) = nullptr;
  void (*set_threads)(void*, int32_t) = nullptr;
  void (*set_reporter)(void*, void (*)(void*, const char*, va_list), void*) = nullptr;
  void* (*create)(const void*, const void*) = nullptr;
  void (*destroy)(void*) = nullptr;
  int32_t (*input_count)(const void*) = nullptr;
  void* (*input)(const void*, int32_t) = nullptr;
  int (*resize)(void*, int32_t, const int*, int32_t) = nullptr;
  int (*allocate)(void*) = nullptr;
  int (*invoke)(void*) = nullptr;
  int32_t (*output_count)(const void*) = nullptr;
  const void* (*output)(const void*, int32_t) = nullptr;
  int (*type)(const void*) = nullptr;
  int32_t (*rank)(const void*) = nullptr;
  int32_t (*dim)(const void*, int32_t) = nullptr;
  size_t (*byte_size)(const void*) = nullptr;
  void* (*data)(const void*) = nullptr;

  // Not in every library.
  void (*add_delegate)(void*, void*) = nullptr;
  void* (*xnnpack_create)(const void*) = nullptr;
  void (*xnnpack_delete)(void*) = nullptr;

  explicit Api(void* library) {
    const auto find_optional = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    };
    find_optional(add_delegate, "TfLiteInterpreterOptionsAddDelegate");
    find_optional(xnnpack_create, "TfLiteXNNPackDelegateCreate");
    find_optional(xnnpack_delete, "TfLiteXNNPackDelegateDelete");
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      if (!function) throw unsupported(cat("the library has no ", name, ", expected TensorFlow Lite's C API"));
    };
    find(version, "TfLiteVersion");
    find(model_create, "TfLiteModelCreate");
    find(model_create_from_file, "TfLiteModelCreateFromFile");
    find(model_delete, "TfLiteModelDelete");
    find(options_create, "TfLiteInterpreterOptionsCreate");
    find(options_delete, "TfLiteInterpreterOptionsDelete");
    find(set_threads, "TfLiteInterpreterOptionsSetNumThreads");
    find(set_reporter, "TfLiteInterpreterOptionsSetErrorReporter");
    find(create, "TfLiteInterpreterCreate");
    find(destroy, "TfLiteInterpreterDelete");
    find(input_count, "TfLiteInterpreterGetInputTensorCount");
    find(input, "TfLiteInterpreterGetInputTensor");
    find(resize, "TfLiteInterpreterResizeInputTensor");
    find(allocate, "TfLiteInterpreterAllocateTensors");
    find(invoke, "TfLiteInterpreterInvoke");
    find(output_count, "TfLiteInterpreterGetOutputTensorCount");
    find(output, "TfLiteInterpreterGetOutputTensor");
    find(type, "TfLiteTensorType");
    find(rank, "TfLiteTensorNumDims");
    find(dim, "TfLiteTensorDim");
    find(byte_size, "TfLiteTensorByteSize");
    find(data, "TfLiteTensorData");
  }

  /// Complex numbers with one more axis of 2.
  Dims dims(const void* tensor) const;
};

namespace {

/// TfLiteType.
constexpr int kComplex = 8;
/// TfLiteXNNPackDelegateOptions begins with these (delegates/xnnpack/xnnpack_delegate.h); what follows is left zero.
struct XnnpackOptions {
  int32_t threads;
  uint32_t flags;  ///< 1: int8, 2: uint8
  char rest[248];
};
constexpr std::pair<int, DType> kTypes[] = {
    {1, DType::kF32},  {2, DType::kI32},  {3, DType::kU8},         {4, DType::kI64},  {6, DType::kBool},
    {7, DType::kI16},  {9, DType::kI8},   {10, DType::kF16},       {11, DType::kF64}, {13, DType::kU64},
    {16, DType::kU32}, {17, DType::kU16}, {kComplex, DType::kF32},
};

DType dtype_of(int code) {
  for (const auto& [known, dtype] : kTypes)
    if (known == code) return dtype;
  throw unsupported(cat("tflite runtime: elements of type ", code));
}

void remember(void* to, const char* format, va_list arguments) {
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  std::string& text = *static_cast<std::string*>(to);
  text.append(text.empty() ? "" : "; ").append(line);
}

}  // namespace

Dims TfliteLibrary::Api::dims(const void* tensor) const {
  Dims out;
  for (int32_t k = 0; k < rank(tensor); ++k) out.push_back(dim(tensor, k));
  if (type(tensor) == kComplex) out.push_back(2);
  return out;
}

TfliteLibrary::TfliteLibrary(void* library) : api_(std::make_shared<const Api>(library)) {}

std::string TfliteLibrary::version() const { return api_->version(); }

std::unique_ptr<TfliteLibrary::Interpreter> TfliteLibrary::load_file(const std::string& path, int threads) const {
  return std::make_unique<Interpreter>(api_, api_->model_create_from_file(path.c_str()), threads);
}

std::unique_ptr<TfliteLibrary::Interpreter> TfliteLibrary::load(std::span<const std::byte> model, int threads) const {
  return std::make_unique<Interpreter>(api_, api_->model_create(model.data(), model.size()), threads);
}

bool TfliteLibrary::has_xnnpack() const { return api_->add_delegate && api_->xnnpack_create && api_->xnnpack_delete; }

std::unique_ptr<TfliteLibrary::Interpreter> TfliteLibrary::load_file_xnnpack(const std::string& path,
                                                                             int threads) const {
  const bool takes = takes_xnnpack(path);
  return std::make_unique<Interpreter>(api_, api_->model_create_from_file(path.c_str()), threads, takes);
}

bool TfliteLibrary::takes_xnnpack(const std::string& path) const {
  if (!has_xnnpack()) return false;
  try {
    Interpreter(api_, api_->model_create_from_file(path.c_str()), 1, true);
    return true;
  } catch (const Error&) {
    return false;  // what ails the file itself the next attempt says
  }
}

TfliteLibrary::Interpreter::Interpreter(std::shared_ptr<const Api> api, void* model, int threads, bool on_xnnpack)
    : api_(std::move(api)), model_(model, [a = api_](void* m) {
        if (m) a->model_delete(m);
      }) {
  check(model, "read the model");
  const std::shared_ptr<void> options(api_->options_create(), api_->options_delete);
  if (threads > 0) api_->set_threads(options.get(), threads);
  api_->set_reporter(options.get(), remember, &report_);
  if (on_xnnpack) {
    const XnnpackOptions wanted{.threads = threads, .flags = 3, .rest = {}};
    delegate_ = {api_->xnnpack_create(&wanted), [a = api_](void* d) {
                   if (d) a->xnnpack_delete(d);
                 }};
    if (delegate_) api_->add_delegate(options.get(), delegate_.get());
  }
  interpreter_ = {api_->create(model, options.get()), [a = api_](void* i) {
                    if (i) a->destroy(i);
                  }};
  check(interpreter_ != nullptr, "prepare the model");
}

TfliteLibrary::Interpreter::~Interpreter() = default;

void TfliteLibrary::Interpreter::check(bool ok, const char* what) const {
  if (!ok) throw unsupported(cat("tflite runtime: it cannot ", what, report_.empty() ? "" : ": ", report_));
}

void* TfliteLibrary::Interpreter::input(size_t i) const {
  return api_->input(interpreter_.get(), static_cast<int32_t>(i));
}

void TfliteLibrary::Interpreter::resize(std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (is_allocated_ && api_->dims(input(i)) == inputs[i].dims()) continue;
    std::vector<int> dims(inputs[i].dims().begin(), inputs[i].dims().end());
    if (api_->type(input(i)) == kComplex) dims.pop_back();
    const int status =
        api_->resize(interpreter_.get(), static_cast<int32_t>(i), dims.data(), static_cast<int32_t>(dims.size()));
    check(status == 0, "resize an input");
    is_allocated_ = false;
  }
  if (!is_allocated_) check(api_->allocate(interpreter_.get()) == 0, "allocate tensors");
  is_allocated_ = true;
}

std::span<const Tensor> TfliteLibrary::Interpreter::run(std::span<const Tensor> inputs) {
  report_.clear();
  check(api_->input_count(interpreter_.get()) == static_cast<int32_t>(inputs.size()), "take that many inputs");
  resize(inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t size = static_cast<size_t>(inputs[i].byte_size());
    check(api_->byte_size(input(i)) == size, "take an input of that size");
    if (size > 0) std::memcpy(api_->data(input(i)), inputs[i].raw(), size);
  }
  check(api_->invoke(interpreter_.get()) == 0, "run");
  outputs_.clear();
  for (int32_t i = 0; i < api_->output_count(interpreter_.get()); ++i) {
    const void* t = api_->output(interpreter_.get(), i);
    const DType dtype = dtype_of(api_->type(t));
    const Dims dims = api_->dims(t);
    const bool is_empty = api_->byte_size(t) == 0;
    Tensor out = is_empty ? Tensor::empty(dtype, dims) : Tensor::view(dtype, dims, api_->data(t), nullptr);
    check(api_->byte_size(t) >= static_cast<size_t>(out.byte_size()), "give an output of its size");
    outputs_.push_back(std::move(out));
  }
  return outputs_;
}

namespace {

Peer open_tflite(const PeerRow& row, void* handle) {
  const auto library = std::make_shared<const TfliteLibrary>(handle);
  return {.name = row.name,
          .title = cat(row.title, " ", library->version(), library->has_xnnpack() ? " with XNNPACK" : ""),
          .format = row.format,
          .load = [library](const std::string& path, int threads) -> Infer {
            const std::shared_ptr<TfliteLibrary::Interpreter> interpreter = library->load_file_xnnpack(path, threads);
            return [interpreter](std::span<const Tensor> inputs) { return interpreter->run(inputs); };
          },
          .remark = [library](const std::string& path) -> std::string {
            if (!library->has_xnnpack() || library->takes_xnnpack(path)) return "";
            return "on its own kernels, because XNNPACK fails to prepare this model";
          }};
}

constexpr std::string_view kLibraries[] = {"libtensorflowlite_c.so", "libtensorflowlite_c.so.2"};

}  // namespace

constexpr PeerRow kTflitePeer{
    .name = "tflite",
    .title = "TensorFlow Lite",
    .format = "tflite",
    .variable = "HONE_TFLITE_LIB",
    .libraries = kLibraries,
    .install =
        "put libtensorflowlite_c.so, which TensorFlow's build of //tensorflow/lite/c makes, where the loader looks",
    .open = open_tflite,
};

}  // namespace hone
