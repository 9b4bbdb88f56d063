#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compress/recipe.h"
#include "ir/graph.h"

namespace hone {

/// Why integers lose what they lose at one place.
enum class Mechanism {
  kInputRange,      ///< the input's integers do not fit the numbers that come in: wrong preprocessing
  kClippedRange,    ///< numbers lie beyond what the integers cover
  kWideRange,       ///< the integers cover far more than the numbers need: too few steps are left
  kOutlierChannel,  ///< one scale for channels of unlike range, in activations
  kUnlikeWeights,   ///< one scale for output channels of unlike range, in weights
  kMergedScales,    ///< what is joined shares one scale although the parts differ in range
  kMixedUnits,      ///< an output's columns have unlike units and one scale
  kTail,            ///< a long tail (SiLU, Softmax, …) takes the steps where few numbers are
  kClippedWeights,  ///< weights lie beyond what their integers cover
  kOtherWeights,    ///< the weights are others, by more than rounding
  kOtherBias,       ///< the bias is another, by more than rounding
  kRounding,        ///< none of these: the steps are too coarse for this place
};
std::string_view to_string(Mechanism mechanism);
/// What helps against it, and the command to type.
std::string_view fix_for(Mechanism mechanism);

/// One place where a quantized model loses.
struct Culprit {
  std::string node;  ///< of the quantized model; a graph input by its name
  std::string op;
  Mechanism mechanism = Mechanism::kRounding;
  std::string evidence;             ///< the numbers that show it
  std::vector<std::string> layers;  ///< that must compute in float for this place to be exact
  double gain_db = 0;               ///< signal to noise at the outputs that making this place exact wins, measured
};

struct Explanation {
  double sqnr_db =
      0;  ///< of the quantized model's outputs against the float model's, columns weighed alike; at most 200
  std::vector<Culprit> culprits;  ///< from the largest to the smallest gain, at least 0.1 dB
  int64_t samples = 0;
  int64_t places = 0;     ///< quantized activations, weights and biases that were looked at
  int64_t unmatched = 0;  ///< those that the float model does not have by the same name
};

struct ExplainOptions {
  size_t samples = 16;  ///< of the evidence at most, spread evenly
};

/// Why `rounded` differs from `real`, of which it is the quantized form: each rounding of activations (those that share
/// their parameters through moving operators together), of weights and of biases is left out by itself, and
/// what that wins at the outputs is measured; the numbers of the float model at that place say why. Values
/// and nodes are matched by name. Two runs of each sample for each place. Throws Error(invalid_argument) when the
/// models have no quantized place in common.
Explanation explain(const Graph& real, const Graph& rounded, const Evidence& evidence,
                    const ExplainOptions& options = {});

/// A recipe that quantizes `real` anew, by `calibrator`, without what costs most: of the first four culprits of 1 dB
/// or more, layers go to float, channels are equalized, ranges calibrated otherwise, as the mechanism asks.
Recipe fixed_recipe(const Explanation& found, const Graph& real, const std::string& calibrator = "mse");

}  // namespace hone
