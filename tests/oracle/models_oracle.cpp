// Judges whole models: hone_models_oracle [--only TEXT] [--results FILE] [--record FILE] [--proofs N] [--skip PATH]
// FOLDER|FILE… Prints a line for each model and path, then totals. Without arguments: the models of HONE_MODELS, or of
// the test data, and shared/cases where it lies beside the checkout. A FILE of results is kept as tab-separated text, a
// line a model, for `--table`; a FILE of records for tests without the runtimes (model_record.h).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "oracle/model_paths.h"
#include "oracle/models_table.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string only, results, record, skip, table;
  int64_t proofs = 2;
  std::vector<std::string> roots;
};

Options parse(int count, char** arguments) {
  Options o;
  for (int i = 1; i < count; ++i) {
    const std::string_view a = arguments[i];
    if (a == "--only" && i + 1 < count)
      o.only = arguments[++i];
    else if (a == "--results" && i + 1 < count)
      o.results = arguments[++i];
    else if (a == "--record" && i + 1 < count)
      o.record = arguments[++i];
    else if (a == "--skip" && i + 1 < count)
      o.skip = arguments[++i];
    else if (a == "--table" && i + 1 < count)
      o.table = arguments[++i];
    else if (a == "--proofs" && i + 1 < count)
      o.proofs = std::atoi(arguments[++i]);
    else
      o.roots.emplace_back(a);
  }
  if (!o.roots.empty()) return o;
  if (const char* named = std::getenv("HONE_MODELS"))
    o.roots.emplace_back(named);
  else if (const auto data = test_data_dir())
    o.roots.push_back(*data);
  const fs::path cases = HONE_SOURCE_DIR "/../shared/cases";
  for (const auto& entry : fs::exists(cases) ? fs::directory_iterator(cases) : fs::directory_iterator())
    if (is_judged_model(entry.path().string())) o.roots.push_back(entry.path().string());
  return o;
}

std::vector<std::string> models_of(const Options& o) {
  std::vector<std::string> found;
  for (const std::string& root : o.roots) {
    if (!fs::is_directory(root)) {
      found.push_back(root);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file() && is_judged_model(entry.path().string())) found.push_back(entry.path().string());
  }
  std::erase_if(found, [&](const std::string& path) { return path.find(o.only) == std::string::npos; });
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return std::pair(fs::file_size(a), a) < std::pair(fs::file_size(b), b);
  });
  return found;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

/// Verdicts by path. Where the own runtime has no answers, hone reads, runs and converts it without a judge.
std::vector<Verdict> judge_model(const std::string& path, const Options& o, std::ofstream& records) {
  const fs::path folder = fs::temp_directory_path() / cat("hone_models_", static_cast<int64_t>(getpid()));
  fs::create_directories(folder);
  const ModelCase c{path, folder.string(), o.proofs};
  std::vector<Verdict> verdicts;
  for (const ModelPath& p : model_paths()) {
    const bool has_judge =
        verdicts.empty() || verdicts[0].kind == Verdict::kEqual || verdicts[0].kind == Verdict::kClose;
    verdicts.push_back(has_judge && p.name != o.skip ? isolated({}, [&] { return p.run(c); }) : Verdict{});
  }
  if (records.is_open()) {
    ModelRecord record = recorded(c);
    for (size_t i = 1; i < verdicts.size(); ++i)
      record.verdicts.emplace_back(model_paths()[i].name, to_text(Verdict{verdicts[i].kind, ""}));
    records << '\n' << to_text(record);
  }
  fs::remove_all(folder);
  return verdicts;
}

int run(const Options& o) {
  const std::span<const ModelPath> paths = model_paths();
  std::map<std::pair<size_t, Verdict::Kind>, int64_t> counts;
  std::ofstream results, records;
  if (!o.results.empty()) results.open(o.results);
  if (!o.record.empty()) records.open(o.record);
  if (records.is_open())
    records << "# What the runtimes answered to these models, and what came of each path in them; written by\n"
               "# hone_models_oracle --record FILE.\n";
  bool is_faulty = false;
  for (const std::string& model : models_of(o)) {
    std::printf("%s\n", fs::path(model).filename().c_str());
    if (results.is_open()) results << fs::path(model).filename().string();
    const std::vector<Verdict> verdicts = judge_model(model, o, records);
    for (size_t i = 0; i < paths.size(); ++i) {
      const std::string text = one_line(to_text(verdicts[i]));
      std::printf("  %-13s %s\n", std::string(paths[i].name).c_str(), text.c_str());
      if (results.is_open()) results << '\t' << text;
      ++counts[{i, verdicts[i].kind}];
      is_faulty = is_faulty || (i > 0 && is_fault(verdicts[i]));
    }
    std::fflush(stdout);
    if (results.is_open()) results << std::endl;
  }
  std::printf("\n");
  for (const auto& [key, count] : counts)
    std::printf("%-13s %-8s %lld\n", std::string(paths[key.first].name).c_str(),
                to_text(Verdict{key.second, ""}).c_str(), static_cast<long long>(count));
  return is_faulty ? 1 : 0;
}

}  // namespace
}  // namespace hone

int main(int count, char** arguments) {
  try {
    const hone::Options options = hone::parse(count, arguments);
    if (options.table.empty()) return hone::run(options);
    std::fputs(hone::conformance_page(hone::read_file(options.table), hone::read_file(options.roots.at(0))).c_str(),
               stdout);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
