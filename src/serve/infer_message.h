#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// A named input or output of a model.
struct Port {
  std::string name;
  TensorType type;
};

/// What a model takes and gives, in its own order.
struct Signature {
  std::vector<Port> inputs, outputs;
};

/// An output that a request asks for, and how it is to be answered.
struct WantedOutput {
  size_t index = 0;             ///< among the signature's outputs
  bool is_binary = false;       ///< behind the JSON, not in it
  int64_t classes = 0;          ///< the K largest of the last axis as "score:index:label" instead; 0: the tensor
  bool is_dequantized = false;  ///< the real numbers of a quantized output
};

/// An inference request of the Open Inference Protocol v2 (REST), with the extensions binary tensor data,
/// classification and schedule policy (timeout, priority).
struct InferRequest {
  std::string id;
  std::vector<Tensor> inputs;         ///< in the signature's order, as the model takes them
  std::vector<WantedOutput> outputs;  ///< all of them in their order when the request names none
  int64_t timeout_us = 0;             ///< 0: none stated
};

/// `json_size`: bytes of `body` that are JSON, the rest being binary tensors (header Inference-Header-Content-Length);
/// none: all of it. FP32 data for a quantized input is quantized; all else must be the signature's datatype and shape.
/// Throws Error(invalid_argument) that names the input, Error(unsupported) for parameters that hone does not do.
InferRequest parse_infer(const Signature& signature, std::string_view body, std::optional<size_t> json_size);

/// The `priority` in a request's text: 1 (first) to 3, 0 where none is stated or what stands there is none. Nothing is
/// parsed: this is known before the request waits, parse_infer() says later whether it makes sense.
int stated_priority(std::string_view json);
/// Throws Error(invalid_argument) unless it is 0 (as if none were stated) to 3.
void require_priority(int64_t priority);

/// An answer as it goes out: JSON, then the binary outputs.
struct InferAnswer {
  std::string body;
  std::optional<size_t> json_size;  ///< set when binary outputs follow
};

struct ModelName {
  std::string name;
  int64_t version = 1;
};

/// `outputs`: all of the model's. `labels`: names of classes by index, may be empty.
InferAnswer render_infer(const ModelName& model, const Signature& signature, const InferRequest& request,
                         std::span<const Tensor> outputs, const std::vector<std::string>& labels);

/// Score of a class with its index.
struct ClassScore {
  double score = 0;
  int64_t index = 0;
};
/// The `count` largest of `scores`, largest first, equals by index.
std::vector<ClassScore> largest_scores(std::span<const double> scores, int64_t count);

}  // namespace hone
