#include "support/instructions.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace hone {

bool has_callgrind() { return std::system("command -v valgrind > /dev/null") == 0; }

CountedRun count_instructions(const std::string& command) {
  std::string folder = std::filesystem::temp_directory_path() / "hone-count-XXXXXX";
  if (!::mkdtemp(folder.data())) throw io_error(cat("cannot create '", folder, "'"));
  const std::string line = cat(
      "valgrind --tool=callgrind --toggle-collect=hone_counted --dump-after=hone_counted --callgrind-out-file=", folder,
      "/count ", command, " > ", folder, "/out 2> ", folder, "/log");
  const bool is_done = std::system(line.c_str()) == 0;
  const std::string log = read_file(folder + "/log");
  CountedRun run{.output = std::string(trim(read_file(folder + "/out")))};
  for (int i = 1; std::filesystem::exists(cat(folder, "/count.", i)); ++i)
    for (const std::string& text : split(read_file(cat(folder, "/count.", i)), '\n'))
      if (text.starts_with("totals: ") && text != "totals: 0") run.counts.push_back(std::stod(text.substr(8)));
  std::filesystem::remove_all(folder);
  if (!is_done) throw internal_error(cat("'", command, "' failed: ", log));
  return run;
}

}  // namespace hone
