#include "train/batch.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/movement.h"
#include "passes/pipelines.h"

namespace hone {
namespace {

/// [1, …] as the dims of a Reshape whose input begins with the batch becomes [0, …]: copied from the input.
void free_reshape(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.is<Reshape>() || node.as<Reshape>().allow_zero || !graph.is_constant(node.input(1))) return;
  const Shape& x = graph.type(node.inputs[0]).shape;
  std::vector<int64_t> dims = to_ints(graph.value(node.inputs[1]).constant);
  if (dims.empty() || dims[0] != 1 || !x.has_rank() || x.rank() == 0 || !(x[0] == Dim(1))) return;
  dims[0] = 0;
  graph.set_input(
      id, 1,
      graph.add_constant(Tensor::of<int64_t>({static_cast<int64_t>(dims.size())}, std::span<const int64_t>(dims))));
}

Shape batch_shape(const Value& input, int64_t samples) {
  Shape shape = input.type.shape;
  if (!shape.has_rank() || shape.rank() == 0 || (shape[0].is_known() && shape[0].value() != 1))
    throw unsupported(
        cat("input '", input.name, "' has shape ", to_text(shape), ", expected a first axis of 1 that counts samples"));
  shape[0] = Dim(samples);
  if (!shape.is_static())
    throw invalid_argument(cat("input '", input.name, "' has open sizes: ", to_text(shape)), "fix them with --shape");
  return shape;
}

/// A file may state its batch of one where nothing can follow another.
Error with_hint_of_one(Error error, int64_t samples) {
  error.add_frame(cat("while preparing the model for ", samples, " samples at a time"));
  if (samples > 1 && error.hint().empty())
    error.set_hint("the file may fix a batch of one inside: --batch 1 trains it as it is");
  return error;
}

}  // namespace

Graph with_batch(const Graph& graph, int64_t samples) {
  Graph out = graph;
  for (const NodeId id : out.order()) free_reshape(out, id);
  try {
    for (const ValueId in : out.inputs()) {
      TensorType type = out.type(in);
      type.shape = batch_shape(out.value(in), samples);
      out.set_type(in, type);
    }
    out.infer_all();
    run_pipeline(out, simplify_pipeline());
    for (const ValueId y : out.outputs()) {
      const Shape& shape = out.type(y).shape;
      if (!shape.is_static() || shape.rank() == 0 || shape[0].value() != samples)
        throw unsupported(
            cat("output '", out.value(y).name, "' is ", to_text(shape), ", expected a first axis of ", samples));
    }
  } catch (const Error& e) {
    throw with_hint_of_one(e, samples);
  }
  return out;
}

}  // namespace hone
