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

bool KernelRequest::is_promised() const {
  std::vector<const TensorType*> types;
  std::vector<const Tensor*> constants;
  for (const ValueId id : node().inputs) {
    types.push_back(id.exists() ? &graph.type(id) : nullptr);
    constants.push_back(graph.is_constant(id) ? &graph.value(id).constant : nullptr);
  }
  const auto inferred =
      infer_types(*node().def, node().attrs, types, constants, node().outputs.size(), node().subgraphs);
  for (size_t i = 0; i < inferred.size(); ++i)
    if (!inferred[i].shape.is_static() || !(inferred[i].shape == output(i).shape)) return false;
  return node().subgraphs.empty();  // what those promise may be declared inside
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

/// Evaluates one node by the reference. Where inference promises the sizes of outputs they are copied into the arena,
/// so that other kernels find them there; where they are declared at most, other steps get them only if they are so.
class ReferenceStep : public Step {
 public:
  ReferenceStep(const KernelRequest& request, bool is_promised, std::vector<std::shared_ptr<const Program>> bodies)
      : node_(request.node()), arithmetic_(request.graph.arithmetic), bodies_(std::move(bodies)) {
    allocates = !is_promised;
    kernel = bodies_.empty() ? "reference" : "bodies";
    for (const ValueId out : node_.outputs) {
      types_.push_back(request.graph.type(out));
      is_read_.push_back(!request.graph.value(out).users.empty());
    }
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
      check_declared(i, outputs[i]);
      if (allocates) {
        // A view of the arena would change when its place is given to another value.
        const bool is_view = outputs[i].exists() && is_view_of_any(outputs[i], inputs);
        *context.outputs[i] = is_view ? outputs[i].clone() : std::move(outputs[i]);
      } else {
        std::memcpy(context.outputs[i]->mutable_raw(), outputs[i].raw(), static_cast<size_t>(outputs[i].byte_size()));
      }
    }
  }

 private:
  BodyRunner* bodies_of(const RunContext& context) const {
    return bodies_.empty() ? nullptr : static_cast<BodySessions*>(context.state);
  }

  /// Steps were made for the declared shape; a result that nobody reads may have any.
  void check_declared(size_t i, const Tensor& found) const {
    if (allocates && !is_read_[i]) return;
    if (found.dtype() == types_[i].dtype && compatible(types_[i].shape, Shape(found.dims()))) return;
    throw invalid_model(cat(lower(node_.def->name), ": output ", i, " is ", to_text(found.type()), ", declared as ",
                            to_text(types_[i])));
  }

  Node node_;
  std::vector<TensorType> types_;
  std::vector<bool> is_read_;
  QuantArithmetic arithmetic_;
  std::vector<std::shared_ptr<const Program>> bodies_;
};

}  // namespace

std::unique_ptr<Step> make_reference_step(const KernelRequest& request,
                                          std::vector<std::shared_ptr<const Program>> bodies) {
  const Node& node = request.node();
  if (!node.def->eval && !node.def->eval_quantized) return nullptr;
  return std::make_unique<ReferenceStep>(request, request.is_promised(), std::move(bodies));
}

const Provider& reference_provider() {
  static constexpr Provider kReference{"reference", "plain loops: the judge of every other provider", {}};
  return kReference;
}

}  // namespace hone
