// Bytes as JSON; what was written once must stay the same when read and written again. (Negative zero becomes zero.)
#include "container/json.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] {
    const auto rewritten = [](std::string_view text) { return hone::Json::parse(text).dump(); };
    const std::string once = rewritten(rewritten(hone::fuzz::text_of(data, size)));
    if (rewritten(once) != once) throw hone::internal_error("json changes when read and written again");
  });
}
