#include "data/npz.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "container/zip.h"
#include "container/zip_writer.h"
#include "data/npy.h"

namespace hone {

namespace {

constexpr size_t kMaxMembers = 4096;

/// Does `work` on the archive; what is wrong with that is wrong with the data, not with a model.
template <class Work>
auto on_archive(const Work& work) {
  try {
    return work();
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kInvalidModel) throw invalid_argument(cat("npz: ", e.message()));
    throw;
  }
}

/// Asks for memory before it is touched.
Tensor read_member(const ZipArchive& archive, const std::string& name) {
  const ZipArchive::Member& member = archive.members().at(name);
  require_memory(member.size, [] { return std::string("npz: the array"); });
  const Bytes found = on_archive([&] { return archive.open(name); });
  if (crc32_z(0, reinterpret_cast<const Bytef*>(found.data.data()), found.data.size()) != member.crc)
    throw invalid_argument("npz: its checksum is another: the archive is damaged");
  // What is stored plain may stand at any place; numbers must not.
  const auto aligned = std::make_shared<const std::string>(found.text());
  return parse_npy(std::as_bytes(std::span(*aligned)), aligned);
}

}  // namespace

std::vector<NamedTensor> read_npz(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  const auto file = MappedFile::open(path);
  return with_context(
      [&] { return cat("while reading '", path, "'"); },
      [&] {
        const ZipArchive archive = on_archive([&] { return ZipArchive({file->bytes(), file}); });
        if (archive.members().size() > kMaxMembers)
          throw resource_error(cat("npz: ", archive.members().size(), " members, at most ", kMaxMembers));
        std::vector<std::pair<int64_t, std::string>> places;
        for (const auto& [name, member] : archive.members()) places.emplace_back(member.header, name);
        std::sort(places.begin(), places.end());
        std::vector<NamedTensor> arrays;
        for (const auto& [place, file_name] : places) {
          if (!file_name.ends_with(".npy")) continue;
          const std::string name = file_name.substr(0, file_name.size() - 4);
          if (wanted && !wanted(name)) continue;
          check_interrupted();
          arrays.emplace_back(name, with_context([&] { return cat("in array '", name, "'"); },
                                                 [&] { return read_member(archive, file_name); }));
        }
        return arrays;
      });
}

void write_npz(const std::string& path, std::span<const NamedTensor> arrays) {
  ZipWriter zip;
  for (const auto& [name, tensor] : arrays) zip.add(cat(name, ".npy"), npy_bytes(tensor));
  write_file(path, zip.finish());
}

}  // namespace hone
