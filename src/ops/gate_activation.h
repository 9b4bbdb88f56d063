#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// One activation function of a recurrent cell, as ONNX names them (case does not matter).
struct GateActivation {
  using Function = double (*)(double x, double alpha, double beta);
  Function function = nullptr;
  double alpha = 0;
  double beta = 0;
  double clip = 0;  ///< > 0: x is cut to −clip … clip first
  double operator()(double x) const;
};

/// The activations of one direction: `count` of them beginning at names[first], or `defaults` when names is empty.
/// Alphas and betas are consumed in order by the functions that have such a parameter, those of earlier directions
/// included; missing ones get ONNX's defaults. Throws Error(invalid_model) beginning with `op` for an unknown name or
/// too few names.
struct GateActivationSpec {
  std::string_view op;
  const std::vector<std::string>& names;
  const std::vector<float>& alphas;
  const std::vector<float>& betas;
  float clip = 0;
};
std::vector<GateActivation> gate_activations(const GateActivationSpec& spec, size_t first,
                                             const std::vector<std::string>& defaults);

}  // namespace hone
