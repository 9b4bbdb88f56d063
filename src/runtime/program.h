#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/engine.h"

namespace hone {

/// The graph as `engine` is to run it: as it is for the reference alone, else simplified, fused and with few
/// transposes. Never saved as a model. Inputs, outputs and states keep names, types and order.
/// Throws Error(unsupported) listing every operator hone does not know.
Graph prepare(Graph graph, const Engine& engine);

/// A model made ready once, to be run by any number of sessions: it compiles a plan for each combination of input
/// shapes it meets and keeps the last few for all. Thread-safe.
class Program {
 public:
  /// After prepare(); where input sizes are open, what they unlock once they are known is done for each plan.
  static std::shared_ptr<const Program> prepared(Graph graph, Engine engine);
  /// Runs the graph as it is: its values are those of the plans, by the same names.
  static std::shared_ptr<const Program> as_is(Graph graph, Engine engine);

  const Graph& graph() const { return graph_; }
  const Engine& engine() const { return engine_; }
  /// The plan for inputs of these shapes. Throws Error(invalid_argument) when the graph's inputs cannot have them.
  std::shared_ptr<const Plan> plan_for(std::span<const Dims> shapes) const;
  /// The plan for the graph's own shapes, open sizes taken as 1.
  std::shared_ptr<const Plan> plan() const;

 private:
  struct Entry {
    std::vector<Dims> shapes;
    std::mutex mutex;  ///< held while the plan is compiled: others who want it wait
    std::shared_ptr<const Plan> plan;
  };

  Program(Graph graph, Engine engine, bool is_prepared);
  std::shared_ptr<Entry> entry_for(std::vector<Dims> shapes) const;
  Graph specialized(std::span<const Dims> shapes) const;

  Graph graph_;
  Engine engine_;
  bool is_prepared_;
  bool is_open_ = false;  ///< some input's shape is not static
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<Entry>> entries_;  ///< most recently used first
};

}  // namespace hone
