#pragma once

#include <string>

#include "formats/format.h"

namespace hone {

/// The file or folder at `path`; a zip archive is given its members, unless its directory is damaged. Throws
/// Error(not_found), Error(io), and Error(resource) for a folder of more than 4096 files.
ModelSource open_source(const std::string& path);
/// Bytes that are a file's, with the archive's members when they are one.
ModelSource source_of(std::string name, Bytes bytes);

}  // namespace hone
