#include "serve/service.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <new>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "serve/call.h"

namespace hone {

/// A path with the method that it takes. {model} and {version} stand for one segment each.
struct Service::Route {
  std::string_view method, pattern;
  void (Service::*handle)(const CallPtr&);
  bool is_open = false;  ///< without a token too: what watches over processes has none
};

std::span<const Service::Route> Service::routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/", &Service::page},
      Route{"GET", "/metrics", &Service::metrics},
      Route{"GET", "/v2", &Service::server},
      Route{"GET", "/v2/health/live", &Service::live, true},
      Route{"GET", "/v2/health/ready", &Service::ready, true},
      Route{"GET", "/v2/models/stats", &Service::statistics},
      Route{"GET", "/v2/models/{model}", &Service::model},
      Route{"GET", "/v2/models/{model}/ready", &Service::model_ready},
      Route{"GET", "/v2/models/{model}/stats", &Service::statistics},
      Route{"POST", "/v2/models/{model}/infer", &Service::infer},
      Route{"POST", "/v2/models/{model}/classify", &Service::classify},
      Route{"GET", "/v2/models/{model}/versions/{version}", &Service::model},
      Route{"GET", "/v2/models/{model}/versions/{version}/ready", &Service::model_ready},
      Route{"GET", "/v2/models/{model}/versions/{version}/stats", &Service::statistics},
      Route{"POST", "/v2/models/{model}/versions/{version}/infer", &Service::infer},
      Route{"POST", "/v2/models/{model}/versions/{version}/classify", &Service::classify},
      Route{"POST", "/v2/repository/index", &Service::index},
      Route{"POST", "/v2/repository/models/{model}/load", &Service::load},
      Route{"POST", "/v2/repository/models/{model}/unload", &Service::unload},
  };
  return kRoutes;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    out += is_escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (is_escape) i += 2;
  }
  return out;
}

/// Whether the path is of this pattern; then what it names is in `model` and `version`.
bool match(std::string_view pattern, const std::vector<std::string>& path, std::string& model, std::string& version) {
  const std::vector<std::string> parts = path_segments(pattern);
  if (parts.size() != path.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "{model}")
      model = path[i];
    else if (parts[i] == "{version}")
      version = path[i];
    else if (parts[i] != path[i])
      return false;
  }
  return true;
}

/// The word that /metrics has for a failure.
std::string reason_of(int status) {
  switch (status) {
    case 503:
      return "resource";
    case 504:
      return "deadline";
    case 500:
      return "internal";
    default:
      return "invalid";
  }
}

std::string digest_of(std::string_view text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }

std::string access_line(const HttpRequest& request, const HttpResponse& response, double seconds) {
  Json line;
  line["method"] = request.method;
  line["path"] = request.target;
  line["status"] = response.status;
  line["ms"] = std::round(seconds * 1e6) / 1000;
  line["bytes_in"] = static_cast<int64_t>(request.body.size());
  line["bytes_out"] = static_cast<int64_t>(response.body.size());
  if (const std::string_view trace = request.header("traceparent"); !trace.empty()) line["traceparent"] = trace;
  return line.dump();
}

}  // namespace

std::vector<std::string> read_token_digests(const std::string& path) {
  std::vector<std::string> out;
  for (const std::string& line : split(read_file(path), '\n'))
    if (const std::string_view token = trim(line); !token.empty()) out.push_back(digest_of(token));
  if (out.empty()) throw invalid_argument(cat("there is no token in '", path, "'"), "one a line");
  return out;
}

std::vector<std::string> path_segments(std::string_view target) {
  std::vector<std::string> out;
  for (const std::string& part : split(target.substr(0, target.find('?')), '/'))
    if (!part.empty()) out.push_back(decoded(part));
  return out;
}

std::string Service::Call::query(std::string_view name) const {
  const size_t at = request.target.find('?');
  if (at == std::string::npos) return "";
  for (const std::string& part : split(std::string_view(request.target).substr(at + 1), '&'))
    if (part.starts_with(cat(name, "="))) return decoded(std::string_view(part).substr(name.size() + 1));
  return "";
}

int64_t Service::Call::query_number(std::string_view name, int64_t otherwise) const {
  const std::string text = query(name);
  if (text.empty()) return otherwise;
  const auto number = parse_int(text);
  if (!number) throw invalid_argument(cat(name, " is '", text, "', expected a number"));
  return *number;
}

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidModel:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kResource:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

HttpResponse error_response(int status, std::string_view text) {
  Json json;
  json["error"] = text;
  return {.status = status, .body = json.dump()};
}

HttpResponse error_response(const Error& error) { return error_response(http_status(error.code()), error.what()); }

Service::Service(Repository& repository, ServiceOptions options)
    : repository_(repository),
      options_(std::move(options)),
      queue_(options_.workers, static_cast<size_t>(options_.queue)) {}

void Service::handle(HttpRequest request, HttpServer::Reply reply) {
  const auto call = std::make_shared<Call>();
  call->request = std::move(request);
  // The answer holds the call no longer than it takes: it goes out through what the connection gave.
  call->reply = [this, send = std::move(reply), c = call.get()](HttpResponse response) {
    if (const std::string_view trace = c->request.header("traceparent"); !trace.empty())
      response.headers.emplace_back("traceparent", trace);
    if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
    if (options_.access_log) options_.access_log(access_line(c->request, response, c->seconds()));
    send(std::move(response));
  };
  try {
    dispatch(call);
  } catch (const Error& e) {
    call->answer(error_response(e));
  } catch (const std::exception& e) {
    call->answer(error_response(500, e.what()));
  }
}

void Service::dispatch(const CallPtr& call) {
  const std::vector<std::string> path = path_segments(call->request.target);
  const std::string method = call->request.method == "HEAD" ? "GET" : call->request.method;
  std::string allowed;
  for (const Route& route : routes()) {
    std::string version;
    if (!match(route.pattern, path, call->model, version)) continue;
    if (route.method != method) {
      allowed += cat(allowed.empty() ? "" : ", ", route.method);
      continue;
    }
    if (!route.is_open && !may_ask(call->request)) {
      HttpResponse response = error_response(401, "a token is asked for: Authorization: Bearer TOKEN");
      response.headers.emplace_back("WWW-Authenticate", "Bearer");
      return call->answer(std::move(response));
    }
    if (!version.empty()) {
      const auto number = parse_int(version);
      if (!number || *number < 0) throw not_found(cat("'", version, "' is no version, expected a number"));
      call->version = *number;
    }
    return (this->*route.handle)(call);
  }
  if (allowed.empty())
    return call->answer(error_response(404, "there is nothing at this path; GET /v2 says what there is"));
  HttpResponse response = error_response(405, cat(call->request.method, " is not taken here, ", allowed, " is"));
  response.headers.emplace_back("Allow", allowed);
  call->answer(std::move(response));
}

bool Service::may_ask(const HttpRequest& request) const {
  constexpr std::string_view kScheme = "bearer ";
  if (options_.token_digests.empty()) return true;
  const std::string_view given = request.header("authorization");
  if (lower(std::string(given.substr(0, kScheme.size()))) != kScheme) return false;
  // Digests are compared: how long that takes tells nothing of the token.
  const std::string digest = digest_of(given.substr(kScheme.size()));
  return std::find(options_.token_digests.begin(), options_.token_digests.end(), digest) !=
         options_.token_digests.end();
}

void Service::enqueue(const CallPtr& call, int priority, Compute compute) {
  const std::shared_ptr<ServedModel> model = model_of(*call);
  if (!call->request.header("content-encoding").empty())
    return call->answer(error_response(415, "compressed bodies are not taken"));
  const bool is_batched = compute == &Service::compute_infer && model->batch > 1;
  const bool is_queued = queue_.try_push({
      .work = [this, call, model, compute](int worker) { work(call, *model, compute, worker); },
      .rank = priority == 0 ? WorkQueue::kUsualRank : priority - 1,
      .kind = is_batched ? model.get() : nullptr,
      .cargo = call,
  });
  if (is_queued) return;
  model->metrics->fail("queue_full", call->seconds());
  call->answer(error_response(503, "the queue is full, come again"));
}

void Service::work(const CallPtr& call, ServedModel& model, Compute compute, int worker) {
  if (compute == &Service::compute_infer && model.batch > 1) {
    const auto delay =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.batch_seconds));
    std::vector<CallPtr> calls = {call};
    for (std::shared_ptr<void>& other :
         queue_.gather(&model, static_cast<size_t>(model.batch - 1), call->arrival + delay))
      calls.push_back(std::static_pointer_cast<Call>(std::move(other)));
    if (calls.size() > 1) return work_together(std::move(calls), model, worker);
  }
  RequestTime time;
  ++running_;
  HttpResponse response = attempt([&] {
    std::optional<HttpResponse> late = late_answer(*call, time);
    return late ? std::move(*late) : (this->*compute)(*call, model, worker, time);
  });
  --running_;
  finish(*call, model, time, std::move(response));
}

std::optional<HttpResponse> Service::late_answer(const Call& call, RequestTime& time) const {
  time.queue = call.seconds();
  if (time.queue <= options_.queue_seconds) return std::nullopt;
  return error_response(504, cat("the request waited ", human_us(time.queue * 1e6), " and was not begun"));
}

void Service::finish(Call& call, ServedModel& model, const RequestTime& time, HttpResponse response) {
  if (response.status == 200)
    model.metrics->succeed(time);
  else
    model.metrics->fail(reason_of(response.status), call.seconds());
  call.answer(std::move(response));
}

std::shared_ptr<ServedModel> Service::model_of(const Call& call) const {
  return repository_.find(call.model, call.version);
}

}  // namespace hone
