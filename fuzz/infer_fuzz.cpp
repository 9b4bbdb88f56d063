// Bytes as an inference request: two bytes say how many of the rest are JSON (all ones: no binary part). What is taken
// must be answerable.
#include "serve/infer_message.h"
#include "target.h"

namespace {

hone::Signature signature() {
  using hone::DType, hone::Shape, hone::Dims;
  return {.inputs = {{"x", {DType::kF32, Shape(Dims{2, 3})}},
                     {"q", {DType::kI8, Shape(Dims{2}), hone::QuantParams::per_tensor(0.5f, 1)}},
                     {"b", {DType::kBool, Shape()}}},
          .outputs = {{"y", {DType::kF32, Shape(Dims{2, 3})}}, {"z", {DType::kI64, Shape(Dims{2})}}}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t json_size = static_cast<size_t>(data[0] | data[1] << 8);
  return hone::fuzz::expect_error_at_most([&] {
    const hone::Signature known = signature();
    const hone::InferRequest request =
        hone::parse_infer(known, hone::fuzz::text_of(data + 2, size - 2),
                          json_size == 0xFFFF ? std::nullopt : std::optional<size_t>(json_size));
    const std::vector<hone::Tensor> outputs = {request.inputs[0], hone::Tensor::zeros(hone::DType::kI64, {2})};
    hone::render_infer({"m", 1}, known, request, outputs, {"one", "two"});
  });
}
