#include "formats/tflite_case_parts.h"

namespace hone {

namespace {

using namespace tflite_parts;

void add_unary(Cases& cases) {
  const struct {
    const char* name;
    B code;
    float low, high;
  } rows[] = {{"abs", B::ABS, -2, 2},
              {"neg", B::NEG, -2, 2},
              {"ceil", B::CEIL, -3, 3},
              {"floor", B::FLOOR, -3, 3},
              {"round", B::ROUND, -3, 3},
              {"sqrt", B::SQRT, 0.1f, 4},
              {"rsqrt", B::RSQRT, 0.1f, 4},
              {"exp", B::EXP, -3, 3},
              {"log", B::LOG, 0.1f, 5},
              {"sin", B::SIN, -4, 4},
              {"cos", B::COS, -4, 4},
              {"tanh", B::TANH, -3, 3},
              {"square", B::SQUARE, -3, 3},
              {"relu", B::RELU, -8, 8},
              {"relu6", B::RELU6, -8, 8},
              {"elu", B::ELU, -3, 3},
              {"hard_swish", B::HARD_SWISH, -5, 5},
              {"logistic", B::LOGISTIC, -5, 5},
              {"relu_n1_to_1", B::RELU_N1_TO_1, -3, 3},
              {"zeros_like", B::ZEROS_LIKE, -1, 1}};
  for (const auto& row : rows)
    cases.push_back({.name = std::string(row.name) + "_f32",
                     .code = row.code,
                     .inputs = {floats({2, 3, 5}, row.low, row.high)},
                     .outputs = {real()}});
  const struct {
    const char* name;
    B code;
    float in_scale;
    int32_t in_zero;
    float out_scale;
    int32_t out_zero;
  } integer[] = {{"tanh", B::TANH, 0.03f, 5, 1.0f / 128, 0},
                 {"logistic", B::LOGISTIC, 0.05f, -7, 1.0f / 256, -128},
                 {"relu", B::RELU, 0.05f, -7, 0.04f, -128},
                 {"relu6", B::RELU6, 0.06f, -7, 6.0f / 255, -128},
                 {"hard_swish", B::HARD_SWISH, 0.05f, 3, 0.04f, -110},
                 {"elu", B::ELU, 0.03f, 3, 0.03f, -90},
                 {"abs", B::ABS, 0.03f, 3, 0.04f, -128},
                 {"rsqrt", B::RSQRT, 0.03f, -128, 0.03f, -128}};
  for (const auto& row : integer)
    cases.push_back({.name = std::string(row.name) + "_i8",
                     .code = row.code,
                     .inputs = {i8({2, 7, 9}, row.in_scale, row.in_zero)},
                     .outputs = {stored(DType::kI8, row.out_scale, row.out_zero)},
                     .version = row.code == B::HARD_SWISH || row.code == B::ELU ? 1 : 2});
  cases.push_back({.name = "logistic_u8",
                   .code = B::LOGISTIC,
                   .inputs = {fed(some_stored(DType::kU8, {40}, 0.05f, 120))},
                   .outputs = {stored(DType::kU8, 1.0f / 256, 0)}});
  cases.push_back({.name = "tanh_i16",
                   .code = B::TANH,
                   .inputs = {fed(some_stored(DType::kI16, {40}, 1.0f / 4096, 0))},
                   .outputs = {stored(DType::kI16, 1.0f / 32768, 0)},
                   .version = 3,
                   .steps = 8});
  cases.push_back({.name = "leaky_relu_f32",
                   .code = B::LEAKY_RELU,
                   .inputs = {floats({20})},
                   .outputs = {real()},
                   .options = with<fb::LeakyReluOptionsT>([](auto& o) { o.alpha = 0.3f; })});
  cases.push_back({.name = "leaky_relu_i8",
                   .code = B::LEAKY_RELU,
                   .inputs = {i8({50}, 0.05f, -7)},
                   .outputs = {stored(DType::kI8, 0.04f, -20)},
                   .options = with<fb::LeakyReluOptionsT>([](auto& o) { o.alpha = 0.3f; }),
                   .version = 2});
  for (const bool approximate : {false, true})
    cases.push_back({.name = approximate ? "gelu_tanh_f32" : "gelu_f32",
                     .code = B::GELU,
                     .inputs = {floats({30}, -4, 4)},
                     .outputs = {real()},
                     .options = with<fb::GeluOptionsT>([=](auto& o) { o.approximate = approximate; })});
  cases.push_back({.name = "logical_not",
                   .code = B::LOGICAL_NOT,
                   .inputs = {fed(some_ints(DType::kBool, {9}, 0, 1))},
                   .outputs = {plain(DType::kBool)}});
  cases.push_back({.name = "cast_f32_i32",
                   .code = B::CAST,
                   .inputs = {floats({20}, -9, 9)},
                   .outputs = {plain(DType::kI32)},
                   .options = with<fb::CastOptionsT>([](auto& o) { o.out_data_type = fb::TensorType::INT32; })});
  cases.push_back({.name = "fake_quant",
                   .code = B::FAKE_QUANT,
                   .inputs = {floats({50}, -3, 3)},
                   .outputs = {real()},
                   .options = with<fb::FakeQuantOptionsT>([](auto& o) {
                     o.min = -1.5f;
                     o.max = 2;
                     o.num_bits = 8;
                   })});
  cases.push_back({.name = "quantize_i8",
                   .code = B::QUANTIZE,
                   .inputs = {floats({60}, -4, 4)},
                   .outputs = {stored(DType::kI8, 0.025f, -5)}});
  cases.push_back({.name = "quantize_i8_u8",
                   .code = B::QUANTIZE,
                   .inputs = {i8({60}, 0.03f, 4)},
                   .outputs = {stored(DType::kU8, 0.025f, 100)},
                   .version = 2});
  cases.push_back({.name = "dequantize_i8",
                   .code = B::DEQUANTIZE,
                   .inputs = {i8({60}, 0.03f, 4)},
                   .outputs = {real()},
                   .version = 2});
}

template <class Options>
TfliteCase activated(const char* name, B code, std::vector<Input> inputs, Output output, fb::Activation activation) {
  return {.name = name,
          .code = code,
          .inputs = std::move(inputs),
          .outputs = {std::move(output)},
          .options = with<Options>([=](auto& o) { o.fused_activation_function = activation; }),
          .version = 1};
}

void add_binary(Cases& cases) {
  const fb::Activation none = fb::Activation::NONE, relu = fb::Activation::RELU, relu6 = fb::Activation::RELU6;
  const Input a = floats({2, 1, 5}), b = fed(some_floats({3, 5}, 0.5f, 2, 7));
  cases.push_back(activated<fb::AddOptionsT>("add_f32", B::ADD, {a, b}, real(), none));
  cases.push_back(activated<fb::AddOptionsT>("add_f32_relu6", B::ADD, {a, b}, real(), relu6));
  cases.push_back(activated<fb::SubOptionsT>("sub_f32", B::SUB, {a, b}, real(), none));
  cases.push_back(activated<fb::MulOptionsT>("mul_f32_relu", B::MUL, {a, b}, real(), relu));
  cases.push_back(activated<fb::DivOptionsT>("div_f32", B::DIV, {a, b}, real(), none));
  const Input q = i8({4, 5, 6}, 0.03f, 4), r = fed(some_stored(DType::kI8, {4, 5, 6}, 0.05f, -9, 5)),
              row = fed(some_stored(DType::kI8, {6}, 0.05f, -9, 6));
  cases.push_back(activated<fb::AddOptionsT>("add_i8", B::ADD, {q, r}, stored(DType::kI8, 0.06f, 2), none));
  cases.push_back(activated<fb::AddOptionsT>("add_i8_relu", B::ADD, {q, r}, stored(DType::kI8, 0.03f, -128), relu));
  cases.push_back(activated<fb::AddOptionsT>("add_i8_broadcast", B::ADD, {q, row}, stored(DType::kI8, 0.06f, 2), none));
  cases.push_back(activated<fb::SubOptionsT>("sub_i8", B::SUB, {q, r}, stored(DType::kI8, 0.06f, 2), none));
  cases.push_back(activated<fb::MulOptionsT>("mul_i8", B::MUL, {q, r}, stored(DType::kI8, 0.2f, 2), none));
  cases.push_back(activated<fb::MulOptionsT>("mul_i8_broadcast", B::MUL, {q, row}, stored(DType::kI8, 0.2f, 2), none));
  const Input u = fed(some_stored(DType::kU8, {30}, 0.03f, 90)), v = fed(some_stored(DType::kU8, {30}, 0.04f, 130, 3));
  cases.push_back(activated<fb::AddOptionsT>("add_u8", B::ADD, {u, v}, stored(DType::kU8, 0.05f, 100), none));
  cases.push_back(activated<fb::SubOptionsT>("sub_u8", B::SUB, {u, v}, stored(DType::kU8, 0.05f, 100), none));
  for (TfliteCase& c : cases)
    if (c.outputs[0].dtype == DType::kI8 && c.version == 1 && c.code != B::HARD_SWISH && c.code != B::ELU)
      c.version = 2;
  const struct {
    const char* name;
    B code;
  } plain_rows[] = {{"maximum", B::MAXIMUM}, {"minimum", B::MINIMUM}, {"squared_difference", B::SQUARED_DIFFERENCE}};
  for (const auto& p : plain_rows)
    cases.push_back({.name = std::string(p.name) + "_f32", .code = p.code, .inputs = {a, b}, .outputs = {real()}});
  cases.push_back({.name = "squared_difference_i8",
                   .code = B::SQUARED_DIFFERENCE,
                   .inputs = {q, r},
                   .outputs = {stored(DType::kI8, 0.3f, -128)},
                   .version = 2});
  cases.push_back({.name = "pow_f32", .code = B::POW, .inputs = {floats({3, 5}, 0.2f, 3), b}, .outputs = {real()}});
  cases.push_back({.name = "floor_div_f32", .code = B::FLOOR_DIV, .inputs = {a, b}, .outputs = {real()}});
  cases.push_back({.name = "floor_div_i32",
                   .code = B::FLOOR_DIV,
                   .inputs = {fed(some_ints(DType::kI32, {30}, -20, 20)), fed(some_ints(DType::kI32, {30}, 1, 6, 2))},
                   .outputs = {plain(DType::kI32)}});
  cases.push_back({.name = "floor_mod_i32",
                   .code = B::FLOOR_MOD,
                   .inputs = {fed(some_ints(DType::kI32, {30}, -20, 20)), fed(some_ints(DType::kI32, {30}, 1, 6, 2))},
                   .outputs = {plain(DType::kI32)}});
  cases.push_back({.name = "prelu_f32",
                   .code = B::PRELU,
                   .inputs = {floats({1, 3, 4, 5}), constant(some_floats({1, 1, 5}, 0, 1))},
                   .outputs = {real()}});
  cases.push_back({.name = "prelu_i8",
                   .code = B::PRELU,
                   .inputs = {i8({1, 3, 4, 5}), constant(some_stored(DType::kI8, {1, 1, 5}, 0.01f, 2))},
                   .outputs = {stored(DType::kI8, 0.03f, -5)}});
  const struct {
    const char* name;
    B code;
  } compares[] = {{"equal", B::EQUAL},           {"not_equal", B::NOT_EQUAL}, {"less", B::LESS},
                  {"less_equal", B::LESS_EQUAL}, {"greater", B::GREATER},     {"greater_equal", B::GREATER_EQUAL}};
  for (const auto& c : compares) {
    cases.push_back({.name = std::string(c.name) + "_i32",
                     .code = c.code,
                     .inputs = {fed(some_ints(DType::kI32, {4, 6}, 0, 3)), fed(some_ints(DType::kI32, {6}, 0, 3, 4))},
                     .outputs = {plain(DType::kBool)}});
    cases.push_back({.name = std::string(c.name) + "_i8",
                     .code = c.code,
                     .inputs = {q, r},
                     .outputs = {plain(DType::kBool)},
                     .version = 2});
  }
  const Input p = fed(some_ints(DType::kBool, {12}, 0, 1)), s = fed(some_ints(DType::kBool, {12}, 0, 1, 9));
  cases.push_back({.name = "logical_and", .code = B::LOGICAL_AND, .inputs = {p, s}, .outputs = {plain(DType::kBool)}});
  cases.push_back({.name = "logical_or", .code = B::LOGICAL_OR, .inputs = {p, s}, .outputs = {plain(DType::kBool)}});
  const Input x = floats({4, 3}), y = fed(some_floats({4, 3}, -2, 2, 8));
  cases.push_back({.name = "select_rows",
                   .code = B::SELECT,
                   .inputs = {fed(some_ints(DType::kBool, {4}, 0, 1)), x, y},
                   .outputs = {real()}});
  cases.push_back({.name = "select_v2",
                   .code = B::SELECT_V2,
                   .inputs = {fed(some_ints(DType::kBool, {4, 1}, 0, 1)), x, fed(some_floats({3}, 0, 1))},
                   .outputs = {real()}});
  cases.push_back({.name = "add_n", .code = B::ADD_N, .inputs = {x, y, floats({4, 3}, 0, 1)}, .outputs = {real()}});
}

Tensor per_channel(Tensor t, int64_t axis) {
  std::vector<float> scales;
  for (int64_t c = 0; c < t.dim(axis); ++c) scales.push_back(0.004f + 0.001f * static_cast<float>(c));
  return t.with_quant(QuantParams::per_channel(scales, std::vector<int32_t>(scales.size(), 0), axis));
}

Tensor bias_for(const Tensor& w, float x_scale, int64_t channels) {
  std::vector<float> scales;
  for (int64_t c = 0; c < channels; ++c) scales.push_back(x_scale * w.quant()->scale(c));
  return some_ints(DType::kI32, {channels}, -2000, 2000)
      .with_quant(w.quant()->is_per_tensor()
                      ? QuantParams::per_tensor(scales[0], 0)
                      : QuantParams::per_channel(scales, std::vector<int32_t>(scales.size()), 0));
}

std::function<void(fb::OperatorT&)> conv(fb::Padding padding, int stride, fb::Activation act, int dilation = 1) {
  return with<fb::Conv2DOptionsT>([=](auto& o) {
    o.padding = padding;
    o.stride_h = o.stride_w = stride;
    o.fused_activation_function = act;
    o.dilation_h_factor = o.dilation_w_factor = dilation;
  });
}

std::function<void(fb::OperatorT&)> depthwise(fb::Padding padding, int stride, int multiplier) {
  return with<fb::DepthwiseConv2DOptionsT>([=](auto& o) {
    o.padding = padding;
    o.stride_h = o.stride_w = stride;
    o.depth_multiplier = multiplier;
  });
}

void add_convolutions(Cases& cases) {
  const fb::Activation none = fb::Activation::NONE, relu = fb::Activation::RELU;
  const fb::Padding same = fb::Padding::SAME, valid = fb::Padding::VALID;
  const Input w = constant(some_floats({6, 3, 3, 4}, -1, 1, 3)), b = constant(some_floats({6}, -1, 1, 4));
  cases.push_back({.name = "conv_same_f32",
                   .code = B::CONV_2D,
                   .inputs = {floats({1, 7, 8, 4}), w, b},
                   .outputs = {real()},
                   .options = conv(same, 2, relu)});
  cases.push_back({.name = "conv_valid_dilated_f32",
                   .code = B::CONV_2D,
                   .inputs = {floats({2, 9, 8, 4}), w, b},
                   .outputs = {real()},
                   .options = conv(valid, 1, none, 2)});
  const Tensor wq = per_channel(some_ints(DType::kI8, {6, 3, 3, 4}, -127, 127, 3), 0);
  cases.push_back({.name = "conv_i8",
                   .code = B::CONV_2D,
                   .inputs = {i8({1, 9, 8, 4}), constant(wq), constant(bias_for(wq, 0.02f, 6))},
                   .outputs = {stored(DType::kI8, 0.05f, -4)},
                   .options = conv(same, 1, none),
                   .version = 3});
  cases.push_back({.name = "conv_hybrid_per_channel",
                   .code = B::CONV_2D,
                   .inputs = {floats({2, 9, 8, 4}), constant(wq), b},
                   .outputs = {real()},
                   .options = conv(same, 1, none),
                   .version = 5});
  const Tensor wt = some_ints(DType::kI8, {6, 3, 3, 4}, -127, 127, 3).with_quant(QuantParams::per_tensor(0.01f, 0));
  cases.push_back({.name = "conv_hybrid_per_tensor",
                   .code = B::CONV_2D,
                   .inputs = {floats({2, 9, 8, 4}), constant(wt), b},
                   .outputs = {real()},
                   .options = conv(valid, 2, relu),
                   .version = 2});
  const Tensor wu = some_stored(DType::kU8, {6, 3, 3, 4}, 0.006f, 121, 3);
  cases.push_back({.name = "conv_u8",
                   .code = B::CONV_2D,
                   .inputs = {fed(some_stored(DType::kU8, {1, 9, 8, 4}, 0.02f, 110)), constant(wu),
                              constant(bias_for(wu, 0.02f, 6))},
                   .outputs = {stored(DType::kU8, 0.05f, 130)},
                   .options = conv(same, 1, none)});
  const Tensor w16 = per_channel(some_ints(DType::kI8, {6, 1, 1, 4}, -127, 127, 3), 0);
  cases.push_back(
      {.name = "conv_i16",
       .code = B::CONV_2D,
       .inputs = {fed(some_stored(DType::kI16, {1, 4, 4, 4}, 0.0002f, 0)), constant(w16),
                  constant(cast(bias_for(w16, 0.0002f, 6), DType::kI64).with_quant(bias_for(w16, 0.0002f, 6).quant()))},
       .outputs = {stored(DType::kI16, 0.0004f, 0)},
       .options = conv(same, 1, none),
       .version = 4});
  cases.push_back({.name = "depthwise_f32",
                   .code = B::DEPTHWISE_CONV_2D,
                   .inputs = {floats({1, 7, 8, 4}), constant(some_floats({1, 3, 3, 8}, -1, 1, 3)),
                              constant(some_floats({8}, -1, 1, 4))},
                   .outputs = {real()},
                   .options = depthwise(same, 2, 2)});
  const Tensor wd = per_channel(some_ints(DType::kI8, {1, 3, 3, 8}, -127, 127, 3), 3);
  cases.push_back({.name = "depthwise_i8",
                   .code = B::DEPTHWISE_CONV_2D,
                   .inputs = {i8({1, 9, 8, 8}), constant(wd), constant(bias_for(wd, 0.02f, 8))},
                   .outputs = {stored(DType::kI8, 0.03f, -4)},
                   .options = depthwise(same, 1, 1),
                   .version = 3});
  cases.push_back({.name = "depthwise_hybrid",
                   .code = B::DEPTHWISE_CONV_2D,
                   .inputs = {floats({1, 9, 8, 8}), constant(wd), constant(some_floats({8}, -1, 1, 4))},
                   .outputs = {real()},
                   .options = depthwise(same, 1, 1),
                   .version = 6});
  cases.push_back({.name = "transpose_conv_f32",
                   .code = B::TRANSPOSE_CONV,
                   .inputs = {ints({1, 8, 10, 5}), constant(some_floats({5, 3, 3, 4}, -1, 1)), floats({1, 4, 5, 4})},
                   .outputs = {real()},
                   .options = with<fb::TransposeConvOptionsT>([](auto& o) {
                     o.padding = fb::Padding::SAME;
                     o.stride_h = o.stride_w = 2;
                   })});
  const Tensor wx = per_channel(some_ints(DType::kI8, {5, 3, 3, 4}, -127, 127, 3), 0);
  cases.push_back({.name = "transpose_conv_i8",
                   .code = B::TRANSPOSE_CONV,
                   .inputs = {ints({1, 9, 11, 5}), constant(wx), i8({1, 4, 5, 4}), constant(bias_for(wx, 0.02f, 5))},
                   .outputs = {stored(DType::kI8, 0.03f, 2)},
                   .options = with<fb::TransposeConvOptionsT>([](auto& o) {
                     o.padding = fb::Padding::VALID;
                     o.stride_h = o.stride_w = 2;
                   }),
                   .version = 3});
  cases.push_back({.name = "conv_3d",
                   .code = B::CONV_3D,
                   .inputs = {floats({1, 4, 5, 6, 2}), constant(some_floats({2, 3, 3, 2, 3}, -1, 1, 5)),
                              constant(some_floats({3}))},
                   .outputs = {real()},
                   .options = with<fb::Conv3DOptionsT>([](auto& o) { o.stride_d = o.stride_h = o.stride_w = 1; })});
  cases.push_back(
      {.name = "conv_3d_transpose",
       .code = B::CONV_3D_TRANSPOSE,
       .inputs = {ints({1, 4, 6, 6, 3}), constant(some_floats({2, 2, 2, 3, 2}, -1, 1, 5)), floats({1, 2, 3, 3, 2})},
       .outputs = {real()},
       .options = with<fb::Conv3DOptionsT>([](auto& o) { o.stride_d = o.stride_h = o.stride_w = 2; })});
}

void add_products(Cases& cases) {
  const auto relu =
      with<fb::FullyConnectedOptionsT>([](auto& o) { o.fused_activation_function = fb::Activation::RELU; });
  const Input b = constant(some_floats({5}, -1, 1, 4));
  cases.push_back({.name = "fully_connected_f32",
                   .code = B::FULLY_CONNECTED,
                   .inputs = {floats({3, 2, 4}), constant(some_floats({5, 8}, -1, 1, 3)), b},
                   .outputs = {real()},
                   .options = relu});
  cases.push_back({.name = "fully_connected_keeps_dims",
                   .code = B::FULLY_CONNECTED,
                   .inputs = {floats({3, 2, 8}), constant(some_floats({5, 8}, -1, 1, 3)), b},
                   .outputs = {real()},
                   .options = with<fb::FullyConnectedOptionsT>([](auto& o) { o.keep_num_dims = true; }),
                   .version = 5});
  const Tensor w = some_ints(DType::kI8, {5, 40}, -127, 127).with_quant(QuantParams::per_tensor(0.01f, 0));
  cases.push_back({.name = "fully_connected_i8",
                   .code = B::FULLY_CONNECTED,
                   .inputs = {i8({7, 40}), constant(w), constant(bias_for(w, 0.02f, 5))},
                   .outputs = {stored(DType::kI8, 0.08f, 1)},
                   .version = 4});
  for (const bool asymmetric : {false, true})
    cases.push_back(
        {.name = asymmetric ? "fully_connected_hybrid_asymmetric" : "fully_connected_hybrid",
         .code = B::FULLY_CONNECTED,
         .inputs = {floats({3, 40}, -1, 3), constant(w), b},
         .outputs = {real()},
         .options = with<fb::FullyConnectedOptionsT>([=](auto& o) { o.asymmetric_quantize_inputs = asymmetric; }),
         .version = asymmetric ? 9 : 3});
  for (const bool adjoint : {false, true})
    cases.push_back({.name = adjoint ? "batch_matmul_adjoint" : "batch_matmul",
                     .code = B::BATCH_MATMUL,
                     .inputs = {floats({2, 3, 4}), fed(some_floats(adjoint ? Dims{2, 5, 4} : Dims{2, 4, 5}, -1, 1, 2))},
                     .outputs = {real()},
                     .options = with<fb::BatchMatMulOptionsT>([=](auto& o) { o.adj_y = adjoint; })});
  cases.push_back({.name = "batch_matmul_i8",
                   .code = B::BATCH_MATMUL,
                   .inputs = {i8({2, 6, 20}), fed(some_stored(DType::kI8, {2, 20, 5}, 0.03f, -6, 4))},
                   .outputs = {stored(DType::kI8, 0.1f, 2)},
                   .version = 2});
}

void add_pools(Cases& cases) {
  const struct {
    const char* name;
    B code;
  } rows[] = {{"average_pool", B::AVERAGE_POOL_2D}, {"max_pool", B::MAX_POOL_2D}, {"l2_pool", B::L2_POOL_2D}};
  const auto options = with<fb::Pool2DOptionsT>([](auto& o) {
    o.filter_height = 3;
    o.filter_width = 2;
    o.stride_h = o.stride_w = 2;
  });
  for (const auto& row : rows) {
    cases.push_back({.name = std::string(row.name) + "_f32",
                     .code = row.code,
                     .inputs = {floats({1, 7, 8, 3})},
                     .outputs = {real()},
                     .options = options});
    if (row.code == B::L2_POOL_2D) continue;
    cases.push_back({.name = std::string(row.name) + "_i8",
                     .code = row.code,
                     .inputs = {i8({1, 7, 8, 3})},
                     .outputs = {stored(DType::kI8, 0.02f, 3)},
                     .options = options,
                     .version = 2});
    cases.push_back({.name = std::string(row.name) + "_i8_of_another_scale",
                     .code = row.code,
                     .inputs = {i8({1, 7, 8, 3})},
                     .outputs = {stored(DType::kI8, 0.05f, -7)},
                     .options = options,
                     .version = 2});
  }
  const auto beta = with<fb::SoftmaxOptionsT>([](auto& o) { o.beta = 1; });
  cases.push_back({.name = "softmax_f32",
                   .code = B::SOFTMAX,
                   .inputs = {floats({3, 10}, -6, 6)},
                   .outputs = {real()},
                   .options = beta});
  cases.push_back({.name = "softmax_i8",
                   .code = B::SOFTMAX,
                   .inputs = {i8({6, 20}, 0.06f, 9)},
                   .outputs = {stored(DType::kI8, 1.0f / 256, -128)},
                   .options = beta,
                   .version = 2});
  cases.push_back({.name = "softmax_u8",
                   .code = B::SOFTMAX,
                   .inputs = {fed(some_stored(DType::kU8, {6, 20}, 0.06f, 9))},
                   .outputs = {stored(DType::kU8, 1.0f / 256, 0)},
                   .options = beta});
  cases.push_back(
      {.name = "log_softmax_f32", .code = B::LOG_SOFTMAX, .inputs = {floats({3, 10}, -6, 6)}, .outputs = {real()}});
  cases.push_back({.name = "log_softmax_i8",
                   .code = B::LOG_SOFTMAX,
                   .inputs = {i8({6, 20}, 0.06f, 9)},
                   .outputs = {stored(DType::kI8, 16.0f / 256, 127)},
                   .version = 2,
                   .steps = 1});
  cases.push_back({.name = "l2_normalization_f32",
                   .code = B::L2_NORMALIZATION,
                   .inputs = {floats({3, 10})},
                   .outputs = {real()},
                   .options = with<fb::L2NormOptionsT>([](auto&) {})});
  cases.push_back({.name = "l2_normalization_i8",
                   .code = B::L2_NORMALIZATION,
                   .inputs = {i8({6, 12}, 0.06f, 9)},
                   .outputs = {stored(DType::kI8, 1.0f / 128, 0)},
                   .options = with<fb::L2NormOptionsT>([](auto&) {}),
                   .version = 2});
  cases.push_back({.name = "lrn",
                   .code = B::LOCAL_RESPONSE_NORMALIZATION,
                   .inputs = {floats({1, 2, 3, 9})},
                   .outputs = {real()},
                   .options = with<fb::LocalResponseNormalizationOptionsT>([](auto& o) {
                     o.radius = 2;
                     o.bias = 1;
                     o.alpha = 0.1f;
                     o.beta = 0.6f;
                   })});
}

}  // namespace

void add_movement_cases(std::vector<TfliteCase>& cases);
void add_indexing_cases(std::vector<TfliteCase>& cases);
void add_recurrent_cases(std::vector<TfliteCase>& cases);
void add_signal_cases(std::vector<TfliteCase>& cases);

std::vector<TfliteCase> tflite_cases() {
  Cases cases;
  add_unary(cases);
  add_binary(cases);
  add_convolutions(cases);
  add_products(cases);
  add_pools(cases);
  add_movement_cases(cases);
  add_indexing_cases(cases);
  add_recurrent_cases(cases);
  add_signal_cases(cases);
  return cases;
}

}  // namespace hone
