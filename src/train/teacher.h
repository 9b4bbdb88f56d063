#pragma once

#include <span>
#include <vector>

#include "measure/engine.h"
#include "train/training_graph.h"

namespace hone {

/// What the teacher says of a batch: its scores or its float outputs, then its values that are matched.
class Teacher {
 public:
  /// `teacher` and the student, whose inputs have `inputs`, take the same batch. Throws Error(invalid_argument) when
  /// they do not, and what find_value throws.
  Teacher(const Graph& teacher, const std::vector<TensorType>& inputs, const Objective& objective,
          const Engine& engine);

  /// One for each of `wanted`, in its shape. Throws Error(invalid_argument) for outputs that do not fit.
  std::vector<Tensor> say(std::span<const Tensor> inputs, std::span<const TensorType> wanted);

 private:
  Session session_;
};

}  // namespace hone
