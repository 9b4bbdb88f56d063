#include "base/opened_files.h"

namespace hone {

namespace {

thread_local OpenedFiles* innermost = nullptr;

}  // namespace

OpenedFiles::OpenedFiles() : outer_(innermost) { innermost = this; }
OpenedFiles::~OpenedFiles() { innermost = outer_; }

void OpenedFiles::note(const std::string& path) {
  if (innermost) innermost->paths_.push_back(path);
}

}  // namespace hone
