#include "oracle/tflite_runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/schema.h"
#include "peers/tflite.h"
#include "support/peer_library.h"

namespace hone {

TfliteRuntime::TfliteRuntime(void* library) : library_(std::make_unique<TfliteLibrary>(library)) {}
TfliteRuntime::~TfliteRuntime() = default;

std::unique_ptr<TfliteRuntime> TfliteRuntime::open() {
  void* library = testing::open_library(testing::tflite_path());
  return library ? std::unique_ptr<TfliteRuntime>(new TfliteRuntime(library)) : nullptr;
}

std::string TfliteRuntime::version() const { return library_->version(); }

namespace {

/// Calls the destroyer at the end of the scope.
template <class F>
struct Guard {
  F f;
  ~Guard() { f(); }
};
template <class F>
Guard(F) -> Guard<F>;

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
      const std::vector<Tensor> outputs = run_steps(model, {{inputs.begin(), inputs.end()}}).front();
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

std::vector<std::vector<Tensor>> TfliteRuntime::run_steps(std::span<const std::byte> model,
                                                          const std::vector<std::vector<Tensor>>& steps) const {
  const std::unique_ptr<TfliteLibrary::Interpreter> interpreter = library_->load(model, 0);
  std::vector<std::vector<Tensor>> results;
  for (const std::vector<Tensor>& step : steps) {
    std::vector<Tensor>& outputs = results.emplace_back();
    for (const Tensor& t : interpreter->run(step)) outputs.push_back(t.clone());
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
