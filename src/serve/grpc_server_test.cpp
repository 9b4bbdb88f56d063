#include "serve/grpc_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.h"

namespace hone {
namespace {

using std::chrono::milliseconds;
constexpr std::string_view kPath = "/inference.GRPCInferenceService/ModelInfer";

/// A message that names the model m and has an id of so many bytes.
std::string message_of(size_t size) {
  std::string message = "\x0A\x01m\x1A";
  size_t left = size;
  for (; left > 127; left >>= 7) message += static_cast<char>((left & 127) | 128);
  message += static_cast<char>(left);
  return message + std::string(size, 'i');
}

/// A client of nghttp2's, on a socket that is waited for a tenth of a second at a time.
class Client {
 public:
  Client(int port, uint32_t window) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval wait{.tv_sec = 0, .tv_usec = 100'000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user) {
          if (std::string_view(reinterpret_cast<const char*>(name), name_size) == "grpc-status")
            static_cast<Client*>(user)->statuses_[frame->hd.stream_id] =
                std::string(reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &setting, 1);
  }
  ~Client() {
    nghttp2_session_del(session_);
    ::close(socket_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins a call and sends it.
  int32_t call(std::string_view message) {
    Body& body = *bodies_.emplace_back(std::make_unique<Body>());
    body.bytes = std::string(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) body.bytes += static_cast<char>(message.size() >> shift & 0xFF);
    body.bytes += message;
    const std::vector<nghttp2_nv> headers = {header(":method", "POST"), header(":scheme", "http"),
                                             header(":path", kPath), header(":authority", "a"),
                                             header("content-type", "application/grpc")};
    const nghttp2_data_provider provider{
        {.ptr = &body},
        [](nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags, nghttp2_data_source* source, void*) {
          Body& from = *static_cast<Body*>(source->ptr);
          const size_t size = from.bytes.copy(reinterpret_cast<char*>(to), room, from.sent);
          from.sent += size;
          if (from.sent == from.bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
          return static_cast<ssize_t>(size);
        }};
    const int32_t id = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &provider, nullptr);
    while (body.sent < body.bytes.size() && turn()) {
    }
    return id;
  }
  void reset(int32_t id) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL); }
  void ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }
  /// Sends what there is to send and reads what comes; false when the server has closed.
  bool turn() {
    const uint8_t* bytes = nullptr;
    for (ssize_t size; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      if (::send(socket_, bytes, static_cast<size_t>(size), MSG_NOSIGNAL) != size) return false;
    uint8_t received[1 << 14];
    const ssize_t got = ::recv(socket_, received, sizeof received, 0);
    if (got > 0) nghttp2_session_mem_recv(session_, received, static_cast<size_t>(got));
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }
  /// The status of a call's answer, "" when none came within half a minute.
  std::string status(int32_t id) {
    for (int i = 0; i < 300 && !statuses_.contains(id) && turn(); ++i) {
    }
    return statuses_[id];
  }

 private:
  struct Body {
    std::string bytes;
    size_t sent = 0;
  };
  static nghttp2_nv header(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  int socket_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Body>> bodies_;
  std::map<int32_t, std::string> statuses_;
};

HttpResponse answer_of(size_t output_bytes) {
  const std::string json = cat(R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP16",)",
                               R"("shape":[1],"parameters":{"binary_data_size":)", output_bytes, "}}]}");
  return {.body = json + std::string(output_bytes, 'y'),
          .headers = {{"Inference-Header-Content-Length", cat(json.size())}}};
}

/// Holds the replies that it owes.
struct Holder {
  std::mutex mutex;
  std::vector<HttpServer::Reply> replies;
  std::vector<std::string> bodies;

  HttpServer::Handler handler() {
    return [this](HttpRequest request, HttpServer::Reply reply) {
      const std::lock_guard lock(mutex);
      replies.push_back(std::move(reply));
      bodies.push_back(std::move(request.body));
    };
  }
  size_t count() {
    const std::lock_guard lock(mutex);
    return bodies.size();
  }
  /// Takes turns of the client until so many requests came.
  void wait(Client& client, size_t wanted) {
    for (int i = 0; i < 300 && count() < wanted && client.turn(); ++i) {
    }
    ASSERT_EQ(count(), wanted);
  }
  void answer_all(size_t bytes) {
    const std::lock_guard lock(mutex);
    for (const HttpServer::Reply& reply : replies) reply(answer_of(bytes));
    replies.clear();
  }
};

bool everyone(const HttpRequest&) { return true; }

TEST(GrpcServer, ACallThatIsGivenUpKeepsItsRoomWhileItsRequestWaits) {
  Holder holder;
  GrpcServer server({.port = 0, .max_body_bytes = 100'000, .max_pending_bytes = 100'000}, holder.handler(), everyone);
  server.start();
  Client client(server.port(), 65535);
  client.reset(client.call(message_of(60'000)));
  holder.wait(client, 1);
  EXPECT_EQ(client.status(client.call(message_of(60'000))), "8");
  holder.answer_all(1);
  const int32_t last = client.call(message_of(60'000));
  holder.wait(client, 2);
  holder.answer_all(1);
  EXPECT_EQ(client.status(last), "0");
}

TEST(GrpcServer, AClientThatTakesNoAnswerIsLeftThoughItGoesOnTalking) {
  Holder holder;
  GrpcServer server({.port = 0, .transfer_seconds = 0.3}, holder.handler(), everyone);
  server.start();
  Client client(server.port(), 0);
  client.call(message_of(10));
  holder.wait(client, 1);
  holder.answer_all(1000);
  bool is_there = true;
  for (int i = 0; i < 3000 && is_there; ++i) {
    client.ping();
    is_there = client.turn();
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_FALSE(is_there);
}

TEST(GrpcServer, AnswersThatNobodyTakesLeaveNoRoomForOthers) {
  Holder holder;
  GrpcServer server({.port = 0, .max_pending_bytes = 64 << 20}, holder.handler(), everyone);
  server.start();
  Client idle(server.port(), 0), other(server.port(), 65535);
  idle.call(message_of(10));
  holder.wait(idle, 1);
  holder.answer_all(60 << 20);
  const int32_t refused = other.call(message_of(10));
  holder.wait(other, 2);
  holder.answer_all(10 << 20);
  EXPECT_EQ(other.status(refused), "8");
  const int32_t small = other.call(message_of(10));
  holder.wait(other, 3);
  holder.answer_all(100);
  EXPECT_EQ(other.status(small), "0");
}

TEST(GrpcServer, TranslatesNothingForWhoMayNotAsk) {
  Holder holder;
  GrpcServer server({.port = 0}, holder.handler(), [](const HttpRequest&) { return false; });
  server.start();
  Client client(server.port(), 65535);
  const int32_t id = client.call(message_of(10));
  holder.wait(client, 1);
  EXPECT_EQ(holder.bodies.front(), "");
  {
    const std::lock_guard lock(holder.mutex);
    holder.replies.front()({.status = 401, .body = R"({"error":"a token"})"});
  }
  EXPECT_EQ(client.status(id), "16");
}

TEST(GrpcServer, EndsWheneverItIsAskedTo) {
  for (int i = 0; i < 20; ++i) {
    Holder holder;
    GrpcServer server({.port = 0}, holder.handler(), everyone);
    server.start();
    if (i % 2) Client(server.port(), 65535).turn();
    server.end();
    server.join();
    EXPECT_EQ(server.connections(), 0);
  }
}

}  // namespace
}  // namespace hone
