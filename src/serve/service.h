#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "serve/http_server.h"
#include "serve/repository.h"
#include "serve/work_queue.h"

namespace hone {

struct ServiceOptions {
  int workers = 1;            ///< requests that run at once
  int64_t queue = 64;         ///< requests that may wait
  double queue_seconds = 10;  ///< a request that waited longer is not begun (504)
  double batch_seconds = 0;   ///< that a request waits for others, where its model answers several at once
  /// SHA-256 of the tokens one of which a request must bring (RFC 6750), except for its health; empty: none is asked.
  std::vector<std::string> token_digests = {};
  bool allows_control = false;                                   ///< clients may load and unload models
  bool has_triton_metrics = false;                               ///< /metrics has Triton's names too
  std::function<void(const std::string& line)> access_log = {};  ///< a JSON object for each request
  std::function<int()> connections = {};                         ///< for /metrics
};

/// Answers requests: the Open Inference Protocol v2 over REST with its extensions (binary tensor data, model
/// repository, statistics, classification), pictures, metrics, and a page for people. What computes goes through the
/// queue; everything else is answered at once.
class Service {
 public:
  Service(Repository& repository, ServiceOptions options);

  /// Never throws: whatever goes wrong is an answer {"error": …} with the status of http_status().
  void handle(HttpRequest request, HttpServer::Reply reply);
  /// Whether the request brings a token, where one is asked for.
  bool may_ask(const HttpRequest& request) const;
  /// Not ready from here on; requests are answered still.
  void end() { is_ending_ = true; }

 private:
  struct Call;
  struct Route;
  struct Asked;
  using CallPtr = std::shared_ptr<Call>;
  using Clock = std::chrono::steady_clock;
  /// Computes an answer on a worker and says where the time went.
  using Compute = HttpResponse (Service::*)(Call&, ServedModel&, int worker, RequestTime&);

  static std::span<const Route> routes();
  void dispatch(const CallPtr& call);
  /// `priority`: 1 (first) to 3; 0: the usual one.
  void enqueue(const CallPtr& call, int priority, Compute compute);
  void work(const CallPtr& call, ServedModel& model, Compute compute, int worker);
  void work_together(std::vector<CallPtr> calls, ServedModel& model, int worker);
  void answer_rows(std::span<Asked> asked, ServedModel& model, int worker);
  /// What there is to answer when the call waited too long; `time` says how long it did.
  std::optional<HttpResponse> late_answer(const Call& call, RequestTime& time) const;
  void finish(Call& call, ServedModel& model, const RequestTime& time, HttpResponse response);

  void page(const CallPtr& call);
  void metrics(const CallPtr& call);
  void live(const CallPtr& call);
  void ready(const CallPtr& call);
  void server(const CallPtr& call);
  void model(const CallPtr& call);
  void model_ready(const CallPtr& call);
  void statistics(const CallPtr& call);
  void index(const CallPtr& call);
  void load(const CallPtr& call);
  void unload(const CallPtr& call);
  void infer(const CallPtr& call);
  void classify(const CallPtr& call);

  HttpResponse compute_infer(Call& call, ServedModel& model, int worker, RequestTime& time);
  HttpResponse compute_classes(Call& call, ServedModel& model, int worker, RequestTime& time);
  std::shared_ptr<ServedModel> model_of(const Call& call) const;
  void require_control() const;

  Repository& repository_;
  ServiceOptions options_;
  std::atomic<bool> is_ending_{false};
  std::atomic<int64_t> running_{0};
  WorkQueue queue_;  ///< ends first: what it does uses the rest
};

/// SHA-256 of each line of `path` that is not empty. Throws Error(invalid_argument) when there is none.
std::vector<std::string> read_token_digests(const std::string& path);

/// HTTP status of an error: 400, 404, 500, 501 or 503.
int http_status(ErrorCode code);

}  // namespace hone
