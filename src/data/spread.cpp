#include "data/spread.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace hone {

namespace {

constexpr size_t kMaxEdges = 64;

/// Calls take(x) for the numbers that spread_numbers() gives.
template <class Take>
void each_number(const Tensor& tensor, int64_t most, int64_t turn, const Take& take) {
  if (tensor.elements() == 0 || (tensor.quant() && !tensor.quant()->is_per_tensor())) return;
  const double scale = tensor.quant() ? static_cast<double>(tensor.quant()->scale()) : 1;
  const double zero = tensor.quant() ? tensor.quant()->zero_point() : 0;
  const int64_t stride = (tensor.elements() + most - 1) / most;
  dispatch(tensor.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const T* values = static_cast<const T*>(tensor.raw());
    for (int64_t i = turn % stride; i < tensor.elements(); i += stride)
      take((static_cast<double>(static_cast<float>(values[i])) - zero) * scale);
  });
}

double number_of(const Json& json, std::string_view key) {
  const Json* found = json.find(key);
  const double value = found ? found->as_number() : NAN;
  if (!std::isfinite(value)) throw invalid_argument("a spread lacks a number");
  return value;
}

std::vector<double> numbers_of(const Json* list) {
  std::vector<double> out;
  if (!list) return out;
  for (const Json& value : list->as_array()) out.push_back(value.as_number());
  if (out.size() > kMaxEdges || !std::all_of(out.begin(), out.end(), [](double x) { return std::isfinite(x); }))
    throw invalid_argument("a spread holds numbers that make no sense");
  return out;
}

}  // namespace

std::vector<double> spread_numbers(const Tensor& tensor, int64_t most, int64_t turn) {
  std::vector<double> out;
  each_number(tensor, most, turn, [&](double x) { out.push_back(x); });
  return out;
}

void count_numbers(const Tensor& tensor, const Spread& expected, int64_t most, int64_t turn, SpreadCounts& counts) {
  counts.buckets.resize(expected.edges.size() + 1);
  const double low = expected.limits ? expected.limits->low : -INFINITY;
  const double high = expected.limits ? expected.limits->high : INFINITY;
  each_number(tensor, most, turn, [&](double x) {
    size_t bucket = 0;
    for (const double edge : expected.edges) bucket += x >= edge;
    ++counts.buckets[bucket];
    ++counts.numbers;
    counts.clipped += x <= low || x >= high;
  });
}

Spread deciles_of(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  Spread out;
  for (size_t tenth = 1; tenth < 10; ++tenth) {
    const double edge = numbers[tenth * numbers.size() / 10];
    if (edge > (out.edges.empty() ? numbers.front() : out.edges.back())) out.edges.push_back(edge);
  }
  auto from = numbers.begin();
  for (size_t i = 0; i <= out.edges.size(); ++i) {
    const auto to = i < out.edges.size() ? std::lower_bound(from, numbers.end(), out.edges[i]) : numbers.end();
    out.shares.push_back(static_cast<double>(to - from) / static_cast<double>(numbers.size()));
    from = to;
  }
  return out;
}

double population_stability(const Spread& expected, const SpreadCounts& counts) {
  constexpr double kLeast = 1e-4;
  double sum = 0;
  for (size_t i = 0; i < counts.buckets.size() && i < expected.shares.size(); ++i) {
    const double e = std::max(kLeast, expected.shares[i]);
    const double a = std::max(
        kLeast, static_cast<double>(counts.buckets[i]) / static_cast<double>(std::max<int64_t>(1, counts.numbers)));
    sum += (a - e) * std::log(a / e);
  }
  return sum;
}

Json to_json(const Spread& spread) {
  Json json = Json::object();
  json["name"] = spread.name;
  if (!spread.shares.empty()) {
    json["edges"] = Json::list(spread.edges);
    json["shares"] = Json::list(spread.shares);
  }
  if (spread.limits) {
    json["low"] = spread.limits->low;
    json["high"] = spread.limits->high;
    json["clipped"] = spread.limits->clipped;
  }
  return json;
}

Spread parse_spread(const Json& json) {
  Spread out;
  const Json* name = json.find("name");
  if (!name) throw invalid_argument("a spread has no name");
  out.name = name->as_string();
  out.edges = numbers_of(json.find("edges"));
  out.shares = numbers_of(json.find("shares"));
  const bool is_known = !out.shares.empty();
  if (out.shares.size() != out.edges.size() + (is_known ? 1 : 0) || !std::is_sorted(out.edges.begin(), out.edges.end()))
    throw invalid_argument("a spread's shares do not fit its edges");
  if (json.find("low")) out.limits = {number_of(json, "low"), number_of(json, "high"), number_of(json, "clipped")};
  return out;
}

}  // namespace hone
