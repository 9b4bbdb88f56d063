#include "serve/openssl.h"

#include <dlfcn.h>

#include "base/text.h"

namespace hone {

namespace {

void* library(const char* name) {
  if (void* found = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) return found;
  throw not_found(cat("OpenSSL's ", name, " is not here"), "apt-get install libssl3; hone package --tls packs it");
}

template <class Function>
void find(Function& function, void* in, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(in, name));
  if (!function) throw unsupported(cat("OpenSSL has no ", name, ", expected version 3"));
}

OpenSsl load() {
  OpenSsl out;
  void* const crypto = library("libcrypto.so.3");
  void* const ssl = library("libssl.so.3");
#define HONE_FIND(name) find(out.name, ssl, #name);
  HONE_OF_LIBSSL(HONE_FIND)
#undef HONE_FIND
#define HONE_FIND(name) find(out.name, crypto, #name);
  HONE_OF_LIBCRYPTO(HONE_FIND)
#undef HONE_FIND
  return out;
}

}  // namespace

const OpenSsl& OpenSsl::get() {
  static const OpenSsl loaded = load();
  return loaded;
}

Error OpenSsl::error(const std::string& what) const {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return invalid_argument(cat(what, ": ", reason ? reason : "no reason is given"));
}

}  // namespace hone
