#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace hone {

struct TextOptions {
  int64_t max_constant_elements = 16;  ///< larger constants are elided as "..." (not parseable); −1: never elide
};

/// The text form:
///   graph "name" {
///     input %x: f32[1,4]
///     state %s: f32[1,2] = {0, 0}
///     const %w: f32[2,4] = {1, 2, 3, 4, 5, 6, 7, 8}
///     %y: f32[1,2] = FullyConnected(%x, %w, _) {act_max=6}
///     %c: f32[1,2] = If(%k, %y) [ graph "then" {…}, graph "else" {…} ]
///     output %y
///     next %s = %y
///   }
/// Absent inputs print as _. Several results: `%a: t, %b: t = Split(…)`. Names with other characters than letters,
/// digits, _ . / : - are quoted: %"a b". Quantized types print their parameters: i8[4]{scale=0.5, zero_point=3}.
/// A graph with fixed-point arithmetic prints `arithmetic fixed_point`.
std::string to_text(const Graph& graph, const TextOptions& options = {});

/// Parses the text form. Besides {…} a constant may be `fill(v)` or `random(seed)` (uniform in −1…1, or over the whole
/// range for integers of 8 bits or less, −100…100 for larger ones) so that tests stay short. Types on results are
/// optional for plain results (inference fills them in) and are checked when given.
/// Throws Error(invalid_model) with line and column.
Graph parse_graph(std::string_view text, const OpSet& ops);

}  // namespace hone
