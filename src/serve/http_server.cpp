#include "serve/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "serve/client_stream.h"
#include "serve/listen.h"
#include "serve/ticket.h"

namespace hone {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using ErrorCodeOf = boost::system::error_code;

std::chrono::milliseconds duration_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(std::clamp(seconds, 0.0, 1e6) * 1000));
}

HttpRequest request_of(http::request<http::string_body>&& message) {
  HttpRequest out;
  out.method = std::string(message.method_string());
  out.target = std::string(message.target());
  for (const auto& field : message) out.headers.emplace_back(lower(std::string(field.name_string())), field.value());
  out.body = std::move(message.body());
  return out;
}

HttpResponse refusal(int status, const std::string& text) {
  return {.status = status, .body = cat("{\"error\":\"", text, "\"}")};
}

/// What is answered when a request cannot be read; none: the connection is gone or only slow.
std::optional<HttpResponse> refusal_of(const ErrorCodeOf& error, const HttpOptions& options) {
  if (error == http::error::body_limit)
    return refusal(413, cat("the body is larger than ", options.max_body_bytes, " bytes: hone serve --max-body"));
  if (error == http::error::header_limit)
    return refusal(431, cat("the headers are larger than ", options.max_header_bytes, " bytes"));
  const bool is_gone = error == http::error::end_of_stream || error == http::error::partial_message ||
                       error.category() != http::make_error_code(http::error::bad_method).category();
  if (is_gone) return std::nullopt;
  return refusal(400, cat("this is not HTTP/1.1: ", error.message()));
}

}  // namespace

HttpResponse come_again(const std::string& text) {
  HttpResponse response = refusal(503, text);
  response.headers = {{"Retry-After", "1"}};
  return response;
}

struct HttpServer::State {
  class Connection;

  HttpOptions options;
  Handler handler;
  std::optional<TlsContext> tls;
  std::function<void()> on_stop;
  bool is_ending = false;    ///< a signal came
  bool is_draining = false;  ///< nothing new is taken
  std::set<Connection*> connections;
  std::atomic<int> connection_count{0};
  int64_t pending_bytes = 0;    ///< room that connections have for bodies
  bool is_accepting = false;    ///< a connection, or the time to take one, is waited for
  asio::io_context context{1};  // ends before what its connections use
  tcp::acceptor acceptor{context};
  asio::signal_set signals{context};
  asio::steady_timer retry{context}, timer{context};

  ~State() { is_draining = false; }  // connections that end from here on end nothing else
  void accept();
  void accept_later();
  void begin_end();
  void drain();
  void end_when_idle();
};

/// One client. Keeps itself alive by the operation that is under way.
class HttpServer::State::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(State& server, tcp::socket socket)
      : server_(server), stream_(std::move(socket), server.tls ? &*server.tls : nullptr) {
    server_.connections.insert(this);
    ++server_.connection_count;
  }
  ~Connection() {
    release_room();
    server_.connections.erase(this);
    --server_.connection_count;
    server_.end_when_idle();
  }

  void read_header() {
    if (server_.is_draining) return close();
    is_busy_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(server_.options.max_header_bytes));
    parser_->body_limit(static_cast<uint64_t>(server_.options.max_body_bytes));
    stream_.tcp().expires_after(duration_of(server_.options.idle_seconds));
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](ErrorCodeOf error, size_t) { self->after_header(error); });
  }

  bool is_busy() const { return is_busy_; }
  void close() { stream_.close(); }
  void write(HttpResponse response);

 private:
  void after_header(ErrorCodeOf error) {
    if (error) return refuse(error);
    is_busy_ = true;
    stream_.tcp().expires_after(duration_of(server_.options.transfer_seconds));
    if (!take_room()) return refuse_for_want_of_room();
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    asio::async_write(stream_, asio::buffer(kContinue), [self = shared_from_this()](ErrorCodeOf failed, size_t) {
      failed ? self->close() : self->read_body();
    });
  }
  /// Room for the body is taken before it is read, all that it may have where its length is not said.
  bool take_room() {
    const auto stated = parser_->content_length();
    const int64_t most = server_.options.max_body_bytes;
    const int64_t wanted = stated ? static_cast<int64_t>(*stated) : parser_->chunked() ? most : 0;
    if (wanted > std::max(server_.options.max_pending_bytes, most) - server_.pending_bytes) return false;
    server_.pending_bytes += room_ = wanted;
    return true;
  }
  void release_room() { server_.pending_bytes -= std::exchange(room_, 0); }
  void refuse_for_want_of_room() {
    is_keep_alive_ = false;
    write(come_again("the bodies of other requests take all the room that there is for them"));
  }
  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCodeOf error, size_t) { self->after_body(error); });
  }
  void after_body(ErrorCodeOf error) {
    if (error) return refuse(error);
    // The answer takes as long as it takes; a client that goes away meanwhile is noticed when it is written.
    stream_.tcp().expires_never();
    http::request<http::string_body> message = parser_->release();
    is_keep_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    version_ = message.version();
    server_.handler(request_of(std::move(message)), reply_to(server_.context, shared_from_this()));
  }
  void refuse(ErrorCodeOf error) {
    is_keep_alive_ = false;
    std::optional<HttpResponse> response = refusal_of(error, server_.options);
    if (!response) return close();
    stream_.tcp().expires_after(duration_of(server_.options.transfer_seconds));
    write(std::move(*response));
  }
  /// Says that nothing more comes and reads what the client still sends, a little while: closing at once would take
  /// back an answer that is still under way.
  void linger() {
    if (lingered_ == 0) stream_.end_sending();
    is_busy_ = false;
    const auto now = std::chrono::steady_clock::now();
    if (lingered_ == 0) linger_end_ = now + duration_of(server_.options.transfer_seconds);
    if (lingered_ >= kMaxLinger || now >= linger_end_ || server_.is_draining) return close();
    stream_.tcp().expires_after(std::chrono::seconds(2));
    stream_.tcp().async_read_some(asio::buffer(spill_), [self = shared_from_this()](ErrorCodeOf error, size_t got) {
      self->lingered_ += got;
      error ? self->close() : self->linger();
    });
  }

  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  static constexpr size_t kMaxLinger = 4 << 20;

  State& server_;
  ClientStream stream_;
  beast::flat_buffer buffer_{size_t{1} << 20};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> answer_;
  std::array<char, 4096> spill_;
  int64_t room_ = 0;
  size_t lingered_ = 0;
  std::chrono::steady_clock::time_point linger_end_;
  unsigned version_ = 11;
  bool is_busy_ = false, is_keep_alive_ = false, is_head_ = false;
};

void HttpServer::State::Connection::write(HttpResponse response) {
  release_room();
  is_keep_alive_ = is_keep_alive_ && !server_.is_ending;
  answer_.emplace(static_cast<http::status>(response.status), version_);
  answer_->set(http::field::server, "hone");
  answer_->set(http::field::content_type, response.content_type);
  answer_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) answer_->set(name, value);
  answer_->keep_alive(is_keep_alive_);
  answer_->body() = std::move(response.body);
  answer_->prepare_payload();
  if (is_head_) answer_->body().clear();
  stream_.tcp().expires_after(duration_of(server_.options.transfer_seconds));
  http::async_write(stream_, *answer_, [self = shared_from_this()](ErrorCodeOf error, size_t) {
    if (!error && self->is_keep_alive_) return self->read_header();
    if (error) return self->close();
    self->linger();
  });
}

void HttpServer::State::accept() {
  acceptor.async_accept([this](ErrorCodeOf error, tcp::socket socket) {
    is_accepting = false;
    if (is_draining) return;
    if (error) return accept_later();  // no more files may be opened: others must close first
    if (connection_count < options.max_connections) {
      socket.set_option(tcp::no_delay(true), error);
      std::make_shared<Connection>(*this, std::move(socket))->read_header();
    }
    accept();
  });
  is_accepting = true;
}

void HttpServer::State::accept_later() {
  retry.expires_after(std::chrono::milliseconds(50));
  retry.async_wait([this](ErrorCodeOf) {
    is_accepting = false;
    if (!is_draining) accept();
  });
  is_accepting = true;
}

void HttpServer::State::begin_end() {
  if (is_ending) return;
  is_ending = true;
  timer.expires_after(duration_of(options.lame_seconds));
  timer.async_wait([this](ErrorCodeOf) { drain(); });
  if (on_stop) on_stop();
}

void HttpServer::State::drain() {
  is_draining = true;
  ErrorCodeOf ignored;
  acceptor.close(ignored);
  signals.cancel(ignored);
  retry.cancel();
  for (Connection* connection : std::vector(connections.begin(), connections.end()))
    if (!connection->is_busy()) connection->close();
  timer.expires_after(duration_of(options.drain_seconds));
  timer.async_wait([this](ErrorCodeOf error) {
    if (!error) context.stop();
  });
  end_when_idle();
}

void HttpServer::State::end_when_idle() {
  if (is_draining && connections.empty()) timer.cancel();
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

HttpServer::HttpServer(const HttpOptions& options, Handler handler) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->handler = std::move(handler);
  if (options.tls_certificate.empty() != options.tls_key.empty())
    throw invalid_argument("a certificate comes with its key", "hone serve --tls-cert FILE --tls-key FILE");
  if (!options.tls_certificate.empty()) state_->tls.emplace(options.tls_certificate, options.tls_key, Protocol::kHttp1);
  listen_on(state_->acceptor, options, "--http-port");
}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return state_->acceptor.local_endpoint().port(); }
int HttpServer::connections() const { return state_->connection_count; }

void HttpServer::run(const std::function<void()>& on_stop) {
  State& s = *state_;
  s.on_stop = on_stop;
  s.signals.add(SIGTERM);
  s.signals.add(SIGINT);
  s.signals.async_wait([&s](ErrorCodeOf error, int) {
    if (!error) s.begin_end();
  });
  // What throws here, for want of memory, takes its own connection with it and nothing else.
  for (bool is_over = false; !is_over;) {
    try {
      if (!s.is_accepting && !s.is_draining) s.accept();
      s.context.run();
      is_over = true;
    } catch (const std::exception&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

void HttpServer::stop() {
  asio::post(state_->context, [s = state_.get()] { s->begin_end(); });
}

}  // namespace hone
