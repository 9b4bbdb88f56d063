#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// A graph of tests/onnx/cases_onnx.txt and the ONNX nodes it must be written as. A file is a list of:
///
///   case dilated_same_has_explicit_pads
///   writes Conv                    # operators of the file in order
///   graph {                        # the text form of ir/text.h
///     …
///   }                              # alone on its line
struct OnnxCase {
  std::string name;
  std::vector<std::string> writes;
  Graph graph;
};

/// Throws Error naming the line.
std::vector<OnnxCase> load_onnx_cases();

/// Operators of an encoded model's main graph in order.
std::vector<std::string> operators_of(const std::string& model);

}  // namespace hone
