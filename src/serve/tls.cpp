#include "serve/tls.h"

#include <algorithm>
#include <array>
#include <climits>

#include "base/file.h"
#include "base/text.h"
#include "serve/openssl.h"

namespace hone {

namespace {

SSL* ssl_of(void* session) { return static_cast<SSL*>(session); }
BIO* bio_of(void* bio) { return static_cast<BIO*>(bio); }
int limited(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

/// A key behind a password is an error: nobody is there to type it.
int no_password(char*, int, int, void*) { return 0; }

using Names = std::array<std::string_view, 2>;
constexpr Names kHttp1Names = {"http/1.1", "http/1.0"}, kHttp2Names = {"h2"};

/// Of the client's protocols, each behind a byte with its length, the first that is among the names `wanted`.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void* wanted) {
  const Names& names = *static_cast<const Names*>(wanted);
  for (unsigned int at = 0; at < offered_size; at += 1U + offered[at]) {
    if (offered[at] >= offered_size - at) break;
    const std::string_view one(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
    if (one.empty() || std::find(names.begin(), names.end(), one) == names.end()) continue;
    *chosen = offered + at + 1;
    *size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

TlsContext::TlsContext(const std::string& certificate, const std::string& key, Protocol protocol) {
  const OpenSsl& o = OpenSsl::get();
  for (const std::string& path : {certificate, key}) MappedFile::open(path);  // says what is not there
  o.ERR_clear_error();
  context_ = std::shared_ptr<void>(o.SSL_CTX_new(o.TLS_server_method()),
                                   [&o](void* p) { o.SSL_CTX_free(static_cast<SSL_CTX*>(p)); });
  auto* const context = static_cast<SSL_CTX*>(context_.get());
  if (!context) throw o.error("TLS");
  o.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  o.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  o.SSL_CTX_set_default_passwd_cb(context, no_password);
  const Names& names = protocol == Protocol::kHttp2 ? kHttp2Names : kHttp1Names;
  o.SSL_CTX_set_alpn_select_cb(context, choose_protocol, const_cast<Names*>(&names));
  if (o.SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    throw o.error(cat("'", certificate, "' is no certificate in PEM"));
  if (o.SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw o.error(cat("'", key, "' is no key in PEM for '", certificate, "'"));
  if (o.SSL_CTX_check_private_key(context) != 1)
    throw o.error(cat("'", key, "' is not the key of '", certificate, "'"));
}

TlsSession::TlsSession(const TlsContext& context)
    : context_(context.context_), session_(OpenSsl::get().SSL_new(static_cast<SSL_CTX*>(context_.get())), [](void* p) {
        OpenSsl::get().SSL_free(ssl_of(p));
      }) {
  const OpenSsl& o = OpenSsl::get();
  received_ = o.BIO_new(o.BIO_s_mem());
  to_send_ = o.BIO_new(o.BIO_s_mem());
  if (!session_ || !received_ || !to_send_) throw resource_error("TLS: out of memory");
  o.SSL_set_bio(ssl_of(session_.get()), bio_of(received_), bio_of(to_send_));
  o.SSL_set_accept_state(ssl_of(session_.get()));
}

TlsSession::Status TlsSession::read(std::span<char> plain, size_t& size) {
  const OpenSsl& o = OpenSsl::get();
  o.ERR_clear_error();
  const int got = o.SSL_read(ssl_of(session_.get()), plain.data(), limited(plain.size()));
  if (got > 0) {
    size = static_cast<size_t>(got);
    return Status::kDone;
  }
  switch (o.SSL_get_error(ssl_of(session_.get()), got)) {
    case SSL_ERROR_WANT_READ:
      return Status::kWantsBytes;
    case SSL_ERROR_ZERO_RETURN:
      return Status::kEnded;
    default:
      return Status::kFailed;
  }
}

TlsSession::Status TlsSession::write(std::string_view plain) {
  const OpenSsl& o = OpenSsl::get();
  while (!plain.empty()) {
    o.ERR_clear_error();
    const int put = o.SSL_write(ssl_of(session_.get()), plain.data(), limited(plain.size()));
    if (put <= 0) return Status::kFailed;
    plain.remove_prefix(static_cast<size_t>(put));
  }
  return Status::kDone;
}

bool TlsSession::is_open() const { return OpenSsl::get().SSL_is_init_finished(ssl_of(session_.get())) == 1; }

void TlsSession::end() {
  OpenSsl::get().ERR_clear_error();
  OpenSsl::get().SSL_shutdown(ssl_of(session_.get()));
}

void TlsSession::feed(std::string_view received) {
  if (OpenSsl::get().BIO_write(bio_of(received_), received.data(), limited(received.size())) !=
      static_cast<int>(received.size()))
    throw resource_error("TLS: out of memory");
}

std::string TlsSession::take() {
  std::string out;
  char buffer[1 << 14];
  for (int got = 0; (got = OpenSsl::get().BIO_read(bio_of(to_send_), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<size_t>(got));
  return out;
}

}  // namespace hone
