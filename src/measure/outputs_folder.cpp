#include "measure/outputs_folder.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/npy.h"

namespace hone {

namespace {

std::string sample_name(size_t sample) {
  char text[32];
  std::snprintf(text, sizeof text, "%06zu", sample);
  return text;
}

/// A file name of an output: its number, then what of its name is harmless.
std::string file_name(size_t output, const std::string& name) {
  std::string out = cat(output, "_");
  for (const char c : name.substr(0, 80)) out += std::isalnum(static_cast<unsigned char>(c)) || c == '.' ? c : '_';
  return out + ".npy";
}

}  // namespace

OutputsFolder::OutputsFolder(const Task& task, const std::string& where) : task_(task) {
  std::string name = (std::filesystem::path(where) / "hone-outputs-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw io_error(cat("cannot create a temporary folder '", name, "'"), "set TMPDIR");
  path_ = name;
  std::string csv = "sample,label\n";
  for (size_t i = 0; i < static_cast<size_t>(task.samples); ++i)
    csv += cat(sample_name(i), ",", task.has_labels() ? cat(task.labels[i]) : "", "\n");
  write_file((path_ / "samples.csv").string(), csv);
}

OutputsFolder::~OutputsFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void OutputsFolder::add(size_t sample, std::span<const Numbers> outputs) const {
  const std::filesystem::path folder = path_ / sample_name(sample);
  make_directory(folder.string());
  for (size_t o = 0; o < outputs.size(); ++o) {
    const std::vector<float> values(outputs[o].values.begin(), outputs[o].values.end());
    write_npy((folder / file_name(o, task_.outputs[o].name)).string(),
              Tensor::of<float>(outputs[o].dims, std::span<const float>(values)));
  }
}

std::vector<double> OutputsFolder::score(const std::string& command) const {
  std::string line = command;
  const std::string_view place = "{outputs}";
  for (size_t at = line.find(place); at != std::string::npos; at = line.find(place, at + 1))
    line.replace(at, place.size(), path_.string());
  FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) throw resource_error(cat("cannot start '", line, "'"));
  std::string text;
  std::array<char, 4096> buffer;
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw invalid_argument(cat("the metric's command '", command, "' failed",
                               WIFEXITED(status) ? cat(" with status ", WEXITSTATUS(status)) : std::string()));
  std::vector<double> numbers;
  for (const std::string& part : split(text, '\n')) {
    if (trim(part).empty()) continue;
    const auto value = parse_double(trim(part));
    if (!value)
      throw invalid_argument(cat("the metric's command printed '", trim(part), "', expected a number a line"));
    numbers.push_back(*value);
  }
  if (numbers.size() != 1 && numbers.size() != static_cast<size_t>(task_.samples))
    throw invalid_argument(cat("the metric's command printed ", numbers.size(),
                               " numbers, expected one, or one for each of ", task_.samples, " samples"));
  return numbers;
}

}  // namespace hone
