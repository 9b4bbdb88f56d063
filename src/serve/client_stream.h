#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "serve/tls.h"

namespace hone {

/// A client's connection, encrypted or not, as Boost.Asio's algorithms read and write it. One operation at a time.
class ClientStream {
 public:
  using ErrorCode = boost::system::error_code;
  using Tcp = boost::asio::ip::tcp;
  using executor_type = boost::beast::tcp_stream::executor_type;

  /// `tls`: null for one that is not encrypted.
  ClientStream(Tcp::socket socket, const TlsContext* tls)
      : tcp_(std::move(socket)), tls_(tls ? std::make_unique<Tls>(*tls) : nullptr) {}

  executor_type get_executor() { return tcp_.get_executor(); }
  /// For timeouts, which end what is under way.
  boost::beast::tcp_stream& tcp() { return tcp_; }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (!tls_) return tcp_.async_read_some(buffers, std::forward<Handler>(handler));
    boost::asio::async_compose<std::decay_t<Handler>, void(ErrorCode, size_t)>(ReadTls{*this, first_of(buffers)},
                                                                               handler, tcp_);
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!tls_) return tcp_.async_write_some(buffers, std::forward<Handler>(handler));
    // One record for what comes in parts, as an answer's head and body do.
    std::string plain;
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::const_buffer part(*at);
      plain.append(static_cast<const char*>(part.data()), std::min(part.size(), kPiece - plain.size()));
    }
    boost::asio::async_compose<std::decay_t<Handler>, void(ErrorCode, size_t)>(WriteTls{*this, std::move(plain)},
                                                                               handler, tcp_);
  }

  /// Says that nothing more comes. Does not wait: who does not take it does without.
  void end_sending() {
    if (tls_) {
      tls_->session.end();
      const std::string last = tls_->session.take();
      (void)!::send(tcp_.socket().native_handle(), last.data(), last.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    ErrorCode ignored;
    tcp_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }
  void close() {
    ErrorCode ignored;
    tcp_.socket().shutdown(Tcp::socket::shutdown_both, ignored);
    tcp_.close();
  }

 private:
  static constexpr size_t kPiece = 1 << 14;  ///< a record of TLS (RFC 8446, section 5.1)

  struct Tls {
    explicit Tls(const TlsContext& context) : session(context) {}
    TlsSession session;
    std::string to_send;
    std::array<char, kPiece> received;
  };

  /// The first buffer that is not empty: reading some may do no more.
  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at)
      if (const boost::asio::mutable_buffer buffer(*at); buffer.size() > 0) return buffer;
    return {};
  }

  /// Reads records and sends what the handshake asks for until there is something to give.
  struct ReadTls {
    ClientStream& stream;
    boost::asio::mutable_buffer into;
    enum { kBegin, kSent, kReceived } at = kBegin;
    size_t size = 0;
    ErrorCode result = {};
    bool is_over = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, size_t count = 0) {
      Tls& tls = *stream.tls_;
      if (error) return self.complete(error, 0);
      if (at == kReceived) tls.session.feed({tls.received.data(), count});
      if (!is_over) {
        const auto status = tls.session.read({static_cast<char*>(into.data()), into.size()}, size);
        is_over = into.size() == 0 || status != TlsSession::Status::kWantsBytes;
        if (status == TlsSession::Status::kEnded) result = boost::asio::error::eof;
        if (status == TlsSession::Status::kFailed) result = boost::asio::error::connection_aborted;
        tls.to_send = tls.session.take();
        if (!tls.to_send.empty() || (is_over && at == kBegin)) {
          // What has been read at once is not given at once: a caller's handler is never called within its call.
          at = kSent;
          return boost::asio::async_write(stream.tcp_, boost::asio::buffer(tls.to_send), std::move(self));
        }
      }
      if (is_over) return self.complete(result, size);
      at = kReceived;
      stream.tcp_.async_read_some(boost::asio::buffer(tls.received), std::move(self));
    }
  };

  struct WriteTls {
    ClientStream& stream;
    std::string plain;
    bool is_begun = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, size_t = 0) {
      Tls& tls = *stream.tls_;
      const size_t size = plain.size();
      if (is_begun) return self.complete(error, error ? 0 : size);
      is_begun = true;
      if (size > 0 && tls.session.write(plain) != TlsSession::Status::kDone) {
        ErrorCode failed = boost::asio::error::connection_aborted;
        boost::asio::post(stream.get_executor(),
                          [self = std::move(self), failed]() mutable { self.complete(failed, 0); });
        return;
      }
      tls.to_send = tls.session.take();
      boost::asio::async_write(stream.tcp_, boost::asio::buffer(tls.to_send), std::move(self));
    }
  };

  boost::beast::tcp_stream tcp_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace hone
