#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/onnx/test_model.h"
#include "ops/control.h"
#include "ops/interpreter.h"

namespace hone::onnx {
namespace {

using testing::graph;
using testing::model;
using testing::node;
using testing::read;
using testing::value;

std::vector<float> run(const Graph& g, const Tensor& x) {
  const Tensor out = evaluate(g, std::vector{x}).at(0);
  return {out.data<float>().begin(), out.data<float>().end()};
}

/// y = x · Wᵀ with W: [2, 8] in 4 bits, blocks of 4.
std::string n_bits(const AttributeList& more, const Tensor& weight) {
  AttributeList attributes = more;
  attributes.add("N", 2).add("bits", 4).add("block_size", 4);
  return model(graph({{node("MatMulNBits", {"x", "w", "s"}, {"y"}, attributes, "com.microsoft")},
                      {value("x", DType::kF32, {1, 8})},
                      {value("y", DType::kF32, {1, 2})},
                      {encode_tensor("w", weight), encode_tensor("s", Tensor::of<float>({4}, {1, 2, 3, 4}))},
                      {}}));
}

TEST(OnnxMicrosoft, UnpacksWeightsOfFourBitsInBlocks) {
  // Row 0: 9 … 9 | 7 … 7, row 1: 8 … 8 | 10 … 10, less the zero point 8 and times the block's scale.
  const Tensor weight = Tensor::of<uint8_t>({2, 2, 2}, {0x99, 0x99, 0x77, 0x77, 0x88, 0x88, 0xaa, 0xaa});
  const Graph g = read(n_bits(AttributeList().add("K", 8), weight));
  EXPECT_EQ(run(g, Tensor::of<float>({1, 8}, {1, 1, 1, 1, 1, 1, 1, 2})), (std::vector<float>{4 - 10, 40}));
}

TEST(OnnxMicrosoft, RefusesPackedWeightsOfAnotherSize) {
  const Tensor weight = Tensor::of<uint8_t>({2, 2, 1}, {1, 2, 3, 4});
  try {
    read(n_bits(AttributeList().add("K", 8), weight));
    FAIL() << "was read";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("4 bytes of packed weights, expected 8"), std::string::npos) << e.message();
  }
}

TEST(OnnxMicrosoft, RefusesSizesThatOverflow) {
  for (const int64_t depth : {int64_t{0}, int64_t{-1}, int64_t{1} << 62})
    EXPECT_THROW(read(n_bits(AttributeList().add("K", depth), Tensor::of<uint8_t>({1}, {0}))), Error);
}

TEST(OnnxMicrosoft, KeepsFormsItHasNoWordsForOpaque) {
  const std::string attention =
      node("Attention", {"x", "w"}, {"y"}, AttributeList().add("num_heads", 1).add("do_rotary", 1), "com.microsoft");
  const Graph g = read(model(graph({{attention},
                                    {value("x", DType::kF32, {1, 2, 2})},
                                    {value("y", DType::kF32, {1, 2, 2})},
                                    {encode_tensor("w", Tensor::zeros(DType::kF32, {2, 6}))},
                                    {}})));
  const Node& last = *g.producer(g.outputs()[0]);
  ASSERT_TRUE(last.is<Opaque>());
  EXPECT_NE(last.as<Opaque>().reason.find("rotary"), std::string::npos);
}

}  // namespace
}  // namespace hone::onnx
