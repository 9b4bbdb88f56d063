#include "package/bundle.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace hone {

namespace {

/// What the loader has in memory: the libraries' paths, and its own.
struct Loaded {
  std::string loader;
  std::vector<std::string> libraries;
};

int note_object(dl_phdr_info* info, size_t, void* target) {
  auto& loaded = *static_cast<Loaded*>(target);
  const std::string path = info->dlpi_name ? info->dlpi_name : "";
  if (path.starts_with('/')) loaded.libraries.push_back(path);
  if (!path.empty()) return 0;
  for (const ElfW(Phdr) & part : std::span(info->dlpi_phdr, info->dlpi_phnum))
    if (part.p_type == PT_INTERP) loaded.loader = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
  return 0;
}

PackedFile packed(const std::string& path, std::string_view in_image) {
  return {std::string(in_image.substr(in_image.starts_with('/') ? 1 : 0)), without_symbols(read_file(path)), 0755};
}

}  // namespace

std::vector<PackedFile> bundle_this_program() {
  Loaded loaded;
  ::dl_iterate_phdr(note_object, &loaded);
  std::vector<PackedFile> files = {packed("/proc/self/exe", "usr/bin/hone")};
  if (!loaded.loader.empty()) loaded.libraries.push_back(loaded.loader);  // a static program has none
  std::sort(loaded.libraries.begin(), loaded.libraries.end());
  loaded.libraries.erase(std::unique(loaded.libraries.begin(), loaded.libraries.end()), loaded.libraries.end());
  for (const std::string& path : loaded.libraries) files.push_back(packed(path, path));
  return files;
}

std::string_view image_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#else
  throw unsupported("there is no image for this machine's architecture",
                    "images are made for amd64, arm64 and riscv64");
#endif
}

std::string without_symbols(std::string elf) {
  Elf64_Ehdr header;
  if (elf.size() < sizeof header) return elf;
  std::memcpy(&header, elf.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return elf;
  if (header.e_phoff > elf.size() || header.e_phentsize != sizeof(Elf64_Phdr)) return elf;
  uint64_t end = header.e_phoff + uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (end > elf.size()) return elf;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    std::memcpy(&part, elf.data() + header.e_phoff + i * sizeof part, sizeof part);
    end = std::max(end, part.p_offset + part.p_filesz);
  }
  if (end > elf.size()) return elf;
  header.e_shoff = 0;
  header.e_shnum = header.e_shstrndx = 0;
  std::memcpy(elf.data(), &header, sizeof header);
  elf.resize(end);
  return elf;
}

}  // namespace hone
