#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Control flow. Values a subgraph uses from outside are explicit inputs.

/// (condition: bool[], captured…) → outputs; subgraphs: then, else, each taking the captured values.
struct If : Operator<"If"> {
  static const OpDef def;
};

/// (trip_count?: i64[], condition?: bool[], state × num_state, captured…) → (final state × num_state, scan outputs
/// stacked on axis 0…); body: (iteration: i64[], condition: bool[], state…, captured…) → (condition, state…, scan…).
struct Loop : Operator<"Loop"> {
  int64_t num_state = 0;
  static constexpr std::tuple fields{Field{"num_state", &Loop::num_state}};
  static const OpDef def;
};

/// (state × num_state, captured…) → final state; subgraphs: condition (state…, captured…) → bool[], body (state…,
/// captured…) → state… (TFLite WHILE).
struct While : Operator<"While"> {
  int64_t num_state = 0;
  static constexpr std::tuple fields{Field{"num_state", &While::num_state}};
  static const OpDef def;
};

/// (state × num_state, scanned × num_scan, captured…) → (final state…, scan outputs…); ONNX Scan 9+ (version 8 has a
/// batch axis and lengths: expanded by the reader).
struct Scan : Operator<"Scan"> {
  int64_t num_state = 0;
  int64_t num_scan = 0;
  std::vector<int64_t> scan_input_axes;
  std::vector<int64_t> scan_output_axes;
  std::vector<int64_t> scan_input_directions;
  std::vector<int64_t> scan_output_directions;
  static constexpr std::tuple fields{Field{"num_state", &Scan::num_state},
                                     Field{"num_scan", &Scan::num_scan},
                                     Field{"scan_input_axes", &Scan::scan_input_axes},
                                     Field{"scan_output_axes", &Scan::scan_output_axes},
                                     Field{"scan_input_directions", &Scan::scan_input_directions},
                                     Field{"scan_output_directions", &Scan::scan_output_directions}};
  static const OpDef def;
};

/// (any…) → declared types: an operator hone does not know, kept so that the graph can be inspected and written back.
/// `payload` is the encoded node in `format`; `reason` says why hone does not take an operator it knows by name.
/// `output_dtypes` are names of dtypes, one an output; f32 where there are none.
struct Opaque : Operator<"Opaque"> {
  std::string format;
  std::string domain;
  std::string type;
  int64_t version = 1;
  std::string payload;
  std::string reason;
  std::vector<std::string> output_dtypes;
  static constexpr std::tuple fields{Field{"format", &Opaque::format},
                                     Field{"domain", &Opaque::domain},
                                     Field{"type", &Opaque::type},
                                     Field{"version", &Opaque::version},
                                     Field{"payload", &Opaque::payload},
                                     Field{"reason", &Opaque::reason},
                                     Field{"output_dtypes", &Opaque::output_dtypes}};
  static const OpDef def;
};

}  // namespace hone
