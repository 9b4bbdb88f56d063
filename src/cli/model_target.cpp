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

/// A pipe, a device, a terminal: bytes go into it, nothing takes its place.
bool takes_bytes(const std::string& name) {
  std::error_code ignored;
  return name == "-" || (fs::exists(name, ignored) && fs::is_other(name, ignored));
}

std::string_view extension_of(const std::string& name, const std::string& format) {
  std::vector<std::string> names;
  for (const Format* f : all_formats()) {
    if (!f->write) continue;
    names.emplace_back(f->extensions.front().substr(1));
    if (names.back() == format) return f->extensions.front();
  }
  const std::string what = name == "-" ? "standard output" : cat("'", name, "'");
  throw invalid_argument(
      format.empty() ? cat(what, " has no extension to tell the format by") : cat("unknown format '", format, "'"),
      cat("--format is one of ", join(names, ", ")));
}

}  // namespace

ModelTarget::ModelTarget(const std::string& name, const std::string& format) : name_(name), path_(name) {
  const bool is_passed_on = takes_bytes(name);
  if (!format.empty() || (is_passed_on && fs::path(name).extension().empty())) extension_ = extension_of(name, format);
  if (!extension_.empty() && name != "-" && !name.ends_with(extension_)) {
    for (const Format* other : all_formats())
      for (const std::string_view extension : other->extensions)
        if (name.ends_with(extension))
          throw invalid_argument(cat("--format ", format, " does not fit '", name, "'"),
                                 "the extension says the format");
  }
  if (is_passed_on) {
    folder_.emplace();
    const std::string extension = extension_.empty() ? fs::path(name).extension().string() : std::string(extension_);
    path_ = (fs::path(folder_->path()) / cat("model", extension)).string();
  }
  require_written_format({.path = path_, .extension = extension_});
}

void ModelTarget::finish(Console& console, const std::string& report, bool has_model) const {
  if (folder_ && has_model) {
    const auto files = std::count_if(fs::directory_iterator(folder_->path()), fs::directory_iterator(),
                                     [](const fs::directory_entry& e) { return e.is_regular_file(); });
    if (files > 1)
      throw unsupported(cat("the model needs a second file for its data, which ", shown(), " cannot carry"),
                        "name a file to write");
    const std::string bytes = read_file(path_);
    if (!is_stream()) {
      write_file(name_, bytes);
    } else {
      console.bytes(bytes);
      console.flush();
    }
  }
  if (is_stream())
    console.note(report.substr(0, report.find_last_not_of('\n') + 1));
  else
    console.out(report);
}

}  // namespace hone
