#include "formats/source.h"

namespace hone {

/// Without formats that are archives or folders a source is a file; this takes the place of formats/source.cpp.
ModelSource source_of(std::string name, Bytes bytes) {
  return {.path = std::move(name), .bytes = bytes.data, .owner = bytes.owner};
}

ModelSource open_source(const std::string& path) {
  const auto file = MappedFile::open(path);
  return source_of(path, {file->bytes(), file});
}

}  // namespace hone
