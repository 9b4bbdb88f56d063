#include "cli/model_target.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/formats.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

std::string_view extension_of(const std::string& format) {
  std::vector<std::string> names;
  for (const Format* f : all_formats()) {
    if (!f->write) continue;
    names.emplace_back(f->extensions.front().substr(1));
    if (names.back() == format) return f->extensions.front();
  }
  throw invalid_argument(
      format.empty() ? "standard output has no extension to tell the format by" : cat("unknown format '", format, "'"),
      cat("--format is one of ", join(names, ", ")));
}

}  // namespace

ModelTarget::ModelTarget(const std::string& name, const std::string& format) : path_(name) {
  if (name == "-" || !format.empty()) extension_ = extension_of(format);
  if (name == "-") {
    folder_.emplace();
    path_ = (fs::path(folder_->path()) / cat("model", extension_)).string();
  } else if (!extension_.empty() && !name.ends_with(extension_)) {
    for (const Format* other : all_formats())
      for (const std::string_view extension : other->extensions)
        if (name.ends_with(extension))
          throw invalid_argument(cat("--format ", format, " does not fit '", name, "'"),
                                 "the extension says the format");
  }
  require_written_format({.path = path_, .extension = extension_});
}

void ModelTarget::finish(Console& console, const std::string& report, bool has_model) const {
  if (!is_stream()) return console.out(report);
  if (has_model) {
    const auto files = std::count_if(fs::directory_iterator(folder_->path()), fs::directory_iterator(),
                                     [](const fs::directory_entry& e) { return e.is_regular_file(); });
    if (files > 1)
      throw unsupported("the model needs a second file for its data, which standard output cannot carry",
                        "name a file to write");
    console.bytes(read_file(path_));
    console.flush();
  }
  console.note(report.substr(0, report.find_last_not_of('\n') + 1));
}

}  // namespace hone
