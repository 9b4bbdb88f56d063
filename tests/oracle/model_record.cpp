#include "oracle/model_record.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "oracle/onnx_form.h"

namespace hone {

namespace {

constexpr int64_t kMostElements = 48;

std::string sizes_text(const Dims& dims) {
  std::string text;
  for (const int64_t dim : dims) text += cat(text.empty() ? "" : ",", dim);
  return cat("[", text, "]");
}

Dims parse_dims(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('[')) throw invalid_argument(cat("model record: sizes '", text, "'"));
  Dims dims;
  text = text.substr(1, text.size() - 2);
  if (text.empty()) return dims;
  for (const std::string& part : split(text, ',')) dims.push_back(parse_int(part).value());
  return dims;
}

}  // namespace

Tensor recorded_elements(const Tensor& output) {
  const std::vector<double> all = to_doubles(output.with_quant(nullptr));
  const auto count = static_cast<int64_t>(all.size()), kept = std::min(count, kMostElements);
  std::vector<double> some;
  for (int64_t i = 0; i < kept; ++i) some.push_back(all[static_cast<size_t>(i * count / kept)]);
  return cast(Tensor::of<double>({kept}, some), output.dtype());
}

Verdict judge(const std::vector<Tensor>& found, const ModelRecord& record) {
  std::vector<Tensor> some, expected;
  std::vector<double> steps;
  for (const RecordedAnswer& answer : record.answers) {
    expected.push_back(answer.some);
    steps.push_back(answer.step);
  }
  for (size_t i = 0; i < found.size(); ++i) {
    if (i < record.answers.size() && found[i].dims() != record.answers[i].dims)
      return {Verdict::kWrong, cat("output ", static_cast<int64_t>(i), ": ", sizes_text(found[i].dims()), ", expected ",
                                   sizes_text(record.answers[i].dims))};
    some.push_back(recorded_elements(found[i]));
  }
  return judge(some, expected, steps);
}

std::string to_text(const ModelRecord& record) {
  std::string text = cat(record.name, "\n");
  for (const Dims& dims : record.inputs) text += cat("  input ", sizes_text(dims), "\n");
  for (const RecordedAnswer& a : record.answers)
    text += cat("  answer ", sizes_text(a.dims), " ", a.step, " ", to_literal(a.some), "\n");
  for (const auto& [path, kind] : record.verdicts) text += cat("  ", path, ": ", kind, "\n");
  return text;
}

std::vector<ModelRecord> parse_model_records(std::string_view text) {
  std::vector<ModelRecord> records;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty() || line.starts_with('#')) continue;
    if (!line.starts_with("  ")) {
      records.push_back({.name = line, .inputs = {}, .answers = {}, .verdicts = {}});
      continue;
    }
    const std::vector<std::string> words = split(trim(line), ' ');
    const size_t colon = line.find(": ");
    if (records.empty()) throw invalid_argument(cat("model record: '", line, "' belongs to no file"));
    ModelRecord& record = records.back();
    if (words[0] == "input" && words.size() == 2) {
      record.inputs.push_back(parse_dims(words[1]));
    } else if (words[0] == "answer" && words.size() == 4) {
      record.answers.push_back({parse_dims(words[1]), parse_double(words[2]).value(), parse_literal(words[3])});
    } else if (colon != std::string::npos) {
      record.verdicts.emplace_back(trim(line.substr(0, colon)), line.substr(colon + 2));
    } else {
      throw invalid_argument(cat("model record: '", line, "'"));
    }
  }
  return records;
}

}  // namespace hone
