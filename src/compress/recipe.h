#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compress/evidence.h"
#include "ir/attrs.h"

namespace hone {

// The transforms. Each is described by its `fields` as operators are: printing, parsing and the manifest derive from
// it.

/// Weights stored as integers behind float arithmetic become the real numbers that they stand for.
struct FloatWeights {
  static constexpr std::string_view kName = "float";
  static constexpr std::tuple<> fields{};
};

/// Float constants as f16.
struct Float16Weights {
  static constexpr std::string_view kName = "float16";
  static constexpr std::tuple<> fields{};
};

/// Weights as int8, activations in float.
struct DynamicRange {
  static constexpr std::string_view kName = "dynamic";
  static constexpr std::tuple<> fields{};
};

/// Channels of like range between layers: see equalize.h.
struct Equalize {
  static constexpr std::string_view kName = "equalize";
  static constexpr std::tuple<> fields{};
};

/// Channels removed and the rest refitted: see prune.h.
struct Prune {
  static constexpr std::string_view kName = "prune";
  float macs = 0.7f;  ///< share of the multiply-accumulates that stays
  static constexpr std::tuple fields{Field{"macs", &Prune::macs}};
};

/// Of every m weights in a row along the input channels at most n stay, the rest made up for: see sparsify.h.
struct Sparsify {
  static constexpr std::string_view kName = "sparsify";
  int64_t n = 2;
  int64_t m = 4;
  static constexpr std::tuple fields{Field{"n", &Sparsify::n}, Field{"m", &Sparsify::m}};
};

/// Trained to answer as the model before the last step did, by the data without labels: see taught.h.
struct Recover {
  static constexpr std::string_view kName = "recover";
  int64_t epochs = 3;
  static constexpr std::tuple fields{Field{"epochs", &Recover::epochs}};
};

/// How weights become integers.
enum class Rounding : int {
  nearest,      ///< each to the nearest
  compensated,  ///< each making up for the errors of those before it, biases for the rest: see rounding.h
  trained,      ///< moved, with the scales, by training that sees the rounding: see quantize_aware.h
};
inline constexpr std::string_view kRoundingNames[] = {"nearest", "compensated", "trained"};
constexpr std::span<const std::string_view> enum_names(Rounding) { return kRoundingNames; }

/// Weights and activations as int8.
struct Int8 {
  static constexpr std::string_view kName = "int8";
  std::string calibrator = "mse";
  std::vector<std::string> keep_float;  ///< names of nodes that stay in float
  bool integer_io = false;              ///< inputs and outputs become integers too
  int64_t weight_bits = 8;              ///< 8, or 4: weights as int4 under int8 activations
  Rounding rounding = Rounding::nearest;
  int64_t epochs = 3;  ///< of training, for Rounding::trained
  int64_t levels = 0;  ///< for Rounding::compensated: so many different integers in a layer's weights; 0: all
  static constexpr std::tuple fields{Field{"calibrator", &Int8::calibrator}, Field{"keep_float", &Int8::keep_float},
                                     Field{"integer_io", &Int8::integer_io}, Field{"weight_bits", &Int8::weight_bits},
                                     Field{"rounding", &Int8::rounding},     Field{"epochs", &Int8::epochs},
                                     Field{"levels", &Int8::levels}};
};

/// After a quantization: biases that take back what rounding did to the means. See bias_correction.h.
struct CorrectBias {
  static constexpr std::string_view kName = "correct_bias";
  static constexpr std::tuple<> fields{};
};

/// What is done to a float graph, in order. No steps: the model as it is.
struct Recipe {
  std::vector<Attrs> steps;

  template <class T>
  static Recipe of(T transform) {
    return {{Attrs::of(std::move(transform))}};
  }
  /// "int8 (mse), 2 layers in float".
  std::string label() const;
  /// Short, without spaces: "int8-mse-2-float".
  std::string id() const;
  /// Name of the last step; "given" for none.
  std::string kind() const;
  /// Nodes that some step leaves in float.
  std::vector<std::string> float_layers() const;
  bool needs_data() const;
  bool trains() const;  ///< some step moves weights by training
  friend bool operator==(const Recipe& a, const Recipe& b);
};

/// "int8 {calibrator=\"mse\"}", steps joined by " | "; parse_recipe reads it back. Throws Error(invalid_argument)
/// naming the transform or field that does not exist.
std::string to_text(const Recipe& recipe);
Recipe parse_recipe(std::string_view text);

/// One recipe that the search tried, and what came of it.
struct Attempt {
  Recipe recipe;
  double value = 0;  ///< of the metric
  bool is_allowed = false;
  bool is_loss = false;  ///< a worse value than the model as given
  double seconds = 0;    ///< that making it took
};

/// What a transform's row sees when it is asked for the next recipe to try.
struct SearchGround {
  std::span<const Attempt> attempts;  ///< of all transforms, in order
  std::vector<std::string> calibrators;
  bool is_higher_better = true;  ///< of the attempts' values
  bool mixed = true;
  bool is_size_wanted = false;     ///< the objective is the size of the file
  std::vector<double> prune = {};  ///< shares of the multiply-accumulates to try
  double recover_seconds = 0;      ///< that training may take in all; 0: none is tried
  /// Layers from the most to the least sensitive under the ranges of `calibrator`; measured when first asked for.
  std::function<std::span<const std::string>(const std::string& calibrator)> sensitive_layers;
};

/// What a step is applied to.
struct StepInput {
  const Graph& graph;
  const Graph& before;       ///< what the step before this one started from; of the first step: the graph
  const std::string& steps;  ///< those that made `graph`, as text
  const Evidence& evidence;

  const Statistics& statistics() const { return evidence.statistics(steps, graph); }
};

/// A transform: one row of a table, see recipe.cpp.
struct TransformRow {
  const AttrType* type;
  std::string_view about;  ///< what it does and to what it applies
  std::string_view paper;  ///< where it comes from
  bool needs_data = false;
  /// Evaluations that trying it costs, about: what a progress bar and a time limit may expect.
  double cost = 1;
  std::string (*label)(const Attrs&);
  Graph (*apply)(const Attrs&, const StepInput&);
  /// The next recipe to try; nothing when all were. Null: never by itself.
  std::optional<Recipe> (*next)(const SearchGround&);
};

std::span<const TransformRow> all_transforms();

/// Runs the recipe on a graph with float weights, which `evidence` is about; that may be empty unless needs_data().
Graph apply(const Recipe& recipe, const Graph& graph, const Evidence& evidence);

}  // namespace hone
