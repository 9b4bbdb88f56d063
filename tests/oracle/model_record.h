#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oracle/model_verdict.h"

namespace hone {

/// What a runtime said of one output: of a large one some elements, evenly spread.
struct RecordedAnswer {
  Dims dims;
  double step = 0;  ///< as judge() takes it
  Tensor some;      ///< [n]
};

/// What came of a model when the runtimes judged it, kept as text for tests that have none.
struct ModelRecord {
  std::string name;                                           ///< of the file
  std::vector<Dims> inputs;                                   ///< sizes of the inputs that were generated (seed 0)
  std::vector<RecordedAnswer> answers;                        ///< none: its own runtime refuses the file
  std::vector<std::pair<std::string, std::string>> verdicts;  ///< of each path the kind: "equal", "close", "error", …
};

/// The elements of an output that a record keeps.
Tensor recorded_elements(const Tensor& output);

/// Compares outputs with the record: as judge(), on what it keeps.
Verdict judge(const std::vector<Tensor>& found, const ModelRecord& record);

std::string to_text(const ModelRecord& record);
/// Throws Error(invalid_argument) when the text is no list of records.
std::vector<ModelRecord> parse_model_records(std::string_view text);

}  // namespace hone
