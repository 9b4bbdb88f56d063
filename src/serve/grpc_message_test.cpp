#include "serve/grpc_message.h"

#include <gtest/gtest.h>

#include <optional>
#include <protozero/pbf_writer.hpp>
#include <vector>

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
  const std::string whole = typed_request();
  const GrpcCall call({.path = kInfer, .message = whole, .timeout_us = 250});
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
          const GrpcCall call({.path = kInfer, .message = message});
          EXPECT_FALSE(call.request.target.empty());
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument) << e.what();
        }
      }
    }
}

TEST(GrpcMessage, AnAnswerThatLiesOfItsSizesIsStillBounded) {
  const std::string whole = typed_request();
  const GrpcCall call({.path = kInfer, .message = whole});
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

/// What asking with `message` throws; none: nothing.
std::optional<ErrorCode> error_of(const std::string& message, int64_t max_body_bytes = 64 << 20) {
  try {
    GrpcCall({.path = kInfer, .message = message, .max_body_bytes = max_body_bytes});
    return std::nullopt;
  } catch (const Error& e) {
    return e.code();
  }
}

TEST(GrpcMessage, ListsNoMoreThanABoundedNumberOfThings) {
  const auto repeated = [](const std::string& field, int count) {
    std::string out = "\x0A\x01m";
    for (int i = 0; i < count; ++i) out += field;
    return out;
  };
  const std::string dims = cat("\x1A\x64", std::string(100, '\1'));
  const std::string input_of_dims = cat("\x2A\x66", dims);
  const std::string no_contents("\x2A\x04\x12\x02I8", 6), output("\x32\x00", 2), raw("\x3A\x00", 2),
      parameter("\x22\x00", 2);
  for (const std::string& field : {no_contents, output, raw, parameter, input_of_dims})
    EXPECT_EQ(error_of(repeated(field, 2'000'000 / static_cast<int>(field.size()))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(repeated(output, 4000)), std::nullopt);
  std::string names;
  for (int i = 0; i < 2000; ++i) names += cat("\x32\x7F\x0A\x7D", std::string(125, 'n'));
  EXPECT_EQ(error_of("\x0A\x01m" + names), std::nullopt);
  for (int i = 0; i < 10; ++i) names += cat("\x1A\xFF\xFF\x03", std::string(65535, 'i'));
  EXPECT_EQ(error_of("\x0A\x01m" + names), std::nullopt);
  for (int i = 0; i < 10; ++i) names += cat("\x1A\xFF\xFF\x03", std::string(65535, 'i'));
  EXPECT_EQ(error_of("\x0A\x01m" + names), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(cat("\x0A\xFF\xFF\x03", std::string(65535, 'm'))), ErrorCode::kInvalidArgument);
}

TEST(GrpcMessage, CountsWhatTypedContentsGrowTo) {
  std::string message;
  {
    protozero::pbf_writer writer(message);
    writer.add_string(1, "m");
    protozero::pbf_writer input(writer, 5);
    input.add_string(2, "INT64");
    protozero::pbf_writer contents(input, 5);
    contents.add_int64(3, -1);
    const std::vector<int64_t> zeros(1000);
    contents.add_packed_int64(3, zeros.begin(), zeros.end());
  }
  EXPECT_EQ(error_of(message, 8008), ErrorCode::kResource);
  const GrpcCall call({.path = kInfer, .message = message, .max_body_bytes = 9000});
  EXPECT_NE(call.request.body.find("\"binary_data_size\":8008}"), std::string::npos);
  EXPECT_TRUE(call.request.body.ends_with(std::string(8, '\xFF') + std::string(8000, '\0')));
}

TEST(GrpcMessage, OfWhoMayNotAskOnlyTheModelsNameIsRead) {
  std::string message = typed_request();
  for (int i = 0; i < 100'000; ++i) message += std::string("\x2A\x00", 2);
  const GrpcCall call({.path = kInfer, .message = message, .may_ask = false});
  EXPECT_EQ(call.request.target, "/v2/models/a%20b%2Fc/infer");
  EXPECT_EQ(call.request.body, "");
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
