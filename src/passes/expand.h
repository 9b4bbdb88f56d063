#pragma once

#include <vector>

#include "passes/rule.h"

namespace hone {

/// Operators said by simpler ones, for targets that lack them; what comes out is equal. They fire on the forms that the
/// sets of mobile runtimes have no operator for and leave the others alone.

/// Lstm in two directions, with a state that is given or used, or with other gates; Gru and Rnn: steps over time that
/// are written out.
std::vector<Rule> recurrent_expansions();
/// Convolutions in groups, transposed ones whose padding follows from no size, and max pooling with gaps.
std::vector<Rule> window_expansions();
/// Resize of axes that are not the middle ones of four, by rules that no table knows, along each axis by itself.
std::vector<Rule> resize_expansions();
/// Products of integers, products and broadcasting over many axes, dynamic quantization.
std::vector<Rule> element_expansions();
/// Functions of real numbers by arithmetic, exact to float.
std::vector<Rule> function_expansions();
/// Gathering, scattering and choosing by GatherND, ScatterND that adds, Gather and Where; scales of run time.
std::vector<Rule> index_expansions();

}  // namespace hone
