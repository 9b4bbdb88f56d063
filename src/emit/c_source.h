#pragma once

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace hone {

/// A model as C99 that needs nothing but <stdint.h> and <string.h>: for devices without an operating system.
struct CSource {
  std::string header;       ///< NAME.h: the sizes of inputs and outputs, and `NAME_run`
  std::string source;       ///< NAME.c
  std::string check;        ///< NAME_check.c: a program that runs samples and returns how many bytes differ
  int64_t flash_bytes = 0;  ///< weights, tables and parameters
  int64_t ram_bytes = 0;    ///< the arena of activations, planned
};

struct CSourceOptions {
  std::string name = "model";  ///< file stem and prefix of every public name; made an identifier
  int64_t samples = 2;         ///< generated inputs in the check, with the reference's answers
};

/// Writes a graph of 8-bit integers in TFLite's fixed-point arithmetic (`Graph::arithmetic` fixed point, all sizes
/// known; real numbers only where Quantize and Dequantize stand at the edges). The program's answers equal the
/// reference's bit for bit. Throws Error(unsupported) naming the first node that has no C form.
CSource emit_c(const Graph& model, const CSourceOptions& options = {});

/// The nearest identifier of C: letters, digits and underscores, not beginning with a digit.
std::string c_identifier(const std::string& name);

}  // namespace hone
