#pragma once

#include <span>

#include "train/gradient.h"

namespace hone {

/// The rows of each file.
std::span<const GradientRow> elementwise_gradients();
std::span<const GradientRow> layer_gradients();
std::span<const GradientRow> movement_gradients();
std::span<const GradientRow> norm_gradients();
std::span<const GradientRow> recurrent_gradients();
std::span<const GradientRow> reduce_gradients();
std::span<const GradientRow> sampling_gradients();
std::span<const GradientRow> no_gradients();

}  // namespace hone
