// Bytes as calls of the C API: the first 32 choose counts, ranks, dims and sizes, the rest is the model.
#include <cstdlib>
#include <cstring>

#include "base/limits.h"
#include "hone_c.h"
#include "target.h"

namespace {

struct Calls {
  const uint8_t* bytes;
  size_t at = 0;
  int64_t next() { return static_cast<int8_t>(bytes[at++ % 32]); }
};

void check(hone_status status) {
  if (status == HONE_INTERNAL) std::abort();
}

void drive(Calls calls, hone_session* session) {
  static const char kData[4096] = {};
  for (int i = 0; i < 4; ++i) {
    int64_t dims[8];
    for (int64_t& dim : dims) dim = calls.next();
    const auto rank = static_cast<int32_t>(calls.next() % 9);
    const auto bytes = static_cast<size_t>(calls.next() & 0xFF) * 16;
    check(hone_session_set_input(session, static_cast<size_t>(calls.next() & 3), dims, rank, kData, bytes));
  }
  const hone_status status = hone_session_run(session);
  check(status);
  const void* data = nullptr;
  size_t bytes = 0;
  hone_tensor_info info;
  const hone_status got = hone_session_output(session, 0, &info, &data, &bytes);
  if (status != HONE_OK && got == HONE_OK) std::abort();  // a result of a run that failed
  if (got == HONE_OK && bytes > 0) [[maybe_unused]]
    volatile char last = static_cast<const char*>(data)[bytes - 1];
}

}  // namespace

/// A model may ask for what the machine has; here that is little.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  hone::set_memory_ceiling(int64_t{256} << 20);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 32) return 0;
  hone_model* model = nullptr;
  check(hone_model_load_memory(data + 32, size - 32, &model));
  hone_session* session = nullptr;
  if (model) check(hone_session_create(model, nullptr, &session));
  if (session) drive({data}, session);
  hone_session_free(session);
  hone_model_free(model);
  return 0;
}
