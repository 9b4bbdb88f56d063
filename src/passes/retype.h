#pragma once

#include "ir/graph.h"

namespace hone {

/// Graphs whose values are stored in other types, equal in what they compute. Both return whether anything changed; a
/// graph with control flow over such values, or with an operator that insists on its type, stays as it is.

/// Every f16 value becomes f32, f16 inputs behind a Cast; constants stay f16 behind a Cast. Outputs become f32.
bool widen_halves(Graph& graph);

/// Every u8 value that stands for real numbers becomes i8 with its zero point 128 less, where some operator would mix
/// u8 with i8 or with a scale for each channel; inputs and outputs keep their type behind a Quantize.
bool sign_bytes(Graph& graph);

}  // namespace hone
