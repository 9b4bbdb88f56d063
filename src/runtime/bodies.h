#pragma once

#include <memory>
#include <vector>

#include "runtime/session.h"

namespace hone {

/// The subgraphs of a control operator as sessions of programs: they run on the kernels of the graph around them. A
/// body whose input shapes keep changing, as when a loop collects, is left to the interpreter: a plan for each would
/// cost more than it saves.
class BodySessions : public StepState, public BodyRunner {
 public:
  explicit BodySessions(std::span<const std::shared_ptr<const Program>> programs);
  std::vector<Tensor> run(size_t which, std::vector<Tensor> inputs, uint64_t seed) override;

 private:
  struct Body {
    std::shared_ptr<const Program> program;
    Session session;
    std::vector<Dims> shapes;  ///< of the last run
    int changes = 0;           ///< of shapes, so far
  };
  bool keeps_changing(Body& body, const std::vector<Tensor>& inputs) const;

  std::vector<Body> bodies_;
};

}  // namespace hone
