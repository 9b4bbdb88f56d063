#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hone {

/// What is spoken inside.
enum class Protocol { kHttp1, kHttp2 };

/// A server's certificate and key, TLS 1.2 and 1.3 (OpenSSL). Sessions keep it alive.
class TlsContext {
 public:
  /// Two PEM files; the certificate's may go on with those above it. A client that names protocols (ALPN, RFC 7301)
  /// must name `protocol`. Throws Error(not_found) for a file that is not there, Error(invalid_argument) for one that
  /// is no certificate, key, or not that certificate's key.
  TlsContext(const std::string& certificate, const std::string& key, Protocol protocol);

 private:
  friend class TlsSession;
  std::shared_ptr<void> context_;
};

/// The server's end of one encrypted connection, without the connection: what comes from the network is fed, what it
/// must send is taken.
class TlsSession {
 public:
  explicit TlsSession(const TlsContext& context);

  enum class Status { kDone, kWantsBytes, kEnded, kFailed };
  /// Decrypts into `plain`: `size` bytes, kDone. Otherwise nothing was read.
  Status read(std::span<char> plain, size_t& size);
  /// Encrypts all of `plain` (not empty).
  Status write(std::string_view plain);
  /// Whether the handshake is over: before, nothing can be written.
  bool is_open() const;
  /// Says that nothing more comes.
  void end();

  void feed(std::string_view received);
  /// Bytes to be sent, "" when there are none.
  std::string take();

 private:
  std::shared_ptr<void> context_;
  std::unique_ptr<void, void (*)(void*)> session_;
  void *received_, *to_send_;  ///< of the session
};

}  // namespace hone
