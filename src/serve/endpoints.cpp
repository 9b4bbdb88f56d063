#include <iterator>

#include "base/text.h"
#include "serve/call.h"
#include "serve/datatype.h"

namespace hone {

namespace {

constexpr std::string_view kPage =
#include "serve_page.inc"
    ;

Json port_json(const Port& port) {
  Json json;
  json["name"] = port.name;
  json["datatype"] = datatype_of(port.type.dtype);
  Json& shape = json["shape"] = Json::array();
  if (port.type.shape.has_rank())
    for (int64_t i = 0; i < port.type.shape.rank(); ++i)
      shape.push_back(port.type.shape[i].is_known() ? port.type.shape[i].value() : int64_t{-1});
  if (const QuantPtr& quant = port.type.quant; quant && quant->is_per_tensor()) {
    json["parameters"]["scale"] = static_cast<double>(quant->scale());
    json["parameters"]["zero_point"] = static_cast<int64_t>(quant->zero_point());
  }
  return json;
}

Json ports_json(const std::vector<Port>& ports) {
  Json json = Json::array();
  for (const Port& port : ports) json.push_back(port_json(port));
  return json;
}

Json duration_json(int64_t count, double seconds) {
  Json json;
  json["count"] = count;
  json["ns"] = static_cast<int64_t>(seconds * 1e9);
  return json;
}

Json drift_json(const DriftWatch& watch) {
  Json json = Json::array();
  for (const Drift& drift : watch.findings()) {
    Json item;
    item["tensor"] = drift.tensor;
    item["runs"] = drift.runs;
    if (drift.stability) item["psi"] = *drift.stability;
    if (drift.clipped) item["clipped"] = *drift.clipped;
    if (drift.expected_clipped) item["clipped_expected"] = *drift.expected_clipped;
    json.push_back(std::move(item));
  }
  return json;
}

/// The statistics extension's object for one model, and what drifts.
Json statistics_json(const ServedModel& model) {
  const ModelCounts c = model.metrics->counts();
  int64_t failed = 0;
  for (const auto& [reason, count] : c.failures) failed += count;
  Json json;
  json["name"] = model.name;
  json["version"] = cat(model.version);
  json["last_inference"] = c.last_inference_ms;
  json["inference_count"] = c.success;
  json["execution_count"] = c.runs;
  Json& stats = json["inference_stats"];
  stats["success"] = duration_json(c.success, c.request.seconds);
  stats["fail"] = duration_json(failed, c.failed_seconds);
  stats["queue"] = duration_json(c.success, c.total.queue);
  stats["compute_input"] = duration_json(c.success, c.total.input);
  stats["compute_infer"] = duration_json(c.success, c.total.infer);
  stats["compute_output"] = duration_json(c.success, c.total.output);
  json["batch_stats"] = Json::array();
  json["drift"] = drift_json(*model.drift);
  return json;
}

using Models = std::vector<std::shared_ptr<ServedModel>>;

MetricsText::Labels labels_of(const ServedModel& model) {
  return {{"model", model.name}, {"version", cat(model.version)}};
}

void add_model_metrics(MetricsText& out, const Models& models) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, const auto& value) {
    out.family(name, type, help);
    for (const auto& model : models) out.sample(labels_of(*model), value(*model, model->metrics->counts()));
  };
  using M = const ServedModel&;
  using C = const ModelCounts&;
  each("hone_requests_total", "counter", "Inference requests answered well.",
       [](M, C c) { return static_cast<double>(c.success); });
  out.family("hone_request_failures_total", "counter", "Inference requests that failed, by reason.");
  for (const auto& model : models)
    for (const auto& [reason, count] : model->metrics->counts().failures) {
      MetricsText::Labels labels = labels_of(*model);
      labels.emplace_back("reason", reason);
      out.sample(labels, static_cast<double>(count));
    }
  each("hone_runs_total", "counter", "Runs of the model, each for one request or for a batch.",
       [](M, C c) { return static_cast<double>(c.runs); });
  each("hone_request_duration_seconds", "histogram", "From the request's arrival to its answer.",
       [](M, C c) { return c.request; });
  each("hone_queue_duration_seconds", "histogram", "Waiting for a worker.", [](M, C c) { return c.queue; });
  each("hone_compute_duration_seconds", "histogram", "Running the model.", [](M, C c) { return c.compute; });
  each("hone_model_load_seconds", "gauge", "From reading the model to its first answer.",
       [](M m, C) { return m.load_seconds; });
  each("hone_model_batch", "gauge", "Requests that one run answers at most.",
       [](M m, C) { return static_cast<double>(m.batch); });
  each("hone_model_golden_samples", "gauge", "Golden samples that the model repeated when it was loaded.",
       [](M m, C) { return static_cast<double>(m.golden_samples); });
}

void add_drift_metrics(MetricsText& out, const Models& models) {
  const auto each = [&](std::string_view name, std::string_view help, std::optional<double> Drift::*value) {
    out.family(name, "gauge", help);
    for (const auto& model : models)
      for (const Drift& drift : model->drift->findings()) {
        if (!(drift.*value)) continue;
        MetricsText::Labels labels = labels_of(*model);
        labels.emplace_back("tensor", drift.tensor);
        labels.emplace_back("kind", drift.is_input ? "input" : "output");
        out.sample(labels, *(drift.*value));
      }
  };
  each("hone_input_drift_psi", "Population stability index of inputs against the data that the model was made with.",
       &Drift::stability);
  each("hone_clipped_ratio", "Share of numbers at the ends of the integers that store them.", &Drift::clipped);
  each("hone_clipped_expected_ratio", "The same on the data that the model was made with.", &Drift::expected_clipped);
}

/// The names that Triton Inference Server documents, for dashboards and autoscalers that know them.
void add_triton_metrics(MetricsText& out, const Models& models, double pending) {
  const auto each = [&](std::string_view name, std::string_view help, const auto& value) {
    out.family(name, "counter", help);
    for (const auto& model : models) out.sample(labels_of(*model), value(model->metrics->counts()));
  };
  using C = const ModelCounts&;
  each("nv_inference_request_success", "Number of successful inference requests.",
       [](C c) { return static_cast<double>(c.success); });
  each("nv_inference_request_failure", "Number of failed inference requests.", [](C c) {
    int64_t failed = 0;
    for (const auto& [reason, count] : c.failures) failed += count;
    return static_cast<double>(failed);
  });
  each("nv_inference_count", "Number of inferences performed.", [](C c) { return static_cast<double>(c.success); });
  each("nv_inference_exec_count", "Number of model executions.", [](C c) { return static_cast<double>(c.runs); });
  each("nv_inference_request_duration_us", "Cumulative request duration.", [](C c) { return c.request.seconds * 1e6; });
  each("nv_inference_queue_duration_us", "Cumulative queuing duration.", [](C c) { return c.total.queue * 1e6; });
  each("nv_inference_compute_input_duration_us", "Cumulative input duration.", [](C c) { return c.total.input * 1e6; });
  each("nv_inference_compute_infer_duration_us", "Cumulative compute duration.",
       [](C c) { return c.total.infer * 1e6; });
  each("nv_inference_compute_output_duration_us", "Cumulative output duration.",
       [](C c) { return c.total.output * 1e6; });
  out.family("nv_inference_pending_request_count", "gauge", "Requests awaiting execution.");
  for (const auto& model : models) out.sample(labels_of(*model), pending);
}

}  // namespace

void Service::page(const CallPtr& call) {
  call->answer({.body = std::string(kPage),
                .content_type = "text/html; charset=utf-8",
                .headers = {{"Content-Security-Policy",
                             "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                             "connect-src 'self'; img-src blob:"}}});
}

void Service::metrics(const CallPtr& call) {
  const Models models = repository_.active();
  MetricsText out;
  add_model_metrics(out, models);
  add_drift_metrics(out, models);
  out.family("hone_pending_requests", "gauge", "Requests that wait for a worker.");
  const double pending = static_cast<double>(queue_.waiting());
  out.sample({}, pending);
  out.family("hone_running_requests", "gauge", "Requests that workers are at.");
  out.sample({}, static_cast<double>(running_.load()));
  out.family("hone_workers", "gauge", "Requests that can run at once.");
  out.sample({}, queue_.workers());
  if (options_.connections) {
    out.family("hone_connections", "gauge", "Open connections.");
    out.sample({}, options_.connections());
  }
  out.family("hone_model_ready", "gauge", "1 for versions that serve, 0 for those that could not be loaded.");
  for (const VersionState& state : repository_.index())
    out.sample({{"model", state.model}, {"version", cat(state.version)}}, state.is_ready ? 1 : 0);
  if (options_.has_triton_metrics) add_triton_metrics(out, models, pending);
  add_process_metrics(out);
  call->answer({.body = out.take(), .content_type = "text/plain; version=0.0.4"});
}

void Service::live(const CallPtr& call) {
  Json json;
  json["live"] = true;
  call->answer(json);
}

void Service::ready(const CallPtr& call) {
  const bool is_ready = !is_ending_ && repository_.is_ready();
  Json json;
  json["ready"] = is_ready;
  call->answer({.status = is_ready ? 200 : 503, .body = json.dump()});
}

void Service::server(const CallPtr& call) {
  Json json;
  json["name"] = "hone";
  json["version"] = HONE_VERSION;
  json["extensions"] = Json::list(std::vector<std::string>{"binary_tensor_data", "classification", "model_repository",
                                                           "schedule_policy", "statistics"});
  call->answer(json);
}

void Service::model(const CallPtr& call) {
  const auto model = model_of(*call);
  Json json;
  json["name"] = model->name;
  json["versions"] = Json::list(std::vector<std::string>{cat(model->version)});
  json["platform"] = cat("hone_", model->format);
  json["inputs"] = ports_json(model->signature.inputs);
  json["outputs"] = ports_json(model->signature.outputs);
  call->answer(json);
}

void Service::model_ready(const CallPtr& call) {
  const auto model = model_of(*call);
  Json json;
  json["name"] = model->name;
  json["ready"] = !is_ending_;
  call->answer({.status = is_ending_ ? 503 : 200, .body = json.dump()});
}

void Service::statistics(const CallPtr& call) {
  Json json;
  Json& list = json["model_stats"] = Json::array();
  if (call->model.empty())
    for (const auto& model : repository_.active()) list.push_back(statistics_json(*model));
  else
    list.push_back(statistics_json(*model_of(*call)));
  call->answer(json);
}

void Service::index(const CallPtr& call) {
  const Json asked = call->request.body.empty() ? Json::object() : Json::parse(call->request.body);
  const Json* only_ready = asked.find("ready");
  const bool is_ready_wanted = only_ready && only_ready->as_bool();
  Json json = Json::array();
  for (const VersionState& state : repository_.index()) {
    if (is_ready_wanted && !state.is_ready) continue;
    Json item;
    item["name"] = state.model;
    item["version"] = cat(state.version);
    item["state"] = state.is_ready ? "READY" : "UNAVAILABLE";
    item["reason"] = state.reason;
    json.push_back(std::move(item));
  }
  call->answer(json);
}

void Service::require_control() const {
  if (!options_.allows_control)
    throw unsupported("clients may not load and unload models here", "hone serve --allow-control permits it");
}

namespace {

/// A worker does `work` and answers the call: loading takes time.
template <class CallPtr, class Work>
void queue_control(WorkQueue& queue, const CallPtr& call, Work work) {
  const bool is_queued = queue.try_push({[call, work = std::move(work)](int) {
    try {
      work();
      call->answer(Json::object());
    } catch (const Error& e) {
      call->answer(error_response(e));
    } catch (const std::exception& e) {
      call->answer(error_response(internal_error(e.what())));
    }
  }});
  if (!is_queued) throw resource_error("the queue is full, come again");
}

}  // namespace

void Service::load(const CallPtr& call) {
  require_control();
  const Json asked = call->request.body.empty() ? Json::object() : Json::parse(call->request.body);
  if (const Json* parameters = asked.find("parameters"); parameters && !parameters->as_object().empty())
    throw unsupported("models are loaded as they lie on disk, without parameters");
  queue_control(queue_, call, [this, call] { repository_.load(call->model); });
}

void Service::unload(const CallPtr& call) {
  require_control();
  queue_control(queue_, call, [this, call] { repository_.unload(call->model); });
}

}  // namespace hone
