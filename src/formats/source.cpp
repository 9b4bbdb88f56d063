#include "formats/source.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "container/zip.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostFiles = 4096;
constexpr int kDeepestFolder = 8;

ModelSource open_folder(const std::string& path) {
  ModelSource source{.path = path};
  std::error_code failed;
  for (fs::recursive_directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    if (it.depth() >= kDeepestFolder) it.disable_recursion_pending();
    if (!it->is_regular_file(failed)) continue;
    if (source.names.size() == kMostFiles)
      throw resource_error(cat("'", path, "' holds more than ", kMostFiles, " files, expected a model's folder"));
    source.names.push_back(fs::relative(it->path(), path, failed).generic_string());
  }
  if (failed) throw io_error(cat("cannot list '", path, "': ", failed.message()));
  std::sort(source.names.begin(), source.names.end());
  source.open = [path](const std::string& name) -> Bytes {
    const auto file = MappedFile::open(cat(path, "/", name));
    return {file->bytes(), file};
  };
  return source;
}

}  // namespace

ModelSource source_of(std::string name, Bytes bytes) {
  ModelSource source{.path = std::move(name), .bytes = bytes.data, .owner = bytes.owner};
  if (!ZipArchive::looks_like(bytes.data)) return source;
  std::shared_ptr<const ZipArchive> archive;
  try {
    archive = std::make_shared<const ZipArchive>(std::move(bytes));
  } catch (const Error&) {
    return source;  // a file that merely begins so; lookalikes name it
  }
  for (const auto& [member, ignored] : archive->members()) source.names.push_back(member);
  source.open = [archive](const std::string& member) { return archive->open(member); };
  return source;
}

ModelSource open_source(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_folder(path);
  const auto file = MappedFile::open(path);
  return source_of(path, {file->bytes(), file});
}

}  // namespace hone
