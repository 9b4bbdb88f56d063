#include <ctime>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "serve/batch.h"
#include "serve/server.h"

namespace hone {

namespace {

struct Options {
  std::vector<std::string> models;
  ModelArgs model;
  EngineArgs engine;
  ServeOptions serve;
  int64_t port = 8000, grpc_port = -1, workers = 0, connections = 1024, queue = 64;
  int64_t batch_delay = 0;
  int64_t max_body = 64'000'000;
  std::string tokens;
  bool has_access_log = false;
};

int run(Options o, Console& console) {
  if (o.models.empty()) throw invalid_argument("no model was named", "hone serve model.tflite");
  if (o.serve.repository.batch > kMaxBatch)
    throw invalid_argument(cat("--batch ", o.serve.repository.batch, ": expected 1 to ", kMaxBatch));
  if (o.batch_delay > 10'000'000)
    throw invalid_argument(cat("--batch-delay ", o.batch_delay, ": expected at most 10000000 µs"));
  if (o.workers > 256) throw invalid_argument(cat("--workers ", o.workers, ": expected 0 to 256"));
  const auto mutex = std::make_shared<std::mutex>();
  const auto log = [&console, mutex](const std::string& line) {
    const std::lock_guard lock(*mutex);
    console.note(line);
  };
  o.serve.http.port = static_cast<int>(std::min<int64_t>(o.port, 1 << 20));
  o.serve.grpc_port = static_cast<int>(std::min<int64_t>(o.grpc_port, 1 << 20));
  o.serve.http.max_connections = static_cast<int>(std::min<int64_t>(o.connections, 1 << 20));
  o.serve.http.max_body_bytes = o.max_body;
  o.serve.repository.paths = o.models;
  o.serve.repository.workers = o.serve.service.workers = o.workers == 0 ? usable_cpus() : static_cast<int>(o.workers);
  o.serve.repository.log = log;
  o.serve.service.queue = o.queue;
  o.serve.service.batch_seconds = static_cast<double>(o.batch_delay) * 1e-6;
  if (!o.tokens.empty()) o.serve.service.token_digests = read_token_digests(o.tokens);
  if (o.has_access_log) o.serve.service.access_log = log;
  const auto read = [model = o.model](const std::string& path) {
    ModelArgs one = model;
    one.path = path;
    return one.load();
  };
  serve(o.serve, read, o.engine.engine());
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  args.positional("MODEL", o->models, "models, NAME=MODEL, folders of versions, or a folder of those");
  args.option("--host", "ADDRESS", o->serve.http.address, "listen here; 0.0.0.0: on all of the machine's addresses");
  args.option("--http-port", "N", o->port, "port; 0: any that is free", 0);
  args.option("--grpc-port", "N", o->grpc_port, "gRPC too, on this port; 0: any that is free", -1);
  args.option("--tls-cert", "FILE", o->serve.http.tls_certificate,
              "certificate in PEM: TLS is spoken, and nothing else");
  args.option("--tls-key", "FILE", o->serve.http.tls_key, "its key");
  args.option("--token-file", "FILE", o->tokens, "tokens, one a line; without one of them only health is told");
  args.option("--key", "FILE", o->serve.repository.key, "public key in PEM: only models that it signed serve");
  args.option("--workers", "N", o->workers, "requests that run at once; 0: one for each usable CPU", 0);
  args.option("--batch", "N", o->serve.repository.batch,
              "requests that one run may answer, up to 64, where only the first size of a model's inputs is open", 1);
  args.option("--batch-delay", "US", o->batch_delay, "microseconds that a request may wait for others of its batch", 0);
  args.option("--queue", "N", o->queue, "requests that may wait; more are refused with 503", 1);
  args.option("--queue-timeout", "S", o->serve.service.queue_seconds, "a request that waited longer is not begun", 0);
  args.option("--poll", "S", o->serve.poll_seconds, "seconds between looks for new versions; 0: none", 0);
  args.size_option("--max-body", o->max_body, "largest request body; 64MB unless said");
  args.option("--max-connections", "N", o->connections, "open at once", 1);
  args.option("--idle-timeout", "S", o->serve.http.idle_seconds, "for the next request of a connection to come", 1);
  args.option("--transfer-timeout", "S", o->serve.http.transfer_seconds, "for a body to come, an answer to go", 1);
  args.option("--lame-duck", "S", o->serve.http.lame_seconds, "not ready but still listening so long after SIGTERM", 0);
  args.option("--drain", "S", o->serve.http.drain_seconds, "then requests that were begun have so long", 0);
  args.flag("--allow-control", o->serve.service.allows_control, "clients may load and unload models");
  args.flag("--triton-metrics", o->serve.service.has_triton_metrics, "/metrics has Triton's names too");
  args.flag("--access-log", o->has_access_log, "a JSON line on standard error for each request");
  o->model.declare_shapes(args);
  o->engine.declare(args);
  return [o](Console& console) { return run(*o, console); };
}

}  // namespace

const Command kServeCommand{"serve", "answer requests over HTTP: the Open Inference Protocol v2, pictures, metrics",
                            "hone serve model.tflite\n"
                            "hone serve model.tflite face=model.onnx --host 0.0.0.0 --workers 1 --threads 0",
                            "Each model is served under its file's name. A folder NAME/VERSION/model.tflite serves its "
                            "highest version; a newer "
                            "one that appears takes its place once it was loaded and repeated the golden samples "
                            "beside it. Without --host only "
                            "this machine is answered: --tls-cert and --token-file before that is changed.",
                            setup};

}  // namespace hone
