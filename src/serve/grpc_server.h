#pragma once

#include <functional>
#include <memory>

#include "serve/http_server.h"

namespace hone {

/// gRPC on a thread of its own: unary calls over HTTP/2 (nghttp2), with or without TLS, each asked of the same handler
/// as requests over REST. Calls take bounded memory and time as those do.
class GrpcServer {
 public:
  /// Whether the handler would hear who asks with these headers. Of others no message is translated.
  using Gate = std::function<bool(const HttpRequest&)>;

  /// Listens from here on, on options.address and options.port. Throws as HttpServer.
  GrpcServer(const HttpOptions& options, HttpServer::Handler handler, Gate gate);
  /// Ends at once what is still there.
  ~GrpcServer();

  int port() const;
  int connections() const;
  void start();
  /// Calls are taken for lame_seconds still, then those that were begun have drain_seconds. From any thread.
  void end();
  /// Waits for the end.
  void join();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
