#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   ///< "GET", "POST", …
  std::string target;   ///< as it was sent, "/v2/models/x?top=5"
  HttpHeaders headers;  ///< names in lower case
  std::string body;

  /// The value of a header, "" when there is none; `name` in lower case.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  HttpHeaders headers = {};
};

struct HttpOptions {
  std::string address = "127.0.0.1";  ///< a number, IPv4 or IPv6; "::" and "0.0.0.0" are all of the machine's
  int port = 8000;                    ///< 0: any that is free
  std::string tls_certificate = {};   ///< PEM files; with them HTTPS alone is spoken
  std::string tls_key = {};
  int64_t max_body_bytes = 64 << 20;
  int64_t max_pending_bytes = int64_t{1} << 30;  ///< of all bodies that are being read or answered; more gets 503
  int64_t max_header_bytes = 16 << 10;
  int max_connections = 1024;
  double idle_seconds = 75;      ///< for the next request's headers to have come whole
  double transfer_seconds = 30;  ///< for a body to come, and for an answer to be taken
  double lame_seconds = 0;       ///< after a signal connections are still taken for so long
  double drain_seconds = 25;     ///< then requests that are being answered have so long
};

/// HTTP/1.1 on one thread (Boost.Beast), with or without TLS. A request takes bounded memory and time, however slowly
/// it comes, and so do all of them together.
class HttpServer {
 public:
  /// Sends the answer to a request, once, from any thread. Without one 503 is answered when the last copy ends.
  using Reply = std::function<void(HttpResponse)>;
  /// Called on the server's thread for each request: must not block. What it throws ends that request alone.
  using Handler = std::function<void(HttpRequest, Reply)>;

  /// Listens from here on. Throws Error(invalid_argument) for an address that is none, Error(io) when it is
  /// taken, and what TlsContext throws.
  HttpServer(const HttpOptions& options, Handler handler);
  ~HttpServer();

  int port() const;
  int connections() const;
  /// Serves until SIGTERM or SIGINT came or stop() was called, and the requests begun until then are answered or
  /// drain_seconds over. `on_stop` is called when the end begins.
  void run(const std::function<void()>& on_stop = {});
  /// As SIGTERM does, from any thread.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
