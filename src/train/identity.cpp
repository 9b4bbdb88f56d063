#include "train/identity.h"

#include "base/sha256.h"
#include "base/text.h"

namespace hone {
namespace {

std::string digest(const Tensor& t) {
  return sha256({static_cast<const std::byte*>(t.raw()), static_cast<size_t>(t.byte_size())});
}

std::string digest(const Graph& graph) {
  std::string out;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    out += cat(node.def->name, " ", to_text(node.attrs), " ", node.name);
    for (const ValueId v : node.inputs)
      out += v.exists() && graph.is_constant(v) ? digest(graph.value(v).constant) : std::string(" ");
  }
  return out;
}

std::string digest(const TrainingData& data) {
  return cat(static_cast<int64_t>(data.samples.count), " ", sha256(std::as_bytes(std::span(data.labels))));
}

std::string digest(const TrainOptions& o) {
  std::string out = cat(o.learning_rate, " ", o.warm_up, " ", o.schedule->name, " ", o.epochs, " ", o.batch, " ",
                        o.patience, " ", static_cast<int64_t>(o.seed), " ", o.has_planes, " ");
  for (const Augment& a : o.augments) out += cat(a.row->name, "=", a.amount, " ");
  const Objective& objective = o.objective;
  out += cat(objective.labels, " ", objective.teacher, " ", objective.temperature, " ", objective.is_classifier, " ");
  out += cat(objective.decoupled, " ", objective.match, " ");
  for (const Match& m : objective.matches) out += cat(m.teacher, ":", m.student, " ", digest(m.projector), " ");
  const Optimizer& how = o.optimizer;
  return out + cat(static_cast<int64_t>(how.kind), " ", how.momentum, " ", how.beta1, " ", how.beta2, " ", how.epsilon,
                   " ", how.weight_decay, " ", how.clip, " ", how.average, " ", how.keeps_zeros);
}

}  // namespace

std::string identity_of(const Graph& model, const Graph* teacher, const TrainingData& data,
                        const TrainingData& held_out, const TrainOptions& options) {
  const std::string all = cat(digest(model), "\n", teacher ? digest(*teacher) : std::string(), "\n", digest(data), "\n",
                              digest(held_out), "\n", digest(options));
  return sha256(std::as_bytes(std::span(all.data(), all.size())));
}

}  // namespace hone
