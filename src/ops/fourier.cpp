#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/kernel.h"
#include "ops/signal.h"

namespace hone {

namespace {

using Complex = std::complex<double>;

/// The same for a length that is a power of two, in n log n steps (Cooley and Tukey, 1965): even and odd elements
/// apart, by reversal of the bits of their numbers.
std::vector<Complex> fast_transform(const std::vector<Complex>& x, int64_t length, int64_t bins, bool inverse) {
  const auto n = static_cast<size_t>(length);
  std::vector<Complex> y(n), roots(n / 2);
  const double step = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  for (size_t k = 0; k < roots.size(); ++k) roots[k] = std::polar(1.0, step * static_cast<double>(k));
  for (size_t i = 0, reversed = 0; i < n; ++i) {
    if (i < x.size()) y[reversed] = x[i];
    size_t bit = n / 2;
    for (; bit > 0 && (reversed & bit) != 0; bit /= 2) reversed ^= bit;
    reversed |= bit;
  }
  for (size_t half = 1; half < n; half *= 2)
    for (size_t first = 0; first < n; first += 2 * half)
      for (size_t k = 0; k < half; ++k) {
        Complex &a = y[first + k], &b = y[first + k + half];
        const Complex turned = b * roots[k * (n / (2 * half))];
        b = a - turned;
        a += turned;
      }
  y.resize(static_cast<size_t>(bins));
  if (inverse)
    for (Complex& v : y) v /= static_cast<double>(length);
  return y;
}

/// X[k] = Σ x[n] e^(∓2πikn/N), k < bins; x is taken as 0 beyond its end.
std::vector<Complex> transform(const std::vector<Complex>& x, int64_t length, int64_t bins, bool inverse) {
  if (std::has_single_bit(static_cast<uint64_t>(length))) return fast_transform(x, length, bins, inverse);
  std::vector<Complex> out(static_cast<size_t>(bins));
  const double step = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  for (int64_t k = 0; k < bins; ++k) {
    Complex sum = 0;
    for (int64_t n = 0; n < length && n < static_cast<int64_t>(x.size()); ++n)
      sum += x[static_cast<size_t>(n)] * std::polar(1.0, step * static_cast<double>(k * n % length));
    out[static_cast<size_t>(k)] = inverse ? sum / static_cast<double>(length) : sum;
  }
  return out;
}

void check_parts(const Shape& shape, const char* op) {
  if (!shape.has_rank() || shape.rank() < 2) return;
  const Dim& parts = shape[shape.rank() - 1];
  if (parts.is_known() && parts.value() != 1 && parts.value() != 2)
    throw invalid_model(cat(op, ": the last dim is ", parts.value(), ", expected 1 (real) or 2 (complex)"));
}

int64_t scalar_at(const Tensor& x, const char* what) {
  const std::vector<int64_t> values = to_ints(x);
  if (values.size() != 1 || values[0] < 1) throw invalid_argument(cat(what, " is not one number ≥ 1"));
  return values[0];
}

int64_t bins_of(int64_t length, bool onesided) { return onesided ? length / 2 + 1 : length; }

void infer_dft(InferContext& c) {
  const Dft& op = c.attrs<Dft>();
  if (!is_float(c.dtype(0))) throw invalid_model(cat("dft: input is ", to_string(c.dtype(0)), ", expected floats"));
  Shape shape = c.shape(0);
  if (!shape.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (shape.rank() < 2) throw invalid_model("dft: input has fewer than two dims");
  check_parts(shape, "dft");
  const int64_t axis = normalize_axis(op.axis, shape.rank(), "dft: axis");
  if (axis == shape.rank() - 1) throw invalid_model("dft: axis is that of real and imaginary parts");
  if (c.has_input(1)) shape[axis] = c.constant(1) ? Dim(scalar_at(*c.constant(1), "dft: length")) : Dim();
  if (op.onesided) shape[axis] = shape[axis].is_known() ? Dim(bins_of(shape[axis].value(), true)) : Dim();
  shape[shape.rank() - 1] = Dim(2);
  c.output(0, c.dtype(0), std::move(shape));
}

void eval_dft(EvalContext& c) {
  const Dft& op = c.op<Dft>();
  const Tensor x = cast(c.in(0), DType::kF64);
  const int64_t axis = normalize_axis(op.axis, x.rank(), "dft: axis");
  const int64_t count = x.dim(axis), parts = x.dim(x.rank() - 1);
  const int64_t length = c.has(1) ? scalar_at(c.in(1), "dft: length") : count;
  if (length < 1) throw invalid_argument("dft: nothing to transform");
  const int64_t bins = bins_of(length, op.onesided);
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < axis; ++i) outer *= x.dim(i);
  for (int64_t i = axis + 1; i < x.rank() - 1; ++i) inner *= x.dim(i);
  Dims dims = x.dims();
  dims[static_cast<size_t>(axis)] = bins;
  dims.back() = 2;
  Tensor out = Tensor::empty(DType::kF64, std::move(dims));
  const auto from = x.data<double>();
  const auto to = out.mutable_data<double>();
  std::vector<Complex> line(static_cast<size_t>(std::min(count, length)));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      for (size_t n = 0; n < line.size(); ++n) {
        const auto at = static_cast<size_t>(((o * count + static_cast<int64_t>(n)) * inner + i) * parts);
        line[n] = {from[at], parts == 2 ? from[at + 1] : 0};
      }
      const std::vector<Complex> y = transform(line, length, bins, op.inverse);
      for (int64_t k = 0; k < bins; ++k) {
        const auto at = static_cast<size_t>(((o * bins + k) * inner + i) * 2);
        to[at] = y[static_cast<size_t>(k)].real();
        to[at + 1] = y[static_cast<size_t>(k)].imag();
      }
    }
  c.outputs[0] = cast(out, c.output_types[0].dtype);
}

/// Length of a frame: given, or the window's.
Dim frame_length(InferContext& c) {
  if (c.has_input(3)) return c.constant(3) ? Dim(scalar_at(*c.constant(3), "stft: frame length")) : Dim();
  if (c.has_input(2) && c.shape(2).has_rank() && c.shape(2).rank() == 1) return c.shape(2)[0];
  return Dim();
}

void infer_stft(InferContext& c) {
  if (!is_float(c.dtype(0))) throw invalid_model(cat("stft: signal is ", to_string(c.dtype(0)), ", expected floats"));
  const Shape& x = c.shape(0);
  check_parts(x, "stft");
  if (x.has_rank() && x.rank() != 3) throw invalid_model(cat("stft: signal has rank ", x.rank(), ", expected 3"));
  if (!c.has_input(2) && !c.has_input(3)) throw invalid_model("stft: neither window nor frame length is given");
  const Dim length = frame_length(c);
  Shape out = Shape::unknown_of_rank(4);
  if (x.has_rank()) out[0] = x[0];
  if (length.is_known()) out[2] = Dim(bins_of(length.value(), c.attrs<Stft>().onesided));
  out[3] = Dim(2);
  if (length.is_known() && x.has_rank() && x[1].is_known() && c.constant(1)) {
    const int64_t step = scalar_at(*c.constant(1), "stft: frame step");
    if (x[1].value() < length.value()) throw invalid_model("stft: the signal is shorter than a frame");
    out[1] = Dim((x[1].value() - length.value()) / step + 1);
  }
  c.output(0, c.dtype(0), std::move(out));
}

void eval_stft(EvalContext& c) {
  const bool onesided = c.op<Stft>().onesided;
  const Tensor x = cast(c.in(0), DType::kF64);
  const int64_t batch = x.dim(0), count = x.dim(1), parts = x.dim(2);
  const int64_t step = scalar_at(c.in(1), "stft: frame step");
  const int64_t length = c.has(3) ? scalar_at(c.in(3), "stft: frame length") : c.in(2).elements();
  if (length < 1 || count < length) throw invalid_argument("stft: the signal is shorter than a frame");
  std::vector<double> window(static_cast<size_t>(length), 1.0);
  if (c.has(2)) {
    window = to_doubles(c.in(2));
    if (static_cast<int64_t>(window.size()) != length)
      throw invalid_argument(cat("stft: window of ", static_cast<int64_t>(window.size()), ", frames of ", length));
  }
  const int64_t frames = (count - length) / step + 1, bins = bins_of(length, onesided);
  Tensor out = Tensor::empty(DType::kF64, {batch, frames, bins, 2});
  const auto from = x.data<double>();
  const auto to = out.mutable_data<double>();
  size_t at = 0;
  std::vector<Complex> line(static_cast<size_t>(length));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t f = 0; f < frames; ++f) {
      for (int64_t n = 0; n < length; ++n) {
        const auto place = static_cast<size_t>((b * count + f * step + n) * parts);
        line[static_cast<size_t>(n)] =
            Complex(from[place], parts == 2 ? from[place + 1] : 0) * window[static_cast<size_t>(n)];
      }
      for (const Complex& y : transform(line, length, bins, false)) {
        to[at++] = y.real();
        to[at++] = y.imag();
      }
    }
  c.outputs[0] = cast(out, c.output_types[0].dtype);
}

constexpr InputRule kDftInputs[] = {{.name = "x", .dtypes = Floats::kSet, .min_rank = 2},
                                    {.name = "length", .dtypes = Indices::kSet}};

constexpr InputRule kStftInputs[] = {{.name = "signal", .dtypes = Floats::kSet},
                                     {.name = "frame step", .dtypes = Indices::kSet},
                                     {.name = "window", .same_dtype_as = 0, .min_rank = 1, .max_rank = 1},
                                     {.name = "frame length", .dtypes = Indices::kSet}};

}  // namespace

constinit const OpDef Dft::def{.name = Dft::kName,
                               .attrs = &attr_type<Dft>(),
                               .min_inputs = 1,
                               .max_inputs = 2,
                               .infer = infer_dft,
                               .eval = eval_dft,
                               .inputs = kDftInputs};

constinit const OpDef Stft::def{.name = Stft::kName,
                                .attrs = &attr_type<Stft>(),
                                .min_inputs = 2,
                                .max_inputs = 4,
                                .infer = infer_stft,
                                .eval = eval_stft,
                                .inputs = kStftInputs};

}  // namespace hone
