#include "onnx/cases_onnx.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/proto.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {

std::vector<OnnxCase> load_onnx_cases() {
  const std::vector<std::string> lines = split(read_file(HONE_SOURCE_DIR "/tests/onnx/cases_onnx.txt"), '\n');
  std::vector<OnnxCase> cases;
  for (size_t at = 0; at < lines.size(); ++at) {
    const std::string_view line = trim(lines[at]);
    if (line.empty() || line.starts_with('#')) continue;
    with_context([&] { return cat("in cases_onnx.txt, line ", at + 1); },
                 [&] {
                   if (line.starts_with("case ")) {
                     cases.push_back({.name = std::string(line.substr(5)), .writes = {}, .graph = {}});
                   } else if (line.starts_with("writes ")) {
                     cases.at(cases.size() - 1).writes = split(std::string(line.substr(7)), ' ');
                   } else if (line.starts_with("graph")) {
                     std::string text;
                     for (; at < lines.size(); ++at) {
                       text += lines[at] + "\n";
                       if (lines[at] == "}") break;
                     }
                     cases.at(cases.size() - 1).graph = parse_graph(text, all_ops());
                   } else {
                     throw invalid_argument(cat("found '", line, "'"));
                   }
                 });
  }
  return cases;
}

std::vector<std::string> operators_of(const std::string& model) {
  const onnx::Decoder decoder(model);
  std::vector<std::string> names;
  for (const onnx::NodeProto& node : decoder.graph(*decoder.model(model).graph).nodes) names.emplace_back(node.op_type);
  return names;
}

}  // namespace hone
