#include "support/suite.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "support/test_data.h"

namespace hone {

namespace {

/// Relative distance of two neighbours among half floats.
constexpr double kHalfFloatStep = 1.0 / 1024;

/// "%name: type = values" as a name and a tensor, read through the graph's own text form.
std::pair<std::string, Tensor> named_tensor(std::string_view text) {
  const Graph graph = parse_graph(cat("graph { const ", text, " }"), OpSet({}));
  const Value& value = graph.value(ValueId{0});
  return {value.name, value.constant};
}

std::pair<std::string, std::string> named_type(std::string_view text) {
  const Graph graph = parse_graph(cat("graph { input ", text, " }"), OpSet({}));
  const Value& value = graph.value(ValueId{0});
  return {value.name, to_text(value.type)};
}

double positive_number(std::string_view text) {
  const auto value = parse_double(trim(text));
  if (!value || *value < 0) throw invalid_argument(cat("found '", text, "', expected a number of 0 or more"));
  return *value;
}

/// Reads one file line by line.
class CaseReader {
 public:
  explicit CaseReader(std::string path) : path_(std::move(path)), lines_(split(read_file(path_), '\n')) {}

  std::vector<SuiteCase> read() {
    for (; at_ < lines_.size(); ++at_)
      with_context([&] { return cat("in ", path_, ", line ", at_ + 1); }, [&] { statement(); });
    return std::move(cases_);
  }

 private:
  void statement() {
    std::string_view line = trim(lines_[at_]);
    if (line.empty() || line.front() == '#') return;
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view keyword = line.substr(0, space), rest = trim(line.substr(space));
    if (keyword == "case") {
      cases_.push_back({});
      cases_.back().file = path_;
      cases_.back().line = static_cast<int>(at_) + 1;
      cases_.back().name = rest;
      return;
    }
    if (cases_.empty()) throw invalid_argument("found a statement before the first case");
    field(cases_.back(), keyword, rest);
  }

  void field(SuiteCase& c, std::string_view keyword, std::string_view rest) {
    if (keyword == "graph") {
      c.graph = graph_lines();
    } else if (keyword == "feed") {
      c.feeds.push_back(named_tensor(value_lines(rest)));
    } else if (keyword == "expect") {
      c.expected.push_back(named_tensor(value_lines(rest)));
    } else if (keyword == "expect_type") {
      c.expected_types.push_back(named_type(rest));
    } else if (keyword == "error") {
      c.error = rest;
    } else if (keyword == "steps") {
      c.tolerance.steps = static_cast<int64_t>(positive_number(rest));
    } else if (keyword == "reference_only") {
      c.reference_only = true;
    } else if (keyword == "tolerance") {
      const size_t space = std::min(rest.find(' '), rest.size());
      c.tolerance.relative = positive_number(rest.substr(0, space));
      if (space < rest.size()) c.tolerance.absolute = positive_number(rest.substr(space));
    } else {
      throw invalid_argument(cat("unknown keyword '", keyword, "'"));
    }
  }

  /// From this line to the next that is a lone brace in the first column.
  std::string graph_lines() {
    std::string text;
    for (; at_ < lines_.size(); ++at_) {
      text += lines_[at_] + "\n";
      if (lines_[at_] == "}" || (lines_[at_].starts_with("graph") && lines_[at_].ends_with("}"))) return text;
    }
    throw invalid_argument("graph has no closing brace in the first column");
  }

  /// Values may go on over several lines until their braces are closed.
  std::string value_lines(std::string_view rest) {
    std::string text(rest);
    const auto open = [&] {
      return std::count(text.begin(), text.end(), '{') > std::count(text.begin(), text.end(), '}');
    };
    while (open() && at_ + 1 < lines_.size()) text += " " + lines_[++at_];
    return text;
  }

  std::string path_;
  std::vector<std::string> lines_;
  size_t at_ = 0;
  std::vector<SuiteCase> cases_;
};

/// The tensor fed to each graph input.
std::vector<Tensor> inputs_of(const SuiteCase& c, const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const auto at =
        std::find_if(c.feeds.begin(), c.feeds.end(), [&](const auto& f) { return f.first == graph.value(id).name; });
    if (at == c.feeds.end()) throw invalid_argument(cat("input %", graph.value(id).name, " is not fed"));
    inputs.push_back(at->second);
  }
  return inputs;
}

/// Index of the graph output called `name`.
size_t output_index(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    if (graph.value(graph.outputs()[i]).name == name) return i;
  throw invalid_argument(cat("the graph has no output %", name));
}

/// What the case expects, or what the reference gives where it says nothing.
std::vector<std::pair<std::string, Tensor>> expected_of(const SuiteCase& c, const Graph& graph) {
  if (!c.expected.empty() || !c.expected_types.empty()) return c.expected;
  std::vector<std::pair<std::string, Tensor>> expected;
  const std::vector<Tensor> outputs = evaluate(graph, inputs_of(c, graph));
  for (size_t i = 0; i < outputs.size(); ++i) expected.emplace_back(graph.value(graph.outputs()[i]).name, outputs[i]);
  return expected;
}

std::string check(const SuiteCase& c, const Graph& graph, const std::vector<Tensor>& outputs,
                  const SuiteTarget& target) {
  for (const auto& [name, expected] : expected_of(c, graph)) {
    Tolerance tolerance = c.tolerance;
    const bool is_fine = size_of(expected.dtype()) == 2 && target.extra_fine_steps > 0;
    tolerance.steps += is_fine ? target.extra_fine_steps : target.extra_steps;
    const Tensor& found = outputs.at(output_index(graph, name));
    const bool same = target.keeps_types || !found.exists();
    // A runtime without arithmetic in half floats answers in f32, which rounds less.
    const bool is_wider = !same && found.dtype() == DType::kF32 && expected.dtype() == DType::kF16;
    if (is_wider) tolerance.relative = std::max(tolerance.relative, kHalfFloatStep);
    std::string problem = difference(same ? found : found.with_quant(expected.quant()),
                                     is_wider ? cast(expected, DType::kF32) : expected, tolerance);
    if (!problem.empty()) return cat("%", name, " ", problem);
  }
  if (!target.keeps_types) return {};
  for (const auto& [name, expected] : c.expected_types)
    if (std::string found = to_text(graph.type(graph.outputs()[output_index(graph, name)])); found != expected)
      return cat("%", name, " is inferred as ", found, ", expected ", expected);
  return {};
}

SuiteResult run_failing_case(const SuiteCase& c, const SuiteTarget& target) {
  try {
    const Graph graph = parse_graph(c.graph, all_ops());
    target.run(graph, inputs_of(c, graph));
  } catch (const Error& e) {
    if (std::string_view(e.what()).find(c.error) != std::string_view::npos) return {true, ""};
    return {true, cat("failed with '", e.what(), "', expected '", c.error, "'")};
  }
  return {true, cat("succeeded, expected the error '", c.error, "'")};
}

}  // namespace

std::vector<SuiteCase> load_suite(const std::string& path) { return CaseReader(path).read(); }

std::vector<std::string> suite_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(tests_path("suite")))
    if (entry.path().extension() == ".case") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

SuiteTarget reference_target() {
  return {.name = "reference",
          .run = [](const Graph& graph, std::span<const Tensor> inputs) { return evaluate(graph, inputs); },
          .is_reference = true};
}

SuiteResult run_case(const SuiteCase& c, const SuiteTarget& target) {
  if (!target.is_reference && (c.reference_only || !c.error.empty())) return {};
  if (!c.error.empty()) return run_failing_case(c, target);
  try {
    const Graph graph = parse_graph(c.graph, all_ops());
    const auto outputs = target.run(graph, inputs_of(c, graph));
    if (!outputs) return {};
    return {true, check(c, graph, *outputs, target)};
  } catch (const std::exception& e) {
    return {true, e.what()};
  }
}

}  // namespace hone
