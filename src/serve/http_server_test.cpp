#include "serve/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <string_view>
#include <thread>

namespace hone {
namespace {

/// A server that runs on a thread of its own, and a client's socket.
struct Pair {
  HttpServer server;
  std::thread thread;
  int client;

  Pair(const HttpOptions& options, HttpServer::Handler handler)
      : server(options, std::move(handler)), thread([this] { server.run(); }), client(connected()) {}
  ~Pair() {
    ::close(client);
    server.stop();
    thread.join();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// A socket that is connected to the server.
  int connected() const {
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(server.port()));
    const timeval wait{.tv_sec = 60, .tv_usec = 0};  // rather than for ever
    ::setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    EXPECT_EQ(::connect(out, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return out;
  }
  void send(std::string_view text) { (void)!::send(client, text.data(), text.size(), MSG_NOSIGNAL); }
  /// The beginning of the answer.
  std::string answer() {
    char bytes[1024];
    const ssize_t got = ::recv(client, bytes, sizeof bytes, 0);
    return {bytes, static_cast<size_t>(std::max<ssize_t>(got, 0))};
  }
  /// Whether every connection ended within half a minute, `text` being sent all the while.
  bool is_left_alone(std::string_view text = {}) {
    for (int i = 0; i < 300 && server.connections() > 0; ++i) {
      send(text);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return server.connections() == 0;
  }
};

TEST(HttpServer, AConnectionEndsThoughWhoAnsweredStillHoldsTheReply) {
  HttpServer::Reply held;
  Pair pair({.port = 0}, [&held](HttpRequest, HttpServer::Reply reply) {
    reply({.body = "{}"});
    held = std::move(reply);
  });
  pair.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(pair.answer().empty());
  ::shutdown(pair.client, SHUT_RDWR);
  EXPECT_TRUE(pair.is_left_alone());
}

TEST(HttpServer, AClientThatGoesOnSendingAfterTheAnswerIsLeft) {
  Pair pair({.port = 0, .transfer_seconds = 0.3},
            [](HttpRequest, const HttpServer::Reply& reply) { reply({.body = "{}"}); });
  pair.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(pair.answer().empty());
  EXPECT_TRUE(pair.is_left_alone("x"));
}

TEST(HttpServer, ReadsNoMoreBodiesAtOnceThanThereIsRoomFor) {
  Pair pair({.port = 0, .max_body_bytes = 1000, .max_pending_bytes = 1000},
            [](HttpRequest, const HttpServer::Reply& reply) { reply({.body = "{}"}); });
  const int other = pair.connected();
  const auto ask = [&](std::string_view head) { return (void)!::send(other, head.data(), head.size(), MSG_NOSIGNAL); };
  pair.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(pair.answer().starts_with("HTTP/1.1 100"));  // it has its room
  ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n");
  char answer[64] = {};
  EXPECT_GT(::recv(other, answer, sizeof answer - 1, 0), 0);
  EXPECT_TRUE(std::string_view(answer).starts_with("HTTP/1.1 503")) << answer;
  ::close(other);
}

TEST(HttpServer, AnswersForAHandlerThatThrowsAndGoesOn) {
  Pair pair({.port = 0}, [](const HttpRequest& request, const HttpServer::Reply& reply) {
    if (request.target == "/short") throw std::bad_alloc();
    reply({.body = "{}"});
  });
  pair.send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(pair.answer().starts_with("HTTP/1.1 503"));
  pair.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(pair.answer().starts_with("HTTP/1.1 200"));
}

TEST(HttpServer, AReplyThatAnotherThreadDropsIsAnsweredToo) {
  std::thread other;
  Pair pair({.port = 0}, [&other](const HttpRequest&, HttpServer::Reply reply) {
    other = std::thread([reply = std::move(reply)] {});
  });
  pair.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(pair.answer().starts_with("HTTP/1.1 503"));
  other.join();
}

}  // namespace
}  // namespace hone
