#include "serve/server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "serve/grpc_server.h"
#include "serve/notify.h"

namespace hone {

namespace {

/// Calls `work` every so many seconds on a thread of its own, until it ends.
class Periodic {
 public:
  Periodic(double seconds, std::function<void()> work) {
    if (seconds <= 0) return;
    thread_ = std::thread([this, seconds, work = std::move(work)] {
      std::unique_lock lock(mutex_);
      while (!wake_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return is_ending_; })) {
        lock.unlock();
        work();
        lock.lock();
      }
    });
  }
  ~Periodic() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_ending_ = false;
  std::thread thread_;
};

void scan_again(Repository& repository, const std::function<void(const std::string&)>& log) {
  try {
    repository.scan();
  } catch (const std::exception& e) {
    if (log) log(cat("cannot look at the models: ", e.what()));
  }
}

ErrorCode code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return e.code();
  } catch (const std::bad_alloc&) {
    return ErrorCode::kResource;
  } catch (...) {
    return ErrorCode::kInternal;
  }
}

/// Loads what is there. At least one model must serve: else the first error, whose text was logged, gives its code.
void load_first(Repository& repository) {
  repository.scan();
  if (!repository.active().empty()) return;
  for (const VersionState& state : repository.index()) {
    if (!state.error) throw not_found(state.reason);
    throw Error(code_of(state.error), "no model serves", "the reasons stand above");
  }
  throw not_found("no model was found", "hone serve MODEL, or a folder NAME/VERSION/model.tflite");
}

/// Bodies have room for what may wait and run, and half of what memory is free, which the servers share.
HttpOptions with_room(HttpOptions http, const ServiceOptions& service, int servers) {
  const int64_t requests = std::min<int64_t>(service.queue + service.workers, 1 << 16);
  http.max_pending_bytes = std::min(http.max_body_bytes, free_memory() / 2 / servers / requests) * requests;
  return http;
}

}  // namespace

void serve(const ServeOptions& options, const ModelReader& read, const Engine& engine) {
  const auto& log = options.repository.log;
  Repository repository(options.repository, read, engine);
  // Listening comes before loading: a port that is taken is said at once, and who asks too early waits.
  Service* service = nullptr;
  const auto handle = [&service](HttpRequest request, HttpServer::Reply reply) {
    service->handle(std::move(request), std::move(reply));
  };
  HttpOptions http = with_room(options.http, options.service, options.grpc_port >= 0 ? 2 : 1);
  HttpServer server(http, handle);
  std::optional<GrpcServer> grpc;
  http.port = options.grpc_port;
  if (options.grpc_port >= 0)
    grpc.emplace(http, handle, [&service](const HttpRequest& request) { return service->may_ask(request); });
  ServiceOptions service_options = options.service;
  service_options.connections = [&server, &grpc] { return server.connections() + (grpc ? grpc->connections() : 0); };
  Service answers(repository, std::move(service_options));
  service = &answers;
  load_first(repository);
  const Periodic poll(options.poll_seconds, [&] { scan_again(repository, log); });
  const Periodic watchdog(watchdog_seconds() / 2, [] { notify_manager("WATCHDOG=1"); });
  if (grpc) grpc->start();
  const std::string_view secure = options.http.tls_key.empty() ? "" : "s";
  if (log && grpc) log(cat("listening on grpc", secure, "://", options.http.address, ":", grpc->port()));
  if (log) log(cat("listening on http", secure, "://", options.http.address, ":", server.port()));
  notify_manager("READY=1");
  server.run([&] {
    if (grpc) grpc->end();
    answers.end();
    notify_manager("STOPPING=1");
    if (log) log("ending: no new connections, requests that were begun are answered");
  });
  if (grpc) grpc->join();
}

}  // namespace hone
