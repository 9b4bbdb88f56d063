#include "passes/pass.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "passes/check.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

int64_t run_pass(Graph& graph, const Pass& pass, PassContext& context);

/// Runs the pass on copies of each control flow node's subgraphs; a node whose subgraphs changed is replaced.
int64_t run_on_subgraphs(Graph& graph, const Pass& pass, PassContext& context) {
  int64_t changes = 0;
  for (size_t i = 0, end = graph.node_capacity(); i < end; ++i) {
    const NodeId id{static_cast<int32_t>(i)};
    if (!graph.is_live(id) || graph.node(id).subgraphs.empty()) continue;
    NodeSpec spec = spec_of(graph, id);
    int64_t inside = 0;
    for (Graph& subgraph : spec.subgraphs) inside += run_pass(subgraph, pass, context);
    if (inside > 0) replace_node(graph, id, std::move(spec));
    changes += inside;
  }
  return changes;
}

int64_t run_pass(Graph& graph, const Pass& pass, PassContext& context) {
  int64_t changes = run_on_subgraphs(graph, pass, context);
  if (pass.run) {
    changes += pass.run(graph, context);
  } else {
    const RuleOutcome outcome = apply_rules(graph, pass.rules, context.budget);
    changes += outcome.changes;
    context.settled = context.settled && outcome.settled;
  }
  if (changes > 0) graph.remove_dead();
  return changes;
}

/// The outputs that later passes must reproduce, and the graph that those leave who report no change.
class Checker {
 public:
  Checker(const Graph& graph, const PassOptions& options) : options_(options), text_(to_text(graph)) {
    inputs_ = generate_inputs(graph, options.check_seed);
    expected_ = with_context([] { return std::string("while computing the outputs that passes must keep"); },
                             [&] { return evaluate(graph, inputs_); });
  }

  void check(const Graph& graph, PassStats& stats) {
    std::string text = to_text(graph);
    if (stats.changes == 0 && text != text_)
      throw internal_error(cat("pass '", stats.name, "' changes the graph and reports no change"));
    text_ = std::move(text);
    if (stats.changes > 0) stats.max_difference = compare_outputs(graph, stats.name);
  }

 private:
  double compare_outputs(const Graph& graph, std::string_view pass) const {
    return with_context([&] { return cat("after pass '", pass, "'"); },
                        [&] {
                          const Difference d = difference(expected_, evaluate(graph, inputs_));
                          if (is_within(d, options_.check_tolerance)) return d.max_abs;
                          throw internal_error(cat("pass '", pass, "' changes the outputs by up to ", d.max_abs),
                                               "bisect the rewrite with --limit N");
                        });
  }

  const PassOptions& options_;
  std::string text_;
  std::vector<Tensor> inputs_, expected_;
};

bool wants_dump(const PassOptions& options, std::string_view pass) {
  return options.dump && std::any_of(options.dump_after.begin(), options.dump_after.end(),
                                     [&](const std::string& name) { return name == "all" || name == pass; });
}

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

PassStats without_changes(const Pass& pass, const Graph& graph, size_t transposes) {
  PassStats stats;
  stats.name = pass.name;
  stats.nodes_before = stats.nodes_after = graph.node_count();
  stats.transposes_before = stats.transposes_after = transposes;
  return stats;
}

PassStats run_timed(Graph& graph, const Pass& pass, size_t transposes, const PassOptions& options,
                    RewriteBudget& budget) {
  PassStats stats = without_changes(pass, graph, transposes);
  PassContext context{options, budget};
  const auto start = std::chrono::steady_clock::now();
  stats.changes =
      with_context([&] { return cat("in pass '", pass.name, "'"); }, [&] { return run_pass(graph, pass, context); });
  stats.us = microseconds_since(start);
  stats.settled = context.settled;
  stats.nodes_after = graph.node_count();
  stats.transposes_after = stats.changes > 0 ? count_nodes(graph, Transpose::def) : transposes;
  return stats;
}

/// "weight_1" → "weight"; empty when there is no number at the end.
std::string without_number(const std::string& name) {
  size_t end = name.size();
  while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
  return end == name.size() || end < 2 || name[end - 1] != '_' ? std::string() : name.substr(0, end - 1);
}

/// Constants made since value `first` that were numbered apart from an original that is gone take over its name.
void settle_constant_names(Graph& graph, size_t first) {
  std::set<std::string> names;
  std::vector<ValueId> made;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    const Value& value = graph.value(id);
    if (!value.is_input && !value.producer.exists() && !value.constant.exists()) continue;
    names.insert(value.name);
    if (i >= first && value.constant.exists()) made.push_back(id);
  }
  for (ValueId id : made) {
    const std::string base = without_number(graph.value(id).name);
    if (!base.empty() && names.insert(base).second) graph.set_name(id, base);
  }
}

}  // namespace

PipelineStats run_pipeline(Graph& graph, const Pipeline& pipeline, const PassOptions& options) {
  PipelineStats total;
  total.nodes_before = graph.node_count();
  total.transposes_before = total.transposes_after = count_nodes(graph, Transpose::def);
  const size_t first_new = graph.value_capacity();
  RewriteBudget budget{options.limit};
  std::unique_ptr<Checker> checker;
  if (options.check) checker = std::make_unique<Checker>(graph, options);
  std::map<std::string_view, int64_t> idle;  // changes in all when a pass last found nothing to do
  for (const Pass& pass : pipeline.passes) {
    if (const auto at = idle.find(pass.name); at != idle.end() && at->second == total.changes) {
      total.passes.push_back(without_changes(pass, graph, total.transposes_after));
      continue;
    }
    PassStats stats = run_timed(graph, pass, total.transposes_after, options, budget);
    total.transposes_after = stats.transposes_after;
    if (options.compact && graph.node_capacity() > 2 * graph.node_count()) graph.compact();
    if (stats.changes > 0 && options.verify) {
      with_context([&] { return cat("after pass '", pass.name, "'"); }, [&] { verify(graph); });
    }
    if (checker) checker->check(graph, stats);
    if (wants_dump(options, pass.name)) options.dump(pass.name, to_text(graph));
    total.changes += stats.changes;
    total.us += stats.us;
    if (stats.changes == 0) idle[pass.name] = total.changes;
    total.passes.push_back(std::move(stats));
  }
  if (total.changes > 0 && !options.compact) settle_constant_names(graph, first_new);
  total.nodes_after = graph.node_count();
  return total;
}

std::string to_text(const PipelineStats& stats) {
  std::string out;
  for (const PassStats& pass : stats.passes) {
    if (pass.changes == 0) continue;
    std::string name = pass.name;
    name.resize(std::max<size_t>(name.size(), 24), ' ');
    out += cat("  ", name, " ", pass.changes, " changes, ", pass.nodes_before, " → ", pass.nodes_after, " nodes, ",
               human_us(pass.us), pass.settled ? "" : " (stopped: its rules undo each other)", "\n");
  }
  out += cat("  ", stats.nodes_before, " → ", stats.nodes_after, " nodes, ", stats.transposes_before, " → ",
             stats.transposes_after, " transposes, ", human_us(stats.us), "\n");
  return out;
}

size_t count_nodes(const Graph& graph, const OpDef& def) {
  size_t count = 0;
  for (size_t i = 0; i < graph.node_capacity(); ++i) {
    const NodeId id{static_cast<int32_t>(i)};
    if (!graph.is_live(id)) continue;
    const Node& node = graph.node(id);
    if (node.def == &def) ++count;
    for (const Graph& subgraph : node.subgraphs) count += count_nodes(subgraph, def);
  }
  return count;
}

}  // namespace hone
