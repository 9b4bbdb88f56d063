#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <string>

#include "base/error.h"

namespace hone {

// clang-format off
#define HONE_OF_LIBSSL(X) \
  X(TLS_server_method) X(SSL_CTX_new) X(SSL_CTX_free) X(SSL_CTX_ctrl) X(SSL_CTX_set_options) \
  X(SSL_CTX_set_default_passwd_cb) X(SSL_CTX_use_certificate_chain_file) X(SSL_CTX_use_PrivateKey_file) \
  X(SSL_CTX_check_private_key) X(SSL_CTX_set_alpn_select_cb) X(SSL_is_init_finished) X(SSL_new) X(SSL_free) X(SSL_set_bio) X(SSL_set_accept_state) X(SSL_read) X(SSL_write) \
  X(SSL_get_error) X(SSL_shutdown)
#define HONE_OF_LIBCRYPTO(X) \
  X(BIO_new) X(BIO_new_mem_buf) X(BIO_free) X(BIO_s_mem) X(BIO_read) X(BIO_write) \
  X(ERR_clear_error) X(ERR_peek_last_error) X(ERR_reason_error_string) \
  X(PEM_read_bio_PrivateKey) X(PEM_read_bio_PUBKEY) X(PEM_write_bio_PUBKEY) \
  X(EVP_PKEY_free) X(EVP_PKEY_get_bits) X(EVP_PKEY_is_a) X(EVP_sha256) X(EVP_sha384) X(EVP_sha512) \
  X(EVP_MD_CTX_new) X(EVP_MD_CTX_free) X(EVP_DigestSignInit) X(EVP_DigestSign) \
  X(EVP_DigestVerifyInit) X(EVP_DigestVerify)
// clang-format on

/// OpenSSL 3, looked for when it is needed: who serves without it needs neither the libraries nor their room. One
/// member for each function, under its own name.
struct OpenSsl {
#define HONE_MEMBER(name) decltype(&::name) name = nullptr;
  HONE_OF_LIBSSL(HONE_MEMBER)
  HONE_OF_LIBCRYPTO(HONE_MEMBER)
#undef HONE_MEMBER

  /// Loads the libraries the first time. Throws Error(not_found) where they are not installed.
  static const OpenSsl& get();

  /// "WHAT: OpenSSL's reason for its last failure on this thread".
  Error error(const std::string& what) const;
};

}  // namespace hone
