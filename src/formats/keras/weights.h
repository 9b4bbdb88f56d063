#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "container/hdf5.h"
#include "tensor/tensor.h"

namespace hone::keras {

/// Where a layer's weights are: by names in .h5 files, by a path of classes and attributes in .keras archives.
struct WeightPlace {
  std::vector<std::string> names;  ///< of nested models and the layer, outermost first
  std::string path;                ///< "layers/functional/layers/conv2d_1"; "" for the model itself
};

/// A part of a layer that has weights of its own. `word` begins a component of its weights' names in .h5 files ("" when
/// nothing tells it), `path` is the attribute in .keras archives, alternatives separated by '|'.
struct Part {
  std::string_view word;
  std::string_view path;
};

/// One weight asked for.
struct WeightQuery {
  std::string_view name;  ///< "kernel", alternatives separated by '|'
  int64_t index = 0;      ///< its place among the weights of the layer or part
  std::span<const Part> parts = {};
};

/// The arrays of a model's file.
class Weights {
 public:
  enum class Order { by_name, by_path };
  Weights(std::shared_ptr<const Hdf5File> file, Order order);
  /// Throws Error(invalid_model) when there is none or more than one that fits: never the first by luck.
  Tensor find(const WeightPlace& place, const WeightQuery& query) const;

 private:
  struct Named {
    std::vector<std::string> components;  ///< of its name, without ":0"
    Hdf5File::Address array;
  };
  const std::vector<Named>& group(const std::string& layer) const;
  Tensor by_name(const WeightPlace& place, const WeightQuery& query) const;
  Tensor by_path(const WeightPlace& place, const WeightQuery& query) const;
  Tensor tensor(Hdf5File::Address array) const;

  std::shared_ptr<const Hdf5File> file_;
  Order order_;
  Hdf5File::Address top_;
  mutable std::map<std::string, std::vector<Named>> groups_;
};

}  // namespace hone::keras
