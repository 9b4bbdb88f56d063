// Bytes as a frozen graph, as a SavedModel's graph and as its table of variables.
#include <string>

#include "formats/tensorflow/tensorflow.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = hone::fuzz::bytes_of(data, size);
  hone::fuzz::expect_error_at_most([&] { hone::kTensorflowFormat.read({{.path = "fuzz.pb", .bytes = bytes}}); });
  return hone::fuzz::expect_error_at_most([&] {
    hone::ModelSource folder{.path = "fuzz", .names = {"saved_model.pb", "variables/variables.index"}};
    folder.open = [&](const std::string&) -> hone::Bytes { return {bytes, nullptr}; };
    hone::kTensorflowFormat.read({folder});
  });
}
