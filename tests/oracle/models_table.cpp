#include "oracle/models_table.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "oracle/model_verdict.h"

namespace hone {

namespace {

constexpr std::string_view kIntroduction = R"(# Whole models, judged

Public models that nobody tuned hone for, each run on generated inputs in its own runtime (ONNX Runtime 1.30, TensorFlow
Lite 2.9), on hone's reference and cpu provider, and after `hone convert` to the same and to the other format in the
runtime that reads the result. ONNX Runtime answers with its optimizer and without, and the worse counts. Models with
state run six inferences, others two.

*equal*: floats within a thousandth of the largest value, integers within one step. *close*: the same up to the rounding
of another arithmetic, with the signal-to-noise ratio of the worst output. *error*: hone says why it cannot. *WRONG*,
*REFUSED* (by the runtime that should read the written file), *CRASH* and *timeout* are faults.

    hone_models_oracle --results results.tsv FOLDER
    hone_models_oracle --table results.tsv tests/oracle/models.txt > docs/conformance.md

)";

constexpr std::array<std::string_view, 5> kColumns{"own runtime", "reference", "cpu", "same format", "other format"};
constexpr size_t kLongestDetail = 90;

std::vector<std::vector<std::string>> table_of(std::string_view text, size_t columns) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    rows.push_back(split(line, '\t'));
    if (rows.back().size() != columns)
      throw invalid_argument(cat("'", line.substr(0, 60), "' has ", static_cast<int64_t>(rows.back().size()),
                                 " columns, expected ", static_cast<int64_t>(columns)));
  }
  return rows;
}

std::string kind_of(const std::string& verdict) { return verdict.substr(0, verdict.find(':')); }

/// A verdict as a cell: errors lose what is not the reason, and bars.
std::string cell(std::string text) {
  for (const std::string_view prefix : {"error: error: ", "error: "})
    if (text.starts_with(prefix)) {
      text = cat("error: ", text.substr(prefix.size()));
      break;
    }
  std::replace(text.begin(), text.end(), '|', ' ');
  return shortened(text, std::min(text.find("/tmp/"), kLongestDetail));
}

using Row = std::vector<std::string>;

std::string totals(const std::vector<Row>& rows) {
  std::string text = "| path | equal | close | error | fault |\n|---|---|---|---|---|\n";
  for (size_t k = 1; k < kColumns.size(); ++k) {
    std::map<std::string, int64_t> counts;
    for (const Row& row : rows) ++counts[kind_of(row[k + 1])];
    const int64_t faults = counts["WRONG"] + counts["REFUSED"] + counts["CRASH"] + counts["timeout"];
    text += cat("| ", kColumns[k], " | ", counts["equal"], " | ", counts["close"], " | ", counts["error"], " | ",
                faults, " |\n");
  }
  return text;
}

}  // namespace

std::string conformance_page(std::string_view results, std::string_view sources) {
  std::map<std::string, Row> from;
  for (Row& row : table_of(sources, 3)) from[row[0]] = row;
  std::vector<Row> judged, unjudged;
  for (Row& row : table_of(results, 1 + kColumns.size())) {
    if (!from.contains(row[0])) continue;
    const std::string own = kind_of(row[1]);
    (own == "equal" || own == "close" ? judged : unjudged).push_back(std::move(row));
  }
  const auto place = [&](const Row& row) { return cat(from[row[0]][1], " | ", from[row[0]][2]); };
  const auto by_place = [&](const Row& a, const Row& b) { return place(a) < place(b); };
  std::sort(judged.begin(), judged.end(), by_place);
  std::sort(unjudged.begin(), unjudged.end(), by_place);
  std::string page(kIntroduction);
  page += cat(static_cast<int64_t>(judged.size()), " models that their own runtime runs:\n\n", totals(judged), "\n");
  page += "| repository | model | reference | cpu | same format | other format |\n|---|---|---|---|---|---|\n";
  for (const Row& row : judged) {
    page += cat("| ", place(row));
    for (size_t k = 2; k < row.size(); ++k) page += cat(" | ", cell(row[k]));
    page += " |\n";
  }
  page += cat("\n", static_cast<int64_t>(unjudged.size()),
              " more have no judge, because their runtime or hone does not take them:\n\n"
              "| repository | model | reason |\n|---|---|---|\n");
  for (const Row& row : unjudged) page += cat("| ", place(row), " | ", cell(row[1]), " |\n");
  return page;
}

}  // namespace hone
