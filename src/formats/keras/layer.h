#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "container/json.h"
#include "formats/keras/weights.h"
#include "ir/graph.h"
#include "ops/permute.h"

namespace hone::keras {

/// One call of a layer, as the read function of its row sees it. What it throws is framed with the layer's name.
class Layer {
 public:
  Graph& graph;
  const Weights& weights;
  int64_t version;   ///< of Keras: 2 or 3
  std::string type;  ///< "Conv2D"
  std::string name;  ///< "conv2d_1"
  const Json& config;
  WeightPlace place;
  std::vector<Part> parts;  ///< where a wrapped layer's weights are
  std::vector<ValueId> in;
  std::map<std::string, ValueId> named;  ///< inputs given by name
  std::vector<ValueId> out;              ///< what the row makes

  /// Fields of the configuration, or `otherwise` where they are absent or null.
  int64_t integer(std::string_view key, int64_t otherwise) const;
  float real(std::string_view key, float otherwise) const;
  bool flag(std::string_view key, bool otherwise) const;
  std::string text(std::string_view key, std::string_view otherwise = "") const;
  /// `count` integers, given as a list or as one for all.
  std::vector<int64_t> ints(std::string_view key, size_t count, int64_t otherwise) const;
  bool is_channels_first() const { return text("data_format") == "channels_first"; }

  /// Input 0. Throws Error(invalid_model) when the layer has none.
  ValueId x() const;
  const Shape& shape(ValueId value) const;
  /// Rank of a value; throws Error(unsupported) when unknown.
  int64_t rank(ValueId value) const;
  /// A dimension of a value, from the end when negative; throws Error(unsupported) when open.
  int64_t dim(ValueId value, int64_t axis) const;

  /// Throws Error(invalid_model) unless the weight has these dims (−1: any).
  Tensor weight(std::string_view name, int64_t index, const Dims& dims, std::vector<Part> inner = {}) const;
  /// Constant `name` of this layer.
  ValueId constant(Tensor value, std::string_view name);
  ValueId ints_constant(const std::vector<int64_t>& values, std::string_view name);

  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs) {
    return graph.add(std::move(op), std::move(inputs), {.name = name, .source = {"keras", type, name, 0}});
  }
  /// The same for operators with several outputs.
  template <class Op>
  std::vector<ValueId> add_many(Op op, std::vector<ValueId> inputs, size_t outputs) {
    return add_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), outputs);
  }
  void emit(ValueId value) { out.push_back(value); }
  /// x through the activation that `key` names, a text or a serialized function.
  ValueId activated(ValueId x, std::string_view key = "activation");

  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId reshape(ValueId x, const std::vector<int64_t>& dims);
  /// [N, C, s…] → [N, s…, C] and back, for layers that are channels first; others stay.
  ValueId to_channels_last(ValueId x);
  ValueId from_channels_last(ValueId x);

 private:
  std::vector<ValueId> add_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs);
};

/// How a layer of Keras is said in canonical operators. The same class name has one row.
struct LayerRow {
  std::string_view type;
  void (*read)(Layer&);
};

std::span<const LayerRow> activation_rows();
std::span<const LayerRow> conv_rows();
std::span<const LayerRow> core_rows();
std::span<const LayerRow> merge_rows();
std::span<const LayerRow> norm_rows();
std::span<const LayerRow> pool_rows();
std::span<const LayerRow> recurrent_rows();
std::span<const LayerRow> shape_rows();
/// The row of a class, or null.
const LayerRow* find_row(std::string_view type);

/// Name of an activation: "relu", of a text or a serialized function; "linear" for null.
std::string activation_name(const Json* activation);
/// Throws Error(unsupported) for one that hone does not know.
ValueId apply_activation(Layer& layer, ValueId x, const std::string& name);

}  // namespace hone::keras
