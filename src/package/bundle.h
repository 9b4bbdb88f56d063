#pragma once

#include <string>
#include <vector>

#include "package/tar.h"

namespace hone {

/// This program as "usr/bin/hone", without its symbol table, with the loader and every shared library that it runs
/// with, each in the place where it was found: together they run where nothing else is. Throws Error(io) where the
/// system does not tell, Error(unsupported) for a program that is not 64-bit ELF.
std::vector<PackedFile> bundle_this_program();

/// As container images name it: "amd64", "arm64", …
std::string_view image_architecture();

/// An ELF file without what follows its loaded parts: section headers and symbols. Others as they are.
std::string without_symbols(std::string elf);

}  // namespace hone
