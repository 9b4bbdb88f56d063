#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/http_server.h"

namespace hone {

/// How a call ended (gRPC's "Status codes and their use in gRPC"), and its message where that is 0.
struct GrpcAnswer {
  int status = 0;
  std::string error;    ///< what went wrong
  std::string message;  ///< protobuf
};

/// A call as it came.
struct GrpcQuestion {
  std::string_view path;              ///< "/inference.GRPCInferenceService/ModelInfer"
  std::string_view message;           ///< protobuf
  int64_t timeout_us = 0;             ///< its deadline, 0 when there is none
  int64_t max_body_bytes = 64 << 20;  ///< of the request that it becomes
  bool may_ask = true;                ///< else no more of the message is read than which model it names
};

/// A call of the Open Inference Protocol v2 over gRPC, or of grpc.health.v1.Health, as the request over REST that says
/// the same: both have one scheduler, one set of checks, one text for each error.
class GrpcCall {
 public:
  /// Throws Error(unsupported) for a method that is not there, Error(invalid_argument) for a message that is none or
  /// lists more than 4,096 things, Error(resource) when the request would be too large: before memory is taken for it.
  explicit GrpcCall(const GrpcQuestion& question);

  /// What to ask; to be taken away.
  HttpRequest request;
  /// What came, as the call's answer.
  GrpcAnswer answer(const HttpResponse& response) const;

 private:
  struct Method;
  static const Method& method_of(std::string_view path);
  const Method& method_;
  bool is_raw_ = true;  ///< tensors come and go as bytes
};

/// The status that says what an HTTP status says.
int grpc_status(int http_status);
/// "100m" → 100000 µs; 0 for what is no time.
int64_t grpc_timeout_us(std::string_view text);
/// An error's text as a header's value: what is not printable ASCII as "%41".
std::string grpc_escaped(std::string_view text);

}  // namespace hone
