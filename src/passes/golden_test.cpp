// Every file in tests/passes: a graph before, the pipeline or rules to run, and the graph after.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "passes/check.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// A case: settings as "key: value" lines, a graph after "--- before" and one after "--- after" ("--- after same" when
/// nothing is to happen, none when only results and "transposes: COUNT" are compared). A file holds cases that begin
/// with "=== name"; settings before the first hold for all.
struct GoldenCase {
  std::string name;
  std::map<std::string, std::string> settings;
  std::string before, after;
};

std::vector<GoldenCase> read_cases(const std::string& path) {
  std::vector<GoldenCase> result(1);  // the first collects the common settings
  std::string* section = nullptr;
  for (const std::string& line : split(read_file(path), '\n')) {
    if (line.starts_with("=== ")) {
      result.push_back({line.substr(4), result[0].settings, {}, {}});
      section = nullptr;
    } else if (line == "--- before") {
      section = &result.back().before;
    } else if (line == "--- after") {
      section = &result.back().after;
    } else if (line == "--- after same") {
      result.back().after = result.back().before;
      section = nullptr;
    } else if (section) {
      *section += line + "\n";
    } else if (const size_t colon = line.find(':'); colon != std::string::npos && line[0] != '#') {
      result.back().settings[line.substr(0, colon)] = std::string(trim(line.substr(colon + 1)));
    }
  }
  result.erase(result.begin());
  return result;
}

std::string number_text(double x) {
  if (x == 0) return "0";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", x);
  return buffer;
}

/// The graph as text that does not depend on names or on the order of independent nodes.
class Normal {
 public:
  explicit Normal(const Graph& graph) : graph_(graph), labels_(graph.value_capacity()) {}

  std::string text() {
    std::string out;
    for (ValueId input : graph_.inputs()) {
      label(input) = "%" + graph_.value(input).name;
      out += cat("input ", label(input), ": ", to_text(graph_.type(input)), "\n");
    }
    std::string results;
    for (ValueId output : graph_.outputs()) results += cat("output ", visit(output), "\n");
    return out + body_ + results;
  }

 private:
  std::string& label(ValueId id) { return labels_[static_cast<size_t>(id.index)]; }

  std::string visit(ValueId id) {
    if (!id.exists()) return "_";
    if (!label(id).empty()) return label(id);
    if (graph_.is_constant(id)) return label(id) = constant_text(graph_.value(id).constant);
    const Node& node = *graph_.producer(id);
    std::string line = cat(node.def->name, "(");
    for (ValueId input : node.inputs) line += visit(input) + ", ";
    line += ")" + to_text(node.attrs);
    std::string left;
    for (ValueId output : node.outputs) {
      label(output) = cat("%", next_++);
      left += cat(label(output), ": ", to_text(graph_.type(output)), " ");
    }
    for (const Graph& subgraph : node.subgraphs) line += " [\n" + Normal(subgraph).text() + "]";
    body_ += left + "= " + line + "\n";
    return label(id);
  }

  static std::string constant_text(const Tensor& tensor) {
    std::string out = to_text(tensor.type()) + "{";
    for (double x : to_doubles(tensor)) out += number_text(x) + " ";
    return out + "}";
  }

  const Graph& graph_;
  std::vector<std::string> labels_;
  std::string body_;
  int next_ = 0;
};

std::vector<GoldenCase> all_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HONE_SOURCE_DIR) + "/tests/passes")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<GoldenCase> result;
  for (const auto& file : files) {
    for (GoldenCase& c : read_cases(file.string())) {
      c.name = file.stem().string() + " " + c.name;
      result.push_back(std::move(c));
    }
  }
  return result;
}

void PrintTo(const GoldenCase& c, std::ostream* out) { *out << c.name; }

class PassGolden : public testing::TestWithParam<GoldenCase> {};

void run_case(const GoldenCase& golden) {
  const OpSet ops = all_ops();
  Graph graph = parse_graph(golden.before, ops);
  PassOptions options;
  options.check = !golden.settings.contains("unchecked");
  if (golden.settings.contains("tolerance")) {
    options.check_tolerance = *parse_double(golden.settings.at("tolerance"));
  }
  const Pipeline pipeline = find_pipeline(golden.settings.at("pipeline"));
  const PipelineStats stats = run_pipeline(graph, pipeline, options);
  for (const PassStats& pass : stats.passes) EXPECT_TRUE(pass.settled) << pass.name;
  if (!golden.after.empty()) {
    EXPECT_EQ(Normal(graph).text(), Normal(parse_graph(golden.after, ops)).text());
  }
  if (golden.settings.contains("transposes")) {
    EXPECT_EQ(cat(stats.transposes_after), golden.settings.at("transposes")) << to_text(graph);
  }
  // What a pipeline has done it has nothing to add to.
  EXPECT_EQ(run_pipeline(graph, pipeline, options).changes, 0) << to_text(graph);
}

/// The first operator of the case that cannot be inferred; empty when all can.
std::string operator_without_inference(const GoldenCase& golden) {
  const OpSet ops = all_ops();
  for (const OpDef* def : ops.all()) {
    const std::string call = cat(" ", def->name, "(");
    if (!def->infer && (golden.before + golden.after).find(call) != std::string::npos) return std::string(def->name);
  }
  return {};
}

TEST_P(PassGolden, GivesTheExpectedGraphAndTheSameResults) {
  const std::string missing = operator_without_inference(GetParam());
  if (!missing.empty()) GTEST_SKIP() << "operator " << missing << " has no type inference";
  run_case(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Files, PassGolden, testing::ValuesIn(all_cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace hone
