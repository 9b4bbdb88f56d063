#include "hone_c.h"

#include <cstring>
#include <string>
#include <vector>

#include "base/checked.h"
#include "capi/c_guard.h"
#include "hone/hone.h"

using hone::capi::guarded;
using hone::capi::require;

std::string& hone::capi::last_error() {
  static thread_local std::string text;
  return text;
}

void hone::capi::require(bool is_met, const char* message) {
  if (!is_met) throw invalid_argument(message);
}

namespace {

struct PortInfo {
  std::string name;
  hone::TensorType type;
  std::vector<int64_t> dims;
};

PortInfo info_of(const hone::Port& port) {
  PortInfo info{port.name, port.type, {}};
  if (port.type.shape.has_rank())
    for (const hone::Dim& d : port.type.shape.list()) info.dims.push_back(d.is_known() ? d.value() : -1);
  return info;
}

void fill(const PortInfo& from, hone_tensor_info* info) {
  const bool is_per_tensor = from.type.quant && from.type.quant->is_per_tensor();
  *info = {from.name.c_str(),
           static_cast<hone_dtype>(from.type.dtype),
           from.type.shape.has_rank() ? static_cast<int32_t>(from.dims.size()) : -1,
           from.dims.data(),
           is_per_tensor ? from.type.quant->scale() : 0,
           is_per_tensor ? from.type.quant->zero_point() : 0};
}

}  // namespace

struct hone_model {
  hone::Model model;
  std::vector<PortInfo> inputs, outputs;

  explicit hone_model(hone::Model m) : model(std::move(m)) {
    for (const hone::Port& p : model.inputs()) inputs.push_back(info_of(p));
    for (const hone::Port& p : model.outputs()) outputs.push_back(info_of(p));
  }
};

constexpr int32_t kMaxRank = 64;  ///< of what callers give; beyond it a pointer is more likely wrong than a shape right

struct hone_session {
  hone::Inference inference;
  std::vector<PortInfo> inputs, outputs;
  std::vector<hone::Tensor> values;
  std::vector<hone::Tensor> results;
};

const hone::Model& hone_model_access::model(const hone_model* handle) { return handle->model; }
hone_model* hone_model_access::make(hone::Model model) { return new hone_model(std::move(model)); }

extern "C" {

const char* hone_version(void) { return hone::version(); }
const char* hone_last_error(void) { return hone::capi::last_error().c_str(); }

hone_status hone_model_load(const char* path, hone_model** model) {
  return guarded([&] {
    require(path && model, "hone_model_load: path and model must not be null");
    *model = nullptr;
    *model = new hone_model(hone::Model::load(path));
  });
}

hone_status hone_model_load_memory(const void* data, size_t bytes, hone_model** model) {
  return guarded([&] {
    require(data && model, "hone_model_load_memory: data and model must not be null");
    *model = nullptr;
    *model = new hone_model(hone::Model::parse(data, bytes));
  });
}

void hone_model_free(hone_model* model) { delete model; }
size_t hone_model_input_count(const hone_model* model) { return model ? model->inputs.size() : 0; }
size_t hone_model_output_count(const hone_model* model) { return model ? model->outputs.size() : 0; }

hone_status hone_model_input(const hone_model* model, size_t index, hone_tensor_info* info) {
  return guarded([&] {
    require(model && info && index < model->inputs.size(), "hone_model_input: no such input");
    fill(model->inputs[index], info);
  });
}

hone_status hone_model_output(const hone_model* model, size_t index, hone_tensor_info* info) {
  return guarded([&] {
    require(model && info && index < model->outputs.size(), "hone_model_output: no such output");
    fill(model->outputs[index], info);
  });
}

const char* hone_model_metadata(const hone_model* model, const char* key) {
  if (!model || !key) return nullptr;
  const auto found = model->model.metadata().find(key);
  return found == model->model.metadata().end() ? nullptr : found->second.c_str();
}

hone_status hone_model_set_metadata(hone_model* model, const char* key, const char* value) {
  return guarded([&] {
    require(model && key && *key, "hone_model_set_metadata: model and key must not be null");
    model->model = model->model.with_metadata(key, value ? value : "");
  });
}

hone_status hone_session_create(const hone_model* model, const hone_session_options* options, hone_session** session) {
  return guarded([&] {
    require(model && session, "hone_session_create: model and session must not be null");
    *session = nullptr;
    const hone_session_options stated =
        hone::capi::options_of(options, hone_session_options{sizeof(hone_session_options), 1, 0, nullptr});
    hone::InferenceOptions o{.threads = stated.threads, .exact = stated.exact != 0};
    if (stated.provider) o.provider = stated.provider;
    *session = new hone_session{hone::Inference(model->model, o),
                                model->inputs,
                                model->outputs,
                                std::vector<hone::Tensor>(model->inputs.size()),
                                {}};
  });
}

void hone_session_free(hone_session* session) { delete session; }

hone_status hone_session_set_input(hone_session* session, size_t index, const int64_t* dims, int32_t rank,
                                   const void* data, size_t bytes) {
  return guarded([&] {
    require(session && index < session->inputs.size(), "hone_session_set_input: no such input");
    require(rank >= 0 && (dims || rank == 0) && (data || bytes == 0), "hone_session_set_input: dims or data missing");
    require(rank <= kMaxRank, "hone_session_set_input: rank is more than 64");
    const hone::TensorType& type = session->inputs[index].type;
    const hone::Dims shape(dims, dims + rank);
    const int64_t expected = hone::checked_mul(hone::checked_product(shape), hone::size_of(type.dtype));
    require(static_cast<size_t>(expected) == bytes, "hone_session_set_input: bytes do not match dims");
    hone::Tensor t = hone::Tensor::empty(type.dtype, shape, type.quant);
    if (bytes > 0) std::memcpy(t.mutable_raw(), data, bytes);
    session->values[index] = std::move(t);
  });
}

hone_status hone_session_run(hone_session* session) {
  return guarded([&] {
    require(session, "hone_session_run: session must not be null");
    session->results.clear();  // a run that fails has no results, not those before it
    session->results = session->inference.run(session->values);
  });
}

hone_status hone_session_reset_state(hone_session* session) {
  return guarded([&] {
    require(session, "hone_session_reset_state: session must not be null");
    session->inference.reset_state();
  });
}

hone_status hone_session_output(hone_session* session, size_t index, hone_tensor_info* info, const void** data,
                                size_t* bytes) {
  return guarded([&] {
    require(session && index < session->outputs.size(), "hone_session_output: no such output");
    require(index < session->results.size(), "hone_session_output: run the session first");
    const hone::Tensor& t = session->results[index];
    PortInfo& port = session->outputs[index];
    port.type = t.type();
    port.dims = t.dims();
    if (info) fill(port, info);
    if (data) *data = t.raw();
    if (bytes) *bytes = static_cast<size_t>(t.byte_size());
  });
}

}  // extern "C"
