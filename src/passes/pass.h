#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "passes/rule.h"

namespace hone {

/// How a pipeline is run.
struct PassOptions {
  bool verify = true;  ///< re-check the graph's invariants after each pass
  /// Compare the outputs before and after each pass on the reference, on generated inputs, and the graphs before and
  /// after a pass that reports no change: later ones of its name are left out for that.
  bool check = false;
  double check_tolerance = 1e-4;  ///< relative to the largest output, 1 at least; quantized outputs may be a step off
  uint64_t check_seed = 1;
  /// Most rewrites in all; a bad one is found by bisecting this number.
  int64_t limit = std::numeric_limits<int64_t>::max();
  /// Passes after which `dump` gets the text form; "all" for each.
  std::vector<std::string> dump_after;
  std::function<void(std::string_view pass, const std::string& text)> dump;

  bool compact = false;  ///< the graph may be numbered anew and need not name its new constants nicely: to be run only

  /// Folding keeps a result that takes more bytes than the constants it came from only up to this size.
  int64_t max_fold_bytes = 64 * 1024;
  /// Fold conversions that make stored constants wider (f16 → f32, int8 → f32): for execution, not for files.
  bool fold_widening = false;
};

/// What a pass function gets.
struct PassContext {
  const PassOptions& options;
  RewriteBudget& budget;
  bool settled = true;  ///< set to false when a bound stopped the pass early
};

/// One step of a pipeline: a set of rules, or a function that returns the number of its changes. Runs on the graph and
/// on the subgraphs of its control flow nodes.
struct Pass {
  std::string_view name;  ///< passes of one name in a pipeline are the same pass
  RuleSet rules = {};
  int64_t (*run)(Graph& graph, PassContext& context) = nullptr;
};

/// An ordered list of passes.
struct Pipeline {
  std::string_view name;
  std::vector<Pass> passes;
};

/// What a pass did.
struct PassStats {
  std::string name;
  int64_t changes = 0;
  double us = 0;  ///< of the pass alone, without verification and check
  size_t nodes_before = 0, nodes_after = 0;
  size_t transposes_before = 0, transposes_after = 0;
  double max_difference = 0;  ///< found by check
  bool settled = true;
};

/// What a pipeline did.
struct PipelineStats {
  std::vector<PassStats> passes;
  int64_t changes = 0;
  double us = 0;
  size_t nodes_before = 0, nodes_after = 0;
  size_t transposes_before = 0, transposes_after = 0;
};

/// Runs the passes in order; one that found nothing to do is left out until another has changed the graph. Throws
/// Error(internal) naming the pass when a graph breaks (verify), its outputs change (check: with the largest
/// difference) or it changed without a report (check).
PipelineStats run_pipeline(Graph& graph, const Pipeline& pipeline, const PassOptions& options = {});

/// A table of the passes that changed something, one a line, for people.
std::string to_text(const PipelineStats& stats);

/// Nodes of an operator in the graph and its subgraphs.
size_t count_nodes(const Graph& graph, const OpDef& def);

}  // namespace hone
