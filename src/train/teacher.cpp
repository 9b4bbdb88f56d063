#include "train/teacher.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

void require_equal(const char* what, size_t i, const TensorType* teacher, const TensorType* student) {
  if (teacher && student && teacher->dtype == student->dtype && compatible(teacher->shape, student->shape)) return;
  throw invalid_argument(cat(what, " ", i, " of the teacher is ", teacher ? to_text(*teacher) : "missing",
                             ", the student's is ", student ? to_text(*student) : "missing"));
}

/// `teacher` with the outputs that are asked for.
Graph speaking(const Graph& teacher, const Objective& objective) {
  Graph graph = teacher;
  std::vector<ValueId> outputs = teacher.outputs();
  if (objective.is_classifier) outputs = {logits_of(teacher)};
  std::erase_if(outputs, [&](ValueId v) { return teacher.type(v).dtype != DType::kF32; });
  for (const Match& m : objective.matches) outputs.push_back(find_value(teacher, m.teacher));
  graph.set_outputs(outputs);
  return graph;
}

}  // namespace

Teacher::Teacher(const Graph& teacher, const std::vector<TensorType>& inputs, const Objective& objective,
                 const Engine& engine)
    : session_(Program::prepared(speaking(teacher, objective), engine)) {
  for (size_t i = 0; i < std::max(teacher.inputs().size(), inputs.size()); ++i)
    require_equal("input", i, i < teacher.inputs().size() ? &teacher.type(teacher.inputs()[i]) : nullptr,
                  i < inputs.size() ? &inputs[i] : nullptr);
}

std::vector<Tensor> Teacher::say(std::span<const Tensor> inputs, std::span<const TensorType> wanted) {
  const std::vector<Tensor>& said = session_.run(inputs);
  std::vector<Tensor> out;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Dims dims = wanted[i].shape.dims();
    if (i >= said.size() || said[i].elements() != wanted[i].shape.elements())
      throw invalid_argument(cat("output ", i, " of the teacher is ",
                                 i < said.size() ? to_text(said[i].type()) : "missing", ", the student's is ",
                                 to_text(wanted[i])));
    out.push_back(said[i].reshaped(dims));
  }
  return out;
}

}  // namespace hone
