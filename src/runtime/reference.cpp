#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "ops/interpreter.h"
#include "runtime/bodies.h"

namespace hone {

bool KernelRequest::is_static() const {
  for (const ValueId id : node().inputs)
    if (id.exists() && !graph.type(id).shape.is_static()) return false;
  for (const ValueId id : node().outputs)
    if (!graph.type(id).shape.is_static()) return false;
  return true;
}

namespace {

/// Whether `t` lies in the bytes of one of `inputs`.
bool is_view_of_any(const Tensor& t, std::span<const Tensor> inputs) {
  const auto* start = static_cast<const std::byte*>(t.raw());
  return std::any_of(inputs.begin(), inputs.end(), [&](const Tensor& in) {
    const auto* bytes = static_cast<const std::byte*>(in.raw());
    return in.exists() && start >= bytes && start < bytes + in.byte_size();
  });
}

/// Evaluates one node by the reference. Where outputs have known sizes they are copied into the arena, so that other
/// kernels find them there.
class ReferenceStep : public Step {
 public:
  ReferenceStep(Node node, std::vector<TensorType> types, QuantArithmetic arithmetic, bool is_static,
                std::vector<std::shared_ptr<const Program>> bodies)
      : node_(std::move(node)), types_(std::move(types)), arithmetic_(arithmetic), bodies_(std::move(bodies)) {
    allocates = !is_static;
    kernel = bodies_.empty() ? "reference" : "bodies";
  }

  std::unique_ptr<StepState> make_state() const override {
    return bodies_.empty() ? nullptr : std::make_unique<BodySessions>(bodies_);
  }

  void run(RunContext& context) const override {
    std::vector<Tensor> inputs;
    inputs.reserve(context.inputs.size());
    for (const Tensor* t : context.inputs) inputs.push_back(t ? *t : Tensor());
    std::vector<const TensorType*> types;
    for (const TensorType& t : types_) types.push_back(&t);
    std::vector<Tensor> outputs = evaluate_node(node_, types, inputs, arithmetic_, context.seed, bodies_of(context));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (allocates) {
        // A view of the arena would change when its place is given to another value.
        const bool is_view = outputs[i].exists() && is_view_of_any(outputs[i], inputs);
        *context.outputs[i] = is_view ? outputs[i].clone() : std::move(outputs[i]);
      } else {
        require_declared(outputs[i], i);
        std::memcpy(context.outputs[i]->mutable_raw(), outputs[i].raw(), static_cast<size_t>(outputs[i].byte_size()));
      }
    }
  }

 private:
  /// A shape that depends on values is known beforehand only by what the model declares, which need not be true.
  void require_declared(const Tensor& output, size_t i) const {
    if (output.dtype() == types_[i].dtype && output.dims() == types_[i].shape.dims()) return;
    throw invalid_model(cat("node '", node_.name, "' gives ", to_text(output.type()),
                            " for these inputs, the model declares ", to_text(types_[i])));
  }

  BodyRunner* bodies_of(const RunContext& context) const {
    return bodies_.empty() ? nullptr : static_cast<BodySessions*>(context.state);
  }

  Node node_;
  std::vector<TensorType> types_;
  QuantArithmetic arithmetic_;
  std::vector<std::shared_ptr<const Program>> bodies_;
};

}  // namespace

std::unique_ptr<Step> make_reference_step(const KernelRequest& request,
                                          std::vector<std::shared_ptr<const Program>> bodies) {
  const Node& node = request.node();
  if (!node.def->eval && !node.def->eval_quantized) return nullptr;
  bool is_static = true;
  std::vector<TensorType> types;
  for (const ValueId out : node.outputs) {
    types.push_back(request.graph.type(out));
    is_static &= types.back().shape.is_static();
  }
  return std::make_unique<ReferenceStep>(node, std::move(types), request.graph.arithmetic, is_static,
                                         std::move(bodies));
}

const Provider& reference_provider() {
  static constexpr Provider kReference{"reference", "plain loops: the judge of every other provider", {}};
  return kReference;
}

}  // namespace hone
