// Writes docs/ops.md from the tables themselves, or tells whether the file is stale:
//   hone_ops_table [--write FILE | --check FILE]
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/expand.h"
#include "formats/onnx/rows.h"
#include "formats/tflite/rows.h"
#include "ops/all.h"
#include "ops/control.h"
#include "providers/cpu/provider.h"
#include "train/gradient.h"

namespace hone {
namespace {

constexpr std::string_view kNone = "–";

std::string code(std::string_view text) { return cat("`", text, "`"); }

std::string joined(const std::vector<std::string>& parts) {
  return parts.empty() ? std::string(kNone) : join(parts, " ");
}

std::string reference_cell(const OpDef& def) {
  if (def.eval_quantized) return "✓ integers";
  return def.eval ? "✓" : std::string(kNone);
}

std::string cpu_cell(const OpDef& def) {
  std::vector<std::string> kernels;
  for (const KernelRow& row : cpu::provider_for(cpu::Isa::kPortable).rows)
    if (row.op == &def)
      for (const Kernel& kernel : row.kernels) kernels.push_back(code(kernel.name));
  return joined(kernels);
}

/// A format's name for the operator, or how it writes one it has no name for.
std::string format_cell(const std::vector<std::string>& names, bool is_written) {
  if (!names.empty()) return joined(names);
  return is_written ? "in other words" : std::string(kNone);
}

std::string onnx_cell(const OpDef& def) {
  std::vector<std::string> names;
  bool is_written = onnx::is_expanded(def);
  std::string_view read_only;
  for (const onnx::Row* row : onnx::all_rows()) {
    if (row->read && !row->def && row->op == def.name) read_only = row->op;
    if (row->def != &def) continue;
    is_written |= row->write != nullptr;
    if (!row->op.empty()) names.push_back(code(row->op));
  }
  for (const onnx::Row& row : onnx::ml_rows())
    if (row.def == &def) names.push_back(code(cat("ai.onnx.ml.", row.op)));
  if (!is_written && !read_only.empty()) return cat(code(read_only), " (read only)");
  return format_cell(names, is_written);
}

std::string tflite_cell(const OpDef& def) {
  std::vector<std::string> names;
  bool is_written = false;
  for (const auto& rows : tflite::all_rows())
    for (const tflite::Row& row : rows) {
      if (row.op != &def) continue;
      is_written |= row.write != nullptr;
      if (row.read) names.push_back(code(tflite::name_of(row.code)));
    }
  return format_cell(names, is_written);
}

std::string quantized_cell(const OpDef& def) {
  switch (def.quant.kind) {
    case QuantRule::kFloat:
      break;
    case QuantRule::kSameScale:
      return "same scale";
    case QuantRule::kOwnRange:
      return def.quant.weight >= 0 ? "own range, weights" : "own range";
    case QuantRule::kFixedRange:
      return "fixed range";
  }
  return std::string(kNone);
}

std::string gradient_cell(const OpDef& def) {
  const GradientRow* row = find_gradient(def);
  return row == nullptr || row->write == nullptr ? std::string(kNone) : row->is_estimate ? "straight through" : "✓";
}

std::string matrix() {
  std::string out =
      "| operator | reference | cpu kernels, best first | ONNX | TFLite | int8 by `quantize` | differentiable |\n"
      "|---|---|---|---|---|---|---|\n";
  const OpSet ops = all_ops();
  for (const OpDef* def : ops.all())
    if (def != &Opaque::def)
      out += cat("| ", def->name, " | ", reference_cell(*def), " | ", cpu_cell(*def), " | ", onnx_cell(*def), " | ",
                 tflite_cell(*def), " | ", quantized_cell(*def), " | ", gradient_cell(*def), " |\n");
  return out;
}

std::string onnx_list() {
  std::map<std::string_view, std::pair<int, int>> ranges;
  for (const onnx::Row* row : onnx::all_rows()) {
    if (!row->read) continue;
    const auto [at, is_new] = ranges.try_emplace(row->op, row->first, row->last);
    at->second = {std::min(at->second.first, row->first), std::max(at->second.second, row->last)};
  }
  std::vector<std::string> names;
  for (const auto& [name, range] : ranges) {
    std::string text = code(name);
    if (range.first > 1) text += cat(" (from ", range.first, ")");
    if (range.second < onnx::kNewestOpset) text += cat(" (to ", range.second, ")");
    names.push_back(std::move(text));
  }
  return cat(names.size(), " operators: ", join(names, ", "), ".\n");
}

std::string microsoft_list() {
  std::vector<std::string> names;
  for (const auto rows : {onnx::microsoft_rows(), onnx::transformer_rows()})
    for (const onnx::Row& row : rows) names.push_back(code(row.op));
  std::sort(names.begin(), names.end());
  return cat(names.size(), " operators of ONNX Runtime's own domain, read only: ", join(names, ", "), ".\n");
}

std::string ml_list() {
  std::vector<std::string> names;
  for (const onnx::Row& row : onnx::ml_rows()) names.push_back(code(row.op));
  std::sort(names.begin(), names.end());
  return cat(names.size(), " operators of the domain ai.onnx.ml: ", join(names, ", "), ".\n");
}

std::string tflite_list() {
  std::map<std::string, int32_t> versions;
  for (const auto& rows : tflite::all_rows())
    for (const tflite::Row& row : rows)
      if (row.read && row.code != fb::BuiltinOperator::CUSTOM) versions[tflite::name_of(row.code)] = row.max_version;
  std::vector<std::string> names;
  for (const auto& [name, version] : versions) names.push_back(cat(code(name), " ", version));
  return cat(names.size(), " operators: ", join(names, ", "), ".\n");
}

std::string page() {
  return cat(
      "# Operators\n\n"
      "Generated from the tables that do the work; renew it with `hone_ops_table --write docs/ops.md`. A test "
      "compares.\n\n"
      "- *reference*: has a plain kernel, which is the judge of all others; \"integers\": also TFLite's integer "
      "arithmetic, bit for bit.\n"
      "- *cpu*: kernels of the cpu provider; a node that none of them takes runs on the reference.\n"
      "- *ONNX*, *TFLite*: the format's operator of the same meaning. \"in other words\": no such operator there, "
      "written with others. A cell with neither: the format cannot say it.\n"
      "- *int8*: what post-training quantization does with it: results on a range of their own, on the input's scale, "
      "or on a range that the operator fixes; the others stay in float.\n"
      "- *differentiable*: has a gradient; straight through: as if it did nothing, which is what trains.\n\n",
      matrix(), "\n## Read from ONNX\n\nOperator sets 7 to ", onnx::kNewestOpset,
      " (most rows also understand older ones). Functions with a body are expanded.\n\n", onnx_list(), "\n",
      microsoft_list(), "\n", ml_list(),
      "\n## Read from TFLite\n\nWith the highest operator version that is understood. The custom operator "
      "TFLite_Detection_PostProcess is understood, others stay opaque.\n\n",
      tflite_list());
}

int run(int argc, char** argv) {
  const std::string text = page();
  if (argc == 3 && std::strcmp(argv[1], "--write") == 0) {
    write_file(argv[2], text);
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "--check") == 0) {
    if (read_file(argv[2]) == text) return 0;
    std::fprintf(stderr, "%s is stale: renew it with hone_ops_table --write %s\n", argv[2], argv[2]);
    return 1;
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace hone

int main(int argc, char** argv) {
  try {
    return hone::run(argc, argv);
  } catch (const hone::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return hone::exit_code(e.code());
  }
}
