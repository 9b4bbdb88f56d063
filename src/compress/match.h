#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/evidence.h"
#include "train/training_graph.h"

namespace hone {

/// Pairs of values, "TEACHER:STUDENT", with the projectors that come nearest to the teacher's values on the evidence,
/// by least squares over at most 64 samples. Throws Error(invalid_argument) for what is no pair and for values of other
/// sizes, Error(not_found) for names that do not exist.
std::vector<Match> find_matches(std::span<const std::string> pairs, const Graph& teacher, const Graph& student,
                                const Evidence& evidence);

}  // namespace hone
