#pragma once

#include <cstring>
#include <new>
#include <string>

#include "hone/hone.h"
#include "hone_c.h"

struct hone_model_access {
  static const hone::Model& model(const hone_model* handle);
  static hone_model* make(hone::Model model);
};

namespace hone::capi {

/// Text of the calling thread's last error.
std::string& last_error();

/// Runs `body`; whatever it throws becomes a status and the thread's error text.
template <class Body>
hone_status guarded(Body&& body) {
  try {
    body();
    return HONE_OK;
  } catch (const Error& e) {
    last_error() = e.what();
    return static_cast<hone_status>(exit_code(e.code()));
  } catch (const std::bad_alloc&) {
    last_error() = "out of memory";
    return HONE_RESOURCE;
  } catch (const std::exception& e) {
    last_error() = e.what();
    return HONE_INTERNAL;
  }
}

/// Throws Error(invalid_argument).
void require(bool is_met, const char* message);

/// The caller's options, which may be older and shorter than this library's: what they lack keeps its default. Throws
/// Error(invalid_argument) when `size` was not set.
template <class Options>
Options options_of(const Options* given, Options defaults) {
  if (given == nullptr) return defaults;
  require(given->size >= sizeof(size_t) && given->size <= 4096, "options: set size to sizeof the struct");
  std::memcpy(&defaults, given, given->size < sizeof(Options) ? given->size : sizeof(Options));
  return defaults;
}

}  // namespace hone::capi
