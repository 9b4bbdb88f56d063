// Bytes as a call over gRPC: the first chooses the method, the second the answer that is translated back; the rest is
// the message.
#include <array>

#include "serve/grpc_message.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  constexpr std::array kPaths = {"/inference.GRPCInferenceService/ModelInfer",
                                 "/inference.GRPCInferenceService/ModelReady",
                                 "/inference.GRPCInferenceService/ModelMetadata", "/grpc.health.v1.Health/Check"};
  return hone::fuzz::expect_error_at_most([&] {
    const hone::GrpcCall call({.path = kPaths[data[0] % kPaths.size()],
                               .message = hone::fuzz::text_of(data + 2, size - 2),
                               .timeout_us = 1000});
    call.answer({.status = data[1] % 2 ? 200 : 400,
                 .body =
                     R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"INT8","shape":[2],)"
                     R"("parameters":{"binary_data_size":2}}]}ab)",
                 .headers = {{"Inference-Header-Content-Length", "133"}}});
  });
}
