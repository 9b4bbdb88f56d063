#include "base/text.h"
#include "data/preprocess.h"
#include "serve/call.h"

namespace hone {

namespace {

/// Seconds since `*from`, which becomes now.
double lap(std::chrono::steady_clock::time_point* from) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - *from).count();
  *from = now;
  return seconds;
}

std::optional<size_t> json_size_of(const HttpRequest& request) {
  const std::string_view text = request.header("inference-header-content-length");
  if (text.empty()) return std::nullopt;
  const auto size = parse_int(text);
  if (!size || *size < 0)
    throw invalid_argument(cat("Inference-Header-Content-Length is '", text, "', expected a number"));
  return static_cast<size_t>(*size);
}

/// Each request begins with the states of a first run.
const std::vector<Tensor>& run(ServedModel& model, int worker, std::span<const Tensor> inputs) {
  Session& session = model.session(worker);
  if (!model.program->graph().states().empty()) session.reset_states();
  return session.run(inputs);
}

/// Scores of classes: one row of at least two numbers.
bool is_scores(const Tensor& t) { return t.rank() >= 1 && t.elements() >= 2 && t.dim(t.rank() - 1) == t.elements(); }

}  // namespace

void Service::infer(const CallPtr& call) {
  const std::string_view body = call->request.body;
  const auto json_size = parse_int(call->request.header("inference-header-content-length"));
  const size_t size = json_size && *json_size >= 0 ? static_cast<size_t>(*json_size) : body.size();
  enqueue(call, stated_priority(body.substr(0, size)), &Service::compute_infer);
}

void Service::classify(const CallPtr& call) {
  const int64_t priority = call->query_number("priority", 0);
  require_priority(priority);
  enqueue(call, static_cast<int>(priority), &Service::compute_classes);
}

HttpResponse Service::compute_infer(Call& call, ServedModel& model, int worker, RequestTime& time) {
  auto clock = Clock::now();
  const InferRequest request = parse_infer(model.signature, call.request.body, json_size_of(call.request));
  time.input = lap(&clock);
  if (const double waited = call.seconds() * 1e6;
      request.timeout_us > 0 && waited > static_cast<double>(request.timeout_us)) {
    Json late;
    late["error"] = cat("the request's timeout of ", request.timeout_us, " µs was over before it was begun");
    return {.status = 504, .body = late.dump()};
  }
  const std::vector<Tensor>& outputs = run(model, worker, request.inputs);
  time.infer = lap(&clock);
  InferAnswer answer = render_infer({model.name, model.version}, model.signature, request, outputs, model.labels);
  time.output = lap(&clock);
  HttpResponse response{.body = std::move(answer.body)};
  if (answer.json_size) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", cat(*answer.json_size));
  }
  return response;
}

HttpResponse Service::compute_classes(Call& call, ServedModel& model, int worker, RequestTime& time) {
  auto clock = Clock::now();
  const int64_t top = call.query_number("top", 5);
  if (top < 1) throw invalid_argument(cat("top is ", top, ", expected 1 or more"));
  if (model.specs.size() != 1)
    throw invalid_argument(cat("the model has ", model.specs.size(), " inputs, a picture is one"),
                           "POST .../infer takes any inputs");
  const Tensor input = load_input_bytes(call.request.body, model.specs.front());
  time.input = lap(&clock);
  const std::vector<Tensor>& outputs = run(model, worker, std::span(&input, 1));
  time.infer = lap(&clock);
  if (outputs.empty() || !is_scores(outputs.front()))
    throw invalid_argument("the model's first output is no row of scores", "POST .../infer gives outputs as they are");
  Json json;
  json["model_name"] = model.name;
  json["model_version"] = cat(model.version);
  json["output"] = model.signature.outputs.front().name;
  Json& classes = json["classes"] = Json::array();
  for (const ClassScore& c : largest_scores(to_doubles(outputs.front()), top)) {
    Json item;
    item["class"] = c.index;
    item["score"] = parse_double(to_text(static_cast<float>(c.score))).value_or(c.score);
    if (static_cast<size_t>(c.index) < model.labels.size()) item["label"] = model.labels[static_cast<size_t>(c.index)];
    classes.push_back(std::move(item));
  }
  time.output = lap(&clock);
  return {.body = json.dump()};
}

}  // namespace hone
