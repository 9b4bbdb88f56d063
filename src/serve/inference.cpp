#include <algorithm>
#include <bit>

#include "base/text.h"
#include "data/preprocess.h"
#include "serve/batch.h"
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

/// Runs the model, each time with the states of a first run.
const std::vector<Tensor>& run(ServedModel& model, int worker, std::span<const Tensor> inputs, RequestTime& time) {
  auto clock = std::chrono::steady_clock::now();
  Session& session = model.session(worker);
  if (!model.program->graph().states().empty()) session.reset_states();
  const std::vector<Tensor>& outputs = session.run(inputs);
  time.infer = lap(&clock);
  model.metrics->run();
  model.drift->see(inputs, outputs);
  return outputs;
}

InferRequest parsed(const HttpRequest& request, const ServedModel& model, RequestTime& time) {
  auto clock = std::chrono::steady_clock::now();
  InferRequest out = parse_infer(model.signature, request.body, json_size_of(request));
  time.input = lap(&clock);
  return out;
}

bool is_late(const InferRequest& request, double seconds) {
  return request.timeout_us > 0 && seconds * 1e6 > static_cast<double>(request.timeout_us);
}

HttpResponse too_late(const InferRequest& request) {
  return error_response(504, cat("the request's timeout of ", request.timeout_us, " µs was over before it was begun"));
}

/// One row of each input, which has a first dimension.
bool is_row(const InferRequest& request) {
  return std::all_of(request.inputs.begin(), request.inputs.end(), [](const Tensor& t) { return t.dim(0) == 1; });
}

HttpResponse rendered(const ServedModel& model, const InferRequest& request, std::span<const Tensor> outputs,
                      RequestTime& time) {
  auto clock = std::chrono::steady_clock::now();
  InferAnswer answer = render_infer({model.name, model.version}, model.signature, request, outputs, model.labels);
  time.output = lap(&clock);
  HttpResponse response{.body = std::move(answer.body)};
  if (answer.json_size) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", cat(*answer.json_size));
  }
  return response;
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
  const InferRequest request = parsed(call.request, model, time);
  if (is_late(request, call.seconds())) return too_late(request);
  const std::vector<Tensor>& outputs = run(model, worker, request.inputs, time);
  return rendered(model, request, outputs, time);
}

/// A request that was parsed.
struct Service::Asked {
  CallPtr call;
  RequestTime time;
  InferRequest request;
};

void Service::work_together(std::vector<CallPtr> calls, ServedModel& model, int worker) {
  const auto count = static_cast<int64_t>(calls.size());
  running_ += count;
  std::vector<Asked> rows, others;
  for (CallPtr& call : calls) {
    Asked one{std::move(call), {}, {}};
    bool is_parsed = false;
    HttpResponse refusal = attempt([&] {
      if (auto late = late_answer(*one.call, one.time)) return std::move(*late);
      one.request = parsed(one.call->request, model, one.time);
      if (is_late(one.request, one.call->seconds())) return too_late(one.request);
      is_parsed = true;
      return HttpResponse();
    });
    if (!is_parsed)
      finish(*one.call, model, one.time, std::move(refusal));
    else
      (is_row(one.request) ? rows : others).push_back(std::move(one));
  }
  for (std::span<Asked> left(rows); !left.empty();) {
    const size_t size = std::bit_floor(std::min(left.size(), static_cast<size_t>(model.batch)));
    answer_rows(left.first(size), model, worker);
    left = left.subspan(size);
  }
  for (Asked& one : others) answer_rows(std::span(&one, 1), model, worker);
  running_ -= count;
}

void Service::answer_rows(std::span<Asked> asked, ServedModel& model, int worker) {
  std::vector<const std::vector<Tensor>*> rows;
  for (const Asked& one : asked) rows.push_back(&one.request.inputs);
  RequestTime time;
  const std::vector<Tensor>* outputs = nullptr;
  HttpResponse failure = attempt([&] {
    outputs = &run(model, worker, asked.size() == 1 ? *rows.front() : joined_rows(rows), time);
    return HttpResponse();
  });
  const auto has_rows = [&](const Tensor& t) { return t.rank() > 0 && t.dim(0) == static_cast<int64_t>(asked.size()); };
  if (asked.size() > 1 && !(outputs && std::all_of(outputs->begin(), outputs->end(), has_rows))) {
    // Memory for all was short, say.
    for (Asked& one : asked) answer_rows(std::span(&one, 1), model, worker);
    return;
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    Asked& one = asked[i];
    one.time.infer = time.infer;
    HttpResponse response = std::move(failure);
    if (outputs)
      response = attempt([&] {
        return rendered(model, one.request, asked.size() == 1 ? *outputs : row_of(*outputs, static_cast<int64_t>(i)),
                        one.time);
      });
    finish(*one.call, model, one.time, std::move(response));
  }
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
  const std::vector<Tensor>& outputs = run(model, worker, std::span(&input, 1), time);
  clock = Clock::now();
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
