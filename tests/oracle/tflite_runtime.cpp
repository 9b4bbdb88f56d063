#include "oracle/tflite_runtime.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/schema.h"

namespace hone {

/// The functions of the C API, by the names they are exported under.
struct TfliteRuntime::Api {
  void* library = nullptr;
  const char* (*version)() = nullptr;
  void* (*model_create)(const void*, size_t) = nullptr;
  void (*model_delete)(void*) = nullptr;
  void* (*options_create)() = nullptr;
  void (*options_delete)(void*) = nullptr;
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

  template <class F>
  bool find(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library, name));
    return function != nullptr;
  }
  bool load(const std::string& path) {
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return library && find(version, "TfLiteVersion") && find(model_create, "TfLiteModelCreate") &&
           find(model_delete, "TfLiteModelDelete") && find(options_create, "TfLiteInterpreterOptionsCreate") &&
           find(options_delete, "TfLiteInterpreterOptionsDelete") &&
           find(set_reporter, "TfLiteInterpreterOptionsSetErrorReporter") && find(create, "TfLiteInterpreterCreate") &&
           find(destroy, "TfLiteInterpreterDelete") && find(input_count, "TfLiteInterpreterGetInputTensorCount") &&
           find(input, "TfLiteInterpreterGetInputTensor") && find(resize, "TfLiteInterpreterResizeInputTensor") &&
           find(allocate, "TfLiteInterpreterAllocateTensors") && find(invoke, "TfLiteInterpreterInvoke") &&
           find(output_count, "TfLiteInterpreterGetOutputTensorCount") &&
           find(output, "TfLiteInterpreterGetOutputTensor") && find(type, "TfLiteTensorType") &&
           find(rank, "TfLiteTensorNumDims") && find(dim, "TfLiteTensorDim") &&
           find(byte_size, "TfLiteTensorByteSize") && find(data, "TfLiteTensorData");
  }
};

namespace {

/// Complex numbers are seen as two floats along one more axis.
constexpr int kComplex = 8;

constexpr int kTypeCodes[] = {1, 2, 3, 4, 6, 7, 9, 10, 11, 13, 16};
constexpr DType kTypes[] = {DType::kF32, DType::kI32, DType::kU8,  DType::kI64, DType::kBool, DType::kI16,
                            DType::kI8,  DType::kF16, DType::kF64, DType::kU64, DType::kU32};

DType dtype_of(int code) {
  for (size_t i = 0; i < std::size(kTypeCodes); ++i)
    if (kTypeCodes[i] == code) return kTypes[i];
  throw unsupported(cat("the runtime gives elements of type ", static_cast<int64_t>(code)));
}

void remember(void* to, const char* format, va_list arguments) {
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  static_cast<std::string*>(to)->append(line).append("; ");
}

/// Calls the destroyer at the end of the scope.
template <class F>
struct Guard {
  F f;
  ~Guard() { f(); }
};
template <class F>
Guard(F) -> Guard<F>;

}  // namespace

TfliteRuntime::TfliteRuntime() : api_(std::make_unique<Api>()) {}
TfliteRuntime::~TfliteRuntime() = default;

std::unique_ptr<TfliteRuntime> TfliteRuntime::open() {
#if defined(__aarch64__)
  const char* folder = "linux_arm64";
#else
  const char* folder = "linux_amd64";
#endif
  std::vector<std::string> paths;
  if (const char* named = std::getenv("HONE_TFLITE_LIB")) paths.emplace_back(named);
  for (const char* root : {HONE_SOURCE_DIR "/build/oracle", HONE_BINARY_DIR "/oracle"})
    paths.push_back(cat(root, "/node_modules/tfjs-tflite-node/cc_deps/", folder, "/libtensorflowlite_c.so"));
  for (const std::string& path : paths) {
    std::unique_ptr<TfliteRuntime> runtime(new TfliteRuntime);
    if (!runtime->api_->load(path)) continue;
    runtime->version_ = runtime->api_->version();
    return runtime;
  }
  return nullptr;
}

namespace {

/// What a child process says to its parent: a pipe of numbers, texts and tensors. Reading past the end gives zeros.
void put(FILE* to, const void* data, size_t size) {
  if (size > 0) std::fwrite(data, 1, size, to);
}
void put(FILE* to, int64_t number) { put(to, &number, sizeof number); }
int64_t take(FILE* from) {
  int64_t number = 0;
  return std::fread(&number, sizeof number, 1, from) == 1 ? number : 0;
}

void put(FILE* to, const std::vector<Tensor>& tensors) {
  put(to, static_cast<int64_t>(tensors.size()));
  for (const Tensor& t : tensors) {
    put(to, static_cast<int64_t>(t.dtype()));
    put(to, t.rank());
    for (const int64_t d : t.dims()) put(to, d);
    put(to, t.raw(), static_cast<size_t>(t.byte_size()));
  }
}

std::vector<Tensor> take_tensors(FILE* from) {
  std::vector<Tensor> tensors;
  for (int64_t count = take(from); count > 0; --count) {
    const auto dtype = static_cast<DType>(take(from));
    Dims dims(static_cast<size_t>(take(from)));
    for (int64_t& d : dims) d = take(from);
    Tensor t = Tensor::empty(dtype, dims);
    const auto size = static_cast<size_t>(t.byte_size());
    if (size > 0 && std::fread(t.mutable_raw(), 1, size, from) != size) throw io_error("the runtime's process ended");
    tensors.push_back(std::move(t));
  }
  return tensors;
}

constexpr int64_t kRefused = 1, kAnswered = 2;
constexpr unsigned kMostSeconds = 60;

}  // namespace

std::vector<Tensor> TfliteRuntime::run(std::span<const std::byte> model, std::span<const Tensor> inputs) const {
  int ends[2];
  if (pipe(ends) != 0) throw io_error("no pipe to the runtime's process");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw resource_error("no process for the runtime");
  if (child == 0) {
    close(ends[0]);
    alarm(kMostSeconds);
    FILE* to = fdopen(ends[1], "wb");
    try {
      const std::vector<Tensor> outputs = run_here(model, inputs);
      put(to, kAnswered);
      put(to, outputs);
    } catch (const Error& e) {
      const std::string& text = e.message();
      put(to, kRefused);
      put(to, static_cast<int64_t>(text.size()));
      put(to, text.data(), text.size());
    }
    std::fclose(to);
    _exit(0);
  }
  close(ends[1]);
  FILE* from = fdopen(ends[0], "rb");
  const Guard collect{[&] {
    std::fclose(from);
    int status = 0;
    waitpid(child, &status, 0);
  }};
  const int64_t said = take(from);
  if (said == kAnswered) return take_tensors(from);
  if (said != kRefused) throw unsupported("the runtime crashes");
  std::string text(static_cast<size_t>(take(from)), ' ');
  text.resize(std::fread(text.data(), 1, text.size(), from));
  throw unsupported(text);
}

std::vector<Tensor> TfliteRuntime::run_here(std::span<const std::byte> model, std::span<const Tensor> inputs) const {
  return run_steps(model, {{inputs.begin(), inputs.end()}}).front();
}

std::vector<std::vector<Tensor>> TfliteRuntime::run_steps(std::span<const std::byte> model,
                                                          const std::vector<std::vector<Tensor>>& steps) const {
  const Api& api = *api_;
  const std::vector<Tensor>& inputs = steps.at(0);
  std::string report;
  auto check = [&](bool ok, const char* what) {
    if (!ok) throw unsupported(cat("the runtime cannot ", what, ": ", report));
  };
  void* m = api.model_create(model.data(), model.size());
  check(m, "read the model");
  Guard drop_model{[&] { api.model_delete(m); }};
  void* options = api.options_create();
  Guard drop_options{[&] { api.options_delete(options); }};
  api.set_reporter(options, remember, &report);
  void* interpreter = api.create(m, options);
  check(interpreter, "prepare the model");
  Guard drop_interpreter{[&] { api.destroy(interpreter); }};
  check(api.input_count(interpreter) == static_cast<int32_t>(inputs.size()), "take that many inputs");
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<int> dims(inputs[i].dims().begin(), inputs[i].dims().end());
    if (api.type(api.input(interpreter, static_cast<int32_t>(i))) == kComplex) dims.pop_back();
    check(api.resize(interpreter, static_cast<int32_t>(i), dims.data(), static_cast<int32_t>(dims.size())) == 0,
          "resize an input");
  }
  check(api.allocate(interpreter) == 0, "allocate tensors");
  std::vector<std::vector<Tensor>> results;
  for (const std::vector<Tensor>& step : steps) {
    for (size_t i = 0; i < step.size(); ++i) {
      void* t = api.input(interpreter, static_cast<int32_t>(i));
      check(api.byte_size(t) == static_cast<size_t>(step[i].byte_size()), "take an input of that size");
      if (step[i].byte_size() > 0) std::memcpy(api.data(t), step[i].raw(), static_cast<size_t>(step[i].byte_size()));
    }
    check(api.invoke(interpreter) == 0, "run");
    std::vector<Tensor> outputs;
    for (int32_t i = 0; i < api.output_count(interpreter); ++i) {
      const void* t = api.output(interpreter, i);
      Dims dims;
      for (int32_t k = 0; k < api.rank(t); ++k) dims.push_back(api.dim(t, k));
      const bool is_complex = api.type(t) == kComplex;
      if (is_complex) dims.push_back(2);
      Tensor out = Tensor::empty(is_complex ? DType::kF32 : dtype_of(api.type(t)), dims);
      check(api.byte_size(t) >= static_cast<size_t>(out.byte_size()), "give an output of its size");
      if (out.byte_size() > 0) std::memcpy(out.mutable_raw(), api.data(t), static_cast<size_t>(out.byte_size()));
      outputs.push_back(std::move(out));
    }
    results.push_back(std::move(outputs));
  }
  return results;
}

std::vector<std::byte> with_all_outputs(std::span<const std::byte> model) {
  fb::ModelT m;
  fb::GetModel(model.data())->UnPackTo(&m);
  fb::SubGraphT& graph = *m.subgraphs.at(0);
  graph.outputs.clear();
  std::set<int32_t> seen;
  for (const auto& op : graph.operators)
    for (const int32_t t : op->outputs)
      if (t >= 0 && seen.insert(t).second) graph.outputs.push_back(t);
  m.signature_defs.clear();
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

std::vector<std::string> output_names(std::span<const std::byte> model) {
  const fb::SubGraph& graph = *fb::GetModel(model.data())->subgraphs()->Get(0);
  std::vector<std::string> names;
  for (const int32_t t : *graph.outputs())
    names.push_back(graph.tensors()->Get(static_cast<flatbuffers::uoffset_t>(t))->name()->str());
  return names;
}

}  // namespace hone
