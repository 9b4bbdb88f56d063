#include "oracle/model_verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace hone {

namespace {

constexpr double kFloatShare = 1e-3, kCloseDecibel = 20, kCloseShare = 0.98, kCloseSteps = 8;
constexpr std::string_view kNames[] = {"equal", "close", "WRONG", "error", "REFUSED", "CRASH", "timeout", "-"};

std::string one_digit(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

/// How far one output is from what was expected.
struct Distance {
  double largest = 0, scale = 0, noise = 0, signal = 0;
  int64_t differing = 0, count = 0;

  double decibel() const { return noise == 0 ? 999 : 10 * std::log10(signal / noise + 1e-30); }
};

Distance distance(const Tensor& found, const Tensor& expected) {
  const std::vector<double> a = to_doubles(found), b = to_doubles(expected);
  Distance d;
  d.count = static_cast<int64_t>(b.size());
  for (size_t i = 0; i < b.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) {
      if (std::isfinite(b[i])) d.signal += b[i] * b[i], d.scale = std::max(d.scale, std::abs(b[i]));
      continue;
    }
    ++d.differing;
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      d.largest = d.noise = INFINITY;
      continue;
    }
    d.largest = std::max(d.largest, std::abs(a[i] - b[i]));
    d.scale = std::max(d.scale, std::abs(b[i]));
    d.noise += (a[i] - b[i]) * (a[i] - b[i]);
    d.signal += b[i] * b[i];
  }
  return d;
}

Verdict judge_output(size_t i, const Tensor& found, const Tensor& expected, double step) {
  const std::string where = cat("output ", static_cast<int64_t>(i), ": ");
  const bool is_widened = expected.dtype() == DType::kF16 && found.dtype() == DType::kF32;
  if (is_widened) return judge_output(i, found, cast(expected, DType::kF32), step);
  if (found.dtype() != expected.dtype() || found.dims() != expected.dims())
    return {Verdict::kWrong, cat(where, to_text(found.type()), ", expected ", to_text(expected.type()))};
  const Distance d = distance(found, expected);
  if (d.differing == 0) return {Verdict::kEqual, ""};
  if (is_float(expected.dtype())) {
    if (d.largest <= std::max(1e-6 + kFloatShare * d.scale, 1.001 * step)) return {Verdict::kEqual, ""};
    return {d.decibel() >= kCloseDecibel ? Verdict::kClose : Verdict::kWrong,
            cat(where, one_digit(d.decibel()), " dB")};
  }
  const bool is_stored_real = expected.dtype() != DType::kBool && size_of(expected.dtype()) <= 2;
  if (is_stored_real) {
    if (d.largest <= 1) return {Verdict::kEqual, ""};
    const bool is_close = d.largest <= kCloseSteps * (size_of(expected.dtype()) == 1 ? 1 : 256);
    return {is_close || d.decibel() >= kCloseDecibel ? Verdict::kClose : Verdict::kWrong,
            cat(where, one_digit(d.largest), " steps, ", one_digit(d.decibel()), " dB")};
  }
  const double share = 1 - static_cast<double>(d.differing) / static_cast<double>(d.count);
  return {share >= kCloseShare ? Verdict::kClose : Verdict::kWrong, cat(where, one_digit(100 * share), " % the same")};
}

}  // namespace

std::string to_text(const Verdict& verdict) {
  const std::string_view name = kNames[static_cast<size_t>(verdict.kind)];
  return verdict.detail.empty() ? std::string(name) : cat(name, ": ", verdict.detail);
}

std::string shortened(std::string text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return cat(text.substr(0, bytes), "…");
}

bool is_fault(const Verdict& verdict) {
  return verdict.kind == Verdict::kWrong || verdict.kind == Verdict::kRefused || verdict.kind == Verdict::kCrash;
}

Verdict worse(const Verdict& a, const Verdict& b) { return b.kind > a.kind ? b : a; }

double decibel(std::span<const Tensor> found, std::span<const Tensor> expected) {
  if (found.size() != expected.size()) return -INFINITY;
  double lowest = INFINITY;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (found[i].dtype() != expected[i].dtype() || found[i].dims() != expected[i].dims()) return -INFINITY;
    lowest = std::min(lowest, distance(found[i], expected[i]).decibel());
  }
  return lowest;
}

Verdict judge(std::span<const Tensor> found, std::span<const Tensor> expected, std::span<const double> steps) {
  if (found.size() != expected.size())
    return {Verdict::kWrong,
            cat(static_cast<int64_t>(found.size()), " outputs, expected ", static_cast<int64_t>(expected.size()))};
  Verdict worst{Verdict::kEqual, ""};
  for (size_t i = 0; i < expected.size(); ++i)
    worst = worse(worst, judge_output(i, found[i], expected[i], i < steps.size() ? steps[i] : 0));
  return worst;
}

}  // namespace hone
