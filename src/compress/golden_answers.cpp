#include "compress/golden_answers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "passes/check.h"

namespace hone {

namespace {

constexpr int64_t kSeeds = 2;
constexpr int64_t kNumbers = 32;
constexpr double kRelativeTolerance = 0.01;

/// To six digits: what reads the same on every machine.
double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtod(text, nullptr);
}

Json numbers_of(const std::vector<double>& all) {
  const auto count = static_cast<int64_t>(all.size()), shown = std::min(count, kNumbers);
  Json out = Json::array();
  for (int64_t i = 0; i < shown; ++i) out.push_back(rounded(all[static_cast<size_t>(i * count / shown)]));
  return out;
}

double largest_of(const std::vector<double>& all) {
  double largest = 0;
  for (const double value : all)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  return rounded(largest);
}

Json answer_of(const Tensor& output) {
  const std::vector<double> all = to_doubles(output.with_quant(nullptr));
  Json out = Json::object();
  out["dims"] = Json::list(output.dims());
  out["largest"] = largest_of(all);
  out["numbers"] = numbers_of(all);
  return out;
}

/// `graph`'s outputs on the inputs of one seed; infer_of begins each with fresh states.
Json ask(const Infer& infer, const Graph& graph, int64_t seed) {
  Json out = Json::object();
  out["seed"] = seed;
  Json& outputs = out["outputs"] = Json::array();
  for (const Tensor& output : infer(generate_inputs(graph, static_cast<uint64_t>(seed), 1)))
    outputs.push_back(answer_of(output));
  return out;
}

const Json& member(const Json& of, std::string_view key) {
  const Json* found = of.find(key);
  if (found == nullptr) throw invalid_argument(cat("the golden answers have no '", key, "'"));
  return *found;
}

void compare(const Json& expected, const Json& found, bool is_real) {
  if (member(expected, "dims") != member(found, "dims"))
    throw invalid_model(
        cat("the answer has shape ", member(found, "dims").dump(), ", expected ", member(expected, "dims").dump()));
  const auto &a = member(expected, "numbers").as_array(), &b = member(found, "numbers").as_array();
  if (a.size() != b.size()) throw invalid_argument(cat(a.size(), " golden numbers, expected ", b.size()));
  const double allowed = is_real ? kRelativeTolerance * member(expected, "largest").as_number() : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool are_numbers = a[i].is_number() && b[i].is_number();  // what is not finite is null
    if (are_numbers ? std::abs(a[i].as_number() - b[i].as_number()) > allowed : a[i] != b[i])
      throw invalid_model(cat("number ", i, " is ", b[i].dump(), ", expected ", a[i].dump(), " ± ", allowed));
  }
}

}  // namespace

Json golden_answers(const Graph& graph, const Engine& engine) {
  Json out = Json::array();
  try {
    const Infer infer = infer_of(graph, engine)();
    for (int64_t seed = 0; seed < kSeeds; ++seed) out.push_back(ask(infer, graph, seed));
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kCancelled) throw;
    return Json::array();
  }
  return out;
}

int64_t repeat_golden_answers(const Json& answers, const Graph& graph, const Engine& engine) {
  const Infer infer = infer_of(graph, engine)();
  for (const Json& answer : answers.as_array()) {
    const int64_t seed = member(answer, "seed").as_int();
    const Json found = ask(infer, graph, seed);
    const auto &a = member(answer, "outputs").as_array(), &b = member(found, "outputs").as_array();
    if (a.size() != b.size()) throw invalid_model(cat("the model has ", b.size(), " outputs, expected ", a.size()));
    for (size_t i = 0; i < a.size(); ++i) {
      const Value& output = graph.value(graph.outputs()[i]);
      with_context([&] { return cat("in output '", output.name, "' of golden sample ", seed); },
                   [&] { compare(a[i], b[i], is_float(output.type.dtype)); });
    }
  }
  return static_cast<int64_t>(answers.as_array().size());
}

}  // namespace hone
