#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "container/json.h"
#include "data/dataset.h"
#include "measure/engine.h"

namespace hone {

/// How the name of a value ends whose numbers have other scales than in the model as given: they are not compared.
inline constexpr std::string_view kEqualizedSuffix = "/equalized";

/// How far numbers b are from numbers a, summed up over any number of tensors. Mergeable.
struct ErrorSums {
  double signal = 0;  ///< Σ a²
  double noise = 0;   ///< Σ (b − a)²
  double other = 0;   ///< Σ b²
  double dot = 0;     ///< Σ a·b
  double max = 0;     ///< largest |b − a|
  int64_t count = 0;

  /// Adds real numbers of two tensors with equal element counts; NaN on one side only counts as an infinite error.
  void add(std::span<const double> a, std::span<const double> b);
  void add(const Tensor& a, const Tensor& b);
  /// 10·log10(Σ a² / Σ (b − a)²), dB; +inf for no error, −inf when a is all zero and b is not.
  double sqnr_db() const;
  /// Of the angle between a and b, −1 … 1; 1 when both are zero.
  double cosine() const;
  double mean_squared() const { return count ? noise / static_cast<double>(count) : 0; }
};

/// How far one value of b is from a's, and why.
struct LayerError {
  std::string name;          ///< of the node in b that makes it, by which every command calls this layer
  std::string value;         ///< by which a's was found
  std::string op;            ///< of that node
  ErrorSums error;           ///< accumulated: with all that stands before
  ErrorSums local;           ///< of this node of b alone, fed with a's numbers; empty where it could not be run so
  double low = 0, high = 0;  ///< a's numbers
  double held_low = 0, held_high = 0;  ///< what b can store; equal where it stores floats, or each channel apart
  int64_t clipped = 0;                 ///< a's numbers beyond that by more than half a step

  bool is_held_in_integers() const { return held_low < held_high; }
  double clipped_share() const {
    return error.count ? static_cast<double>(clipped) / static_cast<double>(error.count) : 0;
  }
};

struct Comparison {
  int64_t samples = 0;
  std::vector<LayerError> outputs;  ///< one an output
  std::vector<LayerError> layers;   ///< values of the same name and element count in both, in b's order
  int64_t equalized = 0;            ///< values of b left out because of their scales
};

struct CompareOptions {
  bool layers = true;        ///< also compare inner values
  size_t local_samples = 8;  ///< samples on which each node of b is also run alone
  Progress progress;
};

/// Runs both models on every sample and compares real numbers; each has its own input specs (b may be quantized).
/// Throws Error(invalid_argument) when the models have different numbers of outputs or outputs of different sizes.
Comparison compare_models(const Graph& a, const Graph& b, const Engine& engine, const Dataset& data,
                          std::span<const InputSpec> inputs_a, std::span<const InputSpec> inputs_b,
                          const CompareOptions& options = {});

/// The same on given inputs, `sets` of one tensor per graph input as a takes them; b's are converted.
Comparison compare_models(const Graph& a, const Graph& b, const Engine& engine,
                          std::span<const std::vector<Tensor>> sets, const CompareOptions& options = {});

/// `inputs` of a as b takes them.
std::vector<Tensor> inputs_for(std::span<const Tensor> inputs, const Graph& a, const Graph& b);

Json to_json(const LayerError& layer);
Json to_json(const Comparison& comparison);

}  // namespace hone
