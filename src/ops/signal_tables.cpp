#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "ops/kernel.h"
#include "ops/signal.h"

namespace hone {

namespace {

/// Tables larger than this are refused: their size is a number in a file.
constexpr int64_t kMaxElements = int64_t{1} << 28;

int64_t size_at(const Tensor& x, const char* what) {
  const std::vector<int64_t> values = to_ints(x);
  if (values.size() != 1 || values[0] < 0) throw invalid_argument(cat(what, " is not one number ≥ 0"));
  if (values[0] > kMaxElements) throw resource_error(cat(what, " is ", values[0], ", at most ", kMaxElements));
  return values[0];
}

template <class Op>
void infer_window(InferContext& c) {
  c.output(0, c.attrs<Op>().dtype, Shape{c.constant(0) ? Dim(size_at(*c.constant(0), "window: size")) : Dim()});
}

/// a₀ − a₁ cos(2πn/N) + a₂ cos(4πn/N), N = size when periodic, else size − 1.
template <class Op>
void eval_window(EvalContext& c, double a0, double a1, double a2) {
  const Op& op = c.op<Op>();
  const int64_t size = size_at(c.in(0), "window: size");
  const auto period = static_cast<double>(op.periodic ? size : size - 1);
  Tensor out = Tensor::empty(DType::kF64, {size});
  for (int64_t n = 0; n < size; ++n) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(n) / period;
    out.mutable_data<double>()[static_cast<size_t>(n)] = a0 - a1 * std::cos(phase) + a2 * std::cos(2 * phase);
  }
  c.outputs[0] = cast(out, op.dtype);
}

constexpr InputRule kWindowInputs[] = {{.name = "size", .dtypes = Indices::kSet}};

template <class Op>
constexpr OpDef window(void (*eval)(EvalContext&)) {
  return {
      .name = Op::kName, .attrs = &attr_type<Op>(), .infer = infer_window<Op>, .eval = eval, .inputs = kWindowInputs};
}

void infer_mel(InferContext& c) {
  Shape shape = Shape::unknown_of_rank(2);
  if (c.constant(1)) shape[0] = Dim(size_at(*c.constant(1), "mel: dft length") / 2 + 1);
  if (c.constant(0)) shape[1] = Dim(size_at(*c.constant(0), "mel: bins"));
  c.output(0, c.attrs<MelWeightMatrix>().dtype, std::move(shape));
}

double number_at(const Tensor& x) {
  const std::vector<double> values = to_doubles(x);
  if (values.size() != 1) throw invalid_argument("mel: a parameter is not one number");
  return values[0];
}

/// Spectrogram bin of each mel edge.
std::vector<int64_t> mel_edges(int64_t bins, int64_t dft, double rate, double low_hertz, double high_hertz) {
  const double low = 2595 * std::log10(1 + low_hertz / 700), high = 2595 * std::log10(1 + high_hertz / 700);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bins + 2; ++i) {
    const double mel = low + static_cast<double>(i) * (high - low) / static_cast<double>(bins + 2);
    const double hertz = 700 * (std::pow(10, mel / 2595) - 1);
    const double bin = std::floor(static_cast<double>(dft + 1) * hertz / rate);
    if (!(bin >= 0 && bin <= static_cast<double>(dft / 2)))
      throw invalid_argument("mel: an edge lies outside the spectrum");
    edges.push_back(static_cast<int64_t>(bin));
  }
  return edges;
}

void eval_mel(EvalContext& c) {
  const int64_t bins = size_at(c.in(0), "mel: bins"), dft = size_at(c.in(1), "mel: dft length");
  const std::vector<int64_t> edges = mel_edges(bins, dft, number_at(c.in(2)), number_at(c.in(3)), number_at(c.in(4)));
  Tensor out = Tensor::zeros(DType::kF64, {dft / 2 + 1, bins});
  const auto to = out.mutable_data<double>();
  for (int64_t i = 0; i < bins; ++i) {
    const auto at = [&](int64_t j) -> double& { return to[static_cast<size_t>(j * bins + i)]; };
    const int64_t low = edges[static_cast<size_t>(i)], center = edges[static_cast<size_t>(i + 1)];
    const int64_t high = edges[static_cast<size_t>(i + 2)];
    if (low == center) at(center) = 1;
    for (int64_t j = low; j <= center && low != center; ++j)
      at(j) = static_cast<double>(j - low) / static_cast<double>(center - low);
    for (int64_t j = center; j < high; ++j) at(j) = static_cast<double>(high - j) / static_cast<double>(high - center);
  }
  c.outputs[0] = cast(out, c.op<MelWeightMatrix>().dtype);
}

constexpr InputRule kMelWeightMatrixInputs[] = {{.name = "bins", .dtypes = Integers::kSet},
                                                {.name = "dft length", .dtypes = Integers::kSet},
                                                {.name = "sample rate", .dtypes = Integers::kSet},
                                                {.name = "lower edge", .dtypes = Floats::kSet},
                                                {.name = "upper edge", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef HannWindow::def =
    window<HannWindow>([](EvalContext& c) { eval_window<HannWindow>(c, 0.5, 0.5, 0); });
constinit const OpDef HammingWindow::def =
    window<HammingWindow>([](EvalContext& c) { eval_window<HammingWindow>(c, 25.0 / 46, 21.0 / 46, 0); });
constinit const OpDef BlackmanWindow::def =
    window<BlackmanWindow>([](EvalContext& c) { eval_window<BlackmanWindow>(c, 0.42, 0.5, 0.08); });

constinit const OpDef MelWeightMatrix::def{.name = MelWeightMatrix::kName,
                                           .attrs = &attr_type<MelWeightMatrix>(),
                                           .min_inputs = 5,
                                           .max_inputs = 5,
                                           .infer = infer_mel,
                                           .eval = eval_mel,
                                           .inputs = kMelWeightMatrixInputs};

}  // namespace hone
