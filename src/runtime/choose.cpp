#include "runtime/choose.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "base/error.h"
#include "base/text.h"
#include "runtime/program.h"

namespace hone {

bool hides_values(const Provider& provider, const Claim& claim) { return claim.nodes.size() > 1 || provider.memory; }

namespace {

bool is_static(const Graph& graph, std::span<const ValueId> values) {
  return std::all_of(values.begin(), values.end(),
                     [&](ValueId id) { return !id.exists() || graph.type(id).shape.is_static(); });
}

int64_t count_macs(const Graph& graph, const Node& node) {
  if (!is_static(graph, node.inputs) || !is_static(graph, node.outputs)) return 0;
  std::vector<const TensorType*> in, out;
  for (const ValueId id : node.inputs) in.push_back(id.exists() ? &graph.type(id) : nullptr);
  for (const ValueId id : node.outputs) out.push_back(&graph.type(id));
  if (node.def->macs) return node.def->macs(node.attrs, in, out);
  return out.empty() || node.def->moves_data ? 0 : out[0]->shape.elements();
}

bool contains(const Claim& claim, NodeId id) {
  return std::find(claim.nodes.begin(), claim.nodes.end(), id) != claim.nodes.end();
}

class Chooser {
 public:
  Chooser(const Graph& graph, std::span<const Provider* const> providers, const PlanOptions& options)
      : graph_(graph), providers_(providers), options_(options), order_(graph.order()) {
    place_.resize(graph.node_capacity());
    step_of_.assign(graph.node_capacity(), -1);
    is_promised_.assign(graph.node_capacity(), 0);
    steps_.reserve(order_.size());
    for (size_t i = 0; i < order_.size(); ++i) place_[index(order_[i])] = i;
  }

  std::vector<ChosenStep> run() {
    for (const NodeId id : order_) is_promised_[index(id)] = request_of(id).is_promised();
    for (const Provider* provider : providers_) {
      if (provider->claim)
        for (const Claim& claim : provider->claim({graph_, options_.exact, options_.threads, provider->self}))
          take(*provider, claim);
      for (const NodeId id : order_)
        if (!is_taken(id)) take_row(*provider, id);
    }
    std::vector<std::string> missing;
    for (const NodeId id : order_)
      if (!is_taken(id) && !take_reference(id))
        missing.push_back(cat(graph_.node(id).def->name, " in ", describe(graph_.node(id))));
    if (!missing.empty()) throw_missing(missing);
    return sorted();
  }

 private:
  KernelRequest request_of(NodeId id) const { return {graph_, id, options_.exact, options_.threads}; }
  static size_t index(NodeId id) { return static_cast<size_t>(id.index); }
  bool is_taken(NodeId id) const { return step_of_[index(id)] >= 0; }

  [[noreturn]] static void throw_missing(const std::vector<std::string>& missing) {
    std::string list;
    for (const std::string& m : missing) list += "\n    " + m;
    throw unsupported(cat(missing.size(), " nodes cannot be executed:", list), "hone inspect MODEL lists them");
  }

  /// Takes the claim if its nodes are free, nothing speaks against it and its step can be made.
  bool take(const Provider& provider, const Claim& claim) {
    if (claim.nodes.empty() || std::any_of(claim.nodes.begin(), claim.nodes.end(),
                                           [&](NodeId id) { return is_taken(id) || !is_promised_[index(id)]; }))
      return false;
    if (options_.refuses && options_.refuses(provider, claim)) return false;
    if (provider.memory && !(is_static(graph_, claim.inputs) && is_static(graph_, claim.outputs))) return false;
    if (claim.nodes.size() > 1 && !is_closed(claim)) return false;
    const Node& last = graph_.node(claim.nodes.back());
    PlannedStep planned;
    planned.step = with_context([&] { return cat("in ", describe(last)); }, [&] { return claim.make(); });
    if (!planned.step) return false;
    planned.step->kernel = claim.kernel;
    planned.op = claim.op;
    planned.provider = provider.name;
    planned.memory = provider.memory;
    release_constants(claim.inputs);
    add(std::move(planned), claim);
    return true;
  }

  void take_row(const Provider& provider, NodeId id) {
    for (const KernelRow& row : provider.rows) {
      if (row.op != graph_.node(id).def) continue;
      const ClaimRequest request{graph_, options_.exact, options_.threads, provider.self};
      for (const Kernel& kernel : row.kernels)
        if (take(provider, claim_of(id, kernel.name, [&] { return make(request.node(id), kernel); }))) return;
    }
  }

  /// The kernel's step, in the variant that the tuner chooses where there are several.
  std::unique_ptr<Step> make(const KernelRequest& request, const Kernel& kernel) const {
    std::unique_ptr<Step> first = kernel.make(request);
    if (!first || !options_.tuner || kernel.variants == 1) return first;
    std::vector<std::unique_ptr<Step>> candidates;
    candidates.push_back(std::move(first));
    for (KernelRequest other = request; ++other.variant < kernel.variants;) {
      std::unique_ptr<Step> step = kernel.make(other);
      if (!step) break;
      candidates.push_back(std::move(step));
    }
    return std::move(candidates.at(options_.tuner(request, candidates)));
  }

  bool take_reference(NodeId id) {
    const KernelRequest request = request_of(id);
    PlannedStep planned;
    planned.step = make_reference_step(request, bodies_of(request.node()));
    if (!planned.step) return false;
    planned.op = request.node().def->name;
    planned.provider = reference_provider().name;
    add(std::move(planned), claim_of(id, {}, {}));
    return true;
  }

  Claim claim_of(NodeId id, std::string_view kernel, std::function<std::unique_ptr<Step>()> make) const {
    const Node& node = graph_.node(id);
    return {{id}, node.inputs, node.outputs, node.def->name, kernel, std::move(make)};
  }

  /// The subgraphs of a control operator, for the providers of the graph around it.
  std::vector<std::shared_ptr<const Program>> bodies_of(const Node& node) const {
    const Engine engine{{providers_.begin(), providers_.end()}, options_};
    std::vector<std::shared_ptr<const Program>> bodies;
    if (node.subgraphs.empty() || engine.is_reference() || !node.def->eval) return bodies;
    for (const Graph& body : node.subgraphs) bodies.push_back(Program::prepared(body, engine));
    return bodies;
  }

  void add(PlannedStep planned, const Claim& claim) {
    planned.name = graph_.node(claim.nodes.back()).name;
    for (const NodeId id : claim.nodes) {
      planned.macs += count_macs(graph_, graph_.node(id));
      step_of_[index(id)] = static_cast<int32_t>(steps_.size());
    }
    steps_.push_back({std::move(planned), claim.nodes, claim.inputs, claim.outputs});
  }

  /// Kernels keep packed copies of large constants; the few that steps read as they are come back by themselves.
  void release_constants(const std::vector<ValueId>& inputs) const {
    constexpr int64_t kLarge = 64 * 1024;
    for (const ValueId in : inputs)
      if (in.exists() && graph_.is_constant(in) && graph_.value(in).constant.byte_size() >= kLarge)
        graph_.value(in).constant.release_pages();
  }

  /// What the nodes hide is nobody else's, and nothing that they need is computed from what they compute.
  bool is_closed(const Claim& claim) {
    bool has_one_end = true;
    for (const NodeId id : claim.nodes)
      for (const ValueId out : graph_.node(id).outputs) {
        const auto& users = graph_.value(out).users;
        const bool leaves = graph_.is_output(out) || !std::all_of(users.begin(), users.end(),
                                                                  [&](NodeId user) { return contains(claim, user); });
        if (leaves && std::find(claim.outputs.begin(), claim.outputs.end(), out) == claim.outputs.end()) return false;
        has_one_end &= !leaves || id == claim.nodes.back();
      }
    // Where every set is left through its last node alone, the order of those is one of the steps.
    if (has_one_end && all_have_one_end_) return true;
    if (comes_back(claim)) return false;
    all_have_one_end_ &= has_one_end;
    return true;
  }

  /// Whether a path over other nodes, and over the steps that are chosen, leads from the claim's nodes back to them.
  bool comes_back(const Claim& claim) const {
    std::vector<char> seen(graph_.node_capacity(), 0);
    std::vector<NodeId> pending = claim.nodes;
    while (!pending.empty()) {
      const NodeId id = pending.back();
      pending.pop_back();
      for (const ValueId out : graph_.node(id).outputs)
        for (const NodeId user : graph_.value(out).users) {
          if (contains(claim, user)) {
            if (!contains(claim, id)) return true;
            continue;
          }
          const std::vector<NodeId> alone{user};
          for (const NodeId next : is_taken(user) ? steps_[static_cast<size_t>(step_of_[index(user)])].nodes : alone)
            if (!std::exchange(seen[index(next)], 1)) pending.push_back(next);
        }
    }
    return false;
  }

  /// In the order of their last nodes, except where a step waits for a later one.
  std::vector<ChosenStep> sorted() {
    std::vector<size_t> waits(steps_.size(), 0), rank(steps_.size(), 0);
    std::vector<std::vector<size_t>> readers(steps_.size());
    for (size_t s = 0; s < steps_.size(); ++s) {
      for (const NodeId id : steps_[s].nodes) rank[s] = std::max(rank[s], place_[index(id)]);
      for (const ValueId in : steps_[s].inputs) {
        if (!graph_.producer(in)) continue;
        const auto maker = static_cast<size_t>(step_of_[index(graph_.value(in).producer)]);
        if (maker == s) continue;
        readers[maker].push_back(s);
        ++waits[s];
      }
    }
    using Ready = std::pair<size_t, size_t>;  // rank, step
    std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready;
    for (size_t s = 0; s < steps_.size(); ++s)
      if (waits[s] == 0) ready.emplace(rank[s], s);
    std::vector<ChosenStep> result;
    result.reserve(steps_.size());
    while (!ready.empty()) {
      const size_t s = ready.top().second;
      ready.pop();
      for (const size_t reader : readers[s])
        if (--waits[reader] == 0) ready.emplace(rank[reader], reader);
      result.push_back(std::move(steps_[s]));
    }
    if (result.size() != steps_.size()) throw internal_error("the steps of a plan wait for each other");
    return result;
  }

  const Graph& graph_;
  std::span<const Provider* const> providers_;
  const PlanOptions& options_;
  std::vector<NodeId> order_;
  std::vector<size_t> place_;      ///< of each node in the order
  std::vector<int32_t> step_of_;   ///< each node; −1: not chosen yet
  std::vector<char> is_promised_;  ///< each node; see KernelRequest
  std::vector<ChosenStep> steps_;
  bool all_have_one_end_ = true;
};

}  // namespace

std::vector<ChosenStep> choose_steps(const Graph& graph, std::span<const Provider* const> providers,
                                     const PlanOptions& options) {
  return Chooser(graph, providers, options).run();
}

}  // namespace hone
