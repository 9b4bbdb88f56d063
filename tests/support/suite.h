#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "support/compare.h"

namespace hone {

/// One operator case of tests/suite/*.case. A file is a list of:
///
///   case adds_with_broadcast            # a name, then in any order but graph first:
///   tolerance 1e-4 1e-6                 # relative, absolute (optional)
///   steps 1                             # allowed difference of stored integers (optional)
///   reference_only                      # not for other providers and round trips (optional)
///   graph {                             # the text form of ir/text.h
///     input %a: f32[2]
///     …
///   }                                   # alone on its line
///   feed %a: f32[2] = {1, 2}            # one for each input, values as constants are written in the text form
///   expect %y: f32[2] = {2, 4}          # outputs to check, by name; none at all: what the reference gives
///   expect_type %y: f32[2]              # dtype and shape as inferred, symbols included
///   error add: shapes                   # instead: building or running fails with a message that contains the text
struct SuiteCase {
  std::string file;
  int line = 0;
  std::string name;
  std::string graph;
  std::vector<std::pair<std::string, Tensor>> feeds;
  std::vector<std::pair<std::string, Tensor>> expected;
  std::vector<std::pair<std::string, std::string>> expected_types;  ///< type as text
  std::string error;
  Tolerance tolerance;
  bool reference_only = false;
};

/// All cases of one file. Throws Error naming file and line.
std::vector<SuiteCase> load_suite(const std::string& path);

/// Paths of all case files of the project, sorted.
std::vector<std::string> suite_files();

/// Runs a graph: inputs in the order of graph.inputs(), outputs in the order of graph.outputs(). std::nullopt: this
/// runner does not take such a graph (a format that cannot say it), which is no failure.
using SuiteRunner =
    std::function<std::optional<std::vector<Tensor>>(const Graph& graph, std::span<const Tensor> inputs)>;

/// A way to run the suite.
struct SuiteTarget {
  std::string name;
  SuiteRunner run;
  bool is_reference = false;     ///< also gets the cases that expect errors or are marked reference_only
  int64_t extra_steps = 0;       ///< added to every case's allowed difference of stored integers
  int64_t extra_fine_steps = 0;  ///< instead where they have 16 bits
  bool keeps_types = true;       ///< false: quantization parameters of outputs are not compared, types not checked
};

/// The reference interpreter.
SuiteTarget reference_target();

/// How a case ended.
struct SuiteResult {
  bool was_run = false;  ///< false: the target declined
  std::string failure;   ///< empty when it passed or was not run
};

/// Builds the case's graph, runs it and compares.
SuiteResult run_case(const SuiteCase& c, const SuiteTarget& target);

}  // namespace hone
