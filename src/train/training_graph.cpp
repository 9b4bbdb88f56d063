#include "train/training_graph.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/backward.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include "train/batch.h"
#include "train/gradient.h"

namespace hone {
namespace {

Tensor number(double v) { return Tensor::scalar<float>(static_cast<float>(v)); }

/// Short names for the arithmetic of losses and updates.
struct Arithmetic {
  Graph& graph;

  ValueId constant(double v) { return graph.add_constant(number(v)); }
  ValueId add(ValueId a, ValueId b) { return graph.add(Add{}, {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return graph.add(Sub{}, {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return graph.add(Mul{}, {a, b}); }
  ValueId div(ValueId a, ValueId b) { return graph.add(Div{}, {a, b}); }
  ValueId times(ValueId a, double k) { return mul(a, constant(k)); }
  ValueId plus(ValueId a, double k) { return add(a, constant(k)); }
  ValueId sum(ValueId a) { return graph.add(ReduceSum{.keepdims = false}, {a}); }
  ValueId mean(ValueId a) { return graph.add(ReduceMean{.keepdims = false}, {a}); }
  ValueId length(ValueId a) { return graph.add(Sqrt{}, {sum(mul(a, a))}); }
  /// b · a + (1 − b) · v, the moving average of v.
  ValueId blend(ValueId a, double b, ValueId v) { return add(times(a, b), times(v, 1 - b)); }
};

/// The scores as [N, C].
ValueId scores_of(Graph& graph, ValueId logits) {
  const Dims dims = graph.type(logits).shape.dims();
  const int64_t classes = graph.type(logits).shape.elements() / dims[0];
  if (dims == Dims{dims[0], classes}) return logits;
  const int64_t flat[] = {dims[0], classes};
  return graph.add(Reshape{}, {logits, graph.add_constant(Tensor::of<int64_t>({2}, std::span<const int64_t>(flat)))});
}

/// −1/N Σ p · log softmax(z).
ValueId cross_entropy(Arithmetic& a, ValueId probabilities, ValueId scores) {
  const double samples = static_cast<double>(a.graph.type(scores).shape.dims()[0]);
  return a.times(a.sum(a.mul(probabilities, a.graph.add(LogSoftmax{}, {scores}))), -1 / samples);
}

ValueId softened_divergence(Arithmetic& a, ValueId teacher, ValueId scores, double temperature) {
  const ValueId soft = a.graph.add(Softmax{.beta = static_cast<float>(1 / temperature)}, {teacher});
  const ValueId entropy = a.mean(a.graph.add(
      ReduceSum{.keepdims = false}, {a.mul(soft, a.graph.add(LogSoftmax{}, {a.times(teacher, 1 / temperature)})),
                                     a.graph.add_constant(Tensor::of<int64_t>({1}, {1}))}));
  const ValueId cross = cross_entropy(a, soft, a.times(scores, 1 / temperature));
  return a.times(a.add(cross, entropy), temperature * temperature);
}

/// Apart: how sure the right class is against all others, and how the others stand to each other.
ValueId decoupled_divergence(Arithmetic& a, ValueId targets, ValueId teacher, ValueId scores, const Objective& o) {
  const auto right = [&](ValueId v) {  // [N]: the softened probability of the right class
    const ValueId p = a.graph.add(Softmax{.beta = static_cast<float>(1 / o.temperature)}, {v});
    const ValueId sum = a.graph.add(ReduceSum{.keepdims = false},
                                    {a.mul(p, targets), a.graph.add_constant(Tensor::of<int64_t>({1}, {1}))});
    return a.graph.add(Clamp{.min = 1e-6f, .max = 1 - 1e-6f}, {sum});
  };
  const auto log = [&](ValueId v) { return a.graph.add(Log{}, {v}); };
  const auto rest = [&](ValueId v) { return a.plus(a.times(v, -1), 1); };
  const ValueId t = right(teacher), s = right(scores);
  const ValueId sure =
      a.mean(a.add(a.mul(t, a.sub(log(t), log(s))), a.mul(rest(t), a.sub(log(rest(t)), log(rest(s))))));
  // Far below every other score the right class has no share.
  const ValueId hidden = a.times(targets, 1000);
  const ValueId others = softened_divergence(a, a.sub(teacher, hidden), a.sub(scores, hidden), o.temperature);
  return a.add(a.times(sure, o.temperature * o.temperature), a.times(others, o.decoupled));
}

ValueId relative_error(Arithmetic& a, ValueId teacher, ValueId output) {
  const ValueId difference = a.sub(output, teacher);
  return a.div(a.mean(a.mul(difference, difference)), a.plus(a.mean(a.mul(teacher, teacher)), 1e-12));
}

struct Loss {
  ValueId value, scores;

  void add(Arithmetic& a, ValueId part, double weight) {
    const ValueId v = weight == 1 ? part : a.times(part, weight);
    value = value.exists() ? a.add(value, v) : v;
  }
};

/// Every matched value through its projector, against the teacher's. Opens the projectors as weights.
void add_matches(Arithmetic& a, Loss& loss, const Objective& objective, std::vector<ValueId>& weights) {
  for (const Match& m : objective.matches) {
    const ValueId v = find_value(a.graph, m.student);
    TensorType type = a.graph.type(v);
    if (type.dtype != DType::kF32 || type.shape.rank() < 2 || type.shape.dims().back() != m.projector.dim(0))
      throw invalid_argument(
          cat("'", m.student, "' is ", to_text(type), ", expected floats with ", m.projector.dim(0), " channels"));
    Dims dims = type.shape.dims();
    dims.back() = m.projector.dim(1);
    type.shape = Shape(dims);
    weights.push_back(a.graph.add_state(cat("match_", m.student), m.projector));
    const ValueId target = a.graph.add_input(cat("teacher_", m.teacher), type);
    loss.add(a, relative_error(a, target, a.graph.add(MatMul{}, {v, weights.back()})), objective.match);
  }
}

Loss add_loss(Graph& graph, const Objective& objective, std::vector<ValueId>& weights) {
  Arithmetic a{graph};
  Loss loss;
  const auto add = [&](ValueId part, double weight) { loss.add(a, part, weight); };
  const std::vector<ValueId> outputs = graph.outputs();
  if (!objective.is_classifier) {
    for (const ValueId y : outputs) {
      if (graph.type(y).dtype != DType::kF32) continue;
      add(relative_error(a, graph.add_input(cat("teacher_", graph.value(y).name), graph.type(y)), y),
          objective.teacher);
    }
    if (!loss.value.exists()) throw unsupported("no output holds floats: there is nothing to compare with a teacher");
    add_matches(a, loss, objective, weights);
    return loss;
  }
  loss.scores = scores_of(graph, logits_of(graph));
  const TensorType row = graph.type(loss.scores);
  const ValueId targets = objective.needs_labels() ? graph.add_input("targets", row) : ValueId{};
  if (objective.labels > 0) add(cross_entropy(a, targets, loss.scores), objective.labels);
  if (objective.teacher > 0) {
    const ValueId teacher = graph.add_input("teacher", row);
    add(objective.decoupled > 0 ? decoupled_divergence(a, targets, teacher, loss.scores, objective)
                                : softened_divergence(a, teacher, loss.scores, objective.temperature),
        objective.teacher);
  }
  if (!loss.value.exists()) throw invalid_argument("neither labels nor a teacher have a weight");
  add_matches(a, loss, objective, weights);
  return loss;
}

/// Every weight becomes a state that holds it; returns the states' present values.
std::vector<ValueId> open_weights(Graph& graph) {
  std::vector<ValueId> states;
  for (const ValueId constant : weights_of(graph)) {
    const Value& value = graph.value(constant);
    const ValueId state = graph.add_state(cat(value.name, "_now"), value.constant);
    graph.replace_uses(constant, state);
    states.push_back(state);
  }
  return states;
}

/// Gradients scaled so that together they are at most `length` long (Pascanu, Mikolov and Bengio, On the Difficulty of
/// Training Recurrent Neural Networks, 2013).
std::vector<ValueId> clipped(Arithmetic& a, const std::vector<ValueId>& slopes, double length) {
  if (length <= 0) return slopes;
  ValueId square;
  for (const ValueId g : slopes) {
    const ValueId own = a.sum(a.mul(g, g));
    square = square.exists() ? a.add(square, own) : own;
  }
  const ValueId norm = a.graph.add(Sqrt{}, {a.plus(square, 1e-12)});
  const ValueId factor = a.graph.add(Clamp{.max = 1}, {a.div(a.constant(length), norm)});
  std::vector<ValueId> out;
  for (const ValueId g : slopes) out.push_back(a.mul(g, factor));
  return out;
}

/// What a state begins with.
Tensor initial_of(const Graph& graph, ValueId state) {
  for (const GraphState& s : graph.states())
    if (s.now == state) return s.initial;
  throw internal_error(cat("'", graph.value(state).name, "' is no state"));
}

ValueId zeros_like(Graph& graph, ValueId v, const std::string& name) {
  Tensor zeros = Tensor::empty(DType::kF32, graph.type(v).shape.dims());
  std::fill_n(zeros.mutable_data<float>().begin(), zeros.elements(), 0.0f);
  return graph.add_state(cat(graph.value(v).name, name), std::move(zeros));
}

struct Move {
  const Optimizer& how;
  ValueId rate;
  ValueId correction1, correction2;  ///< 1 − βᵗ

  ValueId sgd(Arithmetic& a, ValueId weight, ValueId slope, double decay) const {
    if (decay > 0) slope = a.add(slope, a.times(weight, decay));
    const ValueId speed = zeros_like(a.graph, weight, "_speed");
    const ValueId next = a.add(a.times(speed, how.momentum), slope);
    a.graph.set_next(speed, next);
    return a.sub(weight, a.mul(next, rate));
  }

  ValueId adamw(Arithmetic& a, ValueId weight, ValueId slope, double decay) const {
    const ValueId mean = zeros_like(a.graph, weight, "_mean"), square = zeros_like(a.graph, weight, "_square");
    const ValueId next_mean = a.blend(mean, how.beta1, slope);
    const ValueId next_square = a.blend(square, how.beta2, a.mul(slope, slope));
    a.graph.set_next(mean, next_mean);
    a.graph.set_next(square, next_square);
    const ValueId root = a.graph.add(Sqrt{}, {a.div(next_square, correction2)});
    ValueId step = a.div(a.div(next_mean, correction1), a.plus(root, how.epsilon));
    if (decay > 0) step = a.add(step, a.times(weight, decay));
    if (how.kind == Optimizer::kLamb) step = a.mul(step, trust(a, weight, step));
    return a.sub(weight, a.mul(step, rate));
  }

  /// ‖weight‖ / ‖step‖; a weight of zeros counts as one of small numbers, so that it leaves them.
  static ValueId trust(Arithmetic& a, ValueId weight, ValueId step) {
    const auto least = 1e-3f * std::sqrt(static_cast<float>(a.graph.type(weight).shape.elements()));
    return a.div(a.graph.add(Clamp{.min = least}, {a.length(weight)}), a.plus(a.length(step), 1e-12));
  }
};

/// 1 − βᵗ for step t = 1, 2, …
ValueId add_correction(Arithmetic& a, double beta, const std::string& name) {
  const ValueId power = a.graph.add_state(name, number(1));
  const ValueId next = a.times(power, beta);
  a.graph.set_next(power, next);
  return a.sub(a.constant(1), next);
}

/// A state for each weight that begins as the weight does.
std::vector<ValueId> open_averages(Graph& graph, const std::vector<ValueId>& weights) {
  std::vector<ValueId> out;
  for (const ValueId w : weights)
    out.push_back(graph.add_state(cat(graph.value(w).name, "_average"), initial_of(graph, w)));
  return out;
}

/// `next` with 0 wherever the weight began as 0, unless that holds for less than a tenth of it: then it is chance.
ValueId where_not_zero(Arithmetic& a, ValueId weight, ValueId next) {
  const Tensor now = initial_of(a.graph, weight);
  Tensor mask = Tensor::empty(DType::kF32, now.dims());
  int64_t zeros = 0;
  for (size_t i = 0; i < static_cast<size_t>(now.elements()); ++i) {
    zeros += now.data<float>()[i] == 0;
    mask.mutable_data<float>()[i] = now.data<float>()[i] == 0 ? 0 : 1;
  }
  if (now.rank() < 2 || 10 * zeros < now.elements()) return next;
  return a.mul(next, a.graph.add_constant(std::move(mask)));
}

void add_update(Graph& graph, ValueId loss, const std::vector<ValueId>& weights, const std::vector<ValueId>& averages,
                const Optimizer& how) {
  const std::vector<ValueId> raw = add_gradients(graph, loss, weights);
  Arithmetic a{graph};
  const std::vector<ValueId> slopes = clipped(a, raw, how.clip);
  Move move{how, graph.add_input("learning_rate", {DType::kF32, Shape{}, nullptr}), {}, {}};
  if (how.kind != Optimizer::kSgd) {
    move.correction1 = add_correction(a, how.beta1, "beta1_power");
    move.correction2 = add_correction(a, how.beta2, "beta2_power");
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    const double decay = graph.type(weights[i]).shape.rank() >= 2 ? how.weight_decay : 0;
    ValueId next = how.kind == Optimizer::kSgd ? move.sgd(a, weights[i], slopes[i], decay)
                                               : move.adamw(a, weights[i], slopes[i], decay);
    if (how.keeps_zeros) next = where_not_zero(a, weights[i], next);
    graph.set_next(weights[i], next);
    if (!averages.empty()) graph.set_next(averages[i], a.blend(averages[i], how.average, next));
  }
}

}  // namespace

std::vector<ValueId> weights_of(const Graph& model) {
  std::vector<ValueId> out;
  for (const NodeId id : model.order()) {
    const Node& node = model.node(id);
    const GradientRow* row = find_gradient(*node.def);
    if (!row || !row->write) continue;
    for (size_t i = 0; i < node.inputs.size() && i < 32; ++i) {
      const Node* maker = model.producer(node.inputs[i]);
      const ValueId v = maker && maker->is<FakeQuantize>() ? maker->inputs[0] : node.inputs[i];
      const bool is_weight = row->learns >> i & 1 && model.is_constant(v) && model.type(v).dtype == DType::kF32 &&
                             model.type(v).shape.elements() > 0;
      if (is_weight && std::find(out.begin(), out.end(), v) == out.end()) out.push_back(v);
    }
  }
  return out;
}

ValueId logits_of(const Graph& model, size_t output) {
  const ValueId y = model.outputs().at(output);
  for (ValueId v = y;;) {
    const Node* node = model.producer(v);
    if (node == nullptr) return y;
    if (node->is<LogSoftmax>() || (node->is<Softmax>() && node->as<Softmax>().beta == 1)) return node->inputs[0];
    if (!node->is<Reshape>() && !node->is<Flatten>() && !node->is<Squeeze>() && !node->is<Identity>()) return y;
    v = node->inputs[0];
  }
}

int64_t class_count(const Graph& model) {
  const Shape& shape = model.type(logits_of(model)).shape;
  if (!shape.has_rank() || shape.rank() == 0) return 0;
  int64_t count = 1;
  for (int64_t i = 1; i < shape.rank(); ++i) count *= shape[i].is_known() ? shape[i].value() : 0;
  return count;
}

ValueId find_value(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (const ValueId in : graph.inputs()) {
    if (graph.value(in).name == name) return in;
    names.push_back(graph.value(in).name);
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (const ValueId y : node.outputs) {
      if (graph.value(y).name == name) return y;
      names.push_back(graph.value(y).name);
    }
    if (node.name == name) return node.outputs.at(0);
    names.push_back(node.name);
  }
  const std::string near = nearest(name, names);
  throw not_found(cat("no value or node is called '", name, "'"),
                  near.empty() ? "hone profile MODEL shows the names of nodes" : cat("did you mean '", near, "'?"));
}

TrainingGraph make_training_graph(const Graph& model, int64_t samples, const Objective& objective,
                                  const Optimizer* optimizer) {
  if (!model.states().empty())
    throw unsupported("models that remember are not trained",
                      "hone convert makes their states inputs and outputs of an .onnx file");
  TrainingGraph out{.graph = model};
  Graph& graph = out.graph;
  // Before anything is simplified: equal constants would become one weight.
  std::vector<ValueId> weights = open_weights(graph);
  if (weights.empty())
    throw invalid_argument("the model has no float weights to train", "hone quantize --to float undoes a quantization");
  graph = with_batch(graph, samples);
  const Loss loss = add_loss(graph, objective, weights);
  out.weights = weights.size();
  if (optimizer) {
    std::vector<ValueId> averages;
    if (optimizer->average > 0) {
      averages = open_averages(graph, weights);
      out.judged = weights.size();
    }
    add_update(graph, loss.value, weights, averages, *optimizer);
  }
  std::vector<ValueId> outputs{loss.value};
  if (loss.scores.exists()) outputs.push_back(loss.scores);
  graph.set_outputs(outputs);
  graph.remove_dead();
  return out;
}

}  // namespace hone
