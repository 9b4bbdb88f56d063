#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensorflow/proto.h"
#include "ir/graph.h"

namespace hone::tensorflow {

/// What flows along an edge of TensorFlow's graph: a value, or a variable by name.
struct Edge {
  ValueId value;
  std::string variable;
};

/// One node, as the read function of its row sees it. What it throws is framed with its name and operator.
class OpNode {
 public:
  Graph& graph;
  const NodeDef& def;
  std::string name;                   ///< with the calls it is inlined from
  std::vector<Edge> in;               ///< without control edges
  std::vector<Edge> out;              ///< what the row makes
  std::shared_ptr<const void> owner;  ///< of the file's bytes

  int64_t integer(std::string_view key, int64_t otherwise) const;
  float real(std::string_view key, float otherwise) const;
  bool flag(std::string_view key) const;
  std::string text(std::string_view key, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view key) const;

  /// Input i. Throws Error(invalid_model) when it is not there.
  ValueId x(size_t i = 0) const;
  const TensorType& type(size_t i) const { return graph.type(x(i)); }
  /// Throws Error(unsupported) when unknown.
  int64_t rank(size_t i = 0) const;
  /// Constant input i as integers. Throws Error(unsupported) when it is known only at run time.
  std::vector<int64_t> constant_ints(size_t i) const;
  const Tensor& constant(size_t i) const;

  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs) {
    return graph.add(std::move(op), std::move(inputs),
                     {.name = name, .source = {"tensorflow", std::string(def.op), std::string(def.name), 0}});
  }
  template <class Op>
  std::vector<ValueId> add_many(Op op, std::vector<ValueId> inputs, size_t outputs) {
    return add_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), outputs);
  }
  ValueId add_constant(Tensor value, std::string_view suffix);
  ValueId ints(const std::vector<int64_t>& values, std::string_view suffix);
  void emit(ValueId value) { out.push_back({value, {}}); }

  /// Input i with its dims permuted: a permuted constant, or a Transpose.
  ValueId permuted_input(size_t i, const std::vector<int64_t>& perm);
  /// NCHW to NHWC and back where data_format says so.
  bool is_channels_first() const { return text("data_format", "NHWC").starts_with("NC"); }
  ValueId to_channels_last(ValueId value);
  ValueId from_channels_last(ValueId value);
  /// The two spatial entries of a list of four in the order of data_format; ones when it is not there.
  std::vector<int64_t> spatial(std::string_view key) const;

 private:
  std::vector<ValueId> add_spec(const OpDef& op, Attrs attrs, std::vector<ValueId> inputs, size_t outputs);
};

/// How an operator of TensorFlow is said in canonical ones.
struct OpRow {
  std::string_view op;
  void (*read)(OpNode&);
  std::string_view outputs = {};  ///< names of several outputs, separated by blanks, in order
};
std::span<const OpRow> elementwise_rows();
std::span<const OpRow> spatial_rows();
std::span<const OpRow> movement_rows();
std::span<const OpRow> quantization_rows();
std::span<const OpRow> detection_rows();
const OpRow* find_row(std::string_view op);

}  // namespace hone::tensorflow
