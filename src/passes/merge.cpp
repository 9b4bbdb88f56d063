#include <bit>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ops/control.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// Equals that stay apart, because several are outputs of the graph, are tried as partners of others up to this many.
constexpr size_t kMostTwins = 8;

void mix(size_t& hash, size_t value) { hash ^= value + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2); }

/// A hash of the type and of at most 64 bytes at either end and in the middle: constants may be large and mapped.
size_t quick_hash(const Tensor& tensor) {
  size_t hash = static_cast<size_t>(tensor.dtype());
  for (int64_t dim : tensor.dims()) mix(hash, static_cast<size_t>(dim));
  const size_t size = static_cast<size_t>(tensor.byte_size());
  const std::string_view bytes(static_cast<const char*>(tensor.raw()), size);
  const size_t length = std::min<size_t>(size, 64);
  for (size_t start : {size_t{0}, (size - length) / 2, size - length})
    mix(hash, std::hash<std::string_view>()(bytes.substr(start, length)));
  return hash;
}

size_t full_hash(const Tensor& tensor) {
  return std::hash<std::string_view>()(
      {static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.byte_size())});
}

/// Finds constants equal to one met before. Those that look alike are read in full, each once; only those whose bytes
/// hash alike are compared: the work is linear in the bytes.
class ConstantsSeen {
 public:
  explicit ConstantsSeen(const Graph& graph) : graph_(graph) {}

  /// Those met before whose bytes hash as `id`'s do; who stays apart from them all is to be added.
  std::vector<ValueId>& alike(ValueId id) {
    Bucket& bucket = buckets_[quick_hash(constant(id))];
    if (bucket.unread.empty() && bucket.read.empty()) return bucket.unread;
    for (const ValueId first : bucket.unread) bucket.read[full_hash(constant(first))].push_back(first);
    bucket.unread.clear();
    return bucket.read[full_hash(constant(id))];
  }

 private:
  struct Bucket {
    std::vector<ValueId> unread;  ///< one that nothing else looks like so far
    std::unordered_map<size_t, std::vector<ValueId>> read;
  };
  const Tensor& constant(ValueId id) const { return graph_.value(id).constant; }

  const Graph& graph_;
  std::unordered_map<size_t, Bucket> buckets_;
};

/// Nodes met before by their hashes, chained in order of arrival (Knuth, The Art of Computer Programming 3, 6.4).
class NodesSeen {
 public:
  NodesSeen(size_t nodes, size_t capacity)
      : first_(std::bit_ceil(nodes + 1)), last_(first_.size()), next_(capacity), hash_(capacity) {}

  /// The next node of that hash after `after`, or after none the first; none behind the last.
  NodeId next(size_t hash, NodeId after = {}) const {
    NodeId id = after.exists() ? next_[index(after)] : first_[hash & (first_.size() - 1)];
    while (id.exists() && hash_[index(id)] != hash) id = next_[index(id)];
    return id;
  }
  void add(size_t hash, NodeId id) {
    const size_t bucket = hash & (first_.size() - 1);
    const NodeId before = std::exchange(last_[bucket], id);
    (before.exists() ? next_[index(before)] : first_[bucket]) = id;
    hash_[index(id)] = hash;
  }

 private:
  static size_t index(NodeId id) { return static_cast<size_t>(id.index); }
  std::vector<NodeId> first_, last_;  ///< of each bucket
  std::vector<NodeId> next_;
  std::vector<size_t> hash_;
};

size_t hash_of(const Node& node) {
  size_t hash = std::hash<const void*>()(node.def);
  mix(hash, hash_of(node.attrs));
  for (ValueId input : node.inputs) mix(hash, static_cast<size_t>(input.index));
  mix(hash, node.outputs.size());
  return hash;
}

bool is_same(const Graph& graph, const Node& a, const Node& b) {
  if (a.def != b.def || a.inputs != b.inputs || a.outputs.size() != b.outputs.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (!same_storage(graph.type(a.outputs[i]), graph.type(b.outputs[i]))) return false;
  }
  return equal(a.attrs, b.attrs);
}

/// Equal constants become the earliest of them.
int64_t merge_constants(Graph& graph, PassContext& context) {
  int64_t changes = 0;
  ConstantsSeen seen(graph);
  const size_t count = graph.value_capacity();
  for (size_t i = 0; i < count && context.budget.left > 0; ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (!graph.is_constant(id) || (graph.value(id).users.empty() && !graph.is_output(id))) continue;
    std::vector<ValueId>& alike = seen.alike(id);
    bool merged = false;
    for (size_t k = 0; k < alike.size() && !merged; ++k) {
      if (!identical(graph.value(alike[k]).constant, graph.value(id).constant)) continue;
      merged = substitute(graph, id, alike[k]) && context.budget.take();
    }
    if (merged) ++changes;
    if (!merged && alike.size() < kMostTwins) alike.push_back(id);
  }
  return changes;
}

bool may_merge(const Node& node) {
  return !node.def->is_random && !node.is<Opaque>() && node.subgraphs.empty() && !node.inputs.empty();
}

/// Replaces the outputs of `id` by those of `twin`; false when an output of the graph forbids it.
bool merge_into(Graph& graph, NodeId id, NodeId twin) {
  const std::vector<ValueId> from = graph.node(id).outputs, to = graph.node(twin).outputs;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!can_substitute(graph, from[i], to[i])) return false;
  }
  for (size_t i = 0; i < from.size(); ++i) graph.replace_uses(from[i], to[i]);
  graph.remove(id);
  return true;
}

int64_t merge_nodes(Graph& graph, PassContext& context) {
  int64_t changes = 0;
  NodesSeen seen(graph.node_count(), graph.node_capacity());
  for (NodeId id : graph.order()) {
    if (context.budget.left <= 0) break;
    if (!may_merge(graph.node(id))) continue;
    const size_t hash = hash_of(graph.node(id));
    bool merged = false;
    size_t twins = 0;
    for (NodeId twin = seen.next(hash); twin.exists() && !merged; twin = seen.next(hash, twin), ++twins) {
      if (!is_same(graph, graph.node(twin), graph.node(id))) continue;
      merged = merge_into(graph, id, twin) && context.budget.take();
    }
    if (merged) ++changes;
    if (!merged && twins < kMostTwins) seen.add(hash, id);
  }
  return changes;
}

}  // namespace

int64_t merge_equal(Graph& graph, PassContext& context) {
  const int64_t constants = merge_constants(graph, context);
  return constants + merge_nodes(graph, context);
}

}  // namespace hone
