#include "serve/grpc_message.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

constexpr std::string_view kInfer = "/inference.GRPCInferenceService/ModelInfer";

/// One input x of two INT8, −1 and 5, as typed contents.
std::string typed_request() {
  std::string out;
  protozero::pbf_writer writer(out);
  writer.add_string(1, "a b/c");
  writer.add_string(3, "7");
  protozero::pbf_writer input(writer, 5);
  input.add_string(1, "x");
  input.add_string(2, "INT8");
  protozero::packed_field_int64(input, 3).add_element(2);
  protozero::pbf_writer contents(input, 5);
  protozero::packed_field_int32 values(contents, 2);
  values.add_element(-1);
  values.add_element(5);
  return out;
}

TEST(GrpcMessage, ACallIsTheRequestOverRestThatSaysTheSame) {
  const GrpcCall call(kInfer, typed_request(), 250);
  EXPECT_EQ(call.request.method, "POST");
  EXPECT_EQ(call.request.target, "/v2/models/a%20b%2Fc/infer");
  const std::string json =
      R"({"id":"7","inputs":[{"name":"x","datatype":"INT8","shape":[2],"parameters":{"binary_data_size":2}}],)"
      R"("parameters":{"binary_data_output":true,"timeout":250}})";
  EXPECT_EQ(call.request.body, json + "\xFF\x05");
  EXPECT_EQ(call.request.header("inference-header-content-length"), cat(json.size()));
}

TEST(GrpcMessage, WhatIsBrokenAnywhereIsAnErrorOrStillACall) {
  const std::string whole = typed_request();
  for (size_t at = 0; at < whole.size(); ++at)
    for (int change = 0; change < 256; change += 5) {
      std::string other = whole;
      other[at] = static_cast<char>(change);
      for (const std::string& message : {other, other.substr(0, at)}) {
        try {
          const GrpcCall call(kInfer, message, 0);
          EXPECT_FALSE(call.request.target.empty());
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument) << e.what();
        }
      }
    }
}

TEST(GrpcMessage, AnAnswerThatLiesOfItsSizesIsStillBounded) {
  const GrpcCall call(kInfer, typed_request(), 0);
  for (const std::string_view size : {"2", "1000000", "-1"}) {
    const std::string json = cat(R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"INT8",)",
                                 R"("shape":[2],"parameters":{"binary_data_size":)", size, "}}]}");
    const GrpcAnswer answer =
        call.answer({.body = json + "ab", .headers = {{"Inference-Header-Content-Length", cat(json.size())}}});
    EXPECT_LE(answer.message.size(), 100u);
  }
  EXPECT_EQ(call.answer({.body = "no JSON"}).status, grpc_status(500));
  EXPECT_EQ(call.answer({.status = 404, .body = R"({"error":"none"})"}).error, "none");
}

TEST(GrpcMessage, TimesAndTextsAreAsTheProtocolSays) {
  EXPECT_EQ(grpc_timeout_us("100m"), 100'000);
  EXPECT_EQ(grpc_timeout_us("99999999H"), 99'999'999 * 3'600'000'000);
  EXPECT_EQ(grpc_timeout_us("7n"), 1);
  for (const char* none : {"", "m", "1", "-1m", "1x", "123456789m"}) EXPECT_EQ(grpc_timeout_us(none), 0) << none;
  EXPECT_EQ(grpc_escaped("a 100 % 'é'\n"), "a 100 %25 '%C3%A9'%0A");
}

}  // namespace
}  // namespace hone
