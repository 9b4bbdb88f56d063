#include "measure/proof.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "data/preprocess.h"
#include "ops/quantize.h"
#include "runtime/provider.h"

namespace hone {
namespace {

constexpr int64_t kMostInputs = 2, kRunsOfStates = 6;
/// What roundings to f16, of 11 bits each, add up to.
constexpr double kHalfTolerance = 1e-2;
/// What open sizes may be, in the order in which they are tried.
constexpr int64_t kOpenSizes[] = {2, 1, 8, 64};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void take_worst(Difference& worst, const Difference& d) {
  worst.max_abs = std::max(worst.max_abs, d.max_abs);
  worst.max_relative = std::max(worst.max_relative, d.max_relative);
  worst.max_steps = std::max(worst.max_steps, d.max_steps);
}

/// Step of the quantized value that output `i` merely dequantizes; 0 for other outputs.
double dequantized_step(const Graph& graph, size_t i) {
  const Node* producer = graph.producer(graph.outputs()[i]);
  if (!producer || !producer->is<Dequantize>()) return 0;
  const QuantPtr& quant = graph.type(producer->inputs[0]).quant;
  return quant && quant->is_per_tensor() ? static_cast<double>(quant->scale()) : 0;
}

bool computes_in_half(const Graph& graph) {
  for (const NodeId id : graph.order())
    for (const ValueId out : graph.node(id).outputs)
      if (graph.type(out).dtype == DType::kF16) return true;
  return false;
}

/// x, or in f32 what is f16 where `like` has f32.
Tensor widened(const Tensor& x, const Tensor& like) {
  return x.dtype() == DType::kF16 && like.dtype() == DType::kF32 ? cast(x, DType::kF32) : x;
}

/// Of outputs one of which may be f16 where the other is f32.
Difference difference_of(const Tensor& a, const Tensor& b) {
  const Tensor x = widened(a, b), y = widened(b, a);
  return difference(std::span(&x, 1), std::span(&y, 1));
}

/// Compares output by output: floats within the tolerance, quantized ones within a step.
void compare_outputs(const Graph& source, const std::vector<Tensor>& before, const std::vector<Tensor>& after,
                     double tolerance, Proof& proof) {
  for (size_t i = 0; i < before.size(); ++i) {
    Difference d = difference_of(before[i], after[i]);
    const double step = dequantized_step(source, i);
    bool is_equal = is_within(d, tolerance);
    if (!is_equal && step > 0 && !before[i].quant()) {
      d.max_steps = std::round(d.max_abs / step * 1e3) / 1e3;
      is_equal = d.max_steps <= 1;
    }
    proof.is_equal = proof.is_equal && is_equal;
    take_worst(proof.worst, d);
  }
}

/// A model that is run again and again, with what it remembers.
class Remembering {
 public:
  Remembering(Graph graph, const Engine& engine) : graph_(std::move(graph)), session_(Program::as_is(graph_, engine)) {}

  /// Inputs of the source. Further ones are states of it, in their order, which the last outputs become.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const Graph& source) {
    if (handed_on_.empty())
      for (size_t i = 0; graph_.inputs().size() > inputs.size() + i && i < source.states().size(); ++i)
        handed_on_.push_back(source.states()[i].initial);
    std::vector<Tensor> all = inputs;
    all.insert(all.end(), handed_on_.begin(), handed_on_.end());
    for (size_t i = 0; i < all.size() && i < graph_.inputs().size(); ++i)
      all[i] = convert_input(all[i].with_quant(stored(source, i, inputs.size())), graph_.type(graph_.inputs()[i]));
    std::vector<Tensor> outputs;
    for (const Tensor& t : session_.run(all)) outputs.push_back(t.clone());
    if (outputs.size() != source.outputs().size() + handed_on_.size())
      throw internal_error(
          cat("the written model has ", outputs.size(), " outputs, the source ", source.outputs().size()));
    const auto first = outputs.begin() + static_cast<std::ptrdiff_t>(source.outputs().size());
    handed_on_.assign(first, outputs.end());
    outputs.erase(first, outputs.end());
    return outputs;
  }

 private:
  static QuantPtr stored(const Graph& source, size_t i, size_t inputs) {
    return i < inputs ? source.type(source.inputs()[i]).quant : source.states()[i - inputs].initial.quant();
  }

  Graph graph_;
  Session session_;
  std::vector<Tensor> handed_on_;
};

Graph in_float(Graph graph) {
  graph.arithmetic = QuantArithmetic::kFloat;
  return graph;
}

/// Both models, and where their arithmetics differ, if that is to be measured, each once more under its own.
class Pair {
 public:
  Pair(const Graph& source, const Graph& written, const Engine& engine, bool is_arithmetic_measured)
      : source_graph_(source),
        is_one_(source.arithmetic == written.arithmetic),
        source_(is_one_ ? source : in_float(source), engine),
        written_(is_one_ ? written : in_float(written), engine) {
    if (is_one_ || !is_arithmetic_measured) return;
    const bool is_source_float = source.arithmetic == QuantArithmetic::kFloat;
    own_.emplace(is_source_float ? written : source, engine);
  }

  void compare(const std::vector<Tensor>& inputs, double tolerance, Proof& proof) {
    const std::vector<Tensor> before = source_.run(inputs, source_graph_), after = written_.run(inputs, source_graph_);
    compare_outputs(source_graph_, before, after, tolerance, proof);
    if (!own_) return;
    const bool is_source_float = source_graph_.arithmetic == QuantArithmetic::kFloat;
    const std::vector<Tensor> own = own_->run(inputs, source_graph_);
    for (size_t i = 0; i < own.size(); ++i)
      take_worst(proof.arithmetic, difference_of((is_source_float ? before : after)[i], own[i]));
  }

 private:
  const Graph& source_graph_;
  bool is_one_;
  Remembering source_, written_;
  std::optional<Remembering> own_;
};

Engine reference_engine() { return {.providers = {&reference_provider()}}; }

/// `quick`: what a faster engine found, null for the first that is asked. That stops at the input on which the two
/// differ, and the second begins there; the arithmetics are measured once.
Proof prove_with(const Graph& source, const Graph& written, const Engine& engine, const ProofOptions& options,
                 int64_t open_size, const Proof* quick = nullptr) {
  const auto start = Clock::now();
  Proof proof;
  proof.states = static_cast<int64_t>(source.states().size());
  const int64_t least = proof.states > 0 ? kRunsOfStates : 1;
  const int64_t most = options.inputs >= 0 ? std::max(options.inputs, least) : std::max(kMostInputs, least);
  proof.is_finer = computes_in_half(source) && !computes_in_half(written);
  const double tolerance = proof.is_finer ? std::max(options.tolerance, kHalfTolerance) : options.tolerance;
  if (quick) proof.arithmetic = quick->arithmetic;
  const int64_t first = quick && proof.states == 0 ? quick->inputs - 1 : 0;
  Pair pair(source, written, engine, !quick);
  while (proof.inputs < most) {
    if (options.progress) options.progress(proof.inputs, most);
    pair.compare(generate_inputs(source, static_cast<uint64_t>(first + proof.inputs), open_size), tolerance, proof);
    ++proof.inputs;
    if (!proof.is_equal && !engine.is_reference()) break;
    const double next =
        seconds_since(start) * static_cast<double>(proof.inputs + 1) / static_cast<double>(proof.inputs);
    if (options.inputs < 0 && proof.inputs >= least && next > options.seconds) break;
  }
  return proof;
}

bool has_open_sizes(const Graph& graph) {
  return std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](ValueId id) { return !graph.type(id).shape.is_static(); });
}

/// An open size on which the source runs.
int64_t open_size_of(const Graph& source, const Engine& engine) {
  if (!has_open_sizes(source)) return kOpenSizes[0];
  std::optional<Error> first;
  for (const int64_t size : kOpenSizes) {
    try {
      Remembering(source, engine).run(generate_inputs(source, 0, size), source);
      return size;
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kCancelled || e.code() == ErrorCode::kUnsupported) throw;
      if (!first) first = e;
    }
  }
  throw *first;
}

}  // namespace

Proof prove(const Graph& source, const Graph& written, const Engine& engine, const ProofOptions& options) {
  const int64_t open_size = open_size_of(source, engine);
  const Proof quick = prove_with(source, written, engine, options, open_size);
  if (quick.is_equal || engine.is_reference()) return quick;
  Proof judged = prove_with(source, written, reference_engine(), options, open_size, &quick);
  judged.is_judged = true;
  return judged;
}

}  // namespace hone
