#include "data/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "data/npy.h"

namespace hone {

namespace {

constexpr int64_t kMaxMembers = 4096;

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using ZipPtr = std::unique_ptr<zip_t, CloseZip>;

/// Wraps `source` (owned from here on).
ZipPtr open_archive(zip_source_t* source, int flags) {
  zip_error_t error;
  zip_error_init(&error);
  zip_t* archive = zip_open_from_source(source, flags, &error);
  if (archive) return ZipPtr(archive);
  const std::string why = zip_error_strerror(&error);
  zip_error_fini(&error);
  zip_source_free(source);
  throw invalid_argument(cat("npz: not a zip archive: ", lower(why)));
}

/// Unpacks the array and nothing behind it. What the archive claims of sizes is not trusted: memory grows with what
/// really comes out, and is asked for before.
Tensor read_member(zip_t* archive, int64_t index) {
  std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive, static_cast<zip_uint64_t>(index), 0));
  if (!file) throw invalid_argument(cat("npz: ", lower(zip_strerror(archive))));
  auto bytes = std::make_shared<std::string>();
  int64_t size = 0;  // of the array with its header, 0 until that was read
  char buffer[1 << 16];
  for (;;) {
    check_interrupted();
    const size_t left = size > 0 ? static_cast<size_t>(size) - bytes->size() : sizeof buffer;
    if (left == 0) break;
    const zip_int64_t got = zip_fread(file.get(), buffer, std::min(left, sizeof buffer));
    if (got < 0) throw invalid_argument(cat("npz: ", lower(zip_file_strerror(file.get()))));
    if (got == 0) break;
    require_memory(got, [] { return std::string("npz: the array"); });
    bytes->append(buffer, static_cast<size_t>(got));
    if (size > 0) continue;
    size = npy_file_size(std::as_bytes(std::span(bytes->data(), bytes->size())));
    if (size > 0) {
      require_memory(size, [] { return std::string("npz: the array"); });
      bytes->resize(std::min(bytes->size(), static_cast<size_t>(size)));
    }
  }
  return parse_npy(std::as_bytes(std::span(bytes->data(), bytes->size())), bytes);
}

}  // namespace

std::vector<NamedTensor> read_npz(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  const auto file = MappedFile::open(path);
  return with_context([&] { return cat("while reading '", path, "'"); },
                      [&] {
                        if (file->bytes().empty()) throw invalid_argument("npz: the file is empty");
                        zip_source_t* source =
                            zip_source_buffer_create(file->bytes().data(), file->bytes().size(), 0, nullptr);
                        if (!source) throw resource_error("npz: out of memory");
                        const ZipPtr archive = open_archive(source, ZIP_RDONLY);
                        const int64_t count = zip_get_num_entries(archive.get(), 0);
                        if (count > kMaxMembers)
                          throw resource_error(cat("npz: ", count, " members, at most ", kMaxMembers));
                        std::vector<NamedTensor> arrays;
                        for (int64_t i = 0; i < count; ++i) {
                          const char* raw_name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(i), 0);
                          std::string name = raw_name ? raw_name : "";
                          if (!name.ends_with(".npy")) continue;
                          name.resize(name.size() - 4);
                          if (wanted && !wanted(name)) continue;
                          Tensor tensor = with_context([&] { return cat("in array '", name, "'"); },
                                                       [&] { return read_member(archive.get(), i); });
                          arrays.emplace_back(std::move(name), std::move(tensor));
                        }
                        return arrays;
                      });
}

void write_npz(const std::string& path, std::span<const NamedTensor> arrays) {
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  if (!target) throw resource_error("npz: out of memory");
  zip_source_keep(target);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> keep(target, zip_source_free);
  ZipPtr archive = open_archive(target, ZIP_CREATE | ZIP_TRUNCATE);
  std::vector<std::string> bytes;
  bytes.reserve(arrays.size());
  for (const auto& [name, tensor] : arrays) {
    bytes.push_back(npy_bytes(tensor));
    zip_source_t* source = zip_source_buffer(archive.get(), bytes.back().data(), bytes.back().size(), 0);
    const zip_int64_t index = zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      throw io_error(cat("npz: cannot add '", name, "': ", lower(zip_strerror(archive.get()))));
    }
    // A fixed time: equal arrays give equal bytes.
    zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), 0, 0x21, 0);
  }
  if (zip_close(archive.get()) != 0) throw io_error(cat("npz: ", lower(zip_strerror(archive.get()))));
  archive.release();
  zip_stat_t info;
  if (zip_source_stat(target, &info) != 0 || zip_source_open(target) != 0) throw io_error("npz: cannot read back");
  std::string packed(static_cast<size_t>(info.size), '\0');
  const zip_int64_t got = zip_source_read(target, packed.data(), packed.size());
  zip_source_close(target);
  if (got != static_cast<zip_int64_t>(packed.size())) throw io_error("npz: cannot read back");
  write_file(path, packed);
}

}  // namespace hone
