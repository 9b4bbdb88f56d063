#include "serve/grpc_server.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "serve/grpc_message.h"
#include "serve/listen.h"
#include "serve/service.h"
#include "serve/ticket.h"
#include "serve/tls.h"

namespace hone {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCodeOf = boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kPrefix = 5;          ///< of a message: whether it is compressed, and its size
constexpr uint32_t kMaxStreams = 128;  ///< calls of one connection at once
constexpr int32_t kWindow = 1 << 20;   ///< bytes of a body that may come before they are taken
constexpr size_t kWriteAtOnce = 1 << 18;
constexpr int64_t kLeastRoom = 64 << 20;  ///< for answers, where bodies must be small

std::chrono::milliseconds duration_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(std::clamp(seconds, 0.0, 1e6) * 1000));
}

std::string_view text_of(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

/// Bytes of the room that bodies and answers share, given back at the end. On the server's thread.
class Room {
 public:
  explicit Room(int64_t& taken) : taken_(taken) {}
  Room(Room&& other) noexcept : taken_(other.taken_), bytes_(std::exchange(other.bytes_, 0)) {}
  Room& operator=(Room&&) = delete;
  ~Room() { set(0); }
  void set(int64_t bytes) { taken_ += bytes - std::exchange(bytes_, bytes); }
  void add(int64_t bytes) { set(bytes_ + bytes); }

 private:
  int64_t& taken_;
  int64_t bytes_ = 0;
};

/// A call: what came of it, then what goes.
struct Stream {
  explicit Stream(int64_t& taken) : room(taken) {}
  std::string method, path, content_type, timeout;
  HttpHeaders headers;
  size_t header_bytes = 0;
  std::string body;
  Clock::time_point begun = Clock::now();
  Room room;  ///< that its body has, then its answer
  bool is_asked = false, is_answered = false;
  Clock::time_point moved;  ///< when its answer was there, or a part of it went last
  std::string answer;       ///< the message with its prefix
  size_t sent = 0;
};

/// The message in a call's body. Throws Error(invalid_argument) when there is not one, whole.
std::string_view message_in(std::string_view body) {
  uint32_t size = 0;
  if (body.size() >= kPrefix)
    for (size_t i = 1; i < kPrefix; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  if (body.size() != kPrefix + size) throw invalid_argument("the call does not hold one message");
  if (body[0] != 0) throw unsupported("compressed messages are not taken");
  return body.substr(kPrefix);
}

}  // namespace

struct GrpcServer::State {
  class Connection;
  struct Pending;

  HttpOptions options;
  HttpServer::Handler handler;
  Gate gate;
  std::optional<TlsContext> tls;
  bool is_ending = false, is_draining = false;
  int64_t pending_bytes = 0;  ///< of the bodies that came and are not answered, and of the answers that are not taken
  std::set<Connection*> connections;
  std::atomic<int> connection_count{0};
  asio::io_context context{1};  // ends before what its connections use
  tcp::acceptor acceptor{context};
  asio::steady_timer watch{context}, timer{context};
  bool is_accepting = false;
  std::thread thread;

  ~State() { is_draining = false; }
  int64_t room_left() const { return std::max(options.max_pending_bytes, options.max_body_bytes) - pending_bytes; }
  bool is_over() const { return is_draining && connections.empty(); }
  void accept();
  void watch_clients();
  void begin_end();
  void drain();
  void end_when_idle();
  void run();
};

/// One client. Keeps itself alive by the operation that is under way.
class GrpcServer::State::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(State& server, tcp::socket socket) : server_(server), socket_(std::move(socket)) {
    if (server.tls) tls_.emplace(*server.tls);
    open_session();
    server_.connections.insert(this);
    ++server_.connection_count;
  }
  ~Connection() {
    nghttp2_session_del(session_);
    server_.connections.erase(this);
    --server_.connection_count;
    server_.end_when_idle();
  }

  void begin() {
    const std::array settings = {nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
                                 nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
                                 nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                                                        static_cast<uint32_t>(server_.options.max_header_bytes)}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 4 * kWindow);
    flush();
    read();
  }
  /// No more calls are taken.
  void say_farewell() {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    flush();
  }
  /// Leaves who neither sends what he began nor takes what he asked for.
  void watch() {
    const auto now = Clock::now();
    const auto transfer = duration_of(server_.options.transfer_seconds);
    bool is_stuck = (is_writing_ && now - write_begun_ > transfer) || (!is_open() && now - begun_ > transfer);
    for (const auto& [id, stream] : streams_)
      is_stuck |= (!stream->is_asked && now - stream->begun > transfer) ||
                  (stream->is_answered && now - stream->moved > transfer);
    if (streams_.empty()) is_stuck |= now - last_read_ > duration_of(server_.options.idle_seconds);
    if (is_stuck) close();
  }
  void answer(int32_t id, const GrpcAnswer& answer) {
    if (const auto at = streams_.find(id); at != streams_.end()) respond(id, *at->second, answer);
    flush();
  }
  void close() {
    is_closed_ = true;
    ErrorCodeOf ignored;
    socket_.close(ignored);
  }

 private:
  static Connection& of(void* user) { return *static_cast<Connection*>(user); }

  void open_session() {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return guarded([&] { return of(user).begin_stream(*frame); });
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user) {
          return guarded([&] {
            return of(user).add_header(frame->hd.stream_id, text_of(name, name_size), text_of(value, value_size));
          });
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
          return guarded([&] { return of(user).add_body(id, text_of(bytes, size)); });
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return guarded([&] {
            const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
            const bool is_part = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
            if (is_last && is_part) of(user).ask(frame->hd.stream_id);
            return 0;
          });
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                           [](nghttp2_session*, int32_t id, uint32_t, void* user) {
                                                             of(user).streams_.erase(id);
                                                             return 0;
                                                           });
    const int failed = nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    if (failed != 0) throw std::bad_alloc();
  }

  /// What throws in a callback, for want of memory, ends the connection.
  template <class Work>
  static int guarded(const Work& work) noexcept {
    try {
      return work();
    } catch (const std::exception&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  int begin_stream(const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST)
      streams_.emplace(frame.hd.stream_id, std::make_unique<Stream>(server_.pending_bytes));
    return 0;
  }
  int add_header(int32_t id, std::string_view name, std::string_view value) {
    const auto at = streams_.find(id);
    if (at == streams_.end()) return 0;
    Stream& stream = *at->second;
    stream.header_bytes += name.size() + value.size();
    if (stream.header_bytes > static_cast<size_t>(server_.options.max_header_bytes))
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the stream is reset
    if (name == ":method") stream.method = value;
    if (name == ":path") stream.path = value;
    if (name == "content-type") stream.content_type = value;
    if (name == "grpc-timeout") stream.timeout = value;
    if (name == "authorization" || name == "traceparent") stream.headers.emplace_back(name, value);
    return 0;
  }
  int add_body(int32_t id, std::string_view bytes) {
    const auto at = streams_.find(id);
    if (at == streams_.end() || at->second->is_answered) return 0;
    Stream& stream = *at->second;
    const HttpOptions& o = server_.options;
    const auto size = static_cast<int64_t>(bytes.size());
    if (static_cast<int64_t>(stream.body.size()) + size > o.max_body_bytes + static_cast<int64_t>(kPrefix))
      return refuse(id, stream,
                    {.status = grpc_status(413),
                     .error = cat("the message is larger than ", o.max_body_bytes, " bytes: hone serve --max-body")});
    if (size > server_.room_left())
      return refuse(id, stream,
                    {.status = grpc_status(503), .error = "other messages take all the room that there is"});
    stream.body += bytes;
    stream.room.add(size);
    return 0;
  }
  int refuse(int32_t id, Stream& stream, const GrpcAnswer& answer) {
    respond(id, stream, answer);
    return 0;
  }
  /// One answer is always given, however large: the model makes it so.
  bool has_room_for(const GrpcAnswer& answer) const {
    const auto size = static_cast<int64_t>(answer.message.size());
    return server_.pending_bytes == 0 || size <= std::max(server_.room_left(), kLeastRoom - server_.pending_bytes);
  }

  void ask(int32_t id);

  void respond(int32_t id, Stream& stream, const GrpcAnswer& answer) {
    if (std::exchange(stream.is_answered, true)) return;
    stream.moved = Clock::now();
    stream.body = {};
    stream.room.set(0);
    if (answer.status == 0 && !has_room_for(answer)) {
      stream.is_answered = false;
      return respond(id, stream,
                     {.status = grpc_status(503), .error = "other answers take all the room that there is"});
    }
    if (answer.status == 0) {
      stream.room.set(static_cast<int64_t>(answer.message.size() + kPrefix));
      const auto size = static_cast<uint32_t>(answer.message.size());
      stream.answer.assign(1, '\0');
      for (int shift = 24; shift >= 0; shift -= 8) stream.answer += static_cast<char>(size >> shift & 0xFF);
      stream.answer += answer.message;
      const std::vector<nghttp2_nv> headers = {header(":status", "200"), header("content-type", "application/grpc")};
      const nghttp2_data_provider provider{{.ptr = &stream}, &Connection::give};
      nghttp2_submit_response(session_, id, headers.data(), headers.size(), &provider);
      return;
    }
    const std::string status = cat(answer.status), error = grpc_escaped(answer.error);
    const std::vector<nghttp2_nv> headers = {header(":status", "200"), header("content-type", "application/grpc"),
                                             header("grpc-status", status), header("grpc-message", error)};
    nghttp2_submit_response(session_, id, headers.data(), headers.size(), nullptr);
  }

  /// Copies what is left of an answer; its status comes behind it.
  static ssize_t give(nghttp2_session* session, int32_t id, uint8_t* to, size_t room, uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const size_t size = std::min(room, stream.answer.size() - stream.sent);
    std::memcpy(to, stream.answer.data() + stream.sent, size);
    stream.sent += size;
    stream.moved = Clock::now();
    if (stream.sent == stream.answer.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const nghttp2_nv status = header("grpc-status", "0");
      if (nghttp2_submit_trailer(session, id, &status, 1) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(size);
  }

  static nghttp2_nv header(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  void read() {
    socket_.async_read_some(asio::buffer(received_), [self = shared_from_this()](ErrorCodeOf error, size_t size) {
      if (error || self->is_closed_) return self->close();
      self->last_read_ = Clock::now();
      self->is_receiving_ = true;
      const bool is_good = self->take(text_of(self->received_.data(), size));
      self->is_receiving_ = false;
      if (!is_good) return self->leave();
      self->flush();
      if (!self->is_closed_) self->read();
    });
  }
  /// What came, encrypted or not. False: nothing more is taken.
  bool take(std::string_view bytes) {
    if (!tls_) return take_frames(bytes);
    tls_->feed(bytes);
    std::array<char, 1 << 14> plain;
    auto status = TlsSession::Status::kDone;
    for (size_t size = 0; (status = tls_->read(plain, size)) == TlsSession::Status::kDone;)
      if (!take_frames({plain.data(), size})) return false;
    return status == TlsSession::Status::kWantsBytes;
  }
  bool take_frames(std::string_view bytes) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) >= 0;
  }
  bool is_open() const { return !tls_ || tls_->is_open(); }
  /// Closes, after a last word of TLS (an alert) where that goes without waiting.
  void leave() {
    if (tls_ && !is_writing_) {
      const std::string last = tls_->take();
      (void)!::send(socket_.native_handle(), last.data(), last.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    close();
  }
  /// Sends what there is to send. Not from within nghttp2's own work: what reads flushes after it.
  void flush() {
    if (is_writing_ || is_receiving_ || is_closed_) return;
    to_send_.clear();
    const uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while (is_open() && to_send_.size() < kWriteAtOnce && (size = nghttp2_session_mem_send(session_, &bytes)) > 0)
      to_send_ += text_of(bytes, static_cast<size_t>(size));
    if (size < 0) return close();
    if (tls_) {
      if (!to_send_.empty() && tls_->write(to_send_) != TlsSession::Status::kDone) return close();
      to_send_ = tls_->take();
    }
    if (to_send_.empty()) {
      if (!nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) close();
      return;
    }
    is_writing_ = true;
    write_begun_ = Clock::now();
    asio::async_write(socket_, asio::buffer(to_send_), [self = shared_from_this()](ErrorCodeOf error, size_t) {
      self->is_writing_ = false;
      error ? self->close() : self->flush();
    });
  }

  State& server_;
  tcp::socket socket_;
  std::optional<TlsSession> tls_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::unique_ptr<Stream>> streams_;
  std::array<uint8_t, 1 << 16> received_;
  std::string to_send_;
  Clock::time_point begun_ = Clock::now(), last_read_ = begun_, write_begun_ = begun_;
  bool is_writing_ = false, is_receiving_ = false, is_closed_ = false;
};

/// A call that is being answered. It has the room of its request, whether or not its client waits still.
struct GrpcServer::State::Pending {
  std::shared_ptr<Connection> connection;
  int32_t id;
  Room room;
  std::optional<GrpcCall> call;

  void write(const HttpResponse& response) {
    const GrpcAnswer answer = call->answer(response);
    room.set(0);
    connection->answer(id, answer);
  }
};

void GrpcServer::State::Connection::ask(int32_t id) {
  const auto at = streams_.find(id);
  if (at == streams_.end() || std::exchange(at->second->is_asked, true)) return;
  Stream& stream = *at->second;
  try {
    if (stream.method != "POST" || !stream.content_type.starts_with("application/grpc"))
      throw invalid_argument("this is no gRPC call");
    HttpRequest asked{.headers = std::move(stream.headers)};
    const auto pending =
        std::make_shared<Pending>(Pending{shared_from_this(), id, std::move(stream.room), std::nullopt});
    const int64_t room = server_.room_left() + static_cast<int64_t>(stream.body.size());  // the body is given up for it
    const GrpcQuestion question{.path = stream.path,
                                .message = message_in(stream.body),
                                .timeout_us = grpc_timeout_us(stream.timeout),
                                .max_body_bytes = std::min(server_.options.max_body_bytes, room),
                                .may_ask = server_.gate(asked)};
    HttpRequest request = std::move(pending->call.emplace(question).request);
    stream.body = {};  // the request has what was in it
    pending->room.set(static_cast<int64_t>(request.body.size()));
    for (auto& header : asked.headers) request.headers.push_back(std::move(header));
    server_.handler(std::move(request), reply_to(server_.context, pending));
  } catch (const Error& e) {
    respond(id, stream, {.status = grpc_status(http_status(e.code())), .error = e.what()});
  } catch (const std::exception& e) {
    respond(id, stream, {.status = grpc_status(500), .error = e.what()});
  }
}

void GrpcServer::State::accept() {
  acceptor.async_accept([this](ErrorCodeOf error, tcp::socket socket) {
    is_accepting = false;
    if (is_draining || error) return;  // no more files may be opened: the watch accepts again
    accept();
    if (connection_count >= options.max_connections) return;
    socket.set_option(tcp::no_delay(true), error);
    std::make_shared<Connection>(*this, std::move(socket))->begin();
  });
  is_accepting = true;
}

void GrpcServer::State::watch_clients() {
  watch.expires_after(std::chrono::milliseconds(500));
  watch.async_wait([this](ErrorCodeOf error) {
    if (error) return;
    for (Connection* connection : std::vector(connections.begin(), connections.end())) connection->watch();
    if (is_over()) return;  // cancelling came too late for this handler
    if (!is_accepting && !is_draining) accept();
    watch_clients();
  });
}

void GrpcServer::State::begin_end() {
  if (std::exchange(is_ending, true)) return;
  timer.expires_after(duration_of(options.lame_seconds));
  timer.async_wait([this](ErrorCodeOf) { drain(); });
}

void GrpcServer::State::drain() {
  is_draining = true;
  ErrorCodeOf ignored;
  acceptor.close(ignored);
  for (Connection* connection : std::vector(connections.begin(), connections.end())) connection->say_farewell();
  timer.expires_after(duration_of(options.drain_seconds));
  timer.async_wait([this](ErrorCodeOf error) {
    if (!error) context.stop();
  });
  end_when_idle();
}

void GrpcServer::State::end_when_idle() {
  if (!is_over()) return;
  timer.cancel();
  watch.cancel();
}

void GrpcServer::State::run() {
  // What throws here, for want of memory, takes its own connection with it and nothing else.
  for (bool is_over = false; !is_over;) {
    try {
      if (!is_accepting && !is_draining) accept();
      watch_clients();
      context.run();
      is_over = true;
    } catch (const std::exception&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

GrpcServer::GrpcServer(const HttpOptions& options, HttpServer::Handler handler, Gate gate)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->handler = std::move(handler);
  state_->gate = std::move(gate);
  if (!options.tls_certificate.empty()) state_->tls.emplace(options.tls_certificate, options.tls_key, Protocol::kHttp2);
  listen_on(state_->acceptor, options, "--grpc-port");
}

GrpcServer::~GrpcServer() {
  state_->context.stop();
  join();
}

int GrpcServer::port() const { return state_->acceptor.local_endpoint().port(); }
int GrpcServer::connections() const { return state_->connection_count; }
void GrpcServer::start() {
  state_->thread = std::thread([s = state_.get()] { s->run(); });
}
void GrpcServer::end() {
  asio::post(state_->context, [s = state_.get()] { s->begin_end(); });
}
void GrpcServer::join() {
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace hone
