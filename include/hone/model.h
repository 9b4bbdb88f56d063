#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hone/tensor.h"

namespace hone {

class Graph;

/// An input or output of a model.
struct Port {
  std::string name;
  TensorType type;  ///< unknown dimensions stay unknown until a shape is fixed or a run shows it
};

/// A network read from a file. A value type: cheap to copy, copies share what they hold. Const members are thread-safe.
class Model {
 public:
  /// Reads .onnx, .tflite or hone's text form, told by content. Throws Error that names the place in the file.
  static Model load(const std::string& path);
  /// The same from memory; the bytes are copied. `name` stands for the path in messages.
  static Model parse(const void* data, size_t bytes, const std::string& name = "model");

  /// Writes the format that the extension names: to a temporary name first, then renamed.
  void save(const std::string& path) const;

  std::vector<Port> inputs() const;
  std::vector<Port> outputs() const;
  /// What the file says beside the network; written into .onnx and .tflite by save.
  const std::map<std::string, std::string>& metadata() const;
  /// The model with `value` under `key`; an empty value removes it.
  Model with_metadata(const std::string& key, const std::string& value) const;
  size_t node_count() const;
  /// hone's text form; constants above 16 elements elided.
  std::string text() const;

  /// Constants folded, identities dropped, neighbours fused, transposes cancelled. Equal outputs up to float rounding.
  Model simplified() const;
  /// Gives inputs the stated dims; the empty name means the only input.
  Model with_shapes(const std::map<std::string, Dims>& shapes) const;

  explicit Model(Graph graph);
  const Graph& graph() const { return *graph_; }  ///< the inner representation, not part of the stable API

 private:
  std::shared_ptr<const Graph> graph_;
};

}  // namespace hone
