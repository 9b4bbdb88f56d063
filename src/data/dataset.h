#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/preprocess.h"
#include "tensor/tensor.h"

namespace hone {

namespace detail {
struct DatasetContent;
}

/// What a model takes at one input, and how files become that.
struct InputSpec {
  std::string name;
  TensorType type;
  Preprocess preprocess;  ///< complete for images; unused by arrays and raw files
  QuantPtr stored;        ///< parameters of integers in files whose real numbers are meant; null: none given
};

/// An InputSpec for `type`: preprocessing resolved from defaults, metadata and `over` where the shape is an image's.
InputSpec make_input_spec(std::string name, const TensorType& type, const std::map<std::string, std::string>& metadata,
                          const Preprocess& over = {}, QuantPtr stored = nullptr);

struct DatasetOptions {
  /// Names of the classes in the order of the model's outputs, a line each; or the labels CSV; or labels as .npy.
  std::string labels;
  int64_t limit = 0;  ///< use only this many samples, spread evenly over the data; 0: all
};

/// Labelled samples on disk, read when asked for. Cheap to copy. Thread-safe. Kinds of `path`:
///  - a folder per class, with files in them; class order: sorted names, or the lines of `labels`
///  - a folder with one CSV `file,…,class` whose first column is a file in that folder and whose last is the class
///  - a folder of files without labels (for calibration and comparison)
///  - .npz with arrays x and y (or x_test and y_test), .npy with x, a folder with x.npy and y.npy; the first axis
///  counts
/// Files are images, .npy, .npz (an array per input name) or .bin (raw elements). Order: sorted, as in the CSV, as in
/// the array.
class Dataset {
 public:
  /// Throws Error(not_found) or Error(invalid_argument) naming what is missing: no files, no labels, a class unknown.
  static Dataset open(const std::string& path, const DatasetOptions& options = {});

  size_t size() const { return indices_.size(); }
  /// Class index, −1 when the sample has no label.
  int64_t label(size_t i) const;
  bool has_labels() const;
  /// File name relative to the data, or "x[17]".
  std::string name(size_t i) const;
  const std::string& path() const;
  /// Names by class index; empty when labels are numbers only.
  const std::vector<std::string>& classes() const;
  /// "a folder per class", "labels csv", "folder of files", "arrays".
  const std::string& kind() const;

  /// Inputs of sample i as the model takes them. Throws Error with a frame naming the file.
  std::vector<Tensor> load(size_t i, std::span<const InputSpec> inputs) const;

  /// The samples at `indices` of this one, in that order.
  Dataset subset(std::vector<size_t> indices) const;
  /// At most `count` samples, spread evenly.
  Dataset limited(size_t count) const;
  /// `count` samples chosen by `seed` alone and the rest; both keep this one's order. Labelled data is drawn class by
  /// class in turn, so that small sets hold every class.
  std::pair<Dataset, Dataset> split(size_t count, uint64_t seed) const;

 private:
  std::shared_ptr<const detail::DatasetContent> content_;
  std::vector<uint32_t> indices_;
};

/// Raw elements of a .bin file as a tensor for `spec`: as many bytes as the input's elements in its storage dtype, as
/// f32, or as 8-bit integers with `spec.stored`. Unknown dimensions count as 1.
Tensor tensor_from_bytes(std::span<const std::byte> bytes, const InputSpec& spec,
                         std::shared_ptr<const void> owner = nullptr);

/// The same as one input, told by their beginning: an image, .npy, else raw elements.
Tensor load_input_bytes(const std::string& bytes, const InputSpec& spec);

/// One file as one input: image, .npy, .bin.
Tensor load_input_file(const std::string& path, const InputSpec& spec);

}  // namespace hone
