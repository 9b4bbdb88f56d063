#include "formats/tflite_case_parts.h"

namespace hone {

namespace {

using namespace tflite_parts;

Input weight(Dims dims, uint32_t seed) { return constant(some_floats(std::move(dims), -0.7f, 0.7f, seed)); }

/// The 24 inputs of a sequence LSTM of 5 units over 2 entries of 4 steps with 3 features.
std::vector<Input> lstm(bool coupled, bool peepholes, bool projection, bool normalised) {
  const int64_t out = projection ? 2 : 5;
  std::vector<Input> in{floats({4, 2, 3})};
  for (uint32_t g = 0; g < 4; ++g) in.push_back(g == 0 && coupled ? absent() : weight({5, 3}, 10 + g));
  for (uint32_t g = 0; g < 4; ++g) in.push_back(g == 0 && coupled ? absent() : weight({5, out}, 20 + g));
  for (uint32_t p = 0; p < 3; ++p) in.push_back(!peepholes || (p == 0 && coupled) ? absent() : weight({5}, 30 + p));
  for (uint32_t g = 0; g < 4; ++g) in.push_back(g == 0 && coupled ? absent() : weight({5}, 40 + g));
  in.push_back(projection ? weight({2, 5}, 50) : absent());
  in.push_back(projection ? weight({2}, 51) : absent());
  in.push_back(variable({2, out}));
  in.push_back(variable({2, 5}));
  if (normalised)
    for (uint32_t g = 0; g < 4; ++g) in.push_back(g == 0 && coupled ? absent() : weight({5}, 60 + g));
  return in;
}

TfliteCase sequence(const char* name, std::vector<Input> inputs) {
  return {.name = name,
          .code = B::UNIDIRECTIONAL_SEQUENCE_LSTM,
          .inputs = std::move(inputs),
          .outputs = {real()},
          .options = with<fb::UnidirectionalSequenceLSTMOptionsT>([](auto& o) {
            o.fused_activation_function = fb::Activation::TANH;
            o.cell_clip = 0.8f;
            o.time_major = true;
          }),
          .version = 1};
}

Tensor weights(DType dtype, Dims dims, float scale, uint32_t seed) {
  const int64_t most = dtype == DType::kI8 ? 127 : dtype == DType::kI16 ? 32767 : 20000;
  return some_ints(dtype, std::move(dims), -most, most, seed).with_quant(QuantParams::per_tensor(scale, 0));
}

struct IntegerLayer {
  bool coupled = false, peepholes = false, projection = false, normalised = false;
  float cell_scale = 1.0f / 2048;
  int32_t hidden_zero = 0;
};

/// An integer LSTM of 8 units over 2 entries of 6 steps with 5 features.
TfliteCase integer_lstm(const char* name, const IntegerLayer& l) {
  const int64_t units = 8, out = l.projection ? 4 : units, features = 5;
  const float state_scale = 1.0f / 128, hidden_scale = l.projection ? 0.006f : state_scale;
  const int32_t state_zero = l.projection ? 5 : l.hidden_zero;
  const auto i8 = [&](Dims dims, float scale, uint32_t seed) {
    return constant(weights(DType::kI8, dims, scale, seed));
  };
  const auto skip = [&](uint32_t g) { return g == 0 && l.coupled; };
  std::vector<Input> in{fed(some_stored(DType::kI8, {2, 6, features}, 0.02f, 3))};
  for (uint32_t g = 0; g < 4; ++g) in.push_back(skip(g) ? absent() : i8({units, features}, 0.008f, 10 + g));
  for (uint32_t g = 0; g < 4; ++g) in.push_back(skip(g) ? absent() : i8({units, out}, 0.006f, 20 + g));
  for (uint32_t p = 0; p < 3; ++p)
    in.push_back(!l.peepholes || skip(p) ? absent() : constant(weights(DType::kI16, {units}, 2e-5f, 30 + p)));
  for (uint32_t g = 0; g < 4; ++g)
    in.push_back(skip(g) ? absent() : constant(weights(DType::kI32, {units}, l.normalised ? 3e-8f : 0.00016f, 40 + g)));
  in.push_back(l.projection ? i8({out, units}, 0.007f, 50) : absent());
  in.push_back(l.projection ? constant(weights(DType::kI32, {out}, 0.007f * hidden_scale, 51)) : absent());
  in.push_back({Input::kVariable,
                Tensor::zeros(DType::kI8, {2, out}).with_quant(QuantParams::per_tensor(state_scale, state_zero))});
  in.push_back(
      {Input::kVariable, Tensor::zeros(DType::kI16, {2, units}).with_quant(QuantParams::per_tensor(l.cell_scale, 0))});
  if (l.normalised)
    for (uint32_t g = 0; g < 4; ++g)
      in.push_back(skip(g) ? absent() : constant(weights(DType::kI16, {units}, 3e-5f, 60 + g)));
  std::vector<Output> inside(4, stored(DType::kI16, 0.0007f, 0));
  inside.push_back(stored(DType::kI8, hidden_scale, l.hidden_zero));
  return {.name = name,
          .code = B::UNIDIRECTIONAL_SEQUENCE_LSTM,
          .inputs = std::move(in),
          .outputs = {stored(DType::kI8, state_scale, state_zero)},
          .options = with<fb::UnidirectionalSequenceLSTMOptionsT>([](auto& o) {
            o.fused_activation_function = fb::Activation::TANH;
            o.cell_clip = 9;
          }),
          .version = 3,
          .intermediates = std::move(inside)};
}

void add_integer_lstms(Cases& cases) {
  cases.push_back(integer_lstm("integer_lstm", {}));
  cases.push_back(integer_lstm("integer_lstm_fine_cell", {.cell_scale = 1.0f / 32768}));
  cases.push_back(integer_lstm("integer_lstm_hidden_zero", {.hidden_zero = -7}));
  cases.push_back(integer_lstm("integer_lstm_coupled", {.coupled = true}));
  cases.push_back(integer_lstm("integer_lstm_peepholes", {.peepholes = true}));
  cases.push_back(integer_lstm("integer_lstm_projection", {.projection = true}));
  cases.push_back(integer_lstm("integer_lstm_projection_hidden_zero", {.projection = true, .hidden_zero = 9}));
  cases.push_back(integer_lstm("integer_lstm_normalised", {.normalised = true}));
  cases.push_back(integer_lstm("integer_lstm_normalised_projection", {.projection = true, .normalised = true}));
}

}  // namespace

void add_recurrent_cases(Cases& cases) {
  add_integer_lstms(cases);
  cases.push_back(sequence("lstm", lstm(false, false, false, false)));
  cases.push_back(sequence("lstm_coupled_peepholes", lstm(true, true, false, false)));
  cases.push_back(sequence("lstm_projection", lstm(false, true, true, false)));
  cases.push_back(sequence("lstm_normalised", lstm(false, false, true, true)));
  const auto tanh = with<fb::SequenceRNNOptionsT>([](auto& o) { o.fused_activation_function = fb::Activation::TANH; });
  cases.push_back(
      {.name = "sequence_rnn",
       .code = B::UNIDIRECTIONAL_SEQUENCE_RNN,
       .inputs = {floats({2, 4, 3}), weight({5, 3}, 1), weight({5, 5}, 2), weight({5}, 3), variable({2, 5})},
       .outputs = {real()},
       .options = tanh});
  cases.push_back(
      {.name = "rnn",
       .code = B::RNN,
       .inputs = {floats({2, 3}), weight({5, 3}, 1), weight({5, 5}, 2), weight({5}, 3), variable({2, 5})},
       .outputs = {real()},
       .options = with<fb::RNNOptionsT>([](auto& o) { o.fused_activation_function = fb::Activation::RELU; })});
  cases.push_back({.name = "svdf",
                   .code = B::SVDF,
                   .inputs = {floats({2, 3}), weight({8, 3}, 1), weight({8, 6}, 2), weight({4}, 3), variable({2, 48})},
                   .outputs = {real()},
                   .options = with<fb::SVDFOptionsT>([](auto& o) {
                     o.rank = 2;
                     o.fused_activation_function = fb::Activation::RELU;
                   })});
  std::vector<Input> both{floats({4, 2, 3})};
  for (uint32_t d = 0; d < 2; ++d) {
    for (uint32_t g = 0; g < 4; ++g) both.push_back(weight({5, 3}, 100 * d + 10 + g));
    for (uint32_t g = 0; g < 4; ++g) both.push_back(weight({5, 5}, 100 * d + 20 + g));
    for (int p = 0; p < 3; ++p) both.push_back(absent());
    for (uint32_t g = 0; g < 4; ++g) both.push_back(weight({5}, 100 * d + 40 + g));
    both.push_back(absent());
    both.push_back(absent());
  }
  for (int s = 0; s < 4; ++s) both.push_back(variable({2, 5}));
  for (int a = 0; a < 9; ++a) both.push_back(absent());
  cases.push_back({.name = "bidirectional_lstm",
                   .code = B::BIDIRECTIONAL_SEQUENCE_LSTM,
                   .inputs = std::move(both),
                   .outputs = {real()},
                   .options = with<fb::BidirectionalSequenceLSTMOptionsT>([](auto& o) {
                     o.fused_activation_function = fb::Activation::TANH;
                     o.merge_outputs = true;
                     o.time_major = true;
                   })});
}

}  // namespace hone
